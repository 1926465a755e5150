"""Business metric divergence: a metric changes for the worse, and the sessions behind the change become weak evidence.

The source gives this signal low reliability and high stakes. So it starts from a change point of the metric, not from a bad
day; a session counts only if its own value is bad; and the confidence is the share of bad sessions that the change accounts
for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from loopwright.collect.business import BusinessEvent
from loopwright.collect.times import utc
from loopwright.collect.trace import Trace
from loopwright.mine.detector import Context, Detector
from loopwright.mine.signal import FailureSignal, Signal
from loopwright.stats.change_points import MIN_POINTS, Null, change_points
from loopwright.stats.multiplicity import holm
from loopwright.stats.trend import rose

NAME = "metric_divergence"
SEVERITY = 0.7
"""High stakes: severe if true, whatever the confidence."""

MOST_LEVELS = 20

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)

Attributes = Mapping[str, Mapping[str, str]]
"""What sessions are segmented by: by session id, a level for each attribute."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """A metric that got worse at a time.

    `before` and `after` are its means up to the neighbouring changes, `since` the start of the first day (or hour) after the
    change, `until` the start of the day of the next change, None where it lasts. A value is bad where it is worse than
    `before`; `bad_before` and `bad_after` are the shares of bad values. `segment` (attribute, level) is set where the change is
    confined to it, and the shares are then of that segment.
    """

    metric: str
    since: datetime
    until: datetime | None
    before: float
    after: float
    bad_before: float
    bad_after: float
    p_value: float
    lower_is_better: bool = False
    segment: tuple[str, str] | None = None

    @property
    def attributable(self) -> float:
        """The share of bad values after the change that the change accounts for, in 0..1."""
        return max(0.0, 1.0 - self.bad_before / self.bad_after) if self.bad_after > 0 else 0.0

    def is_bad(self, value: float) -> bool:
        """Whether a value is worse than the level before."""
        return value > self.before if self.lower_is_better else value < self.before

    def covers(self, at: datetime) -> bool:
        """Whether the time lies in the degraded period."""
        return self.since <= at and (self.until is None or at < self.until)


def divergences(
    events: Sequence[BusinessEvent],
    attributes: Attributes | None = None,
    *,
    lower_is_better: Collection[str] = (),
    alpha: float = 0.05,
    seed: int = 0,
) -> tuple[Divergence, ...]:
    """The changes for the worse, in order of time; `lower_is_better` names the metrics of which less is better.

    A metric is a series of daily means, or hourly ones where it has fewer than ten days; with fewer than ten hours it is not
    looked at. `alpha` is the chance of any change where nothing changed, over all metrics.
    """
    by_metric: dict[str, list[BusinessEvent]] = defaultdict(list)
    for event in sorted(events, key=lambda e: (utc(e.at), e.session_id)):
        by_metric[event.metric].append(event)
    null = Null(np.random.Generator(np.random.PCG64(seed)))
    found = []
    for metric, some in sorted(by_metric.items()):
        down = metric in lower_is_better
        found += _divergences(some, attributes or {}, down, alpha / len(by_metric), null)
    return tuple(sorted(found, key=lambda d: (d.since, d.metric)))


def diverging(found: Sequence[Divergence], events: Iterable[BusinessEvent], attributes: Attributes | None = None) -> Detector:
    """The detector that gives the sessions behind the divergences their signals; a trace without a session is one by itself."""
    by_session: dict[str, list[Signal]] = defaultdict(list)
    for event in events:
        levels = (attributes or {}).get(event.session_id, {})
        for d in found:
            confined = d.segment is not None and levels.get(d.segment[0]) != d.segment[1]
            if event.metric == d.metric and d.covers(utc(event.at)) and d.is_bad(event.value) and not confined:
                by_session[event.session_id].append(_signal(d, event))

    def detect(trace: Trace, context: Context) -> list[Signal]:
        return by_session.get(trace.session_id or trace.trace_id, [])

    return Detector(NAME, FailureSignal.BUSINESS_METRIC, "a bad outcome of a metric since it changed for the worse", detect)


def segments_of(traces: Iterable[Trace]) -> dict[str, dict[str, str]]:
    """What sessions can be segmented by: agent, version, and short attributes of their traces that are text or true or false."""
    found: dict[str, dict[str, str]] = {}
    for trace in traces:
        levels = found.setdefault(trace.session_id or trace.trace_id, {})
        for name, value in {**trace.attributes, "agent": trace.agent, "version": trace.version}.items():
            if isinstance(value, bool) or (isinstance(value, str) and 0 < len(value) <= 64):
                levels.setdefault(name, str(value))
    return found


def _divergences(
    events: Sequence[BusinessEvent], attributes: Attributes, lower_is_better: bool, alpha: float, null: Null
) -> list[Divergence]:
    days = _means(events, _DAY)
    means = days if len(days) >= MIN_POINTS else _means(events, _HOUR)
    starts = sorted(means)
    changes = change_points([means[start] for start in starts], null, alpha)
    borders = [starts[0], *(starts[c.index] for c in changes), None]
    found = []
    for number, change in enumerate(changes, start=1):
        if (change.size > 0) == lower_is_better:
            before = _within(events, borders[number - 1], borders[number])
            after = _within(events, borders[number], borders[number + 1])
            made = _divergence(before, after, change.p_value, lower_is_better)
            made = replace(made, since=starts[change.index], until=borders[number + 1])
            found.append(_confined(made, before, after, attributes))
    return found


def _within(events: Sequence[BusinessEvent], start: datetime | None, end: datetime | None) -> list[BusinessEvent]:
    return [e for e in events if (start is None or start <= utc(e.at)) and (end is None or utc(e.at) < end)]


def _means(events: Sequence[BusinessEvent], length: timedelta) -> dict[datetime, float]:
    """The mean by period, each under its start."""
    values: dict[datetime, list[float]] = defaultdict(list)
    for event in events:
        start = utc(event.at).replace(minute=0, second=0, microsecond=0)
        values[start.replace(hour=0) if length == _DAY else start].append(event.value)
    return {start: sum(some) / len(some) for start, some in values.items()}


def _divergence(
    before: Sequence[BusinessEvent], after: Sequence[BusinessEvent], p_value: float, lower_is_better: bool
) -> Divergence:
    """The change between two periods, which its caller dates."""
    was, now = (sum(e.value for e in side) / len(side) for side in (before, after))
    made = Divergence(after[0].metric, after[0].at, None, was, now, 0.0, 0.0, p_value, lower_is_better)
    return _with_shares(made, before, after, None)


def _with_shares(
    d: Divergence, before: Sequence[BusinessEvent], after: Sequence[BusinessEvent], segment: tuple[str, str] | None
) -> Divergence:
    return replace(d, bad_before=_bad(d, before) / len(before), bad_after=_bad(d, after) / len(after), segment=segment)


def _bad(d: Divergence, events: Iterable[BusinessEvent]) -> int:
    return sum(d.is_bad(e.value) for e in events)


def _confined(
    d: Divergence, before: Sequence[BusinessEvent], after: Sequence[BusinessEvent], attributes: Attributes, alpha: float = 0.05
) -> Divergence:
    """The divergence confined to the one level of an attribute where bad values rose, where they did so clearly and alone."""
    names = sorted({name for e in (*before, *after) for name in attributes.get(e.session_id, {})})
    candidates = []
    for name in names:
        sides = [_by_level(side, name, attributes) for side in (before, after)]
        shared = sorted(set(sides[0]) & set(sides[1]))
        if 2 <= len(shared) <= MOST_LEVELS:
            candidates += [(name, level, sides[0][level], sides[1][level]) for level in shared]
    p_values = holm([rose(_bad(d, old), len(old), _bad(d, new), len(new)) for _, _, old, new in candidates])
    best: tuple[float, tuple[str, str], list[BusinessEvent], list[BusinessEvent]] | None = None
    for (name, level, old, new), p in zip(candidates, p_values, strict=True):
        others = [[e for e in side if attributes.get(e.session_id, {}).get(name) != level] for side in (before, after)]
        elsewhere = rose(_bad(d, others[0]), len(others[0]), _bad(d, others[1]), len(others[1]))
        if p <= alpha < elsewhere and (best is None or p < best[0]):
            best = (float(p), (name, level), old, new)
    return d if best is None else _with_shares(d, best[2], best[3], best[1])


def _by_level(events: Iterable[BusinessEvent], name: str, attributes: Attributes) -> dict[str, list[BusinessEvent]]:
    found: dict[str, list[BusinessEvent]] = defaultdict(list)
    for event in events:
        level = attributes.get(event.session_id, {}).get(name)
        if level is not None:
            found[level].append(event)
    return found


def _signal(d: Divergence, event: BusinessEvent) -> Signal:
    verb = "rose" if d.after > d.before else "fell"
    where = f" where {d.segment[0]} is {d.segment[1]}" if d.segment is not None else ""
    return Signal(
        FailureSignal.BUSINESS_METRIC,
        NAME,
        SEVERITY,
        d.attributable,
        f"{d.metric} {verb} from {d.before:.3g} to {d.after:.3g} on {d.since:%Y-%m-%d}{where}; here it is {event.value:.3g}",
        summary=f"{d.metric} {verb}{where}",
    )
