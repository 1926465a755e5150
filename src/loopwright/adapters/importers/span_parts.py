"""Spans as parts, the form in which the store keeps them: an OTLP message in protobuf, whatever export they were read from.

Ids that are not OpenTelemetry's are kept as text behind a zero byte, so that what is read again has the ids that were exported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from loopwright.adapters.otlp.redacting import Redactor, may_hold, redact_head, redact_span
from loopwright.agent import otlp_json
from loopwright.audit.digest import canonical
from loopwright.collect.spans import error_of, read_span
from loopwright.collect.trace import Span
from loopwright.ports import SpanPart

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEX = re.compile(r"[0-9a-f]+")
_STATUS = {"unset": 0, "ok": 1, "error": 2}
_INT64 = 2**63
_MAX_DEPTH = 24


def parts_of(spans: Sequence[Span], redactor: Redactor | None = None) -> list[SpanPart]:
    """The parts of these spans, one a trace, redacted."""
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    return [_part(trace_id, held, redactor) for trace_id, held in by_trace.items()]


def id_bytes(id: str, size: int) -> bytes:
    """An id as bytes: OpenTelemetry's, of `size` bytes, or text behind zero bytes, which is never that long."""
    if len(id) == 2 * size and _HEX.fullmatch(id) and set(id) != {"0"}:
        return bytes.fromhex(id)
    raw = b"\0" + id.encode("utf-8", "replace")
    return raw if len(raw) != size else b"\0" + raw


def _part(trace_id: str, spans: Sequence[Span], redactor: Redactor | None) -> SpanPart:
    message = trace_pb2.TracesData()
    groups: dict[str, Any] = {}
    digests = []
    for span in spans:
        key = canonical(span.resource)
        if key not in groups:
            group = message.resource_spans.add()
            group.resource.CopyFrom(Resource(attributes=_pairs(span.resource)))
            if redactor is not None:
                redact_head(group, redactor)
            groups[key] = group.scope_spans.add()
        made = _message(span)
        if redactor is not None and may_hold(redactor, made.SerializeToString()):
            redact_span(made, redactor)
        digests.append(sha256(made.SerializeToString(deterministic=True)).digest()[:8])
        groups[key].spans.append(made)
    ids = [span.span_id for span in spans]
    known = set(ids)
    return SpanPart(
        trace_id,
        tuple(ids),
        tuple(digests),
        message.SerializeToString(deterministic=True),
        tuple(sorted({span.parent_id for span in spans if span.parent_id and span.parent_id not in known})),
        any(span.parent_id is None and span.ended_at is not None for span in spans),
        min((_nanoseconds(span.started_at) for span in spans if span.started_at), default=0),
        max((_nanoseconds(span.ended_at) for span in spans if span.ended_at), default=0),
        **_told(spans, redactor),
    )


def _told(spans: Sequence[Span], redactor: Redactor | None) -> dict[str, Any]:
    """What the outermost span tells of the trace."""
    known = {span.span_id for span in spans}
    outermost = min(spans, key=lambda span: (span.parent_id is not None, span.parent_id in known, span.started_at or _EPOCH))
    reading = read_span(outermost)
    service = outermost.resource.get("service.name")
    named = isinstance(service, str) and not service.startswith("unknown_service")
    version = outermost.resource.get("service.version")
    told: dict[str, Any] = {
        "name": outermost.name,
        "session_id": reading.session_id,
        "user_id": _user(spans),
        "agent": reading.agent or (service if named else None),
        "version": reading.version or (version if isinstance(version, str) else None),
    }
    clean = {name: _short(value, redactor) for name, value in told.items()}
    return {"error": error_of(outermost) is not None, **clean}


def _user(spans: Iterable[Span]) -> str | None:
    return next((value for span in spans if isinstance(value := span.attributes.get("user.id"), str)), None)


def _short(value: str | None, redactor: Redactor | None) -> str | None:
    if not value:
        return None
    return (value if redactor is None else redactor.text(value)).replace("\0", "")[:500]


def _message(span: Span) -> trace_pb2.Span:
    return trace_pb2.Span(
        trace_id=id_bytes(span.trace_id, 16),
        span_id=id_bytes(span.span_id, 8),
        parent_span_id=b"" if span.parent_id is None else id_bytes(span.parent_id, 8),
        name=_text(span.name),
        kind=otlp_json.KINDS.get(span.kind, 1),  # type: ignore[arg-type]
        start_time_unix_nano=_nanoseconds(span.started_at),
        end_time_unix_nano=_nanoseconds(span.ended_at),
        attributes=_pairs(span.attributes),
        events=[_event(event) for event in span.events],
        status=trace_pb2.Status(code=_STATUS[span.status], message=_text(span.status_message)),  # type: ignore[arg-type]
    )


def _event(event: Mapping[str, Any]) -> trace_pb2.Span.Event:
    at = event.get("at")
    try:
        nanoseconds = _nanoseconds(datetime.fromisoformat(at)) if isinstance(at, str) else 0
    except ValueError:
        nanoseconds = 0
    return trace_pb2.Span.Event(
        time_unix_nano=nanoseconds, name=_text(str(event.get("name", ""))), attributes=_pairs(event.get("attributes") or {})
    )


def _nanoseconds(time: datetime | None) -> int:
    if time is None:
        return 0
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return max(0, (aware - _EPOCH) // _MICROSECOND * 1000)


def _pairs(values: Mapping[str, Any], depth: int = 0) -> list[KeyValue]:
    return [KeyValue(key=_text(str(key)), value=_value(value, depth)) for key, value in values.items()]


def _value(value: Any, depth: int = 0) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=_text(value))
    if isinstance(value, int):
        return AnyValue(int_value=value) if -_INT64 <= value < _INT64 else AnyValue(string_value=str(value))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if value is None:
        return AnyValue()
    if depth < _MAX_DEPTH and isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=_pairs(value, depth + 1)))
    if depth < _MAX_DEPTH and isinstance(value, list | tuple):
        return AnyValue(array_value=ArrayValue(values=[_value(item, depth + 1) for item in value]))
    return AnyValue(string_value=_text(canonical(value)))


def _text(value: str) -> str:
    """Text that protobuf can hold: halves of surrogate pairs are replaced."""
    return value.encode("utf-8", "replace").decode()
