"""Failures: the table, and what is asked of it. A failure is never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, Table, bindparam, func, select

from loopwright.adapters.store.codec import decode, encode, fingerprint
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.adapters.store.tables import traces
from loopwright.mine.signal import FailureTrace

table = Table(
    "failures",
    metadata,
    Column("trace_id", Name, primary_key=True),
    Column("score", Float),
    Column("severity", Float),
    Column("signal_type", Name, nullable=False),
    Column("session_id", Name),
    Column("version", Name),
    Column("occurred_at", Moment),
    Column("fingerprint", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
minings = Table(
    "minings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("last_trace", BigInteger, nullable=False),
)


class Failures(Group):
    """The failures' half of `ports.FailureStore`."""

    def replace_failures(self, failures: Sequence[FailureTrace], seen: int | None = None) -> None:
        """Write the result of mining; a failure no longer found keeps its row, with score 0.

        `seen` is the mark up to which changes were read (`SpanStore.changed_since`); without it, all that there is was mined.
        """
        rows = {failure.trace_id: _row(failure) for failure in failures}
        held = select(table.c.trace_id, table.c.fingerprint, table.c.score)
        with self.database.write() as connection:
            before = {id: (mark, score) for id, mark, score in connection.execute(held)}
            gone = [{"id": id} for id, (_, score) in before.items() if id not in rows and score != 0]
            new = [row for id, row in rows.items() if id not in before]
            changed = [
                {"id": id, **row} for id, row in rows.items() if id in before and before[id] != (row["fingerprint"], row["score"])
            ]
            this = table.update().where(table.c.trace_id == bindparam("id"))
            if gone:
                connection.execute(this.values(score=0.0), gone)
            if changed:
                connection.execute(this, changed)
            if new:
                connection.execute(table.insert(), new)
            last = (connection.scalar(select(func.max(traces.c.changed))) or 0) if seen is None else seen
            connection.execute(minings.insert().values(last_trace=last))

    def count_unmined(self) -> int:
        """How many traces came or changed since the last mining."""
        seen = select(func.coalesce(func.max(minings.c.last_trace), 0)).scalar_subquery()
        query = select(func.count()).select_from(traces).where(traces.c.changed > seen)
        with self.database.read() as connection:
            return connection.scalar(query) or 0

    def failures(self) -> list[FailureTrace]:
        """All with a score above 0, best first."""
        query = select(table.c.payload).where(table.c.score > 0).order_by(table.c.score.desc(), table.c.trace_id)
        with self.database.read() as connection:
            return [decode(payload, FailureTrace) for payload in connection.scalars(query)]


def _row(failure: FailureTrace) -> dict[str, Any]:
    return {
        "trace_id": failure.trace_id,
        "score": failure.score,
        "severity": failure.severity,
        "signal_type": failure.signal_type.value,
        "session_id": failure.session_id,
        "version": failure.version,
        "occurred_at": failure.timestamp,
        "fingerprint": fingerprint(failure),
        "payload": encode(failure),
    }
