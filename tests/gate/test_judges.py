"""What an uncalibrated judge says blocks nothing alone; another judge is another test."""

from __future__ import annotations

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import Outcome


def run(passed: bool, n: int = 12, *, name: str = "case", **fields: object) -> list[EvalResult]:
    return [result(f"{name}-{i}", passed, trial=t, **fields) for i in range(n) for t in range(3)]


def test_a_fall_by_an_uncalibrated_judges_word_is_undecided_and_says_why() -> None:
    judged = {"judge_id": "judge-1", "judge_calibrated": False}
    decision = decide(run(True, **judged), run(False, **judged))
    assert (decision.decision, decision.approved, decision.regressions) == (Outcome.UNDECIDED, False, ())
    assert "rests on an uncalibrated judge's word (case-0, case-1, case-10 and 9 more)" in decision.message
    assert "loopwright judge calibrate" in decision.reasons[0]


def test_a_calibrated_judge_blocks() -> None:
    judged = {"judge_id": "judge-1", "judge_calibrated": True}
    assert decide(run(True, **judged), run(False, **judged)).decision is Outcome.BLOCKED


def test_what_falls_besides_blocks_all_the_same() -> None:
    judged = {"judge_id": "judge-1", "judge_calibrated": False, "name": "judged"}
    decision = decide([*run(True), *run(True, **judged)], [*run(False), *run(False, **judged)])  # type: ignore[arg-type]
    assert decision.decision is Outcome.BLOCKED
    assert decision.regressions


def test_one_side_without_calibration_is_enough() -> None:
    before = run(True, judge_id="judge-1", judge_calibrated=True)
    after = run(False, judge_id="judge-1", judge_calibrated=False)
    assert decide(before, after).decision is Outcome.UNDECIDED


def test_an_approval_names_what_it_takes_an_uncalibrated_judges_word_for() -> None:
    rows = [*run(True, 10), *run(True, 1, name="judged", judge_id="judge-1", judge_calibrated=False)]
    decision = decide(rows, rows)
    assert decision.decision is Outcome.APPROVED
    assert decision.message.endswith("Decided by an uncalibrated judge: judged-0.")


def test_a_case_of_another_judge_is_not_compared() -> None:
    before = [*run(True, 10), *run(True, 1, name="judged", judge_id="judge-1", judge_calibrated=True)]
    after = [*run(True, 10), *run(False, 1, name="judged", judge_id="judge-2", judge_calibrated=True)]
    decision = decide(before, after)
    assert decision.decision is Outcome.UNDECIDED
    assert "judged-0 changed since the baseline, or had another judge" in decision.message
    assert decision.statistics["changed"] == ["judged-0"]


def test_trials_that_checks_decided_have_no_judge_and_compare() -> None:
    before = run(True, 10, judge_id="judge-1", judge_calibrated=True)
    assert decide(before, run(False, 10)).decision is Outcome.BLOCKED
