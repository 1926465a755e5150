"""Where an agent's traces go: a thin layer on the OpenTelemetry SDK, and no tracer of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from loopwright.agent import guarding
from loopwright.agent.outbox import authorization
from loopwright.agent.trace_file import TraceFile
from loopwright.agent.tracing import current_session_id
from loopwright.errors import UsageError
from loopwright.guards.harness import Harness
from loopwright.guards.harness_file import load_harness, load_sound

DELAY_MS = 1000
"""A finished span is written at most this much later: what a killed process can lose."""

QUEUE = 16_384
OTHERS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""What tells OpenTelemetry's own exporters where to send. It may be a service that is to get no copy, and is not read here."""

log = logging.getLogger("loopwright")
URL_SCHEMES = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Instrumentation:
    """What `instrument` set up: the provider that spans come from, where they go, and the harness that tools run under."""

    provider: TracerProvider
    to: str
    harness: Harness
    processor: SpanProcessor
    token: str | None = field(default=None, repr=False)

    def flush(self, timeout_s: float = 30.0) -> bool:
        """Write all finished spans now; False where that did not succeed in time. At the end of the process it is done anyway."""
        return self.processor.force_flush(int(timeout_s * 1000))


_made: dict[tuple[int, str], Instrumentation] = {}
_lock = Lock()


def instrument(
    service: str,
    version: str | None = None,
    *,
    to: str | os.PathLike[str] | None = None,
    token: str | None = None,
    harness: Harness | str | os.PathLike[str] | None = None,
    resource: dict[str, Any] | None = None,
) -> Instrumentation:
    """Send the spans of this process to a file, or to an OTLP endpoint, under the name and version of the agent.

        loopwright.instrument("returns-desk", "v12")

    `to` is the URL of an OTLP/HTTP endpoint, such as that of `loopwright serve`, or a file that lines of OTLP JSON are appended
    to, for `loopwright import`; by default what LOOPWRIGHT_ENDPOINT says, else `traces.jsonl`. `token` is that of a key that may
    write there, by default LOOPWRIGHT_TOKEN. An endpoint that cannot be reached never stops the agent: spans are tried again, and
    those given up are logged.

    A `TracerProvider` that the process has already is used, and what it sends elsewhere goes on; otherwise one is made and
    becomes the global one, so that the instrumentation of any framework writes here too. A second call for the same place
    changes nothing. Spans are written within a second, and at the end of the process.

    `harness` is what tools decorated with `tracing.tool`, or wrapped for a framework, run under: a `Harness`, or a file; by
    default the nearest `harness.toml`, or the file that LOOPWRIGHT_HARNESS names. Of that one, a table that cannot be taken is
    left out, logged as an error and told on spans (see `load_sound`); a file given here is refused instead.

    Raises `UsageError` where the OTLP exporter is not installed and `SettingError` for a `harness` that cannot be taken.
    """
    if not service.strip():
        raise UsageError('the service has no name; give one, such as instrument("returns-desk")')
    guards = harness if isinstance(harness, Harness) else load_sound() if harness is None else load_harness(harness)
    named = {"service.name": service, **({} if version is None else {"service.version": version}), **(resource or {})}
    with _lock:
        provider = _provider(named)
        place = _place(to if to is not None else environment_endpoint() or _file_by_default())
        token = token or environment_token()
        known = _made.get((id(provider), place))
        if known is None:
            processor = BatchSpanProcessor(_exporter(place, named, token), max_queue_size=QUEUE, schedule_delay_millis=DELAY_MS)
            provider.add_span_processor(_SessionStamp())
            provider.add_span_processor(processor)
            known = _made[id(provider), place] = Instrumentation(provider, place, guards, processor, token)
    guarding.use(guards)
    global _last  # noqa: PLW0603 (one process, one agent: where feedback goes by default)
    _last = known
    return known


_last: Instrumentation | None = None


class _SessionStamp(SpanProcessor):
    """Writes the session that `tracing.session` names on every span, whichever instrumentation began it.

    On the first span of a trace it writes, too, which guards do not run.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        named = current_session_id()
        told = span.attributes or {}
        if named is not None and "session.id" not in told:
            span.set_attribute("session.id", named)
        if named is not None and told.get("gen_ai.conversation.id", named) != named:
            span.set_attribute("gen_ai.conversation.id", named)  # a framework makes one up where it is not given any
        if span.parent is None:
            guarding.tell_faults(span)


class _Named(SpanExporter):
    """Sends spans under the agent's name and version, whatever provider they come from."""

    def __init__(self, exporter: SpanExporter, resource: Resource) -> None:
        self._exporter = exporter
        self._resource = resource

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([self._named(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def _named(self, span: ReadableSpan) -> ReadableSpan:
        told = span.resource.attributes
        if all(told.get(key) == value for key, value in self._resource.attributes.items()):
            return span
        named = copy(span)
        named._resource = span.resource.merge(self._resource)  # no constructor takes all that a span holds
        return named


def destination() -> tuple[str | None, str | None]:
    """Where the last call of `instrument` sends spans, and with which token; None where there was none."""
    return (None, None) if _last is None else (_last.to, _last.token)


def environment_endpoint() -> str | None:
    """Where the environment says that traces and feedback go: LOOPWRIGHT_ENDPOINT."""
    return os.environ.get("LOOPWRIGHT_ENDPOINT") or None


def environment_token() -> str | None:
    """The token that goes with it: LOOPWRIGHT_TOKEN."""
    return os.environ.get("LOOPWRIGHT_TOKEN") or None


def _file_by_default() -> str:
    other = next((name for name in OTHERS if os.environ.get(name)), None)
    if other is not None and not _made:
        log.warning("%s is not where instrument sends: spans go to traces.jsonl; set LOOPWRIGHT_ENDPOINT to send them", other)
    return "traces.jsonl"


def is_url(to: str) -> bool:
    """Whether a destination is an endpoint, and not a file."""
    return to.lower().startswith(URL_SCHEMES)


def _provider(resource: dict[str, Any]) -> TracerProvider:
    """The process's provider, or a new one that becomes it. No attribute is dropped: a long history takes hundreds."""
    current = trace.get_tracer_provider()
    if isinstance(current, TracerProvider):
        return current
    unlimited = SpanLimits(max_span_attributes=SpanLimits.UNSET, max_events=SpanLimits.UNSET)
    made = TracerProvider(resource=Resource.create(resource), span_limits=unlimited)
    trace.set_tracer_provider(made)
    return made


def _place(to: str | os.PathLike[str]) -> str:
    text = os.fspath(to)
    return text.rstrip("/") if is_url(text) else os.path.abspath(text)  # noqa: PTH100 (a path as text)


def _exporter(place: str, resource: dict[str, Any], token: str | None) -> SpanExporter:
    if not is_url(place):
        return TraceFile(place, resource)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            f"sending spans to {place} needs the OTLP exporter; pip install opentelemetry-exporter-otlp-proto-http"
        ) from None
    endpoint = place if place.endswith("/v1/traces") else f"{place}/v1/traces"
    return _Named(OTLPSpanExporter(endpoint=endpoint, headers=dict(authorization(token)) or None), Resource(resource))
