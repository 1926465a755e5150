"""What is kept of a trace, read again: a part's data becomes spans and events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from loopwright.adapters.otlp.events import event_name
from loopwright.adapters.otlp.grouping import EVENTS
from loopwright.adapters.otlp.protowire import LENGTH, MalformedError, fields
from loopwright.adapters.otlp.times import iso, moment
from loopwright.adapters.otlp.values import attributes_of, value_of
from loopwright.collect.spans import SpanEvent
from loopwright.collect.trace import Span
from loopwright.errors import RecordError

_KINDS = ("internal", "internal", "server", "client", "producer", "consumer")
_STATUS: tuple[Literal["unset", "ok", "error"], ...] = ("unset", "ok", "error")


def read_part(data: bytes) -> tuple[Sequence[Span], Sequence[SpanEvent]]:
    """The spans of a part, and the log records that belong to them; raises `RecordError` where the data is no part."""
    spans: list[Span] = []
    events: list[SpanEvent] = []
    try:
        for field in fields(data):
            if field.wire != LENGTH:
                continue
            held = data[field.start : field.end]
            if field.number == 1:
                spans.extend(_spans(ResourceSpans.FromString(held)))
            elif field.number == EVENTS:
                events.extend(_events(ResourceLogs.FromString(held)))
    except (MalformedError, DecodeError) as error:
        raise RecordError(f"not what is kept of a trace: {error}", reason="malformed protobuf") from None
    return spans, events


def _spans(group: Any) -> Iterator[Span]:
    resource = attributes_of(group.resource.attributes)
    for scope in group.scope_spans:
        for item in scope.spans:
            yield span_of(item, resource)


def span_of(item: Any, resource: dict[str, Any]) -> Span:
    """A span of protobuf as ours; kinds and states of the future are `internal` and `unset`."""
    status, kind = item.status.code, item.kind
    return Span(
        trace_id=id_text(item.trace_id, 16),
        span_id=id_text(item.span_id, 8),
        name=item.name,
        parent_id=id_text(item.parent_span_id, 8) if any(item.parent_span_id) else None,
        kind=_KINDS[kind] if 0 <= kind < len(_KINDS) else "internal",
        started_at=moment(item.start_time_unix_nano),
        ended_at=moment(item.end_time_unix_nano),
        status=_STATUS[status] if 0 <= status < len(_STATUS) else "unset",
        status_message=item.status.message,
        attributes=attributes_of(item.attributes),
        events=tuple(
            {"name": event.name, "at": iso(event.time_unix_nano), "attributes": attributes_of(event.attributes)}
            for event in item.events
        ),
        resource=resource,
        links=tuple(
            {
                "trace_id": id_text(link.trace_id, 16),
                "span_id": id_text(link.span_id, 8),
                "attributes": attributes_of(link.attributes),
            }
            for link in item.links
        ),
    )


def id_text(id: bytes, size: int) -> str:
    """An id as it is shown: hexadecimal, or the text that stands behind a zero byte where it is another tool's."""
    return id.hex() if len(id) == size else id.lstrip(b"\0").decode("utf-8", "replace")


def _events(group: Any) -> Iterator[SpanEvent]:
    resource = attributes_of(group.resource.attributes)
    for scope in group.scope_logs:
        for record in scope.log_records:
            event = {
                "name": event_name(record),
                "at": iso(record.time_unix_nano or record.observed_time_unix_nano),
                "attributes": attributes_of(record.attributes),
                "body": value_of(record.body),
            }
            yield SpanEvent(record.trace_id.hex(), record.span_id.hex(), event, resource)
