"""Small builders of domain objects, so that a test names only what it is about."""

from __future__ import annotations

from typing import Any

from loopwright.cluster.mode import FailureMode
from loopwright.collect.trace import Message, ToolCall, Trace
from loopwright.evaluate.case import Check, EvalCase
from loopwright.evaluate.result import EvalResult
from loopwright.mine.signal import FailureSignal, FailureTrace, Signal, Where


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str | None = None, *calls: ToolCall) -> Message:
    return Message("assistant", text, tool_calls=tuple(calls))


def tool_call(name: str, id: str = "call-1", **arguments: Any) -> ToolCall:
    return ToolCall(id, name, arguments)


def tool_result(content: str, id: str = "call-1", name: str | None = None) -> Message:
    return Message("tool", content, tool_call_id=id, name=name)


def trace(*messages: Message, id: str = "t1", **fields: Any) -> Trace:
    return Trace(id, messages=tuple(messages), **fields)


def signal(**fields: Any) -> Signal:
    defaults: dict[str, Any] = {
        "type": FailureSignal.HARD_ERROR,
        "detector": "tool_error",
        "severity": 0.8,
        "confidence": 0.9,
        "reason": "the tool answered with an error",
        "where": Where(message_index=1),
    }
    return Signal(**{**defaults, **fields})


def failure(id: str = "t1", text: str = "I want a refund", reason: str = "tool refund: not found", **fields: Any) -> FailureTrace:
    defaults: dict[str, Any] = {
        "trace_id": id,
        "timestamp": None,
        "signal_type": FailureSignal.HARD_ERROR,
        "input_payload": {"input": text},
        "reasoning_steps": [],
        "final_output": "",
        "failure_reason": reason,
        "context_snapshot": {},
        "severity": 0.8,
        "score": 0.7,
    }
    return FailureTrace(**{**defaults, **fields})


def mode(id: str = "mode-1", **fields: Any) -> FailureMode:
    return FailureMode(**{"mode_id": id, "name": "refund not found", "size": 3, **fields})


def case(id: str = "case-1", **fields: Any) -> EvalCase:
    return EvalCase(**{"id": id, "input": "hello", "checks": (Check("contains", {"value": "hello"}),), **fields})


def result(eval_id: str = "case-1", passed: bool | None = True, trial: int = 0, **fields: Any) -> EvalResult:
    return EvalResult(eval_id, passed, trial=trial, **fields)
