"""Traces whose spans are spread over many records, put together once all was read. What is too much to hold goes to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from loopwright.adapters.importers.spool import Spool
from loopwright.adapters.otlp.reading import read_part
from loopwright.collect.intake import Rejected
from loopwright.collect.spans import SpanEvent, assemble, attach
from loopwright.collect.trace import Span, Trace
from loopwright.ports import Imported, ImportedParts

HELD_BYTES = 64 * 1024 * 1024
"""How much of spans is held in memory while the rest of their traces may still come."""


@dataclass(slots=True)
class _Place:
    """Where the first part of a trace stood, and which other sources hold parts of it."""

    source: str
    line: int
    format: str
    others: set[str] = field(default_factory=set)


class Gathering:
    """The parts of traces, until all was read."""

    def __init__(self, limit: int = HELD_BYTES, finish: Callable[[Trace], Trace] | None = None) -> None:
        self._spool = Spool(limit)
        self._places: dict[str, _Place] = {}
        self._finish = finish

    def add(self, found: ImportedParts) -> None:
        """Take parts."""
        for part in found.parts:
            place = self._places.setdefault(part.trace_id, _Place(found.source, found.line, found.format))
            if found.source != place.source:
                place.others.add(found.source)
            self._spool.add(part.trace_id, part.data)

    def finish(self) -> Iterator[Imported | Rejected]:
        """The traces, in the order in which they began; events of spans that did not come are refused."""
        try:
            for trace_id in self._spool:
                yield from self._put_together(trace_id)
        finally:
            self._spool.close()

    def _put_together(self, trace_id: str) -> Iterator[Imported | Rejected]:
        place = self._places[trace_id]
        spans: list[Span] = []
        events: list[SpanEvent] = []
        for data in self._spool.pieces(trace_id):
            more_spans, more_events = read_part(data)
            spans.extend(more_spans)
            events.extend(more_events)
        attached, left = attach(spans, events)
        for trace in assemble(attached):
            made = trace if self._finish is None else self._finish(trace)
            yield Imported(made, place.source, place.line, place.format, others=tuple(sorted(place.others)))
        for event in left:
            yield _alone(event, place)


def _alone(event: SpanEvent, place: _Place) -> Rejected:
    name = event.event["name"] or "a log record"
    problem = f"{name} belongs to no span that was read"
    return Rejected(place.source, place.line, problem, "import it together with its trace", "log record without its span")
