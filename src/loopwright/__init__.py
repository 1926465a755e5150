"""Loopwright keeps a deployed AI agent correct as the world around it changes.

    production traces -> failure mining -> clustering -> eval generation -> regression suite -> gate
          ^                                                                                      |
          +------------ release <- review <- verified harness improvement <----------------------+

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Span": "collect.trace",
    "Trace": "collect.trace",
    "Session": "collect.trace",
    "Message": "collect.trace",
    "ToolCall": "collect.trace",
    "Step": "collect.trace",
    "Feedback": "collect.trace",
    "FailureSignal": "mine.signal",
    "Signal": "mine.signal",
    "FailureTrace": "mine.signal",
    "FailureMode": "cluster.mode",
    "EvalCase": "evaluate.case",
    "Suite": "evaluate.case",
    "EvalResult": "evaluate.result",
    "Run": "evaluate.result",
    "GateDecision": "gate.decision",
    "Proposal": "improve.proposal",
    "Release": "release.record",
    "Guard": "guards.guard",
    "LoopwrightError": "errors",
    "instrument": "agent.instrument",
    "feedback": "agent.feedback",
    "mine_failures": "source_api",
    "cluster_failures": "source_api",
    "generate_eval_from_cluster": "source_api",
    "parse_eval_json": "source_api",
    "regression_gate": "source_api",
    "schedule_eval_generation": "source_api",
}

__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'loopwright' has no attribute {name!r}")
    return getattr(import_module(f"loopwright.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
