"""What an import took and what it did not, as it goes on, and how far it has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loopwright.collect.intake import Intake, Rejected, SourceCount
from loopwright.ports import Imported, ImportedFeedback, ImportedParts, Progress, PutSpans

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


@dataclass(slots=True)
class Tally:
    """What was taken and what was not, so far."""

    outcome: Outcome
    taken: int = 0
    unchanged: int = 0
    grown: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    files: dict[str, tuple[int, int]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    parts: Counter[str] = field(default_factory=Counter)
    resumed: tuple[str, ...] = ()
    feedback: int = 0
    unjoined: int = 0
    spans: int = 0
    repeated: int = 0
    _seen: set[int] = field(default_factory=set)

    def give(self, found: ImportedFeedback) -> None:
        """Feedback was taken."""
        self.feedback += 1
        self._add(found.source, 1, 0)

    def take(self, found: Imported) -> None:
        """A trace was taken."""
        self.taken += 1
        self.formats[found.format] += 1
        self._add(found.source, 1, 0)
        self.parts.update(found.others)
        if self.outcome.taken is not None:
            self.outcome.taken(found)

    def take_parts(self, found: ImportedParts) -> None:
        """Spans were taken: a trace counts where the first of it stood."""
        for part in found.parts:
            key = hash(part.trace_id)
            if key in self._seen:
                continue
            self._seen.add(key)
            self.taken += 1
            self.formats[found.format] += 1
            self._add(found.source, 1, 0)
        if found.parts and found.source not in self.parts:
            self.parts[found.source] = 0
        self.parts[found.source] += len(found.parts)

    def put(self, counts: PutSpans) -> None:
        """Spans were written."""
        self.spans += counts.new
        self.repeated += counts.repeated

    def reject(self, rejected: Rejected) -> None:
        """A record was refused."""
        self.reasons[rejected.reason] += 1
        self._add(rejected.source, 0, 1)
        if len(self.rejected) < KEPT_IN_FULL:
            self.rejected.append(rejected)
        if self.outcome.rejected is not None:
            self.outcome.rejected(rejected)

    def intake(self, paths: Sequence[str]) -> Intake:
        """The count."""
        return Intake(
            sources=tuple(paths),
            taken=self.taken,
            unchanged=self.unchanged,
            grown=self.grown,
            formats=tuple(self.formats.most_common()),
            rejected=tuple(self.rejected),
            rejected_count=self.reasons.total(),
            reasons=tuple(self.reasons.most_common()),
            files=tuple(SourceCount(name, taken, rejected, self.parts[name]) for name, (taken, rejected) in self.files.items()),
            conflicts=tuple(self.conflicts),
            feedback=self.feedback,
            unjoined=self.unjoined,
            spans=self.spans,
            repeated=self.repeated,
            resumed=self.resumed,
        )

    def _add(self, source: str, taken: int, rejected: int) -> None:
        before = self.files.get(source, (0, 0))
        self.files[source] = (before[0] + taken, before[1] + rejected)


class Meter:
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
        """So much of a source was read; an offset of 0 says nothing."""
        if not offset:
            return
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
