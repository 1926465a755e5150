from __future__ import annotations

from typing import Any

import pytest

from builders import case
from loopwright.effects import CallTarget, TargetReply
from loopwright.evaluate.case import Check, Layer
from loopwright.evaluate.result import EvalResult
from loopwright.evaluate.trial import NEEDS_JUDGE, Trial, attempt

HELLO = Check("contains", {"value": "hello"})
BYE = Check("contains", {"value": "bye"})
TOOL = Check("tool_called", {"name": "refund"})


def judge(reply: TargetReply, **fields: Any) -> EvalResult:
    step = attempt(Trial(case(**fields), 2, 5.0), run_id="run-1", version="v1", suite_digest="d")
    assert next(step) == CallTarget("hello", "case-1", 2, 5.0)
    with pytest.raises(StopIteration) as stop:
        step.send(reply)
    result: EvalResult = stop.value.value
    return result


def test_all_checks_together_pass() -> None:
    result = judge(TargetReply("hello", cost_usd=0.1, latency_ms=3.0, tokens=7), tags=("x",), mode_id="m", deterministic=True)

    assert (result.passed, result.error, result.trial, result.run_id, result.version) == (True, None, 2, "run-1", "v1")
    assert (result.suite_digest, result.case_digest) == ("d", case(tags=("x",)).content_digest)
    assert (result.tags, result.mode_id, result.deterministic, result.cost_usd, result.tokens) == (("x",), "m", True, 0.1, 7)


@pytest.mark.parametrize(
    ("checks", "passed"),
    [((HELLO, BYE), False), ((HELLO, TOOL), None), ((BYE, TOOL), False), ((TOOL, BYE), False)],
)
def test_one_failed_check_fails_and_one_undecided_check_leaves_it_open(checks: tuple[Check, ...], passed: bool | None) -> None:
    result = judge(TargetReply("hello"), checks=checks)
    assert result.passed is passed
    assert (result.error is None) is (passed is not None)
    assert len(result.checks) == 2


@pytest.mark.parametrize("reply", [TargetReply("hello", error="boom"), TargetReply("hello", timed_out=True)])
def test_an_agent_that_failed_has_no_verdict_however_good_its_output(reply: TargetReply) -> None:
    result = judge(reply)
    assert result.passed is None
    assert result.error in ("boom", "timed out after 5 s")


@pytest.mark.parametrize("layer", [Layer.SEMANTIC, Layer.BEHAVIORAL])
def test_a_rubric_alone_needs_a_judge_and_is_never_a_pass(layer: Layer) -> None:
    for checks in ((), (HELLO,)):
        result = judge(TargetReply("hello"), layer=layer, checks=checks, scoring_rubric=("kind",))
        assert (result.passed, result.error) == (None, NEEDS_JUDGE)
    assert judge(TargetReply("oh"), layer=layer, checks=(HELLO,), scoring_rubric=("kind",)).passed is False


def test_a_case_is_another_when_what_it_tests_is() -> None:
    same = case(tags=("x",), severity=5, trials=3, deterministic=True, mode_id="m", file="evals/a.yaml", line=7)
    assert same.content_digest == case().content_digest
    others: list[dict[str, Any]] = [
        {"id": "case-2"}, {"input": "hi"}, {"checks": ()}, {"checks": (BYE,)}, {"checks": (HELLO, BYE)},
        {"scoring_rubric": ("kind",)}, {"expected_behaviour": "greets"}, {"layer": Layer.SEMANTIC},
    ]  # fmt: skip
    assert len({case(**fields).content_digest for fields in [{}, *others]}) == 1 + len(others)


def test_a_case_without_any_check_never_passes() -> None:
    assert judge(TargetReply("hello"), checks=()).passed is None


def test_a_check_that_breaks_is_told_and_not_passed() -> None:
    result = judge(TargetReply("hello"), checks=(Check("regex", {"pattern": "("}),))
    assert result.passed is None
    assert result.error is not None
    assert "the check broke" in result.error
