from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopwright.adapters.store.harness_toml import HarnessToml, harness_text
from loopwright.errors import InputError, SettingError
from loopwright.guards.harness_file import parse_guards

HAND_WRITTEN = """# ours; do not touch without asking Ben

# calls of the booking system fail on Mondays
[guards.retry_budget]
mode = "enforce"
per_tool = 4

# names that the old prompt used
[guards.validate_tool_names]
mode = "shadow"

[guards.validate_tool_names.aliases]
look = "find"
"""
LIMITS = {"mode": "enforce", "limit": 3}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "harness.toml"


def test_where_there_is_no_file_one_is_made(file: Path) -> None:
    harness = HarnessToml(file)
    assert harness.tables() == {}
    harness.put("deduplicate_calls", LIMITS)
    assert harness.tables() == {"deduplicate_calls": LIMITS}
    assert file.read_text(encoding="utf-8").startswith("# Guards of the agent")
    assert harness.path == str(file)


def test_everything_else_stays_to_the_byte(file: Path) -> None:
    file.write_text(HAND_WRITTEN, encoding="utf-8")
    harness = HarnessToml(file)
    before = harness.tables()
    harness.put("deduplicate_calls", LIMITS)
    assert file.read_text(encoding="utf-8").startswith(HAND_WRITTEN)
    harness.put("deduplicate_calls", {"mode": "shadow", "limit": 2, "exempt": ["poll"]})
    assert file.read_text(encoding="utf-8").startswith(HAND_WRITTEN)
    assert harness.tables()["deduplicate_calls"] == {"mode": "shadow", "exempt": ["poll"]}
    harness.put("deduplicate_calls", None)
    assert file.read_text(encoding="utf-8") == HAND_WRITTEN
    assert harness.tables() == before


def test_a_table_in_the_middle_is_replaced_in_its_place(file: Path) -> None:
    file.write_text(HAND_WRITTEN, encoding="utf-8")
    harness = HarnessToml(file)
    harness.put("retry_budget", {"mode": "shadow", "per_tool": 2})
    text = file.read_text(encoding="utf-8")
    assert text.index("Mondays") < text.index("per_tool = 2") < text.index("names that the old prompt used")
    assert 'look = "find"' in text
    assert tomllib.loads(text)["guards"]["retry_budget"] == {"mode": "shadow", "per_tool": 2}


def test_tables_with_tables_in_them_are_replaced_whole(file: Path) -> None:
    file.write_text(HAND_WRITTEN, encoding="utf-8")
    harness = HarnessToml(file)
    harness.put("validate_tool_names", {"mode": "enforce", "aliases": {"seek": "find"}})
    assert harness.tables()["validate_tool_names"] == {"mode": "enforce", "aliases": {"seek": "find"}}
    assert harness.tables()["retry_budget"] == {"mode": "enforce", "per_tool": 4}


LOSSY = {
    "comment beside": '[guards.retry_budget]\nmode = "enforce"  # since March\n',
    "comment within": '[guards.retry_budget]\n# for Mondays\nmode = "enforce"\n',
    "inline": 'guards = {retry_budget = {mode = "enforce"}}\n',
    "dotted": '[guards]\nretry_budget.mode = "enforce"\n',
}


@pytest.mark.parametrize("text", LOSSY.values(), ids=LOSSY)
def test_what_would_lose_something_is_refused_and_the_file_left_alone(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="harness.toml"):
        HarnessToml(file).put("retry_budget", {"mode": "shadow"})
    assert file.read_text(encoding="utf-8") == text


def test_text_that_looks_like_a_header_is_not_cut(file: Path) -> None:
    text = '[guards.pin_instructions]\nmode = "enforce"\ninstructions = ["""\n[guards.retry_budget]\n"""]\n'
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        HarnessToml(file).put("retry_budget", {"mode": "shadow"})
    assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("text", ["[guards.retry_budget\n", "[guard.retry_budget]\n", "[guards.nothing]\n", "\udcff"])
def test_a_file_that_cannot_be_read_is_named(file: Path, text: str) -> None:
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match="harness.toml"):
        HarnessToml(file).tables()
    with pytest.raises(InputError, match="harness.toml"):
        HarnessToml(file).put("retry_budget", None)


def test_a_table_that_makes_no_guard_is_refused(file: Path) -> None:
    with pytest.raises(SettingError, match="per_tool"):
        HarnessToml(file).put("retry_budget", {"mode": "enforce", "per_tool": 0})
    assert not file.exists()


TABLES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "retry_budget": st.fixed_dictionaries({"mode": st.sampled_from(["shadow", "enforce"]), "per_tool": st.integers(1, 9)}),
    "deduplicate_calls": st.fixed_dictionaries(
        {"mode": st.just("enforce"), "exempt": st.lists(st.text("ab \"'[]#=\n", max_size=5), max_size=3)}
    ),
    "validate_tool_names": st.fixed_dictionaries(
        {"mode": st.just("off"), "aliases": st.dictionaries(st.text('ab."]#', max_size=4), st.text(max_size=3), max_size=3)}
    ),
}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(TABLES)).flatmap(lambda k: st.tuples(st.just(k), st.none() | TABLES[k])), max_size=6))
def test_any_order_of_writes_leaves_the_guards_written_last(file: Path, writes: list[tuple[str, dict[str, Any] | None]]) -> None:
    file.write_text(HAND_WRITTEN, encoding="utf-8")
    harness = HarnessToml(file)
    wanted = harness.tables()
    for kind, table in writes:
        harness.put(kind, table)
        wanted = {k: t for k, t in wanted.items() if k != kind} | ({kind: table} if table is not None else {})
    assert parse_guards(file.read_text(encoding="utf-8")) == parse_guards(harness_text(wanted))
