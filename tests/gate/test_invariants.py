"""What holds for all results, whatever they are."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import Outcome
from loopwright.gate.exchange import decision_record
from loopwright.gate.explain import explain


@st.composite
def sides(draw: st.DrawFn) -> list[EvalResult]:
    """Results of up to twelve cases, mostly passing; errors, repeats, modes and declarations among them."""
    made = []
    for i in range(draw(st.integers(0, 12))):
        for trial in range(draw(st.integers(0, 4))):
            passed = draw(st.sampled_from([True, True, True, False, None]))
            fields: dict[str, Any] = {"mode_id": f"mode-{i % 3}" if i % 2 else None, "repeat": draw(st.integers(0, 9)) == 0}
            made.append(result(f"case-{i}", passed, trial, deterministic=i % 5 == 0 or None, **fields))
    return made


@st.composite
def drops(draw: st.DrawFn) -> tuple[list[EvalResult], list[EvalResult]]:
    """A baseline that passes, and a candidate that lost much: blocked, as a rule."""
    cases, trials = draw(st.integers(8, 25)), draw(st.integers(1, 4))
    passing = draw(st.lists(st.integers(0, trials), min_size=cases, max_size=cases))
    before = [result(f"case-{i}", True, t, mode_id=f"mode-{i % 4}") for i in range(cases) for t in range(trials)]
    after = [result(f"case-{i}", t < passing[i], t, mode_id=f"mode-{i % 4}") for i in range(cases) for t in range(trials)]
    return before, after


@given(sides(), sides(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_results_does_not_matter(before: list[EvalResult], after: list[EvalResult], random: Any) -> None:
    mixed_before, mixed_after = list(before), list(after)
    random.shuffle(mixed_before)
    random.shuffle(mixed_after)
    assert decide(before, after) == decide(mixed_before, mixed_after)


@given(sides())
@settings(max_examples=40)
def test_nothing_is_never_approved(some: list[EvalResult]) -> None:
    assert decide(some, []).decision is Outcome.UNDECIDED
    assert decide([], some).decision is Outcome.UNDECIDED


@given(sides(), sides())
@settings(max_examples=60)
def test_a_decision_is_whole_and_can_be_told(before: list[EvalResult], after: list[EvalResult]) -> None:
    decision = decide(before, after)
    record = decision_record(decision)
    assert decision.approved == (decision.decision is Outcome.APPROVED) == (record["decision"] == "approved")
    assert bool(decision.regressions) == (decision.decision is Outcome.BLOCKED)
    assert decision.message.startswith(record["decision"].capitalize())
    assert explain(decision).startswith(record["decision"].upper())
    assert all(r.trials > 0 for r in decision.next)
    assert decision.decision is not Outcome.UNDECIDED or decision.reasons


@given(drops(), st.integers(0, 40), st.booleans(), st.booleans())
@settings(max_examples=80)
def test_one_more_failure_never_turns_blocked_into_approved(
    pair: tuple[list[EvalResult], list[EvalResult]], at: int, repeat: bool, errored: bool
) -> None:
    before, after = pair
    more = result(f"case-{at % 25}", None if errored else False, 99, repeat=repeat)
    if decide(before, after).decision is Outcome.BLOCKED:
        assert decide(before, [*after, more]).decision is not Outcome.APPROVED


@given(st.integers(13, 60), st.integers(1, 3))
@settings(max_examples=25)
def test_what_passes_wholly_on_both_sides_is_approved(cases: int, trials: int) -> None:
    rows = [result(f"case-{i}", True, t) for i in range(cases) for t in range(trials)]
    assert decide(rows, rows).decision is Outcome.APPROVED


@given(drops())
@settings(max_examples=25)
def test_getting_better_is_never_blocked(pair: tuple[list[EvalResult], list[EvalResult]]) -> None:
    before, after = pair
    assert decide(after, before).decision is not Outcome.BLOCKED
