"""Writing parts: SQL by hand, since this is what every span goes through.

A trace's row is read, changed and written once for all of its parts that come together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

from sqlalchemy import Connection

from loopwright.adapters.store.chunks import chunks
from loopwright.adapters.store.columns import escape, moment_text, unescape
from loopwright.adapters.store.database import Dialect
from loopwright.adapters.store.parts import marks, read_marks
from loopwright.ports import PutSpans, SpanPart

COLUMNS = (
    "trace_id", "name", "session_id", "user_id", "agent", "version", "started_at", "ended_at", "listed_at", "error", "spans",
    "parts", "complete", "root_ended", "missing", "arrived_at",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD = slice(1, 6)
_NAMES = ", ".join(COLUMNS)
_FIND = f"SELECT number, {_NAMES} FROM traces WHERE trace_id IN "  # noqa: S608
_ADD = f"INSERT INTO traces (settled, fingerprint, {_NAMES}) VALUES (0, '', {', '.join('?' * len(COLUMNS))})"  # noqa: S608
_CHANGE = f"UPDATE traces SET {', '.join(f'{name} = ?' for name in COLUMNS)} WHERE number = ?"  # noqa: S608
_MARKS = "SELECT trace, marks FROM trace_parts WHERE trace IN "
_NUMBERS = "SELECT trace_id, number FROM traces WHERE trace_id IN "
_ADD_BLOCK = "INSERT INTO blocks (dictionary, data) VALUES (?, ?) RETURNING number"
_ADD_PARTS = "INSERT INTO trace_parts (trace, block, start, length, marks) VALUES (?, ?, ?, ?, ?)"
_ADD_SPANS = "UPDATE span_totals SET spans = spans + ?"


class Block(NamedTuple):
    """Parts that are stored together, compressed, and the dictionary that this was done with."""

    parts: Sequence[SpanPart]
    data: bytes
    dictionary: int


class Row:
    """A trace's row, and which of its spans are there."""

    __slots__ = (
        "arrived_at", "digests", "ended_at", "error", "ids", "listed_at", "missing", "number", "parts", "root_ended", "spans",
        "started_at", "taken", "told", "trace_id",
    )  # fmt: skip

    def __init__(self, trace_id: str, number: int | None = None, found: Sequence[Any] = ()) -> None:
        self.trace_id = trace_id
        self.number = number
        self.told: list[str | None] = [None] * 5
        self.started_at: str | None = None
        self.ended_at: str | None = None
        self.listed_at = 0
        self.error = self.root_ended = False
        self.spans = self.parts = 0
        self.missing: set[str] = set()
        self.arrived_at: str | None = None
        self.ids: set[str] = set()
        self.digests: set[bytes] = set()
        self.taken = 0
        if found:
            self.told = list(found[_TOLD])
            self.started_at, self.ended_at, self.listed_at, error, self.spans, self.parts, _, root_ended, missing = found[6:15]
            self.error, self.root_ended = bool(error), bool(root_ended)
            self.missing = set(json.loads(unescape(missing))) if missing else set()
            self.arrived_at = found[15]

    def take(self, part: SpanPart, at: str) -> tuple[int, int] | None:
        """Add a part; returns how many spans of it are new, and how many are new or differ. None where all are repeats."""
        digests = set(part.digests)
        new = digests - self.digests if self.digests else digests
        if not new and self.taken + self.parts and (digests or not part.data):
            return None
        if not self.parts:
            self.spans = 0
        fresh = set(part.spans)
        if self.ids:
            fresh -= self.ids
        self.digests |= digests
        self.ids |= fresh
        if part.parents:
            self.missing.update(part.parents)
        if self.missing:
            self.missing -= self.ids
        self.root_ended |= part.root_ended
        self.error |= part.error
        self.spans += len(fresh)
        self.parts += 1
        self.taken += 1
        if self.arrived_at is None or at > self.arrived_at:
            self.arrived_at = at
        self._tell(part)
        return len(fresh), len(new)

    def values(self, at: datetime) -> tuple[Any, ...]:
        """What is written of it, as `COLUMNS` name it."""
        missing = escape(json.dumps(sorted(self.missing))) if self.missing else None
        complete = self.root_ended and not missing
        return (
            escape(self.trace_id), *self.told, self.started_at, self.ended_at, self.listed_at or microseconds(at), self.error,
            self.spans, self.parts, complete, self.root_ended, missing, self.arrived_at,
        )  # fmt: skip

    def _tell(self, part: SpanPart) -> None:
        """Put in what a part tells of its trace: the part with the root knows better, otherwise who came first."""
        told = (part.name, part.session_id, part.user_id, part.agent, part.version)
        for index, value in enumerate(told):
            if value is not None and (part.root_ended or self.told[index] is None):
                self.told[index] = escape(value)
        started, ended = moment(part.started_ns), moment(part.ended_ns)
        if started is not None and (self.started_at is None or started < self.started_at):
            self.started_at = started
            self.listed_at = part.started_ns // 1000
        if ended is not None and (self.ended_at is None or ended > self.ended_at):
            self.ended_at = ended


def put(connection: Connection, dialect: Dialect, blocks: Sequence[Block], at: datetime) -> PutSpans:
    """Write what is new of the parts in these blocks, within the caller's transaction."""
    rows = _known(connection, dialect, list(dict.fromkeys(part.trace_id for block in blocks for part in block.parts)))
    arrived = moment_text(at)
    spans = added = came = 0
    kept: list[tuple[Block, list[tuple[SpanPart, int]]]] = []
    for block in blocks:
        starts = accumulate((len(part.data) for part in block.parts), initial=0)
        some = []
        for part, start in zip(block.parts, starts, strict=False):
            came += len(part.digests)
            taken = rows[part.trace_id].take(part, arrived)
            if taken is not None:
                spans += taken[0]
                added += taken[1]
                some.append((part, start))
        if some:
            kept.append((block, some))
    if kept:
        _write(connection, dialect, {id: row for id, row in rows.items() if row.taken}, kept, at)
    if spans:
        connection.exec_driver_sql(dialect.sql(_ADD_SPANS), (spans,))
    return PutSpans(added, came - added)


def _known(connection: Connection, dialect: Dialect, trace_ids: Sequence[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for some in chunks([escape(id) for id in trace_ids]):
        for number, *values in connection.exec_driver_sql(dialect.sql(_FIND + _list(some)), tuple(some)):
            id = unescape(values[0])
            found[id] = Row(id, number, values)
    held = {row.number: row for row in found.values() if row.parts}
    for numbers in chunks(list(held)):
        query = dialect.sql(_MARKS + _list(numbers))
        for number, written in connection.exec_driver_sql(query, tuple(numbers)):
            ids, digests = read_marks(bytes(written))
            held[number].ids.update(ids)
            held[number].digests.update(digests)
    return {id: found.get(id) or Row(id) for id in trace_ids}


def _write(
    connection: Connection,
    dialect: Dialect,
    rows: Mapping[str, Row],
    kept: Sequence[tuple[Block, Sequence[tuple[SpanPart, int]]]],
    at: datetime,
) -> None:
    old = [(*row.values(at), row.number) for row in rows.values() if row.number is not None]
    if old:
        connection.exec_driver_sql(dialect.sql(_CHANGE), old)
    new = [row.values(at) for row in rows.values() if row.number is None]
    if new:
        connection.exec_driver_sql(dialect.sql(_ADD), new)
        for some in chunks([values[0] for values in new]):
            query = dialect.sql(_NUMBERS + _list(some))
            for id, number in connection.exec_driver_sql(query, tuple(some)):
                rows[unescape(id)].number = number
    placed = []
    for block, some in kept:
        number = connection.exec_driver_sql(dialect.sql(_ADD_BLOCK), (block.dictionary, block.data)).scalar_one()
        placed += [(rows[part.trace_id].number, number, start, len(part.data), marks(part)) for part, start in some]
    connection.exec_driver_sql(dialect.sql(_ADD_PARTS), placed)


def moment(ns: int) -> str | None:
    """Nanoseconds since 1970 as a time in whole microseconds; None for 0, and for what no calendar holds."""
    second = _second(ns // 1_000_000_000) if ns else None
    return f"{second}.{ns % 1_000_000_000 // 1000:06d}Z" if second is not None else None


def microseconds(at: datetime) -> int:
    """Microseconds since 1970; a time without zone is taken as UTC."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


@lru_cache(4096)
def _second(number: int) -> str | None:
    try:
        return (_EPOCH + timedelta(seconds=number)).replace(tzinfo=None).isoformat()
    except OverflowError:
        return None


def _list(values: Sequence[Any]) -> str:
    return f"({', '.join('?' * len(values))})"
