"""Metric series out of CSV: `timestamp,value[,segment]`, as people's tools write it."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from loopwright.collect.times import utc
from loopwright.errors import InputError
from loopwright.stats.change_points import MIN_POINTS
from loopwright.wording import counted

TIME_NAMES = ("timestamp", "time", "datetime", "date", "ts", "at", "day", "hour", "week", "month", "quarter", "year", "period")
VALUE_NAMES = ("value", "y", "count", "rate", "amount", "total")
SEGMENT_NAMES = ("segment", "group", "series", "metric", "name")

_GAPS = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
_MONTH = re.compile(r"(\d{4})[-/](\d{1,2})")
_QUARTER = re.compile(r"(\d{4})[-\s]?[qQ]([1-4])")
_CURE = "give a CSV file with the columns timestamp,value and perhaps segment"


@dataclass(frozen=True, slots=True)
class Series:
    """One segment's points in order of time: each a row of data (from 0), its timestamp as it was written, and its value.

    `gaps` counts the rows without a value, which are left out; `ordered` says whether the times could be read, and not only the
    order of the file be kept.
    """

    segment: str
    rows: tuple[int, ...]
    times: tuple[str, ...]
    values: tuple[float, ...]
    gaps: int = 0
    ordered: bool = True

    @property
    def long_enough(self) -> bool:
        """Whether a change could be seen in it."""
        return len(self.values) >= MIN_POINTS


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    line: int
    time: str
    value: float | None
    segment: str


def read_series(lines: Iterable[str], source: str) -> list[Series]:
    """The series of a CSV text, one a segment, in order of their first rows.

    Columns are found by name, in any case and order, else by place; the separator is a comma, a semicolon or a tab. Raises
    `InputError` naming `source` and the line of a value that is no number and of a time unlike the others.
    """
    rows = list(_rows(lines, source))
    if not rows:
        raise InputError("no data", source=source, cure=_CURE)
    keys = _keys(rows, source)
    segments: dict[str, list[tuple[float, _Row]]] = {}
    for key, row in zip(keys or [0.0] * len(rows), rows, strict=True):
        segments.setdefault(row.segment, []).append((key, row))
    return [_series(segment, found, keys is not None) for segment, found in segments.items()]


def _series(segment: str, found: Sequence[tuple[float, _Row]], ordered: bool) -> Series:
    rows = [row for _, row in sorted(found, key=lambda pair: pair[0])]
    there = [(row.number, row.time, row.value) for row in rows if row.value is not None]
    return Series(
        segment,
        tuple(number for number, _, _ in there),
        tuple(time for _, time, _ in there),
        tuple(value for _, _, value in there),
        len(rows) - len(there),
        ordered,
    )


def _rows(lines: Iterable[str], source: str) -> Iterator[_Row]:
    text = iter(lines)
    first = next((line for line in text if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(_chain(first, text), delimiter=separator)
    time, value, segment, number = 0, 1, None, 0
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if number == 0 and reader.line_num <= 1 and _is_header(stripped):
                time, value, segment = _columns(stripped, source)
                continue
            if number == 0 and reader.line_num <= 1 and len(stripped) > 2 and not _is_number(stripped[2]):
                segment = 2
            yield _row(stripped, (time, value, segment), number, reader.line_num, source)
            number += 1
    except csv.Error as error:
        raise InputError(f"is not CSV: {error}", source=source, line=reader.line_num, cure=_CURE) from None


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first.removeprefix("\ufeff")
    yield from rest


def _is_header(cells: Sequence[str]) -> bool:
    """Whether no cell is a number: a first row of data has one."""
    return len(cells) > 1 and not any(_is_number(cell) for cell in cells)


def _columns(header: Sequence[str], source: str) -> tuple[int, int, int | None]:
    """Where time, value and segment stand."""
    names = [name.lower().strip("\"' ") for name in header]
    time = next((names.index(name) for name in TIME_NAMES if name in names), 0)
    value = next((names.index(name) for name in VALUE_NAMES if name in names and names.index(name) != time), None)
    segment = next(
        (names.index(name) for name in SEGMENT_NAMES if name in names and names.index(name) not in (time, value)), None
    )
    left = [i for i in range(len(names)) if i not in (time, value, segment)]
    if value is None and not left and segment is not None:
        value, segment = segment, None
    if value is None and len(left) != 1:
        known = ", ".join(header)
        raise InputError(f"which column holds the value? There are {known}", source=source, line=1, cure=_CURE)
    return time, left[0] if value is None else value, segment


def _row(cells: Sequence[str], places: tuple[int, int, int | None], number: int, line: int, source: str) -> _Row:
    time, value, segment = places
    if len(cells) <= max(time, value, segment or 0):
        raise InputError(f"a row of {counted(len(cells), 'column')}", source=source, line=line, cure=_CURE)
    text = cells[value]
    if text.lower() in _GAPS:
        return _Row(number, line, cells[time], None, cells[segment] if segment is not None else "")
    if not _is_number(text):
        raise InputError(f"value {text[:80]!r} is not a number", source=source, line=line, cure="leave gaps empty")
    return _Row(number, line, cells[time], float(text), cells[segment] if segment is not None else "")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _keys(rows: Sequence[_Row], source: str) -> list[float] | None:
    """What the rows are ordered by; None where no time can be read, and the order of the file stands."""
    if all(_is_number(row.time) for row in rows):
        return [float(row.time) for row in rows]
    keys = [_seconds(row.time) for row in rows]
    if all(key is None for key in keys):
        return None
    odd = next((row for row, key in zip(rows, keys, strict=True) if key is None), None)
    if odd is not None:
        raise InputError(
            f"timestamp {odd.time[:80]!r} is not a time", source=source, line=odd.line, cure="give ISO 8601, such as 2026-01-31"
        )
    return [key for key in keys if key is not None]


def _seconds(text: str) -> float | None:
    """Seconds since the year 1 of ISO 8601 text, a month or a quarter."""
    for pattern, months in ((_MONTH, 1), (_QUARTER, 3)):
        found = pattern.fullmatch(text)
        if found and 1 <= int(found[2]) * months <= 12 and int(found[1]):
            text = f"{found[1]}-{(int(found[2]) - 1) * months + 1:02}-01"
    try:
        since = utc(datetime.fromisoformat(text)) - datetime(1, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return since.total_seconds()
