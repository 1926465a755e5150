"""Traces and feedback without secrets and personal data, before they go anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from loopwright.adapters.otlp.redacting import Redactor, may_hold
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.record import read_normalised, trace_object
from loopwright.collect.trace import Feedback, Trace

_KEPT = frozenset(("trace_id", "started_at", "ended_at", "usage"))
_KEPT_OF_STEPS = frozenset(("span_id", "parent_id", "kind", "started_at", "ended_at", "usage", "response_id"))
_KEPT_OF_FEEDBACK = frozenset(("kind", "at", "message_index", "negative"))


def redact_trace(trace: Trace, redactor: Redactor | None) -> Trace:
    """The trace without them; ids, times and counts stay."""
    if redactor is None:
        return trace
    record = trace_object(trace)
    if not may_hold(redactor, msgspec.json.encode(record)):
        return trace
    made = {name: value if name in _KEPT else redactor.value(value) for name, value in record.items()}
    made["steps"] = [_some(step, _KEPT_OF_STEPS, redactor) for step in record["steps"]]
    made["feedback"] = [_some(verdict, _KEPT_OF_FEEDBACK, redactor) for verdict in record["feedback"]]
    return read_normalised(made)


def redact_given(given: GivenFeedback, redactor: Redactor | None) -> GivenFeedback:
    """Feedback without them."""
    if redactor is None:
        return given
    session = given.session_id and redactor.text(given.session_id)
    return replace(given, verdicts=tuple(_verdict(verdict, redactor) for verdict in given.verdicts), session_id=session)


def _verdict(verdict: Feedback, redactor: Redactor) -> Feedback:
    value = redactor.text(verdict.value) if isinstance(verdict.value, str) else verdict.value
    return replace(verdict, value=value, comment=redactor.text(verdict.comment))


def _some(record: dict[str, Any], kept: frozenset[str], redactor: Redactor) -> dict[str, Any]:
    return {name: value if name in kept else redactor.value(value) for name, value in record.items()}
