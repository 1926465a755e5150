"""Retention: traces that began long ago are removed, but for those that anything else in the store refers to.

What refers to a trace is not listed here by kind. Every row of every other table is read, and a trace stays whose id stands in
a column or anywhere in a record: a failure, a member of a mode, the source of a case, the evidence of a proposal or a finding, a
label, a verdict, feedback. A table that is added keeps what it refers to without a word here.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, bindparam, delete, func, select

from loopwright.adapters.store import forms, tables
from loopwright.adapters.store.chunks import chunks, rows_in
from loopwright.adapters.store.codec import MARK
from loopwright.adapters.store.columns import metadata
from loopwright.adapters.store.parts import BLOCK, PLACE, PartRow
from loopwright.adapters.store.spans import Spans
from loopwright.adapters.store.writing import microseconds

_OF_TRACES = {
    tables.traces, tables.forms, tables.parts, tables.blocks, tables.dictionaries, tables.totals, tables.places, tables.cursors,
}  # fmt: skip
_MOVE = tables.parts.update().where(tables.parts.c.number == bindparam("id")).values(block=bindparam("to"), start=bindparam("at"))


class Retention(Spans):
    """The part of `ports.SpanStore` that removes."""

    def prune(self, before: datetime, dry_run: bool = False) -> int:
        """Remove what began before then and nothing refers to; returns how many traces that is.

        What has not been settled yet stays. It is one transaction: other writers wait for its end.
        """
        if dry_run:
            with self.database.read() as connection:
                return len(_removable(connection, before))
        with self.database.write() as connection:
            numbers = _removable(connection, before)
            for some in chunks(numbers):
                forms.forget(connection, self.database, self.blocks, some)
                self._remove_parts(connection, some)
                connection.execute(delete(tables.traces).where(tables.traces.c.number.in_(some)))
        return len(numbers)

    def _remove_parts(self, connection: Connection, numbers: Sequence[int]) -> None:
        """Remove the parts of traces; what else is in their blocks is written into new ones."""
        spans = select(func.sum(tables.traces.c.spans)).where(tables.traces.c.number.in_(numbers), tables.traces.c.parts > 0)
        fewer = connection.scalar(spans) or 0
        if fewer:
            connection.execute(tables.totals.update().values(spans=tables.totals.c.spans - fewer))
        of_these = tables.parts.c.trace.in_(numbers)
        opened = list(connection.scalars(select(tables.parts.c.block).where(of_these).distinct()))
        connection.execute(delete(tables.parts).where(of_these))
        for some in chunks(opened):
            left = [PartRow(*row) for row in rows_in(connection, PLACE, tables.parts.c.block, some)]
            self._rewrite(connection, sorted(left, key=lambda row: row.number))
            connection.execute(delete(tables.blocks).where(tables.blocks.c.number.in_(some)))

    def _rewrite(self, connection: Connection, left: Sequence[PartRow]) -> None:
        packer = self._chosen().packer
        for rows in _together(left):
            datas = self.blocks.parts(connection, rows)
            block = tables.blocks.insert().values(
                dictionary=packer.dictionary.number, data=packer.pack(b"".join(datas[row.number] for row in rows))
            )
            number = connection.execute(block.returning(tables.blocks.c.number)).scalar_one()
            moves = []
            start = 0
            for row in rows:
                moves.append({"id": row.number, "to": number, "at": start})
                start += row.length
            connection.execute(_MOVE, moves)


def _together(rows: Sequence[PartRow]) -> Iterator[list[PartRow]]:
    """Rows of parts, as many together as make a block."""
    some: list[PartRow] = []
    size = 0
    for row in rows:
        if some and size + row.length > BLOCK:
            yield some
            some, size = [], 0
        some.append(row)
        size += row.length
    if some:
        yield some


def _removable(connection: Connection, before: datetime) -> list[int]:
    """The numbers of traces that are settled, began before then, and that nothing refers to."""
    table = tables.traces
    query = select(table.c.trace_id, table.c.number).where(
        table.c.listed_at < microseconds(before), table.c.changed.is_not(None), table.c.settled == table.c.parts
    )
    old = {row.trace_id: row.number for row in connection.execute(query)}
    for kept in metadata.sorted_tables:
        if not old:
            break
        if kept not in _OF_TRACES:
            for id in _named(connection, kept):
                old.pop(id, None)
    return list(old.values())


def _named(connection: Connection, table: Table) -> Iterator[str]:
    """Every text in a table: in its columns, and within its records."""
    packed = {column.name for column in table.columns if isinstance(column.type, LargeBinary)}
    for row in connection.execute(select(table).execution_options(yield_per=500)):
        for name, value in row._mapping.items():
            if name in packed and value is not None:
                yield from _texts(_JSON.decode(zlib.decompress(value).decode()))
            elif isinstance(value, str):
                yield value
                if value[:1] in ("{", "["):
                    yield from _texts(_loaded(value))


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            waiting.extend(found)
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _plain(found: dict[str, Any]) -> Any:
    return json.loads(found["v"]) if found.get(MARK) == "text" else found


_JSON = json.JSONDecoder(object_hook=_plain)
