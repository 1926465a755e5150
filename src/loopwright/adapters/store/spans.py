"""Spans as they came: what is asked of them, beside what is looked up of their traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select

from loopwright.adapters.store import writing
from loopwright.adapters.store.database import Database, Group
from loopwright.adapters.store.dictionaries import Chooser
from loopwright.adapters.store.parts import NO_DICTIONARY, PLACE, Blocks, Dictionary, PartRow, into_blocks, raw_parts
from loopwright.adapters.store.tables import cursors, dictionaries, parts, totals, traces
from loopwright.adapters.store.writing import Block
from loopwright.ports import PendingTrace, PutSpans, SpanPart

PAGE = 64


class Spans(Group):
    """The half of `ports.SpanStore` that takes spans and gives them back."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._chooser: Chooser | None = None
        self.blocks = Blocks()

    def put_spans(self, parts: Sequence[SpanPart], at: datetime) -> PutSpans:
        """Write parts in one transaction, on disk when this returns; a part of nothing but repeats is left out."""
        if not parts:
            return PutSpans()
        chooser = self._chosen()
        packer = chooser.packer
        blocks = []
        for some in into_blocks(parts):
            data = b"".join([part.data for part in some])
            packed = packer.pack(data)
            chooser.saw(data, len(packed))
            blocks.append(Block(some, packed, packer.dictionary.number))
        with self.database.write() as connection:
            return writing.put(connection, self.database.dialect, blocks, at)

    def spans_of(self, trace_id: str) -> list[bytes]:
        """The parts of a trace in the order in which they came."""
        with self.database.read() as connection:
            number = connection.scalar(select(traces.c.number).where(traces.c.trace_id == trace_id))
            return [] if number is None else [part.data for part in raw_parts(connection, self.blocks, [number])[number]]

    def count_spans(self) -> int:
        """How many different spans there are."""
        with self.database.read() as connection:
            return connection.scalar(select(totals.c.spans)) or 0

    def pending(self, before: datetime, limit: int) -> list[PendingTrace]:
        """Traces with spans that their normalised form lacks: those complete, and those quiet since `before`; oldest first."""
        query = select(traces.c.trace_id, traces.c.arrived_at, traces.c.complete, traces.c.parts, traces.c.number).where(
            traces.c.settled < traces.c.parts
        )
        complete = query.where(traces.c.complete)
        quiet = query.where(~traces.c.complete, traces.c.arrived_at <= before)
        with self.database.read() as connection:
            found = [
                row
                for kind in (complete, quiet)
                for row in connection.execute(kind.order_by(traces.c.arrived_at, traces.c.number).limit(limit))
            ]
        found.sort(key=lambda row: (row.arrived_at, row.number))
        return [PendingTrace(*row[:-1]) for row in found[:limit]]

    def all_parts(self) -> Iterator[tuple[str, bytes]]:
        """Every part with its trace's id, in order of arrival; those that arrive meanwhile come at the end."""
        query = PLACE.add_columns(traces.c.trace_id).join(traces, traces.c.number == parts.c.trace).order_by(parts.c.number)
        after = 0
        while True:
            with self.database.read() as connection:
                page = list(connection.execute(query.where(parts.c.number > after).limit(PAGE)))
                datas = self.blocks.parts(connection, [PartRow(*row[:-1]) for row in page])
            if not page:
                return
            yield from ((row.trace_id, datas[row.number]) for row in page)
            after = page[-1].number

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
            newest = Dictionary(row.number, bytes(row.content)) if row else NO_DICTIONARY
            self._chooser = Chooser(newest, self._keep)
        return self._chooser

    def _keep(self, content: bytes) -> int:
        if self.database.writing:  # if that is undone, so is the dictionary, and nothing may have been written with it
            return 0
        with self.database.write() as connection:
            made = dictionaries.insert().values(content=content).returning(dictionaries.c.number)
            return int(connection.execute(made).scalar_one())
