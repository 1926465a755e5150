from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loopwright.collect.redaction.rules import PERSONAL, RedactionError
from loopwright.errors import InputError, SettingError
from loopwright.settings import Settings
from loopwright.wiring.collecting import redactor
from loopwright.wiring.redacting import key_file


def given(folder: Path, **values: Any) -> Settings:
    return Settings({f"redact.{name}": value for name, value in values.items()}, folder=folder)


def test_secrets_go_always_and_personal_data_where_it_is_asked_for(tmp_path: Path) -> None:
    text = "ada@x.org, password: Tr0ub4dor, 203.0.113.77"
    assert redactor(given(tmp_path)).text(text).startswith("ada@x.org, password: <password:")
    assert redactor(given(tmp_path, personal="email")).text(text).endswith(">, 203.0.113.77")
    assert redactor(given(tmp_path, personal="all")).rules.personal == frozenset(PERSONAL)
    assert redactor(given(tmp_path, personal=" ip , email ")).rules.personal == {"ip", "email"}


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="none, all, or some of email, phone"):
        redactor(given(tmp_path, personal="email, name"))


def test_the_key_stands_beside_the_store_and_is_the_same_the_next_time(tmp_path: Path) -> None:
    settings = given(tmp_path, personal="email")
    one = redactor(settings).text("ada@x.org")
    assert (tmp_path / ".loopwright" / "redaction.key").is_file()
    assert redactor(settings).text("ada@x.org") == one
    elsewhere = Settings({"store.url": "postgresql://host/db", "redact.key_file": "keys/own.key"}, folder=tmp_path)
    assert key_file(elsewhere) == tmp_path / "keys" / "own.key"
    assert (
        key_file(Settings({"store.url": "postgresql://host/db"}, folder=tmp_path)) == tmp_path / ".loopwright" / "redaction.key"
    )


def test_commands_that_leave_nothing_behind_name_the_kind_alone(tmp_path: Path) -> None:
    assert redactor(given(tmp_path, personal="email"), keep_key=False).text("ada@x.org") == "<email>"
    assert not list(tmp_path.iterdir())


def test_words_and_patterns_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("\ufeff# customers\nAcme Corp\n\nre:CUST-\\d+\n", encoding="utf-8")
    clean = redactor(given(tmp_path, words_file="words.txt"), keep_key=False).text("acme corp is CUST-77, not CUST-x")
    assert clean == "<word> is <word>, not CUST-x"


@pytest.mark.parametrize(("content", "line"), [("ok\nre:(", 2), ("re:x*", 1)])
def test_a_pattern_that_cannot_be_taken_is_named(tmp_path: Path, content: str, line: int) -> None:
    (tmp_path / "words.txt").write_text(content)
    with pytest.raises(InputError, match=rf"words\.txt:{line}: "):
        redactor(given(tmp_path, words_file="words.txt"))


def test_a_file_of_words_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"redact\.words_file"):
        redactor(given(tmp_path, words_file="none.txt"))


def test_a_plug_in_is_a_function_or_a_class_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "own_redaction.py").write_text(
        "def shout(text):\n    return text.upper()\n"
        "class Places:\n    def __call__(self, text):\n        return [(0, 3, 'name')] if text.startswith('Ada') else []\n"
        "def fails(text):\n    raise KeyError(text)\n"
        "number = 3\n"
    )
    assert redactor(given(tmp_path, plugin="own_redaction.shout"), keep_key=False).text("ada") == "ADA"
    assert redactor(given(tmp_path, plugin="own_redaction:Places"), keep_key=False).text("Ada L.") == "<name> L."
    with pytest.raises(RedactionError, match="KeyError"):
        redactor(given(tmp_path, plugin="own_redaction.fails"), keep_key=False).text("Ada L.")
    for path in ("own_redaction.number", "own_redaction.nothing", "no_such_module_here.x", "plain"):
        with pytest.raises(SettingError, match=r"redact\.plugin"):
            redactor(given(tmp_path, plugin=path), keep_key=False)
