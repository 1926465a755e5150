"""Feedback given by itself: kept for good, and joined with its trace, whichever of the two comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, or_, select

from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Name, metadata
from loopwright.adapters.store.traces import Traces
from loopwright.adapters.store.traces import table as traces
from loopwright.collect.joining import GivenFeedback, joined, place
from loopwright.collect.trace import Trace
from loopwright.ports import PutCounts

table = Table(
    "feedback",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("feedback_id", Name, nullable=False),
    Column("trace_id", Name),
    Column("session_id", Name),
    Column("joined_to", Name),
    Column("payload", LargeBinary, nullable=False),
)


class FeedbackOnTraces(Traces):
    """Implements `ports.TraceStore` and `ports.FeedbackStore`.

    A trace's fingerprint is that of the trace as it came, so that importing it again after feedback was joined changes nothing.
    """

    def put_traces(self, traces: Sequence[Trace]) -> PutCounts:
        """Write a batch in one transaction, then join with it the feedback that waited for it."""
        counts = super().put_traces(traces)
        if counts.new and self.waiting_feedback():
            with self.database.write() as connection:
                _join_waiting(connection)
        return counts

    def put_feedback(self, given: Sequence[GivenFeedback]) -> PutCounts:
        """Keep feedback and join it with the stored traces, in one transaction; the same again changes nothing."""
        by_id = {item.feedback_id: item for item in given}
        if not by_id:
            return PutCounts()
        with self.database.write() as connection:
            held = set(connection.scalars(select(table.c.feedback_id)))
            fresh = [_row(id, item) for id, item in by_id.items() if id not in held]
            if fresh:
                connection.execute(table.insert(), fresh)
                _join_waiting(connection)
        return PutCounts(len(fresh), len(given) - len(fresh))

    def waiting_feedback(self) -> list[GivenFeedback]:
        """What was given on traces and sessions that have not come, in the order in which it came."""
        query = select(table.c.payload).where(table.c.joined_to.is_(None)).order_by(table.c.number)
        with self.database.read() as connection:
            return [decode(payload, GivenFeedback) for payload in connection.scalars(query)]


def _row(id: str, item: GivenFeedback) -> dict[str, Any]:
    return {
        "feedback_id": id,
        "trace_id": item.trace_id,
        "session_id": item.session_id,
        "joined_to": None,
        "payload": encode(item),
    }


def _join_waiting(connection: Connection) -> None:
    """Join all feedback whose trace is there by now."""
    there = or_(
        select(traces.c.number).where(traces.c.trace_id == table.c.trace_id).exists(),
        table.c.trace_id.is_(None) & select(traces.c.number).where(traces.c.session_id == table.c.session_id).exists(),
    )
    query = select(table.c.feedback_id, table.c.payload).where(table.c.joined_to.is_(None), there).order_by(table.c.number)
    for feedback_id, payload in list(connection.execute(query)):
        item = decode(payload, GivenFeedback)
        trace_id = item.trace_id or place(item, _of_session(connection, item.session_id))
        held: bytes = connection.execute(select(traces.c.payload).where(traces.c.trace_id == trace_id)).scalar_one()
        trace = joined(decode(held, Trace), item.verdicts)
        connection.execute(traces.update().where(traces.c.trace_id == trace_id).values(payload=encode(trace)))
        connection.execute(table.update().where(table.c.feedback_id == feedback_id).values(joined_to=trace_id))


def _of_session(connection: Connection, session_id: str | None) -> list[Any]:
    query = select(traces.c.trace_id, traces.c.started_at).where(traces.c.session_id == session_id)
    return [(id, start) for id, start in connection.execute(query)]
