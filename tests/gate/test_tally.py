from __future__ import annotations

import math

import pytest

from builders import result
from loopwright.gate.tally import CaseTally, Count, duplicates, has_verdict, is_pass, tally


@pytest.mark.parametrize(
    ("row", "passes", "verdict"),
    [
        (result(passed=True), True, True),
        (result(passed=False), False, True),
        (result(passed=False, error="assertion failed"), False, True),
        (result(passed=None), False, False),
        (result(passed=None, error="timed out"), False, False),
        (result(passed=True, error="timed out"), False, False),
        (result(passed=True, score=math.nan), False, False),
        (result(passed=True, score=math.inf), False, False),
        (result(passed=True, score=0.2, error=""), True, True),
    ],
)
def test_what_is_a_pass(row: object, passes: bool, verdict: bool) -> None:
    assert is_pass(row) is passes  # type: ignore[arg-type]
    assert has_verdict(row) is verdict  # type: ignore[arg-type]


def test_both_sides_are_counted() -> None:
    before = [result("a", True, 0, run_id="r1"), result("a", False, 0, run_id="r2"), result("b", None, 0, run_id="r1")]
    after = [result("a", True, 0), result("a", True, 1, repeat=True), result("c", False)]
    counted = tally(before, after)
    assert counted.cases == (
        CaseTally("a", Count(1, 2, 0, 0, 0, 2), Count(1, 1, 0, 1, 1, 1)),
        CaseTally("b", Count(0, 1, 1, 0, 0, 1), Count(), absent=1),
    )
    assert (counted.new, counted.missing, counted.failing) == (("c",), ("b",), ("c",))
    assert counted.error_share_before == pytest.approx(1 / 3)


def test_a_run_of_more_trials_than_before_is_due_them_of_every_case() -> None:
    before = [result(name, True, 0, run_id=f"r{run}") for run in range(5) for name in "abc"]
    after = [result(name, True, trial) for name in "abc" for trial in range(3)]
    assert [c.absent for c in tally(before, after[:-2]).cases] == [0, 0, 2]


def test_trials_that_the_others_have_are_absent() -> None:
    before = [result(case, True, t) for case in "abc" for t in range(3)]
    after = [result(case, True, t) for case in "abc" for t in range(2) if (case, t) != ("c", 1)]
    assert [c.absent for c in tally(before, after).cases] == [0, 0, 1]
    assert tally(before, after).cases[2].planned_after == (1, 2)


def test_a_case_with_fewer_trials_by_design_lacks_none() -> None:
    before = [result("a", True, t) for t in range(3)] + [result("b", True, t) for t in range(3)] + [result("once", True)]
    after = [result("a", True, t) for t in range(3)] + [result("b", True, t) for t in range(3)] + [result("once", True)]
    assert all(c.absent == 0 for c in tally(before, after).cases)


def test_modes_are_those_of_the_baseline() -> None:
    before = [result("a", mode_id="m1")]
    after = [result("a", mode_id="m2"), result("b", mode_id="m3")]
    assert tally(before, after).cases[0].mode_id == "m1"


def test_duplicates_are_by_run_case_and_trial() -> None:
    rows = [result("a", True, 0, run_id="r1"), result("a", False, 0, run_id="r1"), result("a", True, 0, run_id="r2")]
    assert duplicates(rows) == [("r1", "a", 0)]
