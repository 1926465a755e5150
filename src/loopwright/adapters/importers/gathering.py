"""Traces whose spans are spread over many records, put together as the records are read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loopwright.adapters.importers.sources import Source
from loopwright.adapters.otlp.wire import Batch, decode_object
from loopwright.collect.dialects.verdicts import EVALUATION_EVENT, evaluation
from loopwright.collect.intake import Rejected
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.spans import SpanEvent, assemble, attach
from loopwright.collect.trace import Span, Trace
from loopwright.ports import ImportedFeedback

HELD_CHARACTERS = 64 * 1024 * 1024
"""How much text of spans and events is held while the rest of their traces may still come."""

_SPAN_WEIGHT = 512


@dataclass(frozen=True, slots=True)
class Gathered:
    """A trace that was put together, and where its first part stood."""

    trace: Trace
    source: Source
    line: int
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class _Held:
    """The parts of one trace so far."""

    source: Source
    line: int
    spans: list[Span] = field(default_factory=list)
    events: list[tuple[SpanEvent, Source, int]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    weight: int = 0


Found = Gathered | ImportedFeedback | Rejected


class Gathering:
    """The parts of traces, held until all was read.

    More than `limit` characters are not held: then the trace that has not grown for longest is put together with what came of it.
    """

    def __init__(self, limit: int = HELD_CHARACTERS) -> None:
        self._limit = limit
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._weight = 0

    def add(self, record: Mapping[str, Any], source: Source, line: int) -> Iterator[Found]:
        """Take one export request; yields what cannot be held, or is no part of any trace. Raises `RecordError`."""
        batch = decode_object(record)
        for span in batch.spans:
            self._hold(span.trace_id, source, line, span)
        for event in batch.events:
            if event.trace_id is None:
                yield _alone(event, source, line)
            else:
                self._hold(event.trace_id, source, line, event)
        yield from _metrics(batch, source, line)
        while self._weight > self._limit and len(self._held) > 1:
            yield from self._put_together(next(iter(self._held)))

    def finish(self) -> Iterator[Found]:
        """All was read: the traces that are held, in the order in which they began."""
        for trace_id in sorted(self._held, key=lambda id: self._held[id].line):
            yield from self._put_together(trace_id)

    def _hold(self, trace_id: str, source: Source, line: int, part: Span | SpanEvent) -> None:
        held = self._held.setdefault(trace_id, _Held(source, line))
        self._held.move_to_end(trace_id)
        held.names.add(source.name)
        if isinstance(part, Span):
            if not held.spans:
                held.source, held.line = source, line
            held.spans.append(part)
            weight = _weight(part.attributes) + sum(_weight(event.get("attributes") or {}) for event in part.events)
        else:
            held.events.append((part, source, line))
            weight = _weight(part.event["attributes"]) + _weight({"": part.event["body"]})
        held.weight += weight
        self._weight += weight

    def _put_together(self, trace_id: str) -> Iterator[Found]:
        held = self._held.pop(trace_id)
        self._weight -= held.weight
        spans, left = attach(held.spans, (event for event, _, _ in held.events))
        for trace in assemble(spans):
            yield Gathered(trace, held.source, held.line, tuple(sorted(held.names - {held.source.name})))
        places = {id(event): (source, line) for event, source, line in held.events}
        for event in left:
            yield _alone(event, *places[id(event)])


def _alone(event: SpanEvent, source: Source, line: int) -> ImportedFeedback | Rejected:
    """An event whose span did not come: a verdict is feedback on its trace or session, anything else is refused."""
    attributes = event.event["attributes"]
    found = evaluation({**attributes, "event.at": event.event["at"]}) if event.event["name"] == EVALUATION_EVENT else ()
    session = attributes.get("session.id") or attributes.get("gen_ai.conversation.id")
    if found and (event.trace_id or isinstance(session, str)):
        given = GivenFeedback(found, event.trace_id, session if isinstance(session, str) else None, found[0].at)
        return ImportedFeedback(given, source.name, line, source.offset)
    name = event.event["name"] or "a log record"
    return Rejected(
        source.name,
        line,
        f"{name} belongs to no span that was read",
        "import it together with its trace",
        "log record without its span",
        source.offset,
    )


def _metrics(batch: Batch, source: Source, line: int) -> Iterator[Rejected]:
    if batch.metrics:
        yield Rejected(
            source.name, line, f"holds {batch.metrics} metrics, and no trace", "leave metrics out", "metrics", source.offset
        )


def _weight(values: Mapping[str, Any]) -> int:
    """About how many characters: text by its length, anything nested by that of its parts."""
    total = _SPAN_WEIGHT
    waiting: list[Any] = list(values.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            total += len(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        else:
            total += 8
    return total
