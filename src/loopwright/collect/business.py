"""Business events: what a session came to, by a metric that the business counts, such as rebooked, refunded or paid."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopwright.audit.digest import content_id
from loopwright.collect.times import moment
from loopwright.errors import InputError, RecordError

FIELDS = ("session_id", "timestamp", "metric", "value")
_CURE = 'give {"session_id", "timestamp", "metric", "value"} a line, or CSV with these columns'


@dataclass(frozen=True, slots=True)
class BusinessEvent:
    """One value of one metric in one session, at an aware time; a yes or no is 1 or 0."""

    session_id: str
    at: datetime
    metric: str
    value: float

    @property
    def event_id(self) -> str:
        """Derived from the content: the same event twice is one."""
        return content_id("event", self.session_id, self.at, self.metric, self.value)


def event_of(row: Mapping[str, Any]) -> BusinessEvent:
    """One record as an event; raises `RecordError` naming the field that is missing or wrong."""
    for name in ("session_id", "metric"):
        if not isinstance(row.get(name), str) or not row[name]:
            raise RecordError(f"{name} is {row.get(name)!r}, which is not text", cure=_CURE)
    at = moment(row.get("timestamp"), "timestamp")
    if at is None:
        raise RecordError("timestamp is missing", cure=_CURE)
    return BusinessEvent(row["session_id"], at, row["metric"], _number(row.get("value")))


def read_table(lines: Iterable[str], source: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a CSV text as records with their lines; raises `InputError` where a column is missing."""
    text = (line.removeprefix("\ufeff") for line in lines)
    reader = csv.reader(text)
    header: list[str] | None = None
    try:
        for cells in reader:
            if header is None:
                header = [cell.strip().lower() for cell in cells]
                absent = [name for name in FIELDS if name not in header]
                if absent:
                    raise InputError(f"there is no column {absent[0]}", source=source, line=reader.line_num, cure=_CURE)
            elif any(cell.strip() for cell in cells):
                yield reader.line_num, {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
    except csv.Error as error:
        raise InputError(f"is not CSV: {error}", source=source, line=reader.line_num, cure=_CURE) from None


_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def _number(value: Any) -> float:
    text = value.strip().lower() if isinstance(value, str) else value
    try:
        number = _WORDS[text] if text in _WORDS else float(text)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise RecordError(f"value is {value!r}, which is not a number", cure=_CURE)
    return number
