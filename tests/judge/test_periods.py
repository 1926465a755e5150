"""A judge over time: where periods begin, and when it is another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from loopwright.judge.periods import change_between, drifts, periods, same_judge, told_drift
from loopwright.judge.verdict import Label, Verdict

THEN = datetime(2026, 1, 1, tzinfo=UTC)
LABELS = [Label(f"t{i}", i % 4 != 0, "Ada", THEN) for i in range(120)]


def verdicts(days: int, wrong: int = 0, items: range = range(120), **fields: str) -> list[Verdict]:
    """Verdicts as people say, but that the first so many good items fail."""
    good = [i for i in items if i % 4][:wrong]
    return [Verdict(f"t{i}", "judge-1", bool(i % 4) and i not in good, at=THEN + timedelta(days=days), **fields) for i in items]


def test_items_judged_again_begin_a_new_period() -> None:
    before, after = periods([*verdicts(60), *verdicts(0)], LABELS)
    assert (before.start, after.start) == (THEN, THEN + timedelta(days=60))
    assert (before.table, before.enough) == (after.table, True)
    assert same_judge(before, after)
    assert drifts([before, after]) == []


def test_other_items_after_a_while_begin_one_too_and_soon_do_not() -> None:
    first, second = range(60), range(60, 120)
    assert len(periods([*verdicts(0, items=first), *verdicts(30, items=second)], LABELS)) == 2
    assert len(periods([*verdicts(0, items=first), *verdicts(3, items=second)], LABELS)) == 1


def test_too_few_labels_make_no_period_of_their_own() -> None:
    few = range(12)
    (only,) = periods([*verdicts(0, items=few), *verdicts(30, wrong=2, items=few)], LABELS)
    assert (only.enough, only.table.n, only.table.fail_pass) == (False, 12, 2)


def test_one_flip_is_enough_for_another_judge_and_too_little_to_call_it_drift() -> None:
    found = periods([*verdicts(0), *verdicts(60, wrong=1)], LABELS)
    assert not same_judge(*found)
    assert drifts(found) == []


def test_drift_is_found_by_the_exact_test_and_told() -> None:
    (drift,) = drifts(periods([*verdicts(0), *verdicts(60, wrong=8)], LABELS))
    assert drift.p_passing == 2 / 2**8
    assert drift.p_failing == 1.0
    assert "it passed 100 % and passes 91.1 %" in told_drift(drift)


def test_other_criteria_are_no_flips_but_two_samples() -> None:
    before, after = periods([*verdicts(0, rubric="a"), *verdicts(60, wrong=8, rubric="b")], LABELS)
    change = change_between(before, after)
    assert (change.passing.n, change.failing.n) == (0, 0)
    assert change.p_values(5)[0] == pytest.approx(0.0066, abs=1e-4)
    assert not same_judge(before, after)


def test_what_has_no_label_or_no_verdict_says_nothing() -> None:
    assert periods([Verdict("t1", "judge-1", None, at=THEN), Verdict("other", "judge-1", True, at=THEN)], LABELS) == []
