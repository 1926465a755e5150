"""A case's answer, judged by its scoring rubric: what the judge is shown, and what becomes of its verdict."""

from __future__ import annotations

from collections.abc import Generator

from loopwright.effects import Reply, Request, TargetReply
from loopwright.evaluate.case import EvalCase, Layer
from loopwright.evaluate.check import Answer, CannotTellError
from loopwright.evaluate.result import CheckOutcome
from loopwright.judge.rubric import judged
from loopwright.judge.transcript import of_messages
from loopwright.judge.verdict import Judge, Verdict

CRITERION = "criterion"
"""The `type` of an outcome that is a judge's word on one criterion."""


def criteria_of(case: EvalCase) -> tuple[str, ...]:
    """What the case is judged by: its rubric, or the expected behaviour where it has none; empty where it has neither."""
    return case.scoring_rubric or tuple(text for text in (case.expected_behaviour,) if text.strip())


def needs_judge(case: EvalCase) -> bool:
    """Whether a trial of the case that passes its checks is decided by a judge."""
    return bool(criteria_of(case)) and (not case.checks or bool(case.scoring_rubric and case.layer is not Layer.DETERMINISTIC))


def judge_answer(judge: Judge, item_id: str, case: EvalCase, reply: TargetReply) -> Generator[Request, Reply, Verdict]:
    """Judge one answer. The judge sees the input, the answer, with tool calls where the target told of them, and the rubric."""
    return (yield from judged(judge, item_id, _material(case, reply), criteria_of(case), case.expected_behaviour))


def outcomes_of(verdict: Verdict) -> tuple[CheckOutcome, ...]:
    """The verdict as check outcomes, one a criterion."""
    return tuple(CheckOutcome(CRITERION, c.passed, f"{c.criterion} - {c.reason}") for c in verdict.criteria)


def _material(case: EvalCase, reply: TargetReply) -> str:
    answer = Answer(case, reply)
    try:
        steps = of_messages(answer.messages)
    except CannotTellError:
        steps = ""
    did = f"\n\nWhat the agent did:\n\n{steps}" if steps else ""
    return f"Input:\n\n{of_messages(answer.history)}{did}\n\nThe agent's answer:\n\n{reply.output}"
