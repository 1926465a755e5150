"""The same call made three times and more, with nothing changed in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from loopwright.guards.deduplicate_calls import DeduplicateCalls
from loopwright.guards.outcome import as_text, call_key
from loopwright.improve.patterns.batch import Batch, Recorded
from loopwright.improve.patterns.finding import PatternFinding
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.wording import clip

OFTEN = 3
"""From how many identical calls on it is the pattern: the source's "same tool 3+ times"."""

POLLS = 2
"""In how many traces a tool must have answered the same call differently, unasked, to count as one that is polled."""

POLLED = 0.05
"""In which share of its repeated calls, at least; less is something that changed unseen."""

USUAL = 0.99
"""The share of sound traces whose repeats are let be."""


def detect(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """One finding for each call that was made `OFTEN` times, where it was made last; a weak one where it was made once less."""
    found = _repeated(one, batch, OFTEN)
    yield from found.values()
    yield from (finding for key, finding in _repeated(one, batch, OFTEN - 1).items() if key not in found)


def _repeated(one: Recorded, batch: Batch, often: int) -> dict[str, PatternFinding]:
    """The calls that were made so often, the last of each."""
    guard = DeduplicateCalls(limit=often - 1, block_after=often - 1, fresh_seconds=0.0, writes=tuple(sorted(batch.writes)))
    found: dict[str, PatternFinding] = {}
    for moment, _ in one.acts(guard):
        name, arguments = as_text(moment.event.payload["name"]), moment.event.payload["arguments"]
        key = call_key(name, arguments)
        count = int(found[key].details["count"]) + 1 if key in found else often
        found[key] = PatternFinding(
            ProposalKind.DEDUPLICATE_CALLS,
            one.trace.trace_id,
            moment.index,
            f"{name} {clip(as_text(arguments), 80)}",
            f"{name} was called {count} times with the same arguments, and nothing changed in between",
            0.3 if often < OFTEN else 0.9 if name else 0.4,
            {"tool": name, "count": count},
        )
    return found


def fit(batch: Batch, findings: Sequence[PatternFinding]) -> dict[str, Any]:
    """How often identical calls are made in traces without the pattern is allowed; tools that are polled are exempt."""
    ill = {f.trace_id for f in findings}
    sound = [r for r in batch.recorded if r.trace.trace_id not in ill]
    polled = _polled(sound, batch)
    most = sorted(max(_repeats(r, batch, polled).values(), default=1) for r in sound)
    usual = most[min(len(most) - 1, int(USUAL * len(most)))] if most else 1
    limit = min(max(1, usual), OFTEN - 1)
    change: dict[str, Any] = {"limit": limit, "block_after": limit + 3, "writes": sorted(batch.writes & batch.tools)}
    return change if not polled else {**change, "exempt": sorted(polled)}


def _repeats(one: Recorded, batch: Batch, polled: set[str]) -> Counter[str]:
    """How often each call was made since something changed, at most."""
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for use in one.reading.tools:
        if use.name in polled or use.failure is not None:
            continue
        key = call_key(use.name, use.arguments)
        if use.name in batch.writes:
            now.clear()
        now[key] += 1
        most[key] = max(most[key], now[key])
    return most


def _polled(sound: Sequence[Recorded], batch: Batch) -> set[str]:
    """Tools that gave the same call another result, both times without fail, though nothing was changed in between."""
    traces: Counter[str] = Counter()
    repeated: Counter[str] = Counter()
    differed: Counter[str] = Counter()
    for one in sound:
        last: dict[str, str] = {}
        changed: set[str] = set()
        for use in one.reading.tools:
            if use.name in batch.writes:
                last.clear()
            if use.name in batch.writes or use.failure is not None or use.result is None:
                continue
            key = call_key(use.name, use.arguments)
            repeated[use.name] += key in last
            if last.get(key, use.result) != use.result:
                differed[use.name] += 1
                changed.add(use.name)
            last[key] = use.result
        traces.update(changed)
    return {name for name, count in traces.items() if count >= POLLS and differed[name] >= POLLED * repeated[name]}
