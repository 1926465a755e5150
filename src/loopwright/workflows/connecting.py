"""A service's project becomes traces: incrementally, from where the last time stopped, and none twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from loopwright.collect.intake import Intake, Rejected, SourceCount
from loopwright.collect.joining import GivenFeedback, join
from loopwright.collect.times import moment
from loopwright.collect.trace import Trace
from loopwright.errors import RecordError
from loopwright.ports import Progress, TraceFilter
from loopwright.ports.connecting import Pulled, TraceService
from loopwright.workflows.settling import Keeping, Settling, settle_all, trace_of

KEPT_IN_FULL = 20
DEFAULT_TIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Asked:
    """The time that is asked for. `overlap` is read again, since what began then may have arrived late."""

    now: datetime
    since: datetime | None = None
    until: datetime | None = None
    again: bool = False
    quiet: timedelta = timedelta(minutes=3)
    overlap: timedelta = timedelta(hours=1)


@dataclass(slots=True)
class _Count:
    source: str
    format: str
    refused: Callable[[Rejected], None] | None
    taken: int = 0
    unchanged: int = 0
    spans: int = 0
    repeated: int = 0
    feedback: int = 0
    unjoined: int = 0
    waiting: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)

    def unread(self, pulled: Pulled) -> None:
        for item in pulled.unread:
            rejected = Rejected(self.source, 0, f"{item.id}: {item.problem}", "", item.reason)
            self.reasons[item.reason] += 1
            if len(self.rejected) < KEPT_IN_FULL:
                self.rejected.append(rejected)
            if self.refused is not None:
                self.refused(rejected)

    def intake(self) -> Intake:
        return Intake(
            sources=(self.source,),
            taken=self.taken,
            unchanged=self.unchanged,
            formats=((self.format, self.taken),) if self.taken else (),
            rejected=tuple(self.rejected),
            rejected_count=self.reasons.total(),
            reasons=tuple(self.reasons.most_common()),
            files=(SourceCount(self.source, self.taken + self.feedback, self.reasons.total()),),
            feedback=self.feedback,
            unjoined=self.unjoined,
            spans=self.spans,
            repeated=self.repeated,
        )


@dataclass(frozen=True, slots=True)
class Covered:
    """The time of a project that was read already: from `start` on, and before `end`."""

    start: datetime
    end: datetime


def start_of(span: Asked, covered: Covered | None) -> tuple[datetime, datetime]:
    """Where reading begins, and what then counts as the beginning of what was read.

    What was read is not read again, but for the overlap; unless earlier traces are asked for than ever were, or all of it again.
    """
    wanted = span.since if span.since is not None else covered.start if covered else span.now - DEFAULT_TIME
    if covered is None or span.again or wanted < covered.start or wanted > covered.end:
        return wanted, wanted
    return max(wanted, covered.end - span.overlap), covered.start


async def pull_into(
    store: Keeping,
    service: TraceService,
    span: Asked,
    settling: Settling,
    *,
    refused: Callable[[Rejected], None] | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Read what is new in a project, and write it stretch by stretch, each with the position that it leads to.

    Spans are kept as they came, and only then become traces. A process that is killed goes on at the last stretch that was
    written. A trace that went on since it was taken is read whole, for some of what came may have begun long before.
    """
    covered = read_position(store.cursor(service.name))
    since, began = start_of(span, covered)
    goes_on = covered is not None and began == covered.start and since > began
    until = min(span.until or span.now, span.now - span.quiet)
    count = _Count(service.name, service.name.partition("://")[0], refused)
    _start(progress, since, until)
    try:
        for pulled in service.pull(since, until, span.quiet):
            count.unread(pulled)
            await _write(store, service, pulled, settling, count)
            end = max(pulled.until, covered.end) if covered is not None and goes_on else pulled.until
            store.set_cursor(service.name, position(Covered(began, end)))
            _advance(progress, pulled, since)
            since = max(since, pulled.until)
            await asyncio.sleep(0)
    finally:
        if progress is not None:
            progress.done()
    return count.intake()


async def pull(
    service: TraceService,
    span: Asked,
    settling: Settling,
    taken: Callable[[Trace], None],
    *,
    refused: Callable[[Rejected], None] | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Read a project without a store: all of the time asked for, the traces given at the end, joined with their feedback."""
    since, _ = start_of(span, None)
    until = min(span.until or span.now, span.now - span.quiet)
    count = _Count(service.name, service.name.partition("://")[0], refused)
    held: dict[str, list[bytes]] = {}
    given: list[GivenFeedback] = []
    _start(progress, since, until)
    try:
        for pulled in service.pull(since, until, span.quiet):
            count.unread(pulled)
            again = [more for part in pulled.parts if part.trace_id in held for more in service.whole(part.trace_id)]
            for part in [*pulled.parts, *again]:
                held.setdefault(part.trace_id, []).append(part.data)
            given += pulled.feedback
            _advance(progress, pulled, since)
            since = max(since, pulled.until)
            await asyncio.sleep(0)
    finally:
        if progress is not None:
            progress.done()
    traces = [trace_of(trace_id, parts, settling.read_part) for trace_id, parts in held.items()]
    finished = traces if settling.finish is None else [settling.finish(trace) for trace in traces]
    joined, left = join(finished, {item.feedback_id: item for item in given}.values())
    count.taken, count.feedback, count.unjoined = len(joined), len({item.feedback_id for item in given}), len(left)
    for trace in joined:
        taken(trace)
    return count.intake()


def position(covered: Covered) -> str:
    """What was read, as it is kept."""
    return json.dumps({"from": covered.start.isoformat(), "until": covered.end.isoformat()})


def read_position(text: str | None) -> Covered | None:
    """What was read, as it was kept; None where that cannot be told: then all is read again, and nothing comes twice."""
    try:
        told = json.loads(text) if text else None
        start, end = (moment(told["from"], "from"), moment(told["until"], "until")) if isinstance(told, dict) else (None, None)
    except (ValueError, KeyError, RecordError):
        return None
    return Covered(start, end) if start is not None and end is not None else None


async def _write(store: Keeping, service: TraceService, pulled: Pulled, settling: Settling, count: _Count) -> None:
    counts = store.put_spans(pulled.parts, settling.clock.now())
    fresh = [part.trace_id for part in pulled.parts if not _is_settled(store, part.trace_id)]
    went_on = [trace_id for trace_id in fresh if store.trace(trace_id) is not None]
    store.put_spans([part for trace_id in went_on for part in service.whole(trace_id)], settling.clock.now())
    await settle_all(store, settling)
    count.taken += len(pulled.parts)
    count.unchanged += len(pulled.parts) - len(fresh)
    count.spans += counts.new
    count.repeated += counts.repeated
    if pulled.feedback:
        kept = store.put_feedback(pulled.feedback)
        ids = {item.feedback_id for item in pulled.feedback}
        count.feedback += len(ids)
        count.unjoined += len(ids.intersection(kept.waiting))


def _is_settled(store: Keeping, trace_id: str) -> bool:
    return all(line.settled for line in store.find(TraceFilter(trace_id=trace_id), 1))


def _start(progress: Progress | None, since: datetime, until: datetime) -> None:
    if progress is not None:
        progress.start("reading traces, hours of time", max(1, int((until - since) / timedelta(hours=1))))


def _advance(progress: Progress | None, pulled: Pulled, since: datetime) -> None:
    hours = int((pulled.until - since) / timedelta(hours=1))
    if progress is not None and hours > 0:
        progress.advance(hours)
