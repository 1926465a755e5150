"""A project read in stretches of time that adapt to how much there is, its rows put together by trace.

The upper end of a stretch is fixed before it is read, and lies in the past: what arrives meanwhile changes no page of it. A row
that comes twice counts once, the later one. A trace is let go when nothing of it began for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

FIRST_WIDTH = timedelta(hours=1)
NARROWEST = timedelta(seconds=1)
WIDEST = timedelta(days=30)
FEW_ROWS = 1_000
MANY_ROWS = 20_000
"""Of a stretch with more rows than this, a quarter is read first."""

Row = Mapping[str, Any]


class Placed(NamedTuple):
    """Where a row belongs: its trace, its own id, and when it began."""

    trace_id: str
    row_id: str
    at: datetime


class Rows(Protocol):
    """What a service tells of a stretch of time."""

    def rows(self, start: datetime, end: datetime) -> Iterator[list[Row]]:
        """Pages of all rows that began from `start` on and before `end`."""

    def placed(self, row: Row) -> Placed | None:
        """Where a row belongs; None for one that names no trace or time."""


@dataclass(slots=True)
class Stretch:
    """A stretch that was read: rows by trace of those that are done, and rows without a place."""

    start: datetime
    end: datetime
    done: dict[str, list[Row]]
    lost: list[Row]
    until: datetime
    waiting: int


@dataclass(slots=True)
class _Open:
    """A trace to which more may come."""

    first: datetime
    last: datetime
    rows: dict[str, tuple[datetime, Row]] = field(default_factory=dict)

    def ordered(self) -> list[Row]:
        return [row for _, (_, row) in sorted(self.rows.items(), key=lambda item: (item[1][0], item[0]))]


def stretches(source: Rows, since: datetime, until: datetime, quiet: timedelta) -> Iterator[Stretch]:
    """Read from `since` to `until`, oldest first."""
    opened: dict[str, _Open] = {}
    start, width = since, FIRST_WIDTH
    while start < until:
        end = min(start + width, until)
        rows = _read(source, start, end, fits=width <= NARROWEST)
        if rows is None:
            width = max(NARROWEST, width / 4)
            continue
        lost = _sort_in(source, rows, opened)
        quiet_ones = sorted((trace.first, id) for id, trace in opened.items() if trace.last < end - quiet)
        done = {id: opened.pop(id).ordered() for _, id in quiet_ones}
        yield Stretch(start, end, done, lost, min([trace.first for trace in opened.values()] + [end]), len(opened))
        start = end
        width = min(WIDEST, width * (4 if not rows else 2 if len(rows) < FEW_ROWS else 1))


def _read(source: Rows, start: datetime, end: datetime, fits: bool) -> list[Row] | None:
    """All rows of a stretch; None where there are too many to be read at once and it can be cut."""
    rows: list[Row] = []
    for page in source.rows(start, end):
        rows += page
        if len(rows) > MANY_ROWS and not fits:
            return None
    return rows


def _sort_in(source: Rows, rows: list[Row], opened: dict[str, _Open]) -> list[Row]:
    """Add rows to their traces; returns those that have no place."""
    lost: list[Row] = []
    for row in rows:
        placed = source.placed(row)
        if placed is None:
            lost.append(row)
            continue
        trace = opened.setdefault(placed.trace_id, _Open(placed.at, placed.at))
        trace.first, trace.last = min(trace.first, placed.at), max(trace.last, placed.at)
        trace.rows[placed.row_id] = (placed.at, row)
    return lost
