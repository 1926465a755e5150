from __future__ import annotations

import pytest

from builders import assistant, trace, user
from loopwright.judge.calibrate import Pair, calibrate
from loopwright.judge.verdict import CriterionVerdict, Verdict
from loopwright.mine.judged import NAME, UNCALIBRATED, UNUSABLE, judged
from loopwright.mine.rank import mine
from loopwright.mine.signal import FailureSignal, Signal

TRACE = trace(user("hi"), assistant("go away"), user("oh"))
FAILED = Verdict(
    "t1", "j", False, (CriterionVerdict("Is polite.", False, "it is rude"), CriterionVerdict("Is short.", True, "yes"))
)


def signals(*verdicts: Verdict, **calibrations: object) -> tuple[Signal, ...]:
    found = mine([TRACE], [judged(verdicts, calibrations)])  # type: ignore[arg-type]
    return found.failures[0].signals if found.failures else ()


def test_what_a_judge_fails_is_a_signal_marked_uncalibrated() -> None:
    (signal,) = signals(FAILED)
    assert (signal.type, signal.detector, signal.confidence) == (FailureSignal.LLM_JUDGE_FAIL, NAME, UNCALIBRATED)
    assert signal.severity == pytest.approx(0.6)
    assert signal.where.message_index == 1
    assert "uncalibrated" in signal.reason
    assert "Is polite: it is rude" in signal.reason
    assert signal.summary == "a judge fails: Is polite"


def test_passes_missing_verdicts_and_other_items_are_no_signals() -> None:
    assert signals(Verdict("t1", "j", True), Verdict("t1", "k", None, error="x"), Verdict("t2", "j", False)) == ()


def labelled(tp: int, fp: int, fn: int, tn: int) -> list[Pair]:
    rows = [(True, True)] * tp + [(True, False)] * fp + [(False, True)] * fn + [(False, False)] * tn
    return [Pair(str(i), judge, human) for i, (judge, human) in enumerate(rows)]


def test_confidence_follows_the_judges_calibration() -> None:
    (good,) = signals(FAILED, j=calibrate(labelled(60, 5, 10, 25)))
    assert good.confidence == pytest.approx(25 / 35)
    assert "people fail 71.4 % of what it fails" in good.reason
    (bad,) = signals(FAILED, j=calibrate(labelled(30, 30, 30, 30)))
    assert (bad.confidence, "not usable" in bad.reason) == (UNUSABLE, True)
    (few,) = signals(FAILED, j=calibrate(labelled(3, 0, 0, 3)))
    assert few.confidence == UNCALIBRATED


def test_a_verdict_without_criteria_still_counts() -> None:
    (signal,) = signals(Verdict("t1", "j", False))
    assert signal.severity == pytest.approx(0.8)
