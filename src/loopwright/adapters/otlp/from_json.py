"""OTLP in JSON becomes its protobuf messages, one by one, so that a bad one is refused by itself.

Names are in camel case, or as in the protobuf files; ids are hexadecimal or base64; whole numbers may be text; enumerations are
numbers or names. Fields that OTLP does not have are passed over, as it says.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from loopwright.agent import otlp_json
from loopwright.collect.intake import shown
from loopwright.errors import RecordError

Message = TypeVar("Message")

_MAX_DEPTH = 24
"""Of values within values: each takes three messages, and protobuf reads a hundred of these within each other."""


def span_message(item: Mapping[str, Any]) -> Span:
    """A span; raises `RecordError` naming what is wrong with it."""
    status = item.get("status")
    return _made(
        Span,
        trace_id=_id(item, "traceId", 16),
        span_id=_id(item, "spanId", 8),
        parent_span_id=_id(item, "parentSpanId", 8),
        trace_state=_text(_field(item, "traceState"), "traceState"),
        flags=_whole(item, "flags", 32),
        name=_text(item.get("name"), "name"),
        kind=_enum(item.get("kind"), "SPAN_KIND_", otlp_json.KINDS),
        start_time_unix_nano=_whole(item, "startTimeUnixNano"),
        end_time_unix_nano=_whole(item, "endTimeUnixNano"),
        attributes=_attributes(item),
        dropped_attributes_count=_whole(item, "droppedAttributesCount", 32),
        events=[_event(event) for event in objects(item, "events")],
        dropped_events_count=_whole(item, "droppedEventsCount", 32),
        links=[_link(link) for link in objects(item, "links")],
        dropped_links_count=_whole(item, "droppedLinksCount", 32),
        status=None if status is None else _status(status),
    )


def record_message(item: Mapping[str, Any]) -> LogRecord:
    """A log record; raises `RecordError` naming what is wrong with it."""
    body = item.get("body")
    return _made(
        LogRecord,
        time_unix_nano=_whole(item, "timeUnixNano"),
        observed_time_unix_nano=_whole(item, "observedTimeUnixNano"),
        severity_number=_enum(_field(item, "severityNumber"), "SEVERITY_NUMBER_", {}),
        severity_text=_text(_field(item, "severityText"), "severityText"),
        body=None if body is None else _value(body),
        attributes=_attributes(item),
        dropped_attributes_count=_whole(item, "droppedAttributesCount", 32),
        flags=_whole(item, "flags", 32),
        trace_id=_id(item, "traceId", 16),
        span_id=_id(item, "spanId", 8),
        event_name=_text(_field(item, "eventName"), "eventName"),
    )


def resource_message(item: Any) -> Resource:
    """A resource; raises `RecordError` naming what is wrong with it."""
    item = _mapping(item, "a resource")
    return _made(Resource, attributes=_attributes(item), dropped_attributes_count=_whole(item, "droppedAttributesCount", 32))


def scope_message(item: Any) -> InstrumentationScope:
    """An instrumentation scope; raises `RecordError` naming what is wrong with it."""
    item = _mapping(item, "a scope")
    return _made(
        InstrumentationScope,
        name=_text(item.get("name"), "name"),
        version=_text(item.get("version"), "version"),
        attributes=_attributes(item),
        dropped_attributes_count=_whole(item, "droppedAttributesCount", 32),
    )


def objects(item: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """The objects in a list of this name, which may be absent; raises `RecordError` for anything else."""
    value = _field(item, name)
    if value is None:
        return
    if not isinstance(value, list):
        raise RecordError(f"{name} is {shown(value)}", cure="give a list of objects, as OTLP does")
    for inner in value:
        yield _mapping(inner, f"one of {name}")


def schema_url(item: Mapping[str, Any]) -> str:
    """The URL of the schema that a group follows, as text, empty where there is none."""
    return _text(_field(item, "schemaUrl"), "schemaUrl")


def _made(message: type[Message], /, **values: Any) -> Message:
    """The message; what does not fit into it is no bug but a bad record."""
    try:
        return message(**values)
    except (ValueError, TypeError) as error:
        raise RecordError(f"a {message.__name__} cannot be made: {' '.join(str(error).split())[:200]}") from None


def _event(item: Mapping[str, Any]) -> Any:
    return _made(
        Span.Event,
        time_unix_nano=_whole(item, "timeUnixNano"),
        name=_text(item.get("name"), "name"),
        attributes=_attributes(item),
        dropped_attributes_count=_whole(item, "droppedAttributesCount", 32),
    )


def _link(item: Mapping[str, Any]) -> Any:
    return _made(
        Span.Link,
        trace_id=_id(item, "traceId", 16),
        span_id=_id(item, "spanId", 8),
        trace_state=_text(_field(item, "traceState"), "traceState"),
        attributes=_attributes(item),
        dropped_attributes_count=_whole(item, "droppedAttributesCount", 32),
        flags=_whole(item, "flags", 32),
    )


def _status(item: Any) -> Any:
    item = _mapping(item, "a status")
    code = _enum(item.get("code"), "STATUS_CODE_", otlp_json.STATUS_CODES)
    return _made(Status, code=code, message=_text(item.get("message"), "message"))


def _mapping(item: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(item, Mapping):
        raise RecordError(f"{what} is {shown(item)}", cure="give an object, as OTLP does")
    return item


def _field(item: Mapping[str, Any], name: str) -> Any:
    """A field by its JSON name or its protobuf name."""
    if name in item:
        return item[name]
    return item.get("".join(f"_{c.lower()}" if c.isupper() else c for c in name))


def _id(item: Mapping[str, Any], name: str, size: int) -> bytes:
    """An id; empty where it is absent."""
    value = _field(item, name)
    if value is None or value == "":
        return b""
    try:
        raw = bytes.fromhex(value) if len(value) == 2 * size else base64.b64decode(value, validate=True)
    except (ValueError, TypeError, binascii.Error):
        raw = b""
    if len(raw) != size:
        raise RecordError(f"{name} is {shown(value)}", cure=f"give {2 * size} hexadecimal digits", reason="bad id")
    return raw


def _whole(item: Mapping[str, Any], name: str, bits: int = 64) -> int:
    value = _field(item, name)
    if value is None or value == "":
        return 0
    try:
        number = int(value)
    except (ValueError, TypeError, OverflowError):
        number = -1
    if isinstance(value, bool) or not 0 <= number < 2**bits:
        raise RecordError(f"{name} is {shown(value)}", cure="give a whole number")
    return number


def _enum(value: Any, prefix: str, names: Mapping[str, int]) -> int:
    if isinstance(value, str):
        return int(value) if value.isdecimal() and len(value) < 4 else names.get(value.removeprefix(prefix).lower(), 0)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise RecordError(f"{name} is {shown(value)}", cure="give text")


def _attributes(item: Mapping[str, Any], depth: int = 0) -> list[KeyValue]:
    return [_pair(pair, depth) for pair in objects(item, "attributes")]


def _pair(pair: Mapping[str, Any], depth: int) -> KeyValue:
    value = pair.get("value")
    return _made(KeyValue, key=_text(pair.get("key"), "key"), value=None if value is None else _value(value, depth))


def _value(value: Any, depth: int = 0) -> AnyValue:
    """An `AnyValue`; one that is none of its kinds is refused."""
    if depth > _MAX_DEPTH:
        raise RecordError(f"values are nested more than {_MAX_DEPTH} deep", cure="flatten them", reason="nested too deep")
    held = _mapping(value, "a value")
    if not held:
        return AnyValue()
    name, inner = next(iter(held.items()))
    kind = "".join(str(name).split("_")).lower()
    if inner is None:
        return AnyValue()
    if kind == "arrayvalue":
        items = [_value(item, depth + 1) for item in objects(_mapping(inner, name), "values")]
        return AnyValue(array_value=ArrayValue(values=items))
    if kind == "kvlistvalue":
        pairs = [_pair(pair, depth + 1) for pair in objects(_mapping(inner, name), "values")]
        return AnyValue(kvlist_value=KeyValueList(values=pairs))
    return _scalar(kind, name, inner)


def _scalar(kind: str, name: str, value: Any) -> AnyValue:
    try:
        if kind == "stringvalue" and isinstance(value, str):
            return AnyValue(string_value=value)
        if kind == "boolvalue" and isinstance(value, bool):
            return AnyValue(bool_value=value)
        if kind == "intvalue" and not isinstance(value, bool):
            return AnyValue(int_value=int(value))
        if kind == "doublevalue" and not isinstance(value, bool):
            return AnyValue(double_value=float(value))
        if kind == "bytesvalue":
            return AnyValue(bytes_value=base64.b64decode(value, validate=True))
    except (ValueError, TypeError, OverflowError, binascii.Error):
        pass
    raise RecordError(f"a value is {shown({name: value})}", cure='give one of OTLP\'s, such as {"stringValue": "text"}')
