"""Files of traces become traces: handed on, or written to the store, with a count of what was taken and what was not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from loopwright.collect.growing import told_already, went_on
from loopwright.collect.intake import Intake, Rejected, printable, shown
from loopwright.collect.joining import GivenFeedback, join, joined, response_ids
from loopwright.collect.trace import Feedback, Trace
from loopwright.errors import InputError
from loopwright.ports import Imported, ImportedFeedback, ImportedParts, Progress, TraceReader
from loopwright.workflows.import_tally import KEPT_IN_FULL, Meter, Outcome, Tally
from loopwright.workflows.settling import Keeping, Settling, opened, settle_all

__all__ = [
    "BATCH", "KEPT_IN_FULL", "Outcome", "Settling", "collect_traces", "import_spans", "import_traces", "refuse", "strictly",
]  # fmt: skip

T = TypeVar("T")

BATCH = 100
"""So many traces or pieces of feedback are written together."""

BATCH_SPANS = 1000
BATCH_BYTES = 4_000_000


async def import_traces(
    reader: TraceReader,
    paths: Sequence[str],
    format: str | None = None,
    *,
    outcome: Outcome | None = None,
    progress: Progress | None = None,
    hold: bool = False,
) -> Intake:
    """Read all of `paths`, handing each trace to `outcome`; nothing is kept.

    A bad record is counted and reading goes on; one in which nothing was said or done is refused too, unless the outcome takes
    it. Raises `InputError` where a path does not exist, before anything is read.

    Feedback that came by itself is joined with the traces read after it, or with all of them where `hold` says so; what is given
    on a session is joined at the end, and only the traces of such sessions are held until then. What has no trace is counted in
    `Intake.unjoined`.
    """
    tally, meter = _begun(reader, paths, outcome, progress)
    sink = _Joined(tally, hold)
    try:
        for found in reader.read(paths, format):
            meter.at(found.source, found.offset)
            if isinstance(found, Rejected):
                tally.reject(found)
            elif isinstance(found, ImportedFeedback):
                tally.give(found)
                sink.give(found)
            elif not tally.outcome.empty and _is_empty(found.trace):
                tally.reject(_nothing_said(found))
            else:
                sink.take(found)
        sink.end()
    finally:
        meter.done()
    return tally.intake(paths)


async def import_spans(
    reader: TraceReader,
    paths: Sequence[str],
    format: str | None = None,
    *,
    store: Keeping,
    settling: Settling,
    outcome: Outcome | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Read all of `paths` into a store, in batches: spans are kept as they came, and only then become traces.

    A bad record is counted and reading goes on; so is one whose id the store holds with other content, and one in which nothing
    was said or done, unless the outcome takes it. Raises `InputError` where a path does not exist, before anything is read. The
    store joins feedback with its trace, and keeps what has no trace yet.

    A conversation that begins with all of what the store holds under its id has gone on since, and takes its place.

    Where an earlier import of the same files was broken off, it goes on behind what was written by then: the position in each
    file is kept with the store, until all files were read.
    """
    tally, meter = _begun(reader, paths, outcome, progress)
    marks = {name: mark for name in tally.files if (mark := reader.mark(name)) is not None}
    after = {name: place for name, mark in marks.items() if (place := _position(store.cursor(mark))) > 0}
    tally.resumed = tuple(after)
    sink = _Stored(tally, store, settling, marks)
    try:
        for found in reader.read_parts(paths, format, after):
            meter.at(found.source, found.offset)
            if isinstance(found, Rejected):
                tally.reject(found)
                continue
            if isinstance(found, Imported) and not tally.outcome.empty and _is_empty(found.trace):
                tally.reject(_nothing_said(found))
                continue
            sink.at(found.source, found.record)
            if isinstance(found, ImportedFeedback):
                tally.give(found)
                sink.give(found)
            elif isinstance(found, ImportedParts):
                sink.take_parts(found)
            else:
                sink.take(found)
            if sink.full:
                sink.flush()
                await asyncio.sleep(0)
        sink.end()
    finally:
        meter.done()
    if sink.wrote_spans or after:
        await settle_all(store, settling, progress)
    for mark in marks.values():
        store.set_cursor(mark, "")
    return tally.intake(paths)


async def collect_traces(
    reader: TraceReader,
    paths: Sequence[str],
    format: str | None = None,
    *,
    strict: bool = False,
    progress: Progress | None = None,
) -> tuple[list[Trace], Intake]:
    """The traces of `paths`, in order, those in which nothing was said too, and the count of what was taken.

    With `strict`, the first record that cannot be taken raises `InputError` naming its file, line, value and cure.
    """
    traces: list[Trace] = []
    outcome = Outcome(lambda found: traces.append(found.trace), refuse if strict else None, empty=True)
    intake = await import_traces(reader, paths, format, outcome=outcome, progress=progress, hold=True)
    return traces, intake


def strictly(found: Iterable[T | Rejected]) -> Iterator[T]:
    """What was read, up to the first refusal, which is raised as `InputError`."""
    for item in found:
        if isinstance(item, Rejected):
            refuse(item)
        else:
            yield item


def refuse(rejected: Rejected) -> None:
    """Raise a refusal as the `InputError` that ends a command which takes all or nothing."""
    raise InputError(rejected.problem, source=printable(rejected.source), line=rejected.line, cure=rejected.cure)


class _Stored:
    """What is written to a store, in batches; the position in a file is written after what stands before it."""

    def __init__(self, tally: Tally, store: Keeping, settling: Settling, marks: dict[str, str]) -> None:
        self._tally, self._store, self._settling, self._marks = tally, store, settling, marks
        self._traces: list[Imported] = []
        self._given: list[ImportedFeedback] = []
        self._parts: list[ImportedParts] = []
        self._size = self._count = 0
        self._place = ("", 0)
        self._feedback_ids: set[str] = set()
        self.wrote_spans = False

    @property
    def full(self) -> bool:
        """Whether it is time to write."""
        return len(self._traces) >= BATCH or len(self._given) >= BATCH or self._count >= BATCH_SPANS or self._size >= BATCH_BYTES

    def at(self, source: str, record: int) -> None:
        """What comes next stands in this record of a source: all before it was handed over."""
        if source != self._place[0] and self._place[0]:
            self.flush()
            self._mark(self._place[1])
        self._place = (source, record or self._place[1] + 1)

    def take(self, found: Imported) -> None:
        """A trace; of one whose id came before in this import, only what went on since."""
        if found.again is None:
            self._traces.append(found)
            return
        self.flush()
        if self._went_on(found.trace, longer=True):
            self._tally.grown += 1
            self._tally.take(found)
        else:
            self._tally.reject(found.again)

    def give(self, found: ImportedFeedback) -> None:
        """Feedback."""
        self._given.append(found)

    def take_parts(self, found: ImportedParts) -> None:
        """Spans."""
        self._parts.append(found)
        self._count += sum(len(part.spans) for part in found.parts)
        self._size += sum(len(part.data) for part in found.parts)

    def flush(self) -> None:
        """Write all that is held, and then where reading goes on: at the record that came last, which may go on itself."""
        if self._parts:
            parts = [part for found in self._parts for part in found.parts]
            self._tally.put(self._store.put_spans(parts, self._settling.clock.now()))
            for found in self._parts:
                self._tally.take_parts(found)
            self._parts, self._size, self._count, self.wrote_spans = [], 0, 0, True
        if self._traces:
            self._write_traces()
        if self._given:
            given = [found.given for found in self._given]
            self._store.put_feedback(given)
            self._feedback_ids.update(item.feedback_id for item in given)
            self._given = []
        self._mark(self._place[1] - 1)

    def end(self) -> None:
        """All was read."""
        self.flush()
        self._mark(self._place[1])
        if self._feedback_ids:
            waiting = {item.feedback_id for item in self._store.waiting_feedback()}
            self._tally.unjoined = len(self._feedback_ids & waiting)

    def _mark(self, record: int) -> None:
        mark = self._marks.get(self._place[0])
        if mark is not None and record > 0:
            self._store.set_cursor(mark, str(record))

    def _write_traces(self) -> None:
        batch, self._traces = self._traces, []
        counts = self._store.put_traces([found.trace for found in batch])
        self._tally.unchanged += counts.unchanged
        refused = set(counts.conflicts)
        for found in batch:
            if found.trace.trace_id in refused and self._is_known(found.trace):
                refused.remove(found.trace.trace_id)
                self._tally.unchanged += 1
            elif found.trace.trace_id in refused and self._went_on(found.trace):
                refused.remove(found.trace.trace_id)
                self._tally.grown += 1
            if found.trace.trace_id not in refused:
                self._tally.take(found)
                continue
            self._tally.conflicts.append(found.trace.trace_id)
            self._tally.reject(
                Rejected(
                    found.source,
                    found.line,
                    f"the store holds other content under the id {found.trace.trace_id!r}",
                    "what is stored is kept; give the record an id of its own",
                    "id in the store with other content",
                )
            )

    def _is_known(self, trace: Trace) -> bool:
        """Whether what the store holds of this trace, settled or not, tells what it tells."""
        held = opened(self._store, self._settling.read_part, trace.trace_id, self._settling.finish)
        return held is not None and told_already(held, trace)

    def _went_on(self, trace: Trace, longer: bool = False) -> bool:
        """Put a conversation that went on in the place of what the store holds of it, with what was said of that.

        With `longer`, only one in which more was said. A trace made of spans is what its spans tell.
        """
        if self._store.spans_of(trace.trace_id):
            return False
        held = self._store.trace(trace.trace_id)
        if held is None or not went_on(held, trace) or (longer and len(trace.messages) == len(held.messages)):
            return False
        self._store.settle({trace.trace_id: (joined(trace, held.feedback), 0)})
        return True


class _Joined:
    """Traces that are handed on with the feedback given on them before; with `hold`, all are held until the end."""

    def __init__(self, tally: Tally, hold: bool) -> None:
        self._tally, self._hold = tally, hold
        self._held: list[Imported] = []
        self._on_session: list[GivenFeedback] = []
        self._sessions: set[str | None] = set()
        self._by_name: dict[tuple[str, str], list[GivenFeedback]] = {}

    def give(self, found: ImportedFeedback) -> None:
        """Feedback."""
        given = found.given
        named = [(name, id) for name in ("trace_id", "span_id", "response_id") if (id := getattr(given, name)) is not None]
        if named and not self._hold:
            self._by_name.setdefault(named[0], []).append(given)
        else:
            self._on_session.append(given)
            self._sessions.add(given.session_id)

    def take(self, found: Imported) -> None:
        """A trace."""
        verdicts = self._verdicts(found.trace) if self._by_name else []
        made = replace(found, trace=joined(found.trace, verdicts)) if verdicts else found
        if self._hold or (found.trace.session_id is not None and found.trace.session_id in self._sessions):
            self._held.append(made)
        else:
            self._tally.take(made)

    def end(self) -> None:
        """All was read: the traces that were held are handed on."""
        traces, left = join([found.trace for found in self._held], self._on_session)
        for found, trace in zip(self._held, traces, strict=True):
            self._tally.take(found if trace is found.trace else replace(found, trace=trace))
        self._tally.unjoined = len(left) + sum(map(len, self._by_name.values()))

    def _verdicts(self, trace: Trace) -> list[Feedback]:
        names = [("trace_id", trace.trace_id)]
        names += [("span_id", step.span_id) for step in trace.steps] + [("response_id", id) for id in response_ids(trace)]
        given = [item for name in names for item in self._by_name.pop(name, ())]
        return [verdict for item in given for verdict in item.verdicts]


def _begun(reader: TraceReader, paths: Sequence[str], outcome: Outcome | None, progress: Progress | None) -> tuple[Tally, Meter]:
    sources = reader.sources(paths)
    return Tally(outcome or Outcome(), files={name: (0, 0) for name, _ in sources}), Meter(progress, sources)


def _position(cursor: str | None) -> int:
    return int(cursor) if cursor and cursor.isdecimal() else 0


def _is_empty(trace: Trace) -> bool:
    return not (trace.messages or trace.steps or trace.feedback) and trace.error is None


def _nothing_said(found: Imported) -> Rejected:
    return Rejected(
        found.source,
        found.line,
        f"{shown(found.trace.trace_id)} has no messages: nothing was said in it",
        'give the conversation in "messages", or leave the record out',
        "no messages",
    )
