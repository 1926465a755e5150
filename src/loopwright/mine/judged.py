"""Judges' verdicts as failure signals: as good as the judge was found to be when people looked at the same items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from loopwright.collect.trace import Trace
from loopwright.judge.calibrate import Calibration, trust_in_failure
from loopwright.judge.verdict import Verdict
from loopwright.mine.detector import Context, Detector
from loopwright.mine.reading import roles
from loopwright.mine.signal import FailureSignal, Signal, Where
from loopwright.wording import counted, percent

NAME = "judge_verdict"
FINDS = "a language model that judges a sample of conversations by a rubric fails this one"

UNCALIBRATED = 0.3
"""The confidence in a failure that a judge sees whom nobody compared with people."""
UNUSABLE = 0.1
"""The same where people were asked, and the judge was not found usable."""

_LEAST, _MOST = 0.4, 0.8
"""Severity with one of many criteria failed, and with all."""


def judged(verdicts: Iterable[Verdict], calibrations: Mapping[str, Calibration] | None = None) -> Detector:
    """A detector that finds what judges failed. `calibrations` says, by judge id, what is known of each.

    Confidence is the chance that people fail what the judge fails, where it was found usable; otherwise it is low, and the reason
    says why. Verdicts on other items than the trace at hand are left alone, and so are passes and missing verdicts.
    """
    by_item: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.passed is False:
            by_item[verdict.item_id].append(verdict)
    trust = {judge_id: _trust(calibration) for judge_id, calibration in (calibrations or {}).items()}
    unknown = (UNCALIBRATED, "uncalibrated")

    def detect(trace: Trace, context: Context) -> Iterable[Signal]:
        for verdict in by_item.get(trace.trace_id, ()):
            yield _signal(trace, verdict, *trust.get(verdict.judge_id, unknown))

    return Detector(NAME, FailureSignal.LLM_JUDGE_FAIL, FINDS, detect)


def _trust(calibration: Calibration) -> tuple[float, str]:
    """The confidence in a failure that the judge sees, and what to call the judge."""
    if not calibration.enough:
        return UNCALIBRATED, "uncalibrated"
    likely = trust_in_failure(calibration) if calibration.usable else None
    if likely is None:
        return UNUSABLE, "not usable: too often people say otherwise"
    return likely, f"calibrated on {counted(calibration.n, 'label')}: people fail {percent(likely)} of what it fails"


def _signal(trace: Trace, verdict: Verdict, confidence: float, standing: str) -> Signal:
    failed = verdict.failed
    share = len(failed) / len(verdict.criteria) if failed else 1.0
    told = "; ".join(f"{c.criterion.rstrip('.')}: {c.reason}" for c in failed) or "it gave no reason"
    criterion = failed[0].criterion.rstrip(".") if failed else "its rubric"
    return Signal(
        FailureSignal.LLM_JUDGE_FAIL,
        NAME,
        severity=_LEAST + (_MOST - _LEAST) * share,
        confidence=confidence,
        reason=f"the judge {verdict.model or verdict.judge_id} ({standing}) fails it: {told}",
        where=Where(message_index=_last_answer(trace)),
        summary=f"a judge fails: {criterion}",
    )


def _last_answer(trace: Trace) -> int | None:
    who = roles(trace.messages)
    return next((i for i in reversed(range(len(who))) if who[i] == "agent"), None)
