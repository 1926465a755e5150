from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped

from builders import result
from gate_decisions import HOSTILE, approved, blocked, lost, undecided
from loopwright.collect.intake import printable
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Overridden
from loopwright.surfaces.reports.gate_junit import Place, gate_junit


def parsed(decision: GateDecision) -> dict[str, str | None]:
    """Each test by name, and how it came out."""
    root = JUnitXml.fromstring(gate_junit(decision).encode())
    (suite,) = root
    kinds = {Failure: "failure", Error: "error", Skipped: "skipped"}
    found = {case.name: next((kinds[type(r)] for r in case.result), None) for case in suite}
    told = (suite.tests, suite.failures, suite.errors, suite.skipped)
    outcomes = list(found.values())
    assert told == (len(found), *(outcomes.count(kind) for kind in ("failure", "error", "skipped")))
    return found


def test_a_case_is_a_test_and_a_regression_a_failure() -> None:
    found = parsed(lost())
    assert len(found) == 22
    assert {name for name, outcome in found.items() if outcome} == {"decision", "case-0"}
    assert found["case-0"] == found["decision"] == "failure"


def test_the_suite_and_a_mode_fail_by_themselves() -> None:
    found = parsed(blocked([]))
    assert {name for name, outcome in found.items() if outcome == "failure"} == {"decision", "suite", "m|1"}


def test_undecided_is_an_error_and_a_new_case_is_skipped() -> None:
    found = parsed(undecided())
    assert (found["decision"], found["case-0"], found["fresh"], found["case-1"]) == ("error", "error", "skipped", None)


def test_all_green_only_where_the_gate_approves() -> None:
    assert set(parsed(approved()).values()) == {None}
    assert parsed(decide([], [])) == {"decision": "error"}
    rows = [result(f"case-{i}") for i in range(20)]
    assert parsed(decide(rows, []))["decision"] == "error"
    half = parsed(decide(rows, rows[:10]))
    assert (half["decision"], half["case-15"]) == ("error", "error")


def test_a_missing_case_that_the_policy_allows_is_skipped() -> None:
    rows = [result(f"case-{i}", i < 99, t) for i in range(100) for t in range(2)]
    found = parsed(decide(rows, rows[:-2]))
    assert (found["decision"], found["case-99"]) == (None, "skipped")


def test_what_a_person_overrode_is_skipped() -> None:
    override = Overridden(("o-1",), ("Ada",), ("the customer waits",), datetime(2026, 12, 31, tzinfo=UTC))
    found = parsed(replace(lost(), override=override))
    assert found["decision"] == found["case-0"] == "skipped"


def test_where_cases_stand_is_told() -> None:
    root = JUnitXml.fromstring(gate_junit(lost(), {"case-0": Place("evals/a.yaml", 3)}).encode())
    (case,) = [case for suite in root for case in suite if case.name == "case-0"]
    assert (case._elem.get("file"), case._elem.get("line")) == ("evals/a.yaml", "3")


def test_hostile_names_are_names() -> None:
    found = parsed(blocked())
    assert all(printable(name)[:1000] in "".join(found) for name in HOSTILE)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.text(min_size=1))
def test_any_name_is_xml(name: str) -> None:
    assert parsed(replace(lost(f"x{name}"), notes=(name,)))["decision"] == "failure"
