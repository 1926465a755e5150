"""Cases that a judge decides: with another judge a case is another test; an uncalibrated judge blocks nothing alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import MARGINS, GateDecision, Outcome, Regression

Compare = Callable[[Sequence[EvalResult], Sequence[EvalResult]], GateDecision]


def judged_by_others(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult]) -> set[str]:
    """The cases of which the results, of both sides together, have verdicts of more than one judge."""
    judges: dict[str, set[str]] = defaultdict(set)
    for rows in (baseline, candidate):
        for r in rows:
            if r.judge_id is not None:
                judges[r.eval_id].add(r.judge_id)
    return {eval_id for eval_id, found in judges.items() if len(found) > 1}


def uncalibrated(results: Sequence[EvalResult]) -> set[str]:
    """The cases with a verdict of a judge that was not compared with people, or not found usable."""
    return {r.eval_id for r in results if r.judge_id is not None and not r.judge_calibrated}


def weigh(
    decision: GateDecision, baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], compare: Compare
) -> GateDecision:
    """The decision with regard to who judged: one that an uncalibrated judge brought about is none.

    A block stands where the results without the cases in question block too, and where a margin is exceeded, which is no judge's
    word; otherwise the gate is undecided. An approval stands, and says which cases it takes an uncalibrated judge's word for.
    `compare` decides on given results.
    """
    held = sorted(uncalibrated((*baseline, *candidate)))
    if not held or decision.decision is Outcome.UNDECIDED:
        return decision
    named = ", ".join(held[:3]) + (f" and {len(held) - 3} more" if len(held) > 3 else "")
    if decision.decision is Outcome.APPROVED:
        return replace(decision, message=f"{decision.message} Decided by an uncalibrated judge: {named}.")
    if any(isinstance(r, Regression) and r.level in MARGINS for r in decision.regressions):
        return decision
    rest = compare([r for r in baseline if r.eval_id not in held], [r for r in candidate if r.eval_id not in held])
    if rest.decision is Outcome.BLOCKED:
        return decision
    reason = (
        f"what fell rests on an uncalibrated judge's word ({named}), and blocks nothing alone; compare the judge with people "
        "(loopwright judge label, loopwright judge calibrate) and run again, or look at the answers"
    )
    return decision.undecided(reason, *decision.reasons)
