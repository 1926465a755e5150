"""Lists of traces: the newest that fit a filter, out of what is looked up, without reading any whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from loopwright.adapters.store.chunks import chunks
from loopwright.adapters.store.database import Group
from loopwright.adapters.store.tables import traces as table
from loopwright.adapters.store.words import words
from loopwright.adapters.store.writing import microseconds
from loopwright.ports import TraceFilter, TraceLine

_LINE = select(
    table.c.trace_id, table.c.name, table.c.session_id, table.c.user_id, table.c.agent, table.c.version, table.c.started_at,
    table.c.ended_at, table.c.spans, table.c.error, and_(table.c.changed.is_not(None), table.c.settled == table.c.parts),
)  # fmt: skip


_NEWEST = (table.c.listed_at.desc(), table.c.number.desc())
FEW, WALK, WALKS, RUNS = 2000, 200, 20, 20
"""Of words that no more traces have than `FEW`, all are gathered; of others the newest are looked at, `WALKS` times `WALK`.

The index is asked for ranges of numbers. Where traces came in another order than they began in, that may be too many ranges.
"""


class Finding(Group):
    """The part of `ports.SpanStore` that lists traces."""

    def find(self, wanted: TraceFilter, limit: int, before: str | None = None) -> list[TraceLine]:
        """The newest traces that fit, newest first, settled or not; `before` is the id after which a page begins.

        A page after a trace that is not there is empty, and so is one for a `text` without any word.
        """
        terms = _terms(wanted)
        with self.database.read() as connection:
            if before is not None:
                after = _after(connection, before)
                if after is None:
                    return []
                terms.append(after)
            if wanted.text is not None:
                asked = words([wanted.text])
                if not asked:
                    return []
                found = self._common(connection, asked, terms, limit)
                terms = [table.c.number.in_(found)] if found is not None else [*terms, self._holding_words(asked)]
            return [TraceLine(*row) for row in connection.execute(_LINE.where(*terms).order_by(*_NEWEST).limit(limit))]

    def _holding_words(self, asked: set[str]) -> ColumnElement[bool]:
        return self.database.dialect.holding_words(table.c.number, asked)

    def _common(
        self, connection: Connection, asked: set[str], terms: Sequence[ColumnElement[bool]], limit: int
    ) -> list[int] | None:
        """The numbers of the newest traces that fit and have these words, where many have: by walking from the newest.

        None where few have, or where these are not among the newest: then it is faster to gather all that have them.
        """
        dialect = self.database.dialect
        if not dialect.more_hold(connection, asked, FEW):
            return None
        found: list[int] = []
        newest = connection.scalars(select(table.c.number).where(*terms).order_by(*_NEWEST).limit(WALK * WALKS)).all()
        for numbers in chunks(newest, WALK):
            runs = _runs(numbers)
            if len(runs) > RUNS:
                return None
            there = {number for run in runs for number in dialect.numbers_holding(connection, asked, run)}
            found += [number for number in numbers if number in there]
            if len(found) >= limit:
                return found[:limit]
        return found if len(newest) < WALK * WALKS else None

    def count_pending(self) -> int:
        """How many traces have spans that their normalised form lacks."""
        query = select(func.count()).select_from(table).where(table.c.settled < table.c.parts)
        with self.database.read() as connection:
            return int(connection.scalar(query) or 0)


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ranges, each from one number to another, that hold these and few others."""
    ordered = sorted(numbers)
    breaks = [index for index in range(1, len(ordered)) if ordered[index] - ordered[index - 1] > WALK]
    return [(ordered[start], ordered[end - 1]) for start, end in pairwise([0, *breaks, len(ordered)])]


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
