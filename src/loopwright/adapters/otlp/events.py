"""Log records: verdicts become feedback, events of spans are kept with them, and all else is refused by its name."""

from __future__ import annotations

from typing import Any

from loopwright.adapters.otlp.grouping import Gathering, Head, why_not
from loopwright.adapters.otlp.times import iso
from loopwright.adapters.otlp.values import attributes_of
from loopwright.collect.dialects.verdicts import EVALUATION_EVENT, evaluation
from loopwright.collect.intake import shown
from loopwright.collect.joining import GivenFeedback
from loopwright.errors import RecordError


def take_record(gathering: Gathering, resource: Head, scope: Head, record: Any, data: bytes) -> None:
    """Take a log record, parsed and as it is kept, or refuse it."""
    name = event_name(record)
    if name == EVALUATION_EVENT:
        _take_verdict(gathering, record)
    elif not name:
        gathering.refuse("a log line is no event: it has no event name")
    elif why_not(record.trace_id, record.span_id) is not None:
        gathering.refuse(f"{shown(name)} belongs to no span: it lacks a trace id or span id")
    else:
        gathering.event(record.trace_id, record.span_id, resource.data, scope.data, data)


def event_name(record: Any) -> str:
    """The record's event name, in its own field or, as it was before, among its attributes."""
    if record.event_name:
        return str(record.event_name)
    return next((str(pair.value.string_value) for pair in record.attributes if pair.key == "event.name"), "")


def _take_verdict(gathering: Gathering, record: Any) -> None:
    attributes = attributes_of(record.attributes)
    at = iso(record.time_unix_nano or record.observed_time_unix_nano)
    try:
        found = evaluation({**attributes, "event.at": at})
    except RecordError as error:
        gathering.refuse(f"{EVALUATION_EVENT}: {error}")
        return
    trace = record.trace_id.hex() if len(record.trace_id) == 16 and any(record.trace_id) else None
    span = record.span_id.hex() if len(record.span_id) == 8 and any(record.span_id) else None
    session = _text(attributes, "session.id", "gen_ai.conversation.id")
    response = _text(attributes, "gen_ai.response.id")
    if not found:
        gathering.refuse(f"{EVALUATION_EVENT} says nothing: it has neither a score nor a label nor an explanation")
    elif trace or session or response:
        gathering.feedback(GivenFeedback(found, trace, session, found[0].at, span, response))
    else:
        gathering.refuse(f"{EVALUATION_EVENT} names no trace, response or session")


def _text(attributes: dict[str, Any], *names: str) -> str | None:
    return next((value for name in names if isinstance(value := attributes.get(name), str) and value), None)
