"""A fall that is too little to block and too unusual to approve, and what repeats make of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import Outcome, Regression
from loopwright.gate.explain import explain

CASES = 20
BEFORE = [result(f"case-{i:02}") for i in range(CASES)]


def after(lost: int, repeats: str = "") -> list[EvalResult]:
    """One trial a case, the first `lost` failed; of each of these so many repeats, `+` for a pass and `-` for a failure."""
    planned = [result(f"case-{i:02}", i >= lost) for i in range(CASES)]
    again = [result(f"case-{i:02}", what == "+", t, repeat=True) for i in range(lost) for t, what in enumerate(repeats, 1)]
    return [*planned, *again]


@pytest.mark.parametrize("lost", [3, 4, 5])
def test_three_lost_of_twenty_and_none_gained_are_neither_approved_nor_blocked(lost: int) -> None:
    decision = decide(BEFORE, after(lost))
    assert decision.decision is Outcome.UNDECIDED
    assert [(r.eval_id, r.trials, r.repeat) for r in decision.next] == [(f"case-{i:02}", 1, True) for i in range(lost)]
    assert "too little to block, too unusual to approve" in decision.message


@pytest.mark.parametrize("lost", [1, 2])
def test_one_or_two_lost_are_approved_and_named(lost: int) -> None:
    decision = decide(BEFORE, after(lost))
    assert decision.decision is Outcome.APPROVED
    assert decision.message.startswith("Approved: no regression shown; ")
    assert "worth a repeat: case-00" in decision.message


def test_nothing_lost_is_no_regression_found() -> None:
    assert decide(BEFORE, after(0)).message.startswith("Approved: no regression found; ")


@pytest.mark.parametrize("lost", [3, 5])
def test_noise_is_cleared_by_passes(lost: int) -> None:
    for repeats in ("+", "-++"):
        decision = decide(BEFORE, after(lost, repeats))
        assert decision.decision is Outcome.APPROVED
        assert "passed again when repeated" in decision.message
    assert decide(BEFORE, after(lost, "-+")).decision is Outcome.UNDECIDED


@pytest.mark.parametrize(("lost", "repeats"), [(5, 3), (4, 7), (3, 15)])
def test_cases_that_fail_again_and_again_are_lost(lost: int, repeats: int) -> None:
    decision = decide(BEFORE, after(lost, "-" * repeats))
    assert decision.decision is Outcome.BLOCKED
    found = [r for r in decision.regressions if isinstance(r, Regression)]
    assert [(r.level, r.eval_id, r.after) for r in found] == [("case", f"case-{i:02}", (0, 1 + repeats)) for i in range(lost)]


def test_rounds_double_until_it_is_decided() -> None:
    rounds, repeats = [], ""
    while (decision := decide(BEFORE, after(3, repeats))).next:
        rounds.append(decision.next[0].trials)
        repeats += "-" * rounds[-1]
    assert rounds == [1, 2, 4, 8]
    assert decision.decision is Outcome.BLOCKED


def test_with_more_trials_the_zone_is_narrower() -> None:
    def rows(passing: dict[int, int]) -> list[EvalResult]:
        return [result(f"case-{i:02}", t < passing.get(i, 3), t) for i in range(40) for t in range(3)]

    before = rows(dict.fromkeys(range(30, 40), 2))
    for lost in range(1, 11):
        decision = decide(before, rows(dict.fromkeys(range(30, 40), 2) | dict.fromkeys(range(lost), 1)))
        mid = decision.statistics["suite"]["mid_p_value"]
        if mid > 0.05:
            assert decision.decision is Outcome.APPROVED


def test_the_numbers_told_are_those_that_decided() -> None:
    text = explain(decide(BEFORE, after(5)))
    assert text.startswith("UNDECIDED")
    assert "exact 0.031, which is above 0.03, and mid-p 0.016, which is at most 0.025" in text
    assert "would block only where both are" in text
    blocked = explain(decide(BEFORE, after(8)))
    assert "which is at most 0.03, and mid-p" in blocked
    assert "The suite blocks where both are" in blocked


@given(
    st.lists(st.sampled_from([True, True, True, False]), min_size=CASES, max_size=CASES),
    st.lists(st.sampled_from([True, True, True, False]), min_size=CASES, max_size=CASES),
    st.lists(st.tuples(st.integers(0, CASES - 1), st.booleans()), max_size=12),
    st.integers(0, CASES - 1),
    st.booleans(),
)
@settings(max_examples=150, derandomize=True)
def test_one_more_failure_never_makes_an_approval(
    old: list[bool], new: list[bool], again: list[tuple[int, bool]], at: int, repeat: bool
) -> None:
    before = [result(f"case-{i:02}", passed) for i, passed in enumerate(old)]
    rows = [result(f"case-{i:02}", passed) for i, passed in enumerate(new)]
    rows += [result(f"case-{i:02}", passed, t, repeat=True) for t, (i, passed) in enumerate(again, 1)]
    decision = decide(before, rows)
    blind = any("too few trials" in reason for reason in decision.reasons)  # which more trials do cure
    if not decision.approved and not blind:
        assert decide(before, [*rows, result(f"case-{at:02}", False, 99, repeat=repeat)]).decision is not Outcome.APPROVED
