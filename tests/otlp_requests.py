"""OTLP requests for tests: small, and as odd as asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def pairs(**values: Any) -> list[KeyValue]:
    """Attributes; two underscores stand for a dot."""
    return [KeyValue(key=key.replace("__", "."), value=_value(value)) for key, value in values.items()]


def span(trace: int = 1, number: int = 1, parent: int | None = None, **attributes: Any) -> Span:
    """A span that took a second."""
    return Span(
        trace_id=trace.to_bytes(16, "big"),
        span_id=number.to_bytes(8, "big"),
        parent_span_id=b"" if parent is None else parent.to_bytes(8, "big"),
        name=f"span {number}",
        start_time_unix_nano=START + number * SECOND,
        end_time_unix_nano=START + (number + 1) * SECOND,
        attributes=pairs(**attributes),
    )


def failed(made: Span, message: str) -> Span:
    """The span, with an error."""
    made.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message=message))
    return made


def traces(spans: Sequence[Span], **resource: Any) -> ExportTraceServiceRequest:
    """A request with one resource and one scope."""
    scope = ScopeSpans(scope=InstrumentationScope(name="test", version="1"), spans=spans, schema_url="https://schema")
    group = ResourceSpans(resource=Resource(attributes=pairs(**resource)), scope_spans=[scope])
    return ExportTraceServiceRequest(resource_spans=[group])


def logs(records: Sequence[LogRecord], **resource: Any) -> ExportLogsServiceRequest:
    """A request of log records."""
    group = ResourceLogs(resource=Resource(attributes=pairs(**resource)), scope_logs=[ScopeLogs(log_records=records)])
    return ExportLogsServiceRequest(resource_logs=[group])


def record(name: str = "", trace: int = 0, number: int = 0, body: str | None = None, **attributes: Any) -> LogRecord:
    """A log record; with a name, an event."""
    return LogRecord(
        event_name=name,
        trace_id=trace.to_bytes(16, "big") if trace else b"",
        span_id=number.to_bytes(8, "big") if number else b"",
        time_unix_nano=START,
        body=None if body is None else AnyValue(string_value=body),
        attributes=pairs(**attributes),
    )


def _value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    return AnyValue(string_value=value)
