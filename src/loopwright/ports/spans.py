"""Spans as they came: kept whole before anything is read out of them, so that nothing is lost that no dialect knows yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loopwright.collect.spans import SpanEvent
    from loopwright.collect.trace import Span, Trace


@dataclass(frozen=True, slots=True)
class SpanPart:
    """Spans of one trace that arrived together, redacted.

    `data` is an OTLP `TracesData` message in protobuf with nothing but these spans, their resource and scope. `spans` are their
    ids, in order, and `digests` of each the first 8 bytes of a digest of its content: a span is a repeat where both are known.
    `parents` are the parent ids that are named and not among `spans`. Times are nanoseconds since 1970, 0 where unknown;
    `root_ended` says that a span without parent is among them and has an end. The rest is what the resource and the outermost
    span tell, None where they do not: later readers fill in more.
    """

    trace_id: str
    spans: tuple[str, ...]
    digests: tuple[bytes, ...]
    data: bytes
    parents: tuple[str, ...] = ()
    root_ended: bool = False
    started_ns: int = 0
    ended_ns: int = 0
    error: bool = False
    name: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    agent: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class PutSpans:
    """What a write of spans did: spans that are new, and spans that were there already with the same content."""

    new: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class PendingTrace:
    """A trace with spans that its normalised form does not hold yet; `arrived` is when the last of them came.

    `complete` says that its root has ended and no named parent is missing; `parts` is how many parts there are.
    """

    trace_id: str
    arrived: datetime
    complete: bool
    parts: int


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One trace in a list: what is known of it without reading it whole. `settled` says that its normalised form is current."""

    trace_id: str
    name: str | None
    session_id: str | None
    user_id: str | None
    agent: str | None
    version: str | None
    started_at: datetime | None
    ended_at: datetime | None
    spans: int
    error: bool
    settled: bool


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Which traces are asked for; None is any. `text` is searched for in inputs and outputs, all of its words, in any order."""

    agent: str | None = None
    version: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    error: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    trace_id: str | None = None


class SpanStore(Protocol):
    """Spans, by trace, beside the normalised traces that are made of them."""

    def put_spans(self, parts: Sequence[SpanPart], at: datetime) -> PutSpans:
        """Write parts in one transaction, on disk when this returns; a part of nothing but repeats is left out."""

    def spans_of(self, trace_id: str) -> list[bytes]:
        """The parts of a trace in the order in which they came, each an OTLP `TracesData`; empty where there is none."""

    def count_spans(self) -> int:
        """How many different spans there are."""

    def pending(self, before: datetime, limit: int) -> list[PendingTrace]:
        """Traces with spans that their normalised form lacks: those complete, and those quiet since `before`; oldest first."""

    def count_pending(self) -> int:
        """How many traces have spans that their normalised form lacks."""

    def settle(self, traces: Mapping[str, tuple[Trace, int]]) -> None:
        """Write the normalised form of pending traces, each with the number of parts that it was made of.

        It takes the place of an earlier form. A trace to which more came meanwhile stays pending. Feedback that waited is joined.
        """

    def find(self, wanted: TraceFilter, limit: int, before: str | None = None) -> list[TraceLine]:
        """The newest traces that fit, newest first, settled or not; `before` is the id after which a page begins."""

    def changed_since(self, mark: int) -> tuple[list[str], int]:
        """The ids of traces whose normalised form came or changed since a mark, and the next mark (0 is the beginning)."""

    def prune(self, before: datetime, dry_run: bool = False) -> int:
        """Remove what began before then and no asset refers to; returns how many traces that is."""

    def cursor(self, source: str) -> str | None:
        """Where reading of a source (a file, a service's project) stopped; None at the beginning."""

    def set_cursor(self, source: str, position: str) -> None:
        """Keep where reading of a source stopped; an empty position forgets it."""

    def all_parts(self) -> Iterator[tuple[str, bytes]]:
        """Every part with its trace's id, in order of arrival."""


class PartReader(Protocol):
    """Reads a part as `SpanStore.spans_of` gives it."""

    def __call__(self, data: bytes) -> tuple[Sequence[Span], Sequence[SpanEvent]]:
        """The spans of a part, and the events that came as log records of them; raises `RecordError` where it cannot be read."""
