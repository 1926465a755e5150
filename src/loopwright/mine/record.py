"""The record that `mine` writes for each trace, as plain JSON values."""

from __future__ import annotations

from typing import Any

from loopwright.collect.trace import Trace
from loopwright.mine.rank import context_snapshot, input_payload
from loopwright.mine.reading import read
from loopwright.mine.signal import FailureTrace, Signal


def failure_object(failure: FailureTrace) -> dict[str, Any]:
    """A failure as the record."""
    return {
        "trace_id": failure.trace_id,
        "input_payload": failure.input_payload,
        "context_snapshot": failure.context_snapshot,
        "score": failure.score,
        "severity": failure.severity,
        "signal_type": failure.signal_type.value,
        "failure_reason": failure.failure_reason,
        "signals": [_signal_object(signal) for signal in failure.signals],
    }


def sound_object(trace: Trace) -> dict[str, Any]:
    """A trace in which nothing was found as the same record: score and severity 0, no signal type, no reason, no signals."""
    return {
        "trace_id": trace.trace_id,
        "input_payload": input_payload(trace),
        "context_snapshot": context_snapshot(trace, read(trace)),
        "score": 0.0,
        "severity": 0.0,
        "signal_type": None,
        "failure_reason": "",
        "signals": [],
    }


def _signal_object(signal: Signal) -> dict[str, Any]:
    row: dict[str, Any] = {
        "type": signal.type.value,
        "detector": signal.detector,
        "severity": signal.severity,
        "confidence": signal.confidence,
        "reason": signal.reason,
        "where": {"span_ids": list(signal.where.span_ids), "message_index": signal.where.message_index},
    }
    return row | {"words": signal.words} if signal.words else row
