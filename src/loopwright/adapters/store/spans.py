"""Spans as they came: a row a part, beside a row a trace of what is looked up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from loopwright.adapters.store.chunks import rows_in
from loopwright.adapters.store.database import Database, Group
from loopwright.adapters.store.dictionaries import Chooser
from loopwright.adapters.store.parts import NO_DICTIONARY, Dictionary, Unpacker, marks, read_marks
from loopwright.adapters.store.tables import cursors, dictionaries, parts, totals, traces
from loopwright.ports import PendingTrace, PutSpans, SpanPart

PAGE = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = select(
    traces.c.number, traces.c.trace_id, traces.c.parts, traces.c.spans, traces.c.root_ended, traces.c.missing, traces.c.error,
    traces.c.name, traces.c.session_id, traces.c.user_id, traces.c.agent, traces.c.version, traces.c.started_at,
    traces.c.ended_at, traces.c.arrived_at, traces.c.listed_at,
)  # fmt: skip
_TOLD = ("name", "session_id", "user_id", "agent", "version")
_BY_NUMBER = traces.update().where(traces.c.number == bindparam("id"))


class Spans(Group):
    """The half of `ports.SpanStore` that takes spans and gives them back."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._chooser: Chooser | None = None
        self.unpacker = Unpacker(self._dictionary)

    def put_spans(self, parts: Sequence[SpanPart], at: datetime) -> PutSpans:
        """Write parts in one transaction, on disk when this returns; a part of nothing but repeats is left out."""
        if not parts:
            return PutSpans()
        chooser = self._chosen()
        packer = chooser.packer
        datas = [part.data for part in parts]
        packed = [packer.pack(data) for data in datas]
        chooser.saw(datas, packed)
        arriving = [_Arriving(part, marks(part), data) for part, data in zip(parts, packed, strict=True)]
        with self.database.write() as connection:
            return _Writing(connection, at, packer.dictionary.number).put(arriving)

    def spans_of(self, trace_id: str) -> list[bytes]:
        """The parts of a trace in the order in which they came."""
        query = (
            select(parts.c.data, parts.c.dictionary)
            .join(traces, traces.c.number == parts.c.trace)
            .where(traces.c.trace_id == trace_id)
            .order_by(parts.c.number)
        )
        with self.database.read() as connection:
            found = list(connection.execute(query))
        return [self.unpacker.unpack(data, dictionary or 0) for data, dictionary in found]

    def count_spans(self) -> int:
        """How many different spans there are."""
        with self.database.read() as connection:
            return connection.scalar(select(totals.c.spans)) or 0

    def count_pending(self) -> int:
        """How many traces have spans that their normalised form lacks."""
        query = select(func.count()).select_from(traces).where(traces.c.settled < traces.c.parts)
        with self.database.read() as connection:
            return int(connection.scalar(query) or 0)

    def pending(self, before: datetime, limit: int) -> list[PendingTrace]:
        """Traces with spans that their normalised form lacks: those complete, and those quiet since `before`; oldest first."""
        query = select(traces.c.trace_id, traces.c.arrived_at, traces.c.complete, traces.c.parts).where(
            traces.c.settled < traces.c.parts
        )
        complete = query.where(traces.c.complete)
        quiet = query.where(~traces.c.complete, traces.c.arrived_at <= before)
        with self.database.read() as connection:
            found = [
                PendingTrace(*row)
                for kind in (complete, quiet)
                for row in connection.execute(kind.order_by(traces.c.arrived_at).limit(limit))
            ]
        return sorted(found, key=lambda one: one.arrived)[:limit]

    def all_parts(self) -> Iterator[tuple[str, bytes]]:
        """Every part with its trace's id, in order of arrival; those that arrive meanwhile come at the end."""
        query = (
            select(parts.c.number, traces.c.trace_id, parts.c.data, parts.c.dictionary)
            .join(traces, traces.c.number == parts.c.trace)
            .order_by(parts.c.number)
            .limit(PAGE)
        )
        after = 0
        while True:
            with self.database.read() as connection:
                page = list(connection.execute(query.where(parts.c.number > after)))
            if not page:
                return
            for _, trace_id, data, dictionary in page:
                yield trace_id, self.unpacker.unpack(data, dictionary or 0)
            after = page[-1][0]

    def cursor(self, source: str) -> str | None:
        """Where reading of a source stopped; None at the beginning."""
        with self.database.read() as connection:
            return connection.scalar(select(cursors.c.position).where(cursors.c.source == source))

    def set_cursor(self, source: str, position: str) -> None:
        """Keep where reading of a source stopped; an empty position forgets it."""
        with self.database.write() as connection:
            connection.execute(cursors.delete().where(cursors.c.source == source))
            if position:
                connection.execute(cursors.insert().values(source=source, position=position))

    def _chosen(self) -> Chooser:
        if self._chooser is None:
            query = select(dictionaries.c.number, dictionaries.c.content).order_by(dictionaries.c.number.desc()).limit(1)
            with self.database.read() as connection:
                row = connection.execute(query).first()
            self._chooser = Chooser(Dictionary(row.number, row.content) if row else NO_DICTIONARY, self._keep)
        return self._chooser

    def _keep(self, content: bytes) -> int:
        with self.database.write() as connection:
            made = dictionaries.insert().values(content=content).returning(dictionaries.c.number)
            return int(connection.execute(made).scalar_one())

    def _dictionary(self, number: int) -> bytes:
        with self.database.read() as connection:
            return bytes(connection.scalar(select(dictionaries.c.content).where(dictionaries.c.number == number)) or b"")


class _Arriving(NamedTuple):
    """A part, the marks of its spans, and its data as it is written."""

    part: SpanPart
    marks: bytes
    data: bytes


class _Known:
    """What is known of a trace: its row as it will be, and the spans that are there."""

    __slots__ = ("digests", "fresh", "ids", "number", "row", "taken")

    def __init__(self, row: dict[str, Any], number: int | None = None) -> None:
        self.row = row
        self.number = number
        self.ids: set[str] = set()
        self.digests: set[bytes] = set()
        self.fresh: list[_Arriving] = []
        self.taken = 0

    def take(self, arriving: _Arriving, at: datetime) -> tuple[int, int]:
        """Add a part; returns how many of its spans are new, and how many are new or differ from what is there."""
        part, row = arriving.part, self.row
        digests = set(part.digests)
        added = len(digests - self.digests) if self.digests else len(digests)
        if not added and (part.digests or not part.data):
            return 0, 0
        if not row["parts"]:
            row["spans"] = 0
        ids = set(part.spans)
        new = len(ids - self.ids) if self.ids else len(ids)
        self.digests |= digests
        self.ids |= ids
        missing = (set(json.loads(row["missing"])) if row["missing"] else set()) | set(part.parents)
        missing -= self.ids
        row["missing"] = json.dumps(sorted(missing)) if missing else None
        row["root_ended"] = row["root_ended"] or part.root_ended
        row["complete"] = row["root_ended"] and not missing
        row["error"] = row["error"] or part.error
        row["spans"] += new
        row["parts"] += 1
        row["arrived_at"] = at if row["arrived_at"] is None else max(at, row["arrived_at"])
        _tell(row, part)
        self.fresh.append(arriving)
        return new, added


class _Writing:
    """One write of parts, within a transaction."""

    def __init__(self, connection: Connection, at: datetime, dictionary: int) -> None:
        self._connection = connection
        self._at = at
        self._dictionary = dictionary or None

    def put(self, arriving: Sequence[_Arriving]) -> PutSpans:
        """Write what is new of them."""
        known = self._known(list(dict.fromkeys(one.part.trace_id for one in arriving)))
        spans = added = came = 0
        for one in arriving:
            new, differing = known[one.part.trace_id].take(one, self._at)
            spans += new
            added += differing
            came += len(one.part.digests) or len(one.part.spans)
        touched = {id: trace for id, trace in known.items() if trace.fresh}
        if touched:
            self._write(touched, spans)
        return PutSpans(added, came - added)

    def _known(self, trace_ids: list[str]) -> dict[str, _Known]:
        found = {
            row.trace_id: _Known({name: value for name, value in row._mapping.items() if name != "number"}, row.number)
            for row in rows_in(self._connection, _HEAD, traces.c.trace_id, trace_ids)
        }
        held = {trace.number: trace for trace in found.values() if trace.row["parts"]}
        query = select(parts.c.trace, parts.c.marks)
        for number, written in rows_in(self._connection, query, parts.c.trace, list(held)):
            ids, digests = read_marks(written)
            held[number].ids.update(ids)
            held[number].digests.update(digests)
        return {id: found.get(id) or _Known(blank(id)) for id in trace_ids}

    def _write(self, touched: Mapping[str, _Known], spans: int) -> None:
        run = self._connection.execute
        old = [{"id": trace.number, **trace.row} for trace in touched.values() if trace.number is not None]
        if old:
            run(_BY_NUMBER, old)
        new = [trace.row for trace in touched.values() if trace.number is None]
        if new:
            run(traces.insert(), new)
            query = select(traces.c.trace_id, traces.c.number)
            for id, number in rows_in(self._connection, query, traces.c.trace_id, [row["trace_id"] for row in new]):
                touched[id].number = number
        run(
            parts.insert(),
            [
                {"trace": trace.number, "dictionary": self._dictionary, "marks": one.marks, "data": one.data}
                for trace in touched.values()
                for one in trace.fresh
            ],
        )
        if spans:
            run(totals.update().values(spans=totals.c.spans + spans))


def moment(ns: int) -> datetime | None:
    """Nanoseconds since 1970 as a time in whole microseconds; None for 0, and for what no calendar holds."""
    if not ns:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ns // 1000)
    except OverflowError:
        return None


def microseconds(at: datetime) -> int:
    """Microseconds since 1970; a time without zone is taken as UTC."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


def _tell(row: dict[str, Any], part: SpanPart) -> None:
    """Put into the row what a part tells of its trace: the part with the root knows better, otherwise who came first."""
    for name in _TOLD:
        told = getattr(part, name)
        if told is not None and (part.root_ended or row[name] is None):
            row[name] = told
    started, ended = moment(part.started_ns), moment(part.ended_ns)
    if started is not None and (row["started_at"] is None or started < row["started_at"]):
        row["started_at"] = started
    if ended is not None and (row["ended_at"] is None or ended > row["ended_at"]):
        row["ended_at"] = ended
    row["listed_at"] = microseconds(row["started_at"] or row["arrived_at"])


def blank(trace_id: str) -> dict[str, Any]:
    """The row of a trace of which nothing is known."""
    return {
        "trace_id": trace_id, "fingerprint": "", "session_id": None, "agent": None, "version": None, "name": None,
        "user_id": None, "started_at": None, "ended_at": None, "listed_at": 0, "error": False, "spans": 0, "parts": 0,
        "settled": 0, "complete": False, "root_ended": False, "missing": None, "arrived_at": None, "changed": None,
    }  # fmt: skip
