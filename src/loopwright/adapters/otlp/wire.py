"""OTLP on the wire, JSON and protobuf, as our spans and events; and our spans as a line of OTLP JSON."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from loopwright.agent import otlp_json
from loopwright.audit.digest import canonical
from loopwright.collect.intake import shown
from loopwright.collect.spans import SpanEvent
from loopwright.collect.trace import Span
from loopwright.errors import RecordError

SIGNALS = ("resourceSpans", "resourceLogs", "resourceMetrics")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_KINDS = {code: name for name, code in otlp_json.KINDS.items()}
_STATUS: dict[int, Literal["unset", "ok", "error"]] = {0: "unset", 1: "ok", 2: "error"}
_ID_BYTES = {"traceId": 16, "spanId": 8, "parentSpanId": 8}
_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Batch:
    """What one OTLP message holds: spans, events (log records), and how many metrics, of which no trace is made."""

    spans: tuple[Span, ...] = ()
    events: tuple[SpanEvent, ...] = ()
    metrics: int = 0


def decode_object(message: Mapping[str, Any]) -> Batch:
    """The spans and events of an export request as JSON; raises `RecordError` naming what is wrong, and takes no part of it then.

    Names are in camel case, or as in the protobuf files; ids are hexadecimal or base64.
    """
    metrics = sum(len(_list(scope, "metrics")) for _, scope in _scopes(message, "resourceMetrics", "scopeMetrics"))
    return Batch(
        tuple(
            _span(item, resource)
            for resource, scope in _scopes(message, "resourceSpans", "scopeSpans")
            for item in _list(scope, "spans")
        ),
        tuple(
            _event(item, resource)
            for resource, scope in _scopes(message, "resourceLogs", "scopeLogs")
            for item in _list(scope, "logRecords")
        ),
        metrics,
    )


def decode_protobuf(data: bytes, signal: Literal["traces", "logs"] = "traces") -> Batch:
    """The spans or log records of an export request in protobuf; raises `RecordError` where it is none."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415
    from google.protobuf.message import DecodeError  # noqa: PLC0415
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: PLC0415
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: PLC0415

    message = ExportTraceServiceRequest() if signal == "traces" else ExportLogsServiceRequest()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise RecordError(
            f"not an OTLP {signal} request: {error}", cure="send an export request", reason="malformed protobuf"
        ) from None
    return decode_object(MessageToDict(message, use_integers_for_enums=True))


def encode_line(spans: Sequence[Span]) -> bytes:
    """The spans as one export request on a line, by resource; times to the microsecond. `decode_object` gives them back."""
    groups: dict[str, tuple[Mapping[str, Any], list[dict[str, Any]]]] = {}
    for span in spans:
        groups.setdefault(canonical(span.resource), (span.resource, []))[1].append(_encoded(span))
    return otlp_json.line(otlp_json.request(groups.values()))


def _encoded(span: Span) -> dict[str, Any]:
    return otlp_json.span(
        (span.trace_id, span.span_id, span.parent_id),
        span.name,
        span.kind,
        (_nanoseconds(span.started_at), _nanoseconds(span.ended_at)),
        (span.status, span.status_message),
        span.attributes,
        [
            otlp_json.event(
                str(event.get("name", "")),
                _nanoseconds(datetime.fromisoformat(event["at"])) if event.get("at") else None,
                event.get("attributes") or {},
            )
            for event in span.events
        ],
    )


def _nanoseconds(time: datetime | None) -> int | None:
    return None if time is None else (time - _EPOCH) // _MICROSECOND * 1000


def _scopes(message: Mapping[str, Any], signal: str, scoped: str) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    for group in _list(message, signal):
        resource = group.get("resource")
        attributes = _attributes(resource, "resource") if isinstance(resource, Mapping) else {}
        for scope in _list(group, scoped) or _list(group, "instrumentationLibrarySpans"):
            yield attributes, scope


def _span(item: Mapping[str, Any], resource: dict[str, Any]) -> Span:
    status = item.get("status") or {}
    if not isinstance(status, Mapping):
        raise RecordError(f"a span's status is {shown(status)}", cure="give an object, or leave it out")
    return Span(
        trace_id=_needed_id(item, "traceId"),
        span_id=_needed_id(item, "spanId"),
        name=_text(item.get("name")),
        parent_id=_id(item, "parentSpanId"),
        kind=_KINDS.get(_enum(item.get("kind"), "SPAN_KIND_", otlp_json.KINDS), "internal"),
        started_at=_time(item, "startTimeUnixNano"),
        ended_at=_time(item, "endTimeUnixNano"),
        status=_STATUS.get(_enum(status.get("code"), "STATUS_CODE_", otlp_json.STATUS_CODES), "unset"),
        status_message=_text(status.get("message")),
        attributes=_attributes(item, "span"),
        events=tuple(_span_event(event) for event in _list(item, "events")),
        resource=resource,
    )


def _span_event(item: Mapping[str, Any]) -> dict[str, Any]:
    at = _time(item, "timeUnixNano")
    return {
        "name": _text(item.get("name")),
        "at": None if at is None else at.isoformat(),
        "attributes": _attributes(item, "event"),
    }


def _event(item: Mapping[str, Any], resource: dict[str, Any]) -> SpanEvent:
    attributes = _attributes(item, "log record")
    at = _time(item, "timeUnixNano") or _time(item, "observedTimeUnixNano")
    name = _field(item, "eventName") or attributes.get("event.name")
    event = {
        "name": _text(name),
        "at": None if at is None else at.isoformat(),
        "attributes": attributes,
        "body": _value(item["body"]) if item.get("body") else None,
    }
    return SpanEvent(_id(item, "traceId"), _id(item, "spanId"), event, resource)


def _field(item: Mapping[str, Any], name: str) -> Any:
    """A field by its JSON name or its protobuf name."""
    if name in item:
        return item[name]
    return item.get("".join(f"_{c.lower()}" if c.isupper() else c for c in name))


def _list(item: Mapping[str, Any], name: str) -> list[Any]:
    value = _field(item, name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(inner, Mapping) for inner in value):
        raise RecordError(f"{name} is {shown(value)}", cure="give a list of objects, as OTLP does")
    return value


def _needed_id(item: Mapping[str, Any], name: str) -> str:
    id = _id(item, name)
    if id is None:
        raise RecordError(f"a span has no {name}", cure="export spans with their ids", reason="bad id")
    return id


def _id(item: Mapping[str, Any], name: str) -> str | None:
    """An id as hexadecimal text in lower case; None where it is absent, empty or all zeros."""
    value, size = _field(item, name), _ID_BYTES[name]
    if value is None or value == "":
        return None
    try:
        raw = bytes.fromhex(value) if len(value) == 2 * size else base64.b64decode(value, validate=True)
    except (ValueError, TypeError, binascii.Error):
        raw = b""
    if len(raw) != size:
        raise RecordError(f"{name} is {shown(value)}", cure=f"give {2 * size} hexadecimal digits", reason="bad id")
    return raw.hex() if any(raw) else None


def _time(item: Mapping[str, Any], name: str) -> datetime | None:
    value = _field(item, name)
    if value is None or value in ("", "0", 0):
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(value) // 1000)
    except (ValueError, TypeError, OverflowError):
        raise RecordError(f"{name} is {shown(value)}", cure="give nanoseconds since 1970") from None


def _enum(value: Any, prefix: str, names: Mapping[str, int]) -> int:
    if isinstance(value, str):
        return names.get(value.removeprefix(prefix).lower(), 0)
    return value if isinstance(value, int) else 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _attributes(item: Mapping[str, Any], what: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in _list(item, "attributes"):
        key = pair.get("key")
        if not isinstance(key, str):
            raise RecordError(f"an attribute of a {what} has the key {shown(key)}", cure="give text")
        found[key] = _value(pair.get("value"))
    return found


def _value(value: Any, depth: int = 0) -> Any:
    """An AnyValue as a plain value; one that is none of its kinds is kept as it is."""
    if not isinstance(value, Mapping) or not value:
        return value or None
    if depth > _MAX_DEPTH:
        raise RecordError(f"values are nested more than {_MAX_DEPTH} deep", cure="flatten them", reason="nested too deep")
    kind, held = next(iter(value.items()))
    kind = "".join(kind.split("_")).lower()
    if kind == "arrayvalue":
        return [_value(inner, depth + 1) for inner in _values(held)]
    if kind == "kvlistvalue":
        return {str(pair.get("key")): _value(pair.get("value"), depth + 1) for pair in _values(held) if isinstance(pair, Mapping)}
    if kind == "intvalue":
        return _integer(held)
    if kind == "doublevalue":
        return _double(held)
    return held if kind in ("stringvalue", "boolvalue", "bytesvalue") else dict(value)


def _values(held: Any) -> list[Any]:
    values = held.get("values") if isinstance(held, Mapping) else None
    return values if isinstance(values, list) else []


def _integer(held: Any) -> Any:
    try:
        return int(held)
    except (ValueError, TypeError, OverflowError):
        raise RecordError(f"intValue is {shown(held)}", cure="give a whole number") from None


def _double(held: Any) -> Any:
    """A number; those that JSON lacks are kept as their names."""
    try:
        number = float(held)
    except (ValueError, TypeError, OverflowError):
        raise RecordError(f"doubleValue is {shown(held)}", cure="give a number") from None
    return number if math.isfinite(number) else str(held)
