"""Spans that were kept become normalised traces: those that are complete, and those of which nothing more came for a while."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from loopwright.collect.completing import QUIET
from loopwright.collect.joining import joined
from loopwright.collect.spans import SpanEvent, assemble, attach
from loopwright.collect.trace import Span, Trace
from loopwright.errors import RecordError
from loopwright.ports import Clock, FeedbackStore, PartReader, Progress, SpanStore, TraceFilter, TraceStore

log = logging.getLogger("loopwright")

BATCH = 50
"""So many traces are written in one transaction at most."""

SETTLED_TOGETHER = 200

UNREAD = "loopwright.unread"
"""The attribute of a trace that says why a part of it, or all of it, could not be read; its spans are kept as they came."""


class Keeping(TraceStore, FeedbackStore, SpanStore, Protocol):
    """What keeps spans, the traces that are made of them, and the feedback on these."""


Finish = Callable[[Trace], Trace]
"""What is added to a trace before it is stored: its cost, where none was given."""


@dataclass(frozen=True, slots=True)
class Settling:
    """What it takes to keep spans as they came: the time, how parts are read, and what is added to the traces made of them."""

    clock: Clock
    read_part: PartReader
    finish: Finish | None = None


_BIG = 1_000_000
"""A trace of more bytes is read in a thread, so that whoever else is served meanwhile does not wait for all of it."""


async def settle_some(
    store: SpanStore,
    read_part: PartReader,
    at: datetime,
    limit: int,
    quiet_seconds: float = QUIET.total_seconds(),
    *,
    finish: Finish | None = None,
) -> int:
    """Read at most `limit` traces that are due at the time `at`, oldest first, and write them; returns how many that were.

    Due are those that are complete, and those quiet for so many seconds (see `collect.completing`). Spans that come meanwhile
    leave their trace pending. Other tasks run between two traces. What cannot be read leaves a trace that says so, in its
    attribute `loopwright.unread`: one bad trace stops no other.
    """
    done = 0
    while done < limit:
        due = store.pending(at - timedelta(seconds=quiet_seconds), min(BATCH, limit - done))
        if not due:
            break
        made: dict[str, tuple[Trace, int]] = {}
        for item in due:
            parts = store.spans_of(item.trace_id)
            made[item.trace_id] = (await _read_whole(item.trace_id, parts, read_part, finish), len(parts))
            await asyncio.sleep(0)
        store.settle(made)
        done += len(made)
    return done


async def settle_all(store: SpanStore, settling: Settling, progress: Progress | None = None) -> None:
    """Read every trace that has spans which its normalised form lacks: nothing more of them is waited for."""
    if progress is not None:
        progress.start("putting traces together", store.count_pending())
    at = settling.clock.now() + timedelta(seconds=1)
    while done := await settle_some(store, settling.read_part, at, SETTLED_TOGETHER, 0, finish=settling.finish):
        if progress is not None:
            progress.advance(done)
    if progress is not None:
        progress.done()


def opened(store: Keeping, read_part: PartReader, trace_id: str, finish: Finish | None = None) -> Trace | None:
    """A trace as it is now: its normalised form where that is current, otherwise what its parts tell; None where none came."""
    found = store.trace(trace_id)
    lines = store.find(TraceFilter(trace_id=trace_id), 1)
    if found is not None and (not lines or lines[0].settled):
        return found
    parts = store.spans_of(trace_id)
    if not parts:
        return found
    made = trace_of(trace_id, parts, read_part)
    made = store.with_feedback(made if finish is None else finish(made))
    return made if found is None else joined(made, found.feedback)


def trace_of(trace_id: str, parts: Sequence[bytes], read_part: PartReader) -> Trace:
    """The trace that parts make up, whatever is missing. A part that cannot be read is named in the trace's attributes."""
    spans: list[Span] = []
    events: list[SpanEvent] = []
    unread: list[str] = []
    for data in parts:
        try:
            more_spans, more_events = read_part(data)
        except RecordError as error:
            unread.append(str(error))
            continue
        spans.extend(more_spans)
        events.extend(more_events)
    attached, _ = attach(spans, events)
    found = next((trace for trace in assemble(attached) if trace.trace_id == trace_id), Trace(trace_id))
    if unread:
        found.attributes[UNREAD] = unread
    return found


async def _read_whole(trace_id: str, parts: Sequence[bytes], read_part: PartReader, finish: Finish | None) -> Trace:
    def read() -> Trace:
        try:
            found = trace_of(trace_id, parts, read_part)
            return found if finish is None else finish(found)
        except Exception as error:  # its spans are kept, and it must not hold up all others
            log.exception("trace %s cannot be read; its spans are kept, and it says so", trace_id)
            return Trace(trace_id, attributes={UNREAD: [f"{type(error).__name__}: {error}"]})

    return await asyncio.to_thread(read) if sum(map(len, parts)) > _BIG else read()
