"""Signals, and the failing traces that they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any


class FailureSignal(Enum):
    """The five types of failure signal."""

    HARD_ERROR = "hard_error"
    USER_CORRECTION = "user_correction"
    ABANDONMENT = "abandonment"
    LLM_JUDGE_FAIL = "llm_judge_fail"
    BUSINESS_METRIC = "business_metric"


@dataclass(frozen=True, slots=True)
class Where:
    """The place of the evidence: span ids, and the index (from 0, system message included) in the trace's messages."""

    span_ids: tuple[str, ...] = ()
    message_index: int | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """One detector's evidence in one trace.

    `severity` says how bad it is if true, `confidence` how likely it is true; both lie in 0..1. `reason` is for a person, and
    may quote; `summary` says the same without quotes, ids and numbers, so that failures of one kind read alike. `words` is what
    a person, or an evaluator, wrote about what went wrong; empty where nobody did.
    """

    type: FailureSignal
    detector: str
    severity: float
    confidence: float
    reason: str
    where: Where = field(default_factory=Where)
    summary: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class FailureTrace:
    """A failing trace, with all that is needed to understand it.

    The first nine fields are the source's. `severity` lies in 0..1. `score` is the weighted strength of all its signals,
    1 - prod(1 - weight * severity * confidence), in 0..1: what failures are ranked by.
    """

    trace_id: str
    timestamp: datetime | None
    signal_type: FailureSignal
    input_payload: dict[str, Any]
    reasoning_steps: list[dict[str, Any]]
    final_output: str
    failure_reason: str
    context_snapshot: dict[str, Any]
    severity: float
    score: float = 0.0
    signals: tuple[Signal, ...] = ()
    session_id: str | None = None
    agent: str | None = None
    version: str | None = None

    @property
    def words(self) -> str:
        """What a person, or an evaluator, wrote about what went wrong: those of the strongest signal that has any."""
        written = [signal for signal in self.signals if signal.words]
        return max(written, key=lambda s: (s.severity * s.confidence, s.words)).words if written else ""
