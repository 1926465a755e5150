"""An export request becomes parts: its spans by trace, redacted, as they are kept.

The request is cut into spans before any of it is parsed, so that a span which cannot be read is refused by itself; what is kept
of a span without anything to redact are the bytes that came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from loopwright.adapters.otlp.events import take_record
from loopwright.adapters.otlp.from_json import (
    objects,
    record_message,
    resource_message,
    schema_url,
    scope_message,
    span_message,
)
from loopwright.adapters.otlp.grouping import Gathering, Head, named
from loopwright.adapters.otlp.protowire import LENGTH, Field, MalformedError, embedded, fields
from loopwright.adapters.otlp.redacting import (
    Redactor,
    may_hold,
    redact_all,
    redact_head,
    redact_record,
    redact_span,
    searched,
    texts_of,
)
from loopwright.errors import RecordError
from loopwright.ports import Split

UNREADABLE = "it cannot be read: malformed protobuf, or text that is not UTF-8"
_IDS = ("trace_id", "span_id")
_TOGETHER = 256 * 1024
"""Bytes of spans that are redacted at a time, about."""
_HEADLESS = "its resource or scope cannot be read"


class PartSplitter:
    """Implements `ports.Splitter`."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._redactor = redactor

    def traces(self, data: bytes) -> Split:
        """An `ExportTraceServiceRequest` in protobuf; raises `RecordError` where it is none."""
        return split_traces(data, self._redactor)

    def logs(self, data: bytes) -> Split:
        """An `ExportLogsServiceRequest` in protobuf; raises `RecordError` where it is none."""
        return split_logs(data, self._redactor)

    def json(self, message: Mapping[str, Any]) -> Split:
        """Either of them in JSON, decoded; raises `RecordError` where it is none."""
        return split_object(message, self._redactor)

    def record(self, record: Any) -> Any:
        """Any JSON value, redacted, but for the ids of traces and spans."""
        if self._redactor is None:
            return record
        if not isinstance(record, Mapping):
            return self._redactor.value(record)
        ids = {name: record[name] for name in _IDS if name in record}
        return {**self._redactor.value({name: value for name, value in record.items() if name not in ids}), **ids}


def split_traces(data: bytes, redactor: Redactor | None = None) -> Split:
    """An `ExportTraceServiceRequest` in protobuf as parts; raises `RecordError` where it is none."""
    gathering, search = Gathering(), searched(redactor, data)
    taking = _Taking(gathering, redactor)
    for resource, scope, item in _items(data, "traces", gathering, redactor):
        try:
            span = Span.FromString(data[item.start : item.end])
        except DecodeError:
            gathering.refuse(UNREADABLE)
            continue
        taking.take(resource, scope, span, None if search(item.start) < item.end else data[item.tag : item.end])
    taking.end()
    return gathering.split()


def split_logs(data: bytes, redactor: Redactor | None = None) -> Split:
    """An `ExportLogsServiceRequest` in protobuf as feedback, and as events of spans; raises `RecordError` where it is none."""
    gathering, search = Gathering(), searched(redactor, data)
    for resource, scope, item in _items(data, "logs", gathering, redactor):
        raw = data[item.start : item.end]
        try:
            record = LogRecord.FromString(raw)
            if redactor is not None and search(item.start) < item.end:
                redact_record(record, redactor)
                raw = record.SerializeToString(deterministic=True)
        except DecodeError:
            gathering.refuse(UNREADABLE)
            continue
        except RecordError as error:
            gathering.refuse(str(error))
            continue
        take_record(gathering, resource, scope, record, raw)
    return gathering.split()


def split_object(message: Mapping[str, Any], redactor: Redactor | None = None) -> Split:
    """Spans and log records of an export request in JSON, as its decoded object; raises `RecordError` where it is none."""
    gathering = Gathering()
    for signal, kind in _SIGNALS.items():
        for resource, scope, item in _objects(message, kind, gathering, redactor):
            try:
                made = span_message(item) if signal == "traces" else record_message(item)
                raw = made.SerializeToString(deterministic=True)
                if redactor is not None and may_hold(redactor, raw):
                    redact_span(made, redactor) if signal == "traces" else redact_record(made, redactor)
                    raw = made.SerializeToString(deterministic=True)
            except RecordError as error:
                gathering.refuse(str(error))
                continue
            if signal == "traces":
                gathering.span(resource, scope, made, embedded(2, raw))
            else:
                take_record(gathering, resource, scope, made, raw)
    return gathering.split()


class _Taking:
    """Takes spans in their order; those that must be looked through are redacted many at a time."""

    def __init__(self, gathering: Gathering, redactor: Redactor | None) -> None:
        self._gathering = gathering
        self._redactor = redactor
        self._waiting: list[tuple[Head, Head, Any, bytes | None]] = []
        self._size = 0

    def take(self, resource: Head, scope: Head, span: Any, raw: bytes | None) -> None:
        """Take a span; `raw` is how it is kept, None where it must be looked through."""
        if raw is not None and not self._waiting:
            self._gathering.span(resource, scope, span, raw)
            return
        self._waiting.append((resource, scope, span, raw))
        self._size += span.ByteSize() if raw is None else 0
        if self._size > _TOGETHER:
            self.end()

    def end(self) -> None:
        """Gather what waits."""
        refused = self._redact([item[2] for item in self._waiting if item[3] is None])
        for resource, scope, span, raw in self._waiting:
            if id(span) not in refused:
                kept = embedded(2, span.SerializeToString(deterministic=True)) if raw is None else raw
                self._gathering.span(resource, scope, span, kept)
        self._waiting.clear()
        self._size = 0

    def _redact(self, spans: list[Any]) -> set[int]:
        """Redact spans, all together, or one by one where that fails; returns the identities of those that cannot be."""
        if self._redactor is None or not spans:
            return set()
        try:
            redact_all([texts_of(span, self._redactor) for span in spans], self._redactor)
        except RecordError:
            return {id(span) for span in spans if not self._redact_one(span)}
        return set()

    def _redact_one(self, span: Any) -> bool:
        assert self._redactor is not None
        try:
            redact_span(span, self._redactor)
        except RecordError as error:
            self._gathering.refuse(str(error))
            return False
        return True


class _Signal(NamedTuple):
    """The messages that hold a group of spans or log records, and their names in JSON."""

    resource: Any
    scope: Any
    groups: str
    scoped: str
    items: str


_SIGNALS = {
    "traces": _Signal(ResourceSpans, ScopeSpans, "resourceSpans", "scopeSpans", "spans"),
    "logs": _Signal(ResourceLogs, ScopeLogs, "resourceLogs", "scopeLogs", "logRecords"),
}


def _items(data: bytes, signal: str, gathering: Gathering, redactor: Redactor | None) -> Iterator[tuple[Head, Head, Field]]:
    """Each span or log record of a request, not parsed, with its resource and scope; those in unreadable ones are refused."""
    kind = _SIGNALS[signal]
    try:
        for group in fields(data):
            if group.number != 1 or group.wire != LENGTH:
                continue
            inside = list(fields(data, group.start, group.end))
            resource = _head(data, inside, kind.resource, redactor)
            for scoped in inside:
                if scoped.number != 2 or scoped.wire != LENGTH:
                    continue
                found = list(fields(data, scoped.start, scoped.end))
                scope = _head(data, found, kind.scope, redactor)
                items = [item for item in found if item.number == 2 and item.wire == LENGTH]
                if resource is None or scope is None:
                    gathering.refuse(_HEADLESS, len(items))
                    continue
                for item in items:
                    yield resource, scope, item
    except MalformedError as error:
        problem = f"not an OTLP {signal} request: {error}"
        raise RecordError(problem, cure="send an export request", reason="malformed protobuf") from None


def _head(data: bytes, inside: list[Field], kind: Any, redactor: Redactor | None) -> Head | None:
    """All that stands beside what is repeated; None where it cannot be read."""
    raw = b"".join(data[item.tag : item.end] for item in inside if item.number != 2)
    try:
        head = kind.FromString(raw)
        if redactor is not None and may_hold(redactor, raw):
            redact_head(head, redactor)
            raw = head.SerializeToString(deterministic=True)
    except (DecodeError, RecordError):
        return None
    return Head(raw, named(head.resource.attributes) if hasattr(head, "resource") else {})


def _objects(
    message: Mapping[str, Any], kind: _Signal, gathering: Gathering, redactor: Redactor | None
) -> Iterator[tuple[Head, Head, Mapping[str, Any]]]:
    """Each span or log record of a request in JSON with its resource and its scope."""
    for group in objects(message, kind.groups):
        resource = _head_object(kind.resource, "resource", group, redactor)
        for scoped in objects(group, kind.scoped):
            scope = _head_object(kind.scope, "scope", scoped, redactor)
            items = list(objects(scoped, kind.items))
            if resource is None or scope is None:
                gathering.refuse(_HEADLESS, len(items))
                continue
            for item in items:
                yield resource, scope, item


def _head_object(kind: Any, field: str, group: Mapping[str, Any], redactor: Redactor | None) -> Head | None:
    try:
        head = kind(schema_url=schema_url(group))
        held = group.get(field)
        if held is not None:
            getattr(head, field).CopyFrom(resource_message(held) if field == "resource" else scope_message(held))
        if redactor is not None and may_hold(redactor, head.SerializeToString()):
            redact_head(head, redactor)
    except (RecordError, ValueError):
        return None
    return Head(head.SerializeToString(deterministic=True), named(head.resource.attributes) if field == "resource" else {})
