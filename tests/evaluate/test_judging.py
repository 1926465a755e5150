"""A trial that passes its checks and is decided by its rubric asks the judge."""

from __future__ import annotations

import json
from typing import Any

import pytest

from builders import case
from loopwright.effects import CallTarget, Reply, Request, TargetReply
from loopwright.evaluate.case import Check, EvalCase, Layer
from loopwright.evaluate.judging import needs_judge
from loopwright.evaluate.result import EvalResult
from loopwright.evaluate.trial import NEEDS_JUDGE, Trial, attempt
from loopwright.judge.rubric import judge_of

RUBRIC = ("Is polite.", "Is right.")
JUDGED = case(layer=Layer.SEMANTIC, scoring_rubric=RUBRIC, expected_behaviour="Helps.")
JUDGE = judge_of("openai:m")


def said(*passed: bool) -> Reply:
    rows = [{"number": n, "passed": p, "reason": "so it is"} for n, p in enumerate(passed, 1)]
    return Reply(json.dumps({"criteria": rows}), cost_usd=0.01)


def run(one: EvalCase, answer: TargetReply, *replies: Reply, judge: Any = JUDGE) -> tuple[EvalResult, list[str]]:
    step = attempt(Trial(one, 0, 5.0), run_id="run-1", version="v1", suite_digest="s", judge=judge)
    assert isinstance(next(step), CallTarget)
    waiting: list[Any] = [answer, *replies]
    asked: list[str] = []
    while True:
        try:
            request = step.send(waiting.pop(0))
        except StopIteration as stop:
            assert not waiting
            return stop.value, asked
        assert isinstance(request, Request)
        asked.append(request.prompt)


def test_the_judges_word_is_the_result_with_its_score_cost_and_judge() -> None:
    result, (asked,) = run(JUDGED, TargetReply("hello sir", cost_usd=0.1), said(True, False))
    assert (result.passed, result.error, result.score) == (False, None, 0.5)
    assert result.cost_usd == pytest.approx(0.11)
    assert (result.judge_id, result.judge_calibrated) == (JUDGE.judge_id, False)
    assert [(c.type, c.passed) for c in result.checks] == [("contains", True), ("criterion", True), ("criterion", False)]
    assert "hello sir" in asked
    assert "The agent should: Helps." in asked
    assert run(JUDGED, TargetReply("hello"), said(True, True))[0].passed is True


def test_the_judge_sees_the_tool_calls_where_the_target_tells_of_them() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "name": "find", "arguments": {"a": 1}}]}
    result = {"role": "tool", "tool_call_id": "1", "content": "found it"}
    _, (asked,) = run(JUDGED, TargetReply("hello", messages=(call, result)), said(True, True))
    assert 'calls find({"a": 1})' in asked
    assert "found it" in asked


def test_a_failed_check_decides_and_nobody_is_asked() -> None:
    result, asked = run(JUDGED, TargetReply("bye"))
    assert (result.passed, result.judge_id, asked) == (False, None, [])
    assert run(JUDGED, TargetReply(error="down"))[0].passed is None


@pytest.mark.parametrize("reply", [Reply("", error="openai:m: status 500"), Reply("it is fine")])
def test_a_judge_that_says_nothing_leaves_the_trial_without_a_verdict(reply: Reply) -> None:
    result, _ = run(JUDGED, TargetReply("hello"), reply)
    assert result.passed is None
    assert result.error is not None
    assert result.error.startswith("the judge gave no verdict: ")


def test_without_a_judge_the_case_needs_one() -> None:
    assert run(JUDGED, TargetReply("hello"), judge=None)[0].error == NEEDS_JUDGE


def test_which_cases_need_a_judge() -> None:
    assert needs_judge(JUDGED)
    assert needs_judge(case(checks=(), expected_behaviour="Helps."))
    assert not needs_judge(case(checks=()))
    assert not needs_judge(case())
    assert not needs_judge(case(scoring_rubric=RUBRIC, layer=Layer.DETERMINISTIC, checks=(Check("contains", {"value": "x"}),)))
