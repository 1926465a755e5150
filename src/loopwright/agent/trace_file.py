"""A file of traces that several processes may append to: one export request a line, written whole or not at all."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import format_span_id, format_trace_id

from loopwright.agent import otlp_json

log = logging.getLogger("loopwright")


class TraceFile(SpanExporter):
    """Appends finished spans to a file as OTLP JSON, a line for each batch.

    `resource` is written over what the spans' own resource says. Lines of several processes do not mix. A line that a crash left
    torn is closed off by the next write, so that `loopwright import` refuses it alone.
    """

    def __init__(self, path: str | os.PathLike[str], resource: Mapping[str, Any] | None = None) -> None:
        self.path = Path(path).absolute()
        self._resource = dict(resource or {})

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write a batch; a failure is logged and reported, never raised into the agent."""
        groups: dict[int, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
        for span in spans:
            resource = {**span.resource.attributes, **self._resource}
            groups.setdefault(id(span.resource), (resource, []))[1].append(_encoded(span))
        try:
            append_line(self.path, otlp_json.line(otlp_json.request(groups.values())))
        except (OSError, ValueError) as error:
            log.warning("%d spans were lost: %s cannot be written: %s", len(spans), self.path, error)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def append_line(path: Path, line: bytes) -> None:
    """Add a line at the end of a file that is made where there is none; raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _writing, path.open("ab+", buffering=0) as file:
        _lock(file.fileno())
        end = file.seek(0, os.SEEK_END)
        torn = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
        left = memoryview(b"\n" + line if torn else line)
        while left:
            left = left[file.write(left) :]


_writing = Lock()
os.register_at_fork(before=_writing.acquire, after_in_parent=_writing.release, after_in_child=_writing.release)


def _lock(descriptor: int) -> None:
    """Wait for other processes that write to the file; closing it lets the next one in."""
    import fcntl  # noqa: PLC0415 (only where there is such a thing)

    fcntl.flock(descriptor, fcntl.LOCK_EX)


def _encoded(span: ReadableSpan) -> dict[str, Any]:
    context = span.get_span_context()
    if context is None:
        raise ValueError(f"the span {span.name!r} has no context")
    return otlp_json.span(
        (
            format_trace_id(context.trace_id),
            format_span_id(context.span_id),
            None if span.parent is None else format_span_id(span.parent.span_id),
        ),
        span.name,
        span.kind.name.lower(),
        (span.start_time, span.end_time),
        (span.status.status_code.name.lower(), span.status.description or ""),
        span.attributes or {},
        [otlp_json.event(event.name, event.timestamp, event.attributes or {}) for event in span.events],
    )
