"""The OpenTelemetry SDK's spans, and an exporter that keeps them in memory and hands out traces."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Literal

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from loopwright.adapters.otlp.times import iso, moment
from loopwright.collect.spans import assemble
from loopwright.collect.trace import Span, Trace

_STATUS: dict[StatusCode, Literal["unset", "ok", "error"]] = {
    StatusCode.UNSET: "unset",
    StatusCode.OK: "ok",
    StatusCode.ERROR: "error",
}


class SpanMemory(SpanExporter):
    """An exporter that keeps finished spans, for an agent that runs in this process.

        memory = wiring.span_memory()
        tracer = memory.provider("airline", "v1", seed=7).get_tracer("airline")
        ...
        traces = memory.take_traces()

    It may be given to any `TracerProvider`, and be called from several threads.
    """

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []
        self._lock = Lock()

    def provider(
        self, service: str, version: str | None = None, *, seed: int | None = None, resource: Mapping[str, Any] | None = None
    ) -> TracerProvider:
        """A provider of its own, not the global one, that exports here as each span ends. With `seed`, ids repeat."""
        attributes = {"service.name": service, **({} if version is None else {"service.version": version}), **(resource or {})}
        provider = TracerProvider(
            resource=Resource(attributes),
            shutdown_on_exit=False,
            id_generator=None if seed is None else SeededIds(seed),
            span_limits=SpanLimits(max_span_attributes=SpanLimits.UNSET, max_events=SpanLimits.UNSET),
        )
        provider.add_span_processor(SimpleSpanProcessor(self))
        return provider

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep them."""
        with self._lock:
            self._spans.extend(spans)
        return SpanExportResult.SUCCESS

    def spans(self) -> list[Span]:
        """All spans kept, in the order in which they ended."""
        with self._lock:
            kept = list(self._spans)
        return [span_of(span) for span in kept]

    def traces(self) -> list[Trace]:
        """The traces that the spans make up."""
        return assemble(self.spans())

    def take_traces(self) -> list[Trace]:
        """The traces, forgetting their spans: call it once the agent's traces have ended."""
        with self._lock:
            kept, self._spans = self._spans, []
        return assemble(span_of(span) for span in kept)

    def clear(self) -> None:
        """Forget all spans."""
        with self._lock:
            self._spans = []


class SeededIds(IdGenerator):
    """Ids that are the same with the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids, no secrets
        self._lock = Lock()

    def generate_span_id(self) -> int:
        """A span id, not 0."""
        with self._lock:
            return self._random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        """A trace id, not 0."""
        with self._lock:
            return self._random.getrandbits(128) or 1


def span_of(span: ReadableSpan) -> Span:
    """The SDK's span as ours."""
    context = span.get_span_context()
    if context is None:
        raise ValueError(f"the span {span.name!r} has no context")
    return Span(
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        name=span.name,
        parent_id=None if span.parent is None else format_span_id(span.parent.span_id),
        kind=span.kind.name.lower(),
        started_at=moment(span.start_time),
        ended_at=moment(span.end_time),
        status=_STATUS[span.status.status_code],
        status_message=span.status.description or "",
        attributes=_values(span.attributes),
        events=tuple(
            {"name": event.name, "at": iso(event.timestamp), "attributes": _values(event.attributes)} for event in span.events
        ),
        resource=_values(span.resource.attributes),
    )


def _values(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _value(value) for name, value in (attributes or {}).items()}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _values(value)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        return value
    return [_value(item) for item in value]
