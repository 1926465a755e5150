"""Lists of traces: the newest that fit a filter, out of what is looked up, without reading any whole."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from loopwright.adapters.store.database import Group
from loopwright.adapters.store.tables import traces as table
from loopwright.adapters.store.words import words
from loopwright.adapters.store.writing import microseconds
from loopwright.ports import TraceFilter, TraceLine

_LINE = select(
    table.c.trace_id, table.c.name, table.c.session_id, table.c.user_id, table.c.agent, table.c.version, table.c.started_at,
    table.c.ended_at, table.c.spans, table.c.error, and_(table.c.changed.is_not(None), table.c.settled == table.c.parts),
)  # fmt: skip


class Finding(Group):
    """The part of `ports.SpanStore` that lists traces."""

    def find(self, wanted: TraceFilter, limit: int, before: str | None = None) -> list[TraceLine]:
        """The newest traces that fit, newest first, settled or not; `before` is the id after which a page begins.

        A page after a trace that is not there is empty, and so is one for a `text` without any word.
        """
        terms = _terms(wanted)
        with self.database.read() as connection:
            if wanted.text is not None:
                asked = words([wanted.text])
                if not asked:
                    return []
                terms.append(self.database.dialect.holding_words(table.c.number, asked))
            if before is not None:
                after = _after(connection, before)
                if after is None:
                    return []
                terms.append(after)
            query = _LINE.where(*terms).order_by(table.c.listed_at.desc(), table.c.number.desc()).limit(limit)
            return [TraceLine(*row) for row in connection.execute(query)]

    def count_pending(self) -> int:
        """How many traces have spans that their normalised form lacks."""
        query = select(func.count()).select_from(table).where(table.c.settled < table.c.parts)
        with self.database.read() as connection:
            return int(connection.scalar(query) or 0)


def _terms(wanted: TraceFilter) -> list[ColumnElement[bool]]:
    named = {
        table.c.agent: wanted.agent,
        table.c.version: wanted.version,
        table.c.session_id: wanted.session_id,
        table.c.user_id: wanted.user_id,
        table.c.trace_id: wanted.trace_id,
    }
    terms: list[ColumnElement[bool]] = [column == value for column, value in named.items() if value is not None]
    if wanted.error is not None:
        terms.append(table.c.error if wanted.error else ~table.c.error)
    if wanted.since is not None:
        terms.append(table.c.listed_at >= microseconds(wanted.since))
    if wanted.until is not None:
        terms.append(table.c.listed_at < microseconds(wanted.until))
    return terms


def _after(connection: Connection, before: str) -> ColumnElement[bool] | None:
    """What comes after this trace in a list; None where it is not there."""
    row = connection.execute(select(table.c.listed_at, table.c.number).where(table.c.trace_id == before)).first()
    if row is None:
        return None
    return or_(table.c.listed_at < row.listed_at, and_(table.c.listed_at == row.listed_at, table.c.number < row.number))
