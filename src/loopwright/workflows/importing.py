"""Files of traces become traces: handed on, or written to the store, with a count of what was taken and what was not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from loopwright.collect.intake import Intake, Rejected, SourceCount, printable, shown
from loopwright.collect.joining import join
from loopwright.collect.trace import Trace
from loopwright.errors import InputError
from loopwright.ports import FeedbackStore, Imported, ImportedFeedback, Progress, TraceReader, TraceStore

T = TypeVar("T")

BATCH = 100
KEPT_IN_FULL = 20
_MEGABYTE = 1_000_000


@dataclass(slots=True)
class Outcome:
    """Where the records of an import go: `taken` is called with each one that was taken, `rejected` with each refusal.

    `empty` says that a record in which nothing was said or done is taken too, and not refused.
    """

    taken: Callable[[Imported], None] | None = None
    rejected: Callable[[Rejected], None] | None = None
    empty: bool = False


async def import_traces(
    reader: TraceReader,
    paths: Sequence[str],
    format: str | None = None,
    *,
    store: Intaking | None = None,
    outcome: Outcome | None = None,
    progress: Progress | None = None,
    hold: bool = False,
) -> Intake:
    """Read all of `paths`, writing to `store` in batches where one is given.

    A bad record is counted and reading goes on; a record whose id the store holds with other content is refused too, and one in
    which nothing was said or done, unless the outcome takes it. Raises `InputError` where a path does not exist, before anything
    is read.

    Feedback that came by itself is joined with its trace. The store does that, and keeps what has no trace yet. Without a store
    it is joined with the traces read after the first of it, which are held until the end, or with all of them where `hold` says
    so. What has no trace is counted in `Intake.unjoined`.
    """
    outcome = outcome or Outcome()
    count = _Count(outcome)
    sources = reader.sources(paths)
    count.files = {name: (0, 0) for name, _ in sources}
    meter = _Meter(progress, sources)
    batch: list[Imported] = []
    given: list[ImportedFeedback] = []
    try:
        for found in reader.read(paths, format):
            meter.at(found.source, found.offset)
            if isinstance(found, Rejected):
                count.reject(found)
            elif isinstance(found, Imported) and not outcome.empty and _is_empty(found.trace):
                count.reject(_nothing_said(found))
            elif isinstance(found, ImportedFeedback):
                given.append(found)
                count.give(found)
            elif store is None and not given and not hold:
                count.take(found)
            else:
                batch.append(found)
            if store is not None and len(batch) >= BATCH:
                _write(batch, store, count)
                batch = []
                await asyncio.sleep(0)
        if store is not None:
            _write(batch, store, count)
            count.unjoined = _keep(given, store)
        else:
            count.unjoined = _join(batch, given, count)
    finally:
        meter.done()
    return count.intake(paths)


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


class Intaking(TraceStore, FeedbackStore, Protocol):
    """What an import writes to."""


@dataclass(slots=True)
class _Count:
    """What was taken and what was not, so far."""

    outcome: Outcome
    taken: int = 0
    unchanged: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    parts: Counter[str] = field(default_factory=Counter)
    feedback: int = 0
    unjoined: int = 0

    def give(self, found: ImportedFeedback) -> None:
        self.feedback += 1
        self._add(found.source, 1, 0)

    def take(self, found: Imported) -> None:
        self.taken += 1
        self.formats[found.format] += 1
        self._add(found.source, 1, 0)
        self.parts.update(found.others)
        if self.outcome.taken is not None:
            self.outcome.taken(found)

    def reject(self, rejected: Rejected) -> None:
        self.reasons[rejected.reason] += 1
        self._add(rejected.source, 0, 1)
        if len(self.rejected) < KEPT_IN_FULL:
            self.rejected.append(rejected)
        if self.outcome.rejected is not None:
            self.outcome.rejected(rejected)

    def intake(self, paths: Sequence[str]) -> Intake:
        return Intake(
            sources=tuple(paths),
            taken=self.taken,
            unchanged=self.unchanged,
            formats=tuple(self.formats.most_common()),
            rejected=tuple(self.rejected),
            rejected_count=self.reasons.total(),
            reasons=tuple(self.reasons.most_common()),
            files=tuple(SourceCount(name, taken, rejected, self.parts[name]) for name, (taken, rejected) in self.files.items()),
            conflicts=tuple(self.conflicts),
            feedback=self.feedback,
            unjoined=self.unjoined,
        )

    def _add(self, source: str, taken: int, rejected: int) -> None:
        before = self.files.get(source, (0, 0))
        self.files[source] = (before[0] + taken, before[1] + rejected)


def _keep(given: Sequence[ImportedFeedback], store: Intaking) -> int:
    """Hand feedback to the store; returns how much of it waits for its trace."""
    if not given:
        return 0
    store.put_feedback([item.given for item in given])
    waiting = {item.feedback_id for item in store.waiting_feedback()}
    return sum(item.given.feedback_id in waiting for item in given)


def _join(held: Sequence[Imported], given: Sequence[ImportedFeedback], count: _Count) -> int:
    """Take the traces that were held, with their feedback; returns how much feedback has no trace among them."""
    traces, left = join([found.trace for found in held], [item.given for item in given])
    for found, trace in zip(held, traces, strict=True):
        count.take(found if trace is found.trace else replace(found, trace=trace))
    return len(left)


def _write(batch: Sequence[Imported], store: Intaking, count: _Count) -> None:
    counts = store.put_traces([found.trace for found in batch])
    count.unchanged += counts.unchanged
    refused = set(counts.conflicts)
    for found in batch:
        if found.trace.trace_id not in refused:
            count.take(found)
            continue
        count.conflicts.append(found.trace.trace_id)
        count.reject(
            Rejected(
                found.source,
                found.line,
                f"the store holds other content under the id {found.trace.trace_id!r}",
                "what is stored is kept; give the record an id of its own",
                "id in the store with other content",
            )
        )


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


class _Meter:
    """Progress in megabytes of the sources, as stored."""

    def __init__(self, progress: Progress | None, sources: Sequence[tuple[str, int | None]]) -> None:
        self._progress = progress
        self._shown = 0
        self._read: dict[str, int] = {}
        self._total = 0
        sizes = [size for _, size in sources]
        known = sum(size for size in sizes if size is not None)
        if progress is not None:
            progress.start("reading traces, MB", None if None in sizes else -(-known // _MEGABYTE))

    def at(self, source: str, offset: int) -> None:
        """So much of a source was read."""
        self._total += offset - self._read.get(source, 0)
        self._read[source] = offset
        megabytes = self._total // _MEGABYTE
        if self._progress is not None and megabytes > self._shown:
            self._progress.advance(megabytes - self._shown)
            self._shown = megabytes

    def done(self) -> None:
        """Reading has ended."""
        if self._progress is not None:
            self._progress.done()
