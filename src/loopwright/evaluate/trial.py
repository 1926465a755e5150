"""One trial of one case, as a step: it asks for the agent's answer, and returns the verdict on it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from loopwright.effects import CallTarget, Request, TargetReply
from loopwright.evaluate.case import EvalCase, Layer
from loopwright.evaluate.check import Answer, apply
from loopwright.evaluate.checks import CHECKS
from loopwright.evaluate.judging import criteria_of, judge_answer, outcomes_of
from loopwright.evaluate.result import CheckOutcome, EvalResult
from loopwright.judge.verdict import Judge, Verdict, result_item

NEEDS_JUDGE = "needs a judge: the case is decided by its scoring rubric"


@dataclass(frozen=True, slots=True)
class Trial:
    """One planned trial: `number` counts from 0 within the case, `timeout_s` is the limit in seconds."""

    case: EvalCase
    number: int
    timeout_s: float

    @property
    def key(self) -> tuple[str, int]:
        """What identifies it within a run."""
        return self.case.id, self.number


Step = Generator[CallTarget | Request, Any, EvalResult]


def attempt(trial: Trial, *, run_id: str, version: str, suite_digest: str, judge: Judge | None = None) -> Step:
    """Run one trial: yields one `CallTarget`, is sent the `TargetReply`, returns the `EvalResult`.

    With a judge, a trial that passes its checks and is decided by its rubric yields one `Request` more, and is sent the `Reply`.
    """
    case = trial.case
    said: Verdict | None = None
    reply = yield CallTarget(case.input, case.id, trial.number, trial.timeout_s)
    outcomes: tuple[CheckOutcome, ...] = ()
    if reply.error is None and not reply.timed_out:
        outcomes = examine(case, reply)
        passed, error = verdict(case, outcomes)
        if error == NEEDS_JUDGE and judge is not None and criteria_of(case):
            said = yield from judge_answer(judge, result_item(run_id, case.id, trial.number), case, reply)
            outcomes += outcomes_of(said)
            passed, error = said.passed, f"the judge gave no verdict: {said.error}" if said.passed is None else None
    else:
        passed, error = None, reply.error or f"timed out after {trial.timeout_s:g} s"
    return EvalResult(
        eval_id=case.id,
        passed=passed,
        run_id=run_id,
        trial=trial.number,
        error=error,
        version=version,
        suite_digest=suite_digest,
        case_digest=case.content_digest,
        layer=case.layer.value,
        mode_id=case.mode_id,
        deterministic=case.deterministic,
        tags=case.tags,
        score=said.score if said is not None else None,
        cost_usd=_sum(reply.cost_usd, said.cost_usd if said is not None else None),
        latency_ms=reply.latency_ms,
        tokens=reply.tokens,
        output=reply.output,
        messages=reply.messages,
        checks=outcomes,
        judge_id=said.judge_id if said is not None else None,
        judge_calibrated=judge.calibrated if said is not None and judge is not None else None,
    )


def _sum(one: float | None, other: float | None) -> float | None:
    """What is known of a cost in two parts."""
    return other if one is None else one if other is None else one + other


def examine(case: EvalCase, reply: TargetReply) -> tuple[CheckOutcome, ...]:
    """Every check's outcome on one answer, in the case's order."""
    answer = Answer(case, reply)
    return tuple(apply(CHECKS.get(check.type), check, answer) for check in case.checks)


def verdict(case: EvalCase, outcomes: tuple[CheckOutcome, ...]) -> tuple[bool | None, str | None]:
    """What the checks amount to, and why there is no verdict where there is none.

    One failed check fails the trial. Otherwise one check that could not tell, or a rubric that nobody judged, leaves it
    without a verdict. Only all checks together pass it.
    """
    if any(o.passed is False for o in outcomes):
        return False, None
    unsure = [o for o in outcomes if o.passed is None]
    if unsure:
        return None, f"{unsure[0].type}: {unsure[0].reason}"
    if not outcomes or (case.scoring_rubric and case.layer is not Layer.DETERMINISTIC):
        return None, NEEDS_JUDGE
    return True, None
