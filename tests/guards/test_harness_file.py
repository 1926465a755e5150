from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.errors import SettingError
from loopwright.guards.catalogue import GUARDS, build, parameters
from loopwright.guards.dump import dump
from loopwright.guards.harness_file import FILE, VARIABLE, find_harness, load_harness, load_sound, parse_guards, read_guards

BUDGET = '[guards.retry_budget]\nmode = "enforce"\nper_tool = 2\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[guards.retry_budgt]", "h.toml: unknown guard 'retry_budgt'; did you mean retry_budget?"),
        ("[guards.nothing]", "h.toml: unknown guard 'nothing'; known are pin_instructions, "),
        ("[guards.retry_budget]\nper_tool = 0", "h.toml: guards.retry_budget.per_tool is 0; give 1 or more"),
        ("[guards.retry_budget]\nper_tol = 1", "h.toml: unknown key guards.retry_budget.per_tol; did you mean per_tool?"),
        ('[guards.retry_budget]\nper_tool = "x"', "h.toml: guards.retry_budget.per_tool is 'x'; give a whole number"),
        ("[guards.retry_budget]\nper_tool = true", "h.toml: guards.retry_budget.per_tool is True; give a whole number"),
        ("[guards.retry_budget]\nexempt = [1]", "h.toml: guards.retry_budget.exempt is [1]; give a list of texts"),
        ('[guards.retry_budget]\nmode = "on"', "h.toml: guards.retry_budget.mode is 'on'; give off, shadow or enforce"),
        ("[guards.scope_permissions]\nrequires = {a = 1}", "h.toml: guards.scope_permissions.requires is {'a': 1}; give a table"),
        ("[guards]\nretry_budget = 3", "h.toml: guards.retry_budget is 3; give a table [guards.retry_budget]"),
        ("guards = 3", "h.toml: guards is 3; give tables [guards.NAME]"),
        ("[other]", "h.toml: unknown table [other]; a harness file holds"),
        ("[guards", "h.toml: is not TOML: "),
    ],
)
def test_an_error_names_the_file_the_key_the_value_and_the_cure(text: str, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_guards(text, "h.toml")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_the_nearest_file_upward_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / FILE).write_text(BUDGET, encoding="utf-8")
    monkeypatch.chdir(inner)
    assert load_harness().guards == (build("retry_budget", {"per_tool": 2}, "enforce"),)
    assert find_harness(inner) == tmp_path / FILE


def test_the_variable_stands_above_it_and_an_argument_above_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_text(BUDGET, encoding="utf-8")
    (tmp_path / "other.toml").write_text("[guards.pin_instructions]", encoding="utf-8")
    (tmp_path / "third.toml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "other.toml")
    assert [g.name for g in load_harness().guards] == ["pin_instructions"]
    assert load_harness(tmp_path / "third.toml").guards == ()


def test_without_a_file_everything_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert load_harness().guards == ()


def test_a_file_that_was_named_must_be_there_and_readable(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="there is no such file"):
        load_harness(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(SettingError, match="cannot be read"):
        read_guards(tmp_path / "bad.toml")


def test_what_is_recorded_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('[guards.validate_tool_names]\nmode = "enforce"\ntools = ["a"]', encoding="utf-8")
    told: list[Any] = []
    load_harness(tmp_path / FILE, record=told.append).session("s").tool_call("b", {})
    assert [record.guard for record in told] == ["validate_tool_names"]


def test_guards_are_asked_in_the_order_of_the_catalogue() -> None:
    names = list(GUARDS)
    assert [g.name for g in parse_guards("".join(f"[guards.{name}]\n" for name in reversed(names)))] == names


texts = st.text(max_size=20)
guards = st.one_of(
    st.builds(
        lambda n, w: build("deduplicate_calls", {"limit": n, "block_after": n + 2, "writes": w}),
        st.integers(1, 9),
        st.lists(texts),
    ),
    st.builds(lambda s: build("retry_budget", {"cooldown_seconds": s}, "enforce"), st.floats(0, 1e9)),
    st.builds(
        lambda r, b: build("scope_permissions", {"requires": r, "denied": b}),
        st.dictionaries(texts, st.lists(texts)),
        st.lists(texts),
    ),
    st.builds(lambda a: build("validate_tool_names", {"aliases": a}, "off"), st.dictionaries(texts, texts)),
    st.builds(lambda i, s: build("pin_instructions", {"instructions": i, "standing": s}), st.lists(texts), st.booleans()),
    st.builds(lambda on: build("check_consistency", {"found": on}), st.booleans()),
)


@given(guards)
def test_what_is_dumped_is_read_back(guard: Any) -> None:
    assert parse_guards(dump([guard])) == (guard,)
    assert build(guard.name, parameters(guard), guard.mode) == guard


def test_a_dump_reads_well() -> None:
    guard = build("scope_permissions", {"requires": {"refund": ["login"]}, "denied": ["drop"]}, "enforce")
    assert dump([build("retry_budget"), guard]) == (
        '[guards.scope_permissions]\nmode = "enforce"\ndenied = ["drop"]\n\n'
        '[guards.scope_permissions.requires]\nrefund = ["login"]\n\n'
        '[guards.retry_budget]\nmode = "shadow"\n'
    )


def test_a_lone_surrogate_does_not_break_the_file() -> None:
    dump([build("retry_budget", {"exempt": ["\ud800"]})]).encode("utf-8")


BROKEN = {
    "not TOML": "[guards.retry_budget\n",
    "unknown guard 'retry'": "[guards.retry]\n",
    "unknown key guards.retry_budget.per_tol": "[guards.retry_budget]\nper_tol = 2\n",
    "guards.retry_budget.mode is 'enfroce'": '[guards.retry_budget]\nmode = "enfroce"\n',
    "guards is 3": "guards = 3\n",
    "unknown table [gate]": "[gate]\nalpha = 1\n",
}


@pytest.mark.parametrize("says", BROKEN)
def test_a_broken_file_is_refused_by_one_loader_and_stops_nobody_with_the_other(tmp_path: Path, says: str) -> None:
    (tmp_path / FILE).write_text(BROKEN[says], encoding="utf-8")
    with pytest.raises(SettingError, match=re.escape(says)):
        load_harness(tmp_path / FILE)
    harness = load_sound(tmp_path / FILE)
    assert harness.guards == ()
    assert says in harness.faults[0]
    assert harness.session("s").tool_call("refund", {}).action == "allow"


def test_what_is_sound_in_a_broken_file_runs_as_written(tmp_path: Path) -> None:
    text = '[guards.scope_permissions]\nmode = "yes"\n[guards.retry_budget]\nmode = "enforce"\nper_tool = 2\n[x]\n'
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    harness = load_sound(tmp_path / FILE)
    assert harness.guards == (build("retry_budget", {"per_tool": 2}, "enforce"),)
    assert len(harness.faults) == 2
    assert harness.keeping_time(lambda: 0.0).faults == harness.faults


def test_of_a_sound_file_and_of_none_there_are_no_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert (load_sound().guards, load_sound().faults) == ((), ())
    (tmp_path / FILE).write_text(BUDGET, encoding="utf-8")
    assert (load_sound().guards, load_sound().faults) == (load_harness().guards, ())
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none.toml"))
    assert "there is no such file" in load_sound().faults[0]
