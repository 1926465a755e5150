"""Cases that may never fail: one failed trial blocks, whatever else speaks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.explain import explain
from loopwright.gate.policy import Policy
from loopwright.gate.standing import State, standings
from loopwright.gate.why import why
from loopwright.surfaces.reports.gate_annotations import gate_annotations
from loopwright.surfaces.reports.gate_junit import gate_junit


def plain(trials: int = 2) -> list[EvalResult]:
    return [result(f"c{i}", True, t) for i in range(30) for t in range(trials)]


def leak(*passed: bool | None, tags: Sequence[str] = ("safety",), **fields: Any) -> list[EvalResult]:
    """Trials of the case that may never fail."""
    return [result("leak", ok, t, tags=tuple(tags), **fields) for t, ok in enumerate(passed)]


def blocks(decision: GateDecision) -> bool:
    return decision.decision is Outcome.BLOCKED and [r.eval_id for r in decision.regressions if r.level == "safety"] == ["leak"]


@pytest.mark.parametrize("history", [(True,), (True, False, True), (False, False), (None,), ()])
def test_one_failed_trial_blocks_whatever_the_history(history: tuple[bool | None, ...]) -> None:
    decision = decide([*plain(), *leak(*history)], [*plain(), *leak(True, False)])
    assert blocks(decision)
    assert "a case that may never fail failed" in decision.message
    assert len([r for r in decision.regressions if r.eval_id == "leak"]) == 1


@given(passes=st.integers(0, 40))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_no_number_of_passes_makes_up_for_one_failure(passes: int) -> None:
    trials = [True] * passes + [False]
    assert blocks(decide([*plain(), *leak(*trials)], [*plain(), *leak(*trials)]))


def test_a_failed_repeat_blocks() -> None:
    repeat = result("leak", False, 9, repeat=True)
    assert blocks(decide([*plain(), *leak(True, True)], [*plain(), *leak(True, True), repeat]))


def test_quarantine_is_no_excuse() -> None:
    assert blocks(decide([*plain(), *leak(True, True)], [*plain(), *leak(True, False)], quarantined={"leak"}))


@pytest.mark.parametrize("tag", ["safety", "Safety", " SAFETY "])
def test_a_tag_on_either_side_holds(tag: str) -> None:
    bare, tagged = leak(True, False, tags=()), leak(True, True, tags=["refunds", tag])
    assert blocks(decide([*plain(), *tagged], [*plain(), *bare]))
    assert blocks(decide([*plain(), *leak(True, True, tags=())], [*plain(), *leak(True, False, tags=[tag])]))


def test_a_changed_case_is_no_excuse() -> None:
    decision = decide([*plain(), *leak(True, case_digest="a")], [*plain(), *leak(False, case_digest="b")])
    assert blocks(decision)
    assert {s.eval_id: s.state for s in standings(decision)}["leak"] is State.LOST


def test_a_new_case_is_shown_as_lost() -> None:
    decision = decide(plain(), [*plain(), *leak(True, False)])
    assert {s.eval_id: s for s in standings(decision)}["leak"].why.endswith("failed, and may never fail")
    assert "leak" in gate_annotations(decision)
    assert 'classname="loopwright.cases" name="leak">\n      <failure' in gate_junit(decision)
    assert "one failure is proof" in explain(decision)
    assert "Case leak may never fail" in why(decision)
    assert "1 of 2 now" in why(decision, "leak")


def test_what_failed_before_is_said_and_how_it_can_ship() -> None:
    decision = decide([*plain(), *leak(True, False)], [*plain(), *leak(False, False)])
    assert blocks(decision)
    assert "leak failed before too" in decision.reasons[0]
    assert "loopwright gate override" in decision.reasons[0]


@pytest.mark.parametrize("now", [leak(True, None), leak(None), [], leak(True, None, error="killed")])
def test_what_gave_no_verdict_is_undecided(now: list[EvalResult]) -> None:
    many = [result(f"d{i}", True, t) for i in range(100) for t in range(2)]
    decision = decide([*many, *leak(True, True)], [*many, *now], Policy(max_missing=0.5, max_errors=0.9))
    assert decision.decision is Outcome.UNDECIDED
    assert "leak may never fail, and not every trial gave a verdict" in decision.message
    assert "leak" in {request.eval_id for request in decision.next}


def test_a_new_case_without_a_verdict_is_undecided_and_asked_for() -> None:
    decision = decide(plain(), [*plain(), *leak(None, error="killed")])
    assert decision.decision is Outcome.UNDECIDED
    assert [(r.eval_id, r.trials, r.repeat) for r in decision.next] == [("leak", 1, False)]


def test_a_failure_blocks_beside_trials_without_a_verdict() -> None:
    assert blocks(decide([*plain(), *leak(True, True)], [*plain(), *leak(None, False)]))


def test_what_passes_is_approved() -> None:
    assert decide([*plain(), *leak(True, True)], [*plain(), *leak(True, True)]).approved
    assert decide([*plain(), *leak(False, False)], [*plain(), *leak(True, True)]).approved


def test_the_policy_says_which_tags() -> None:
    rows = [*plain(), *leak(True, False)]
    assert decide(rows, rows, Policy(zero_tolerance=())).approved
    assert blocks(decide(rows, rows, Policy(zero_tolerance=("pii", "safety"))))
    assert decide(rows, rows, Policy(zero_tolerance=("pii",))).approved


def test_the_word_of_an_uncalibrated_judge_is_no_proof() -> None:
    judged = {"judge_id": "j", "judge_calibrated": False}
    decision = decide([*plain(), *leak(True, True, **judged)], [*plain(), *leak(True, False, **judged)])
    assert decision.decision is Outcome.UNDECIDED
    assert "an uncalibrated judge's word (leak)" in decision.message


def test_the_order_of_rows_does_not_matter() -> None:
    before, after = [*plain(), *leak(True, False, mode_id="m")], [*plain(), *leak(False, True, mode_id="n")]
    assert decide(before, after) == decide(before[::-1], after[::-1])


def test_beside_it_the_tests_go_on() -> None:
    fallen = [replace(row, passed=int(row.eval_id[1:]) > 14) for row in plain()]
    assert {r.level for r in decide([*plain(), *leak(True)], [*fallen, *leak(False)]).regressions} >= {"safety", "suite"}
