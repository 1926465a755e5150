"""Where the marks of the plots go. Positions are percentages of the plot's width and height, so that plots fit any screen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from loopwright.cluster.mode import FailureMode
from loopwright.surfaces.reports.palette import Look
from loopwright.workflows.analysis import Period, Rate

NICE_TOPS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
BINS = 20
MAP_WIDTH, MAP_HEIGHT = 240, 284
"""The map's inner size in pixels: its height, and its width on a narrow phone, where labels come nearest to each other.

Around it the page reserves room for half of the largest mark and its label.
"""
LABEL_WIDTH, LABEL_HEIGHT = 20, 14
LABEL_GAP = 5
LABELS = 24
INK = 270
FAR = 1e100


@dataclass(frozen=True, slots=True)
class Bar:
    """A horizontal bar with its interval, in percent of the axis."""

    width: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference and its interval on an axis with zero in the middle, in percent of the axis."""

    middle: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Column:
    """A vertical bar: left edge, width and height in percent; `low` and `high` bound its interval, None where it has none."""

    x: float
    width: float
    height: float
    title: str
    middle: float = 0.0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark of the map: where (percent), how large (a factor), whose, what it says, and the row that it leads to."""

    x: float
    y: float
    scale: float
    look: Look
    title: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A rank written on the map: the place of its mark (percent), and how far below that its base line is, in pixels."""

    x: float
    y: float
    down: float
    rank: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A failure to be put on the map."""

    trace_id: str
    look: Look
    title: str
    href: str = ""


def top_of(shares: Sequence[float]) -> float:
    """The end of an axis from 0 that holds all `shares`: the first of a few round numbers."""
    highest = max(shares, default=0.0)
    return next((top for top in NICE_TOPS if highest <= top), 1.0)


def bar(rate: Rate, top: float) -> Bar:
    """A rate on an axis from 0 to `top`."""
    return Bar(*(round(100 * min(value / top, 1.0), 2) for value in (rate.share, rate.low, rate.high)))


def difference(value: float, low: float, high: float, reach: float) -> Difference:
    """A difference on an axis from `-reach` to `reach`; what lies beyond is drawn at its end."""
    places = (max(-1.0, min(v / reach, 1.0)) if reach > 0 else 0.0 for v in (value, low, high))
    return Difference(*(round(50 + 50 * place, 2) for place in places))


def histogram(scores: Sequence[float]) -> list[Column]:
    """Scores in 0..1 as columns, each 1/20 wide; heights are relative to the tallest."""
    counts = [0] * BINS
    for score in scores:
        counts[max(0, min(int(score * BINS), BINS - 1))] += 1
    tallest = max(counts, default=0) or 1
    return [
        Column(
            x=100 * i / BINS + 0.4,
            width=100 / BINS - 0.8,
            height=round(100 * count / tallest, 2),
            title=f"score {i / BINS:.2f} to {(i + 1) / BINS:.2f}: {count}",
        )
        for i, count in enumerate(counts)
    ]


def timeline(periods: Sequence[Period], top: float) -> list[Column]:
    """One column a period: its height is the number of traces, its interval the rate of failing ones on an axis to `top`."""
    busiest = max((p.rate.total for p in periods), default=0) or 1
    slot = 100 / max(len(periods), 1)
    columns = []
    for i, period in enumerate(periods):
        rate = period.rate
        drawn = bar(rate, top) if rate.total else None
        columns.append(
            Column(
                x=round(slot * (i + 0.15), 3),
                width=round(slot * 0.7, 3),
                height=round(100 * rate.total / busiest, 2),
                title=f"{period.label}: {rate.count} of {rate.total} failing",
                middle=drawn.width if drawn else 0.0,
                low=drawn.low if drawn else None,
                high=drawn.high if drawn else None,
            )
        )
    return columns


def scatter(points: Sequence[Placed], positions: Mapping[str, tuple[float, float]], limit: int = 1500) -> tuple[list[Mark], int]:
    """The map, and the number of marks left out: failures at one place become one mark whose area grows with their number.

    At most `limit` marks are made, of the first points. Failures without a finite place are left out, and not counted.
    Positions are stretched to fill the plot: near is alike, and the axes have no unit. Large marks come first, to lie beneath.
    """
    placed: dict[tuple[float, float, int], list[Placed]] = {}
    for point in points:
        x, y = positions.get(point.trace_id, (math.nan, math.nan))
        if abs(x) < FAR and abs(y) < FAR:
            placed.setdefault((round(x, 4), round(y, 4), point.look.rank), []).append(point)
    if not placed:
        return [], 0
    left = max(0, len(placed) - limit)
    placed = dict(list(placed.items())[:limit])
    xs, ys = [k[0] for k in placed], [k[1] for k in placed]
    total = sum(len(group) for group in placed.values())
    marks = [
        Mark(
            x=_inside(x, min(xs), max(xs)),
            y=100 - _inside(y, min(ys), max(ys)),
            scale=_scale(len(group), total),
            look=group[0].look,
            title=group[0].title + (f" and {len(group) - 1} more with the same text" if len(group) > 1 else ""),
            href=next((p.href for p in group if p.href), ""),
        )
        for (x, y, _), group in placed.items()
    ]
    return sorted(marks, key=lambda m: (-m.scale, m.look.rank != 0)), left


def mode_marks(modes: Sequence[tuple[Look, FailureMode]], title: Callable[[FailureMode], str]) -> list[Mark]:
    """The map of modes alone, each a mark whose area grows with its size: for where single failures have no place."""
    places = [(look, mode, mode.position) for look, mode in modes if mode.position is not None]
    known = [(look, mode, at) for look, mode, at in places if abs(at[0]) < FAR and abs(at[1]) < FAR]
    xs, ys = [at[0] for _, _, at in known], [at[1] for _, _, at in known]
    marks = [
        Mark(
            x=_inside(at[0], min(xs), max(xs)),
            y=100 - _inside(at[1], min(ys), max(ys)),
            scale=_scale(mode.size, sum(m.size for _, m, _ in known)),
            look=look,
            title=title(mode),
            href=f"#mode-{look.rank}",
        )
        for look, mode, at in known
    ]
    return sorted(marks, key=lambda m: -m.scale)


def _scale(count: int, total: int) -> float:
    """Area in proportion to `count`, and all marks together about a fifth of the plot at most; never too small to see."""
    unit = min(0.75, math.sqrt(INK / max(total, 1)))
    return round(min(max(unit * math.sqrt(count), 0.4), 4.0), 2)


def labels(marks: Sequence[Mark]) -> list[Label]:
    """Where ranks are written: above each mode's mark nearest its middle, else below it, else nowhere.

    No two overlap, on a phone neither; better modes come first. The first 24 modes get one.
    """
    groups: dict[int, list[Mark]] = {}
    for mark in marks:
        if mark.look.rank:
            groups.setdefault(mark.look.rank, []).append(mark)
    placed: list[Label] = []
    for rank, group in sorted(groups.items())[:LABELS]:
        mark = _medoid(group)
        reach = LABEL_GAP + 6 * mark.scale
        for down in (-reach, reach + LABEL_HEIGHT - LABEL_GAP):
            label = Label(mark.x, mark.y, round(down, 1), rank)
            if all(_apart(label, other) for other in placed):
                placed.append(label)
                break
    return placed


def _apart(one: Label, other: Label) -> bool:
    across = abs(one.x - other.x) / 100 * MAP_WIDTH
    along = abs((one.y - other.y) / 100 * MAP_HEIGHT + one.down - other.down)
    return across >= LABEL_WIDTH or along >= LABEL_HEIGHT


def _medoid(group: Sequence[Mark]) -> Mark:
    total = sum(m.scale**2 for m in group)
    x = sum(m.scale**2 * m.x for m in group) / total
    y = sum(m.scale**2 * m.y for m in group) / total
    return min(group, key=lambda m: (m.x - x) ** 2 + (m.y - y) ** 2)


def _inside(value: float, low: float, high: float) -> float:
    if high <= low:
        return 50.0
    return round(100 * (value - low) / (high - low), 2)
