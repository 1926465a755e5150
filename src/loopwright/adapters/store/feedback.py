"""Feedback given by itself: kept for good, and joined with its trace, whichever of the two comes first.

What is kept of a join is where it leads; the verdicts are added to the trace when it is read. So feedback on a session can move
to the right trace when that one comes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, select

from loopwright.adapters.store import forms
from loopwright.adapters.store.chunks import rows_in
from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.tables import feedback as table
from loopwright.adapters.store.tables import traces
from loopwright.adapters.store.traces import Traces, next_change
from loopwright.collect.joining import GivenFeedback, joined, place, response_ids
from loopwright.collect.trace import Feedback, Trace
from loopwright.ports import PutCounts

_ROW = select(table.c.feedback_id, table.c.joined_to, table.c.payload).order_by(table.c.number)
_WAITS = table.c.joined_to.is_(None)
_ON_SESSION = table.c.trace_id.is_(None) & table.c.span_id.is_(None) & table.c.response_id.is_(None)
_JOIN = table.update().where(table.c.feedback_id == bindparam("id")).values(joined_to=bindparam("to"))


class FeedbackOnTraces(Traces):
    """Implements `ports.TraceStore` and `ports.FeedbackStore`.

    A trace's fingerprint is that of the trace as it came, so that importing it again after feedback was joined changes nothing.
    """

    def put_feedback(self, given: Sequence[GivenFeedback]) -> PutCounts:
        """Keep feedback and join it with the stored traces, in one transaction; the same again changes nothing."""
        by_id = {item.feedback_id: item for item in given}
        if not by_id:
            return PutCounts()
        with self.database.write() as connection:
            held = {row.feedback_id: row for row in rows_in(connection, _ROW, table.c.feedback_id, list(by_id))}
            fresh = {id: item for id, item in by_id.items() if id not in held}
            if fresh:
                connection.execute(table.insert(), [_row(id, item) for id, item in fresh.items()])
            places = self._place(connection, fresh)
            _join(connection, {id: (None, to) for id, to in places.items()}, next_change(connection))
        places |= {id: row.joined_to for id, row in held.items()}
        return PutCounts(len(fresh), len(given) - len(fresh), waiting=tuple(id for id in by_id if places[id] is None))

    def waiting_feedback(self) -> list[GivenFeedback]:
        """What was given on traces, spans, responses and sessions that have not come, in the order in which it came."""
        query = select(table.c.payload).where(_WAITS).order_by(table.c.number)
        with self.database.read() as connection:
            return [decode(payload, GivenFeedback) for payload in connection.scalars(query)]

    def with_feedback(self, trace: Trace) -> Trace:
        """A trace that is not settled with the feedback that leads to it, and what waits for it or for a part of it."""
        named = (
            (table.c.joined_to, [trace.trace_id]),
            (table.c.trace_id, [trace.trace_id]),
            (table.c.span_id, list({step.span_id for step in trace.steps})),
            (table.c.response_id, list(response_ids(trace))),
        )
        query = select(table.c.number, table.c.payload, table.c.joined_to)
        with self.database.read() as connection:
            found = {row.number: row for column, ids in named for row in rows_in(connection, query, column, ids)}
        ours = [found[number] for number in sorted(found) if found[number].joined_to in (None, trace.trace_id)]
        return joined(trace, [verdict for row in ours for verdict in decode(row.payload, GivenFeedback).verdicts])

    def _written(self, connection: Connection, new: Sequence[Trace], at: int) -> None:
        """Join the feedback that waited for these traces, and move what was given on their sessions to where it belongs."""
        if not new or connection.execute(select(table.c.number).limit(1)).first() is None:
            return
        ids = [trace.trace_id for trace in new]
        spans = list({step.span_id for trace in new for step in trace.steps})
        responses = list({id for trace in new for id in response_ids(trace)})
        sessions = list({trace.session_id for trace in new if trace.session_id is not None})
        named = [(table.c.trace_id, ids, _WAITS), (table.c.session_id, sessions, _ON_SESSION)]
        if _any_waits(connection, table.c.span_id):
            named.append((table.c.span_id, spans, _WAITS))
        if _any_waits(connection, table.c.response_id):
            named.append((table.c.response_id, responses, _WAITS))
        found = {
            row.feedback_id: row
            for column, values, which in named
            for row in rows_in(connection, _ROW.where(which), column, values)
        }
        items = {id: decode(row.payload, GivenFeedback) for id, row in found.items()}
        places = self._place(connection, items)
        _join(connection, {id: (row.joined_to, places[id]) for id, row in found.items()}, at)

    def _place(self, connection: Connection, items: Mapping[str, GivenFeedback]) -> dict[str, str | None]:
        """The trace that each of these belongs to; None where that has not come."""
        wanted = [item.trace_id for item in items.values() if item.trace_id is not None]
        there = {id for (id,) in rows_in(connection, select(traces.c.trace_id), traces.c.trace_id, wanted)}
        on_session = {item.session_id for item in items.values() if _names_session(item)}
        sessions: dict[str, list[tuple[str, Any]]] = {}
        query = select(traces.c.session_id, traces.c.trace_id, traces.c.started_at)
        for session, id, start in rows_in(connection, query, traces.c.session_id, list(on_session)):
            sessions.setdefault(session, []).append((id, start))
        places: dict[str, str | None] = {}
        for id, item in items.items():
            if item.trace_id is not None:
                places[id] = item.trace_id if item.trace_id in there else None
            elif _names_session(item):
                places[id] = place(item, sessions.get(item.session_id or "", []))
            else:
                places[id] = self._holding(connection, item)
        return places

    def _holding(self, connection: Connection, item: GivenFeedback) -> str | None:
        """The trace that holds the span or the response which the feedback names."""
        named = item.span_id if item.span_id is not None else item.response_id
        for number in forms.holding(connection, named or ""):
            for trace in self._numbered(connection, number):
                held = (step.span_id for step in trace.steps) if item.span_id is not None else response_ids(trace)
                if named in held:
                    return trace.trace_id
        return None

    def _read(self, connection: Connection, rows: Any) -> list[Trace]:
        """Traces with the feedback that was joined with them."""
        found = super()._read(connection, rows)
        verdicts: dict[str, list[Feedback]] = {}
        ids = [trace.trace_id for trace in found]
        query = select(table.c.joined_to, table.c.payload).order_by(table.c.number)
        for id, payload in rows_in(connection, query, table.c.joined_to, ids):
            verdicts.setdefault(id, []).extend(decode(payload, GivenFeedback).verdicts)
        return [joined(trace, verdicts[trace.trace_id]) if trace.trace_id in verdicts else trace for trace in found]


def _names_session(item: GivenFeedback) -> bool:
    return item.trace_id is None and item.span_id is None and item.response_id is None


def _any_waits(connection: Connection, column: ColumnElement[Any]) -> bool:
    return connection.execute(select(table.c.number).where(_WAITS, column.is_not(None)).limit(1)).first() is not None


def _row(id: str, item: GivenFeedback) -> dict[str, Any]:
    return {
        "feedback_id": id,
        "trace_id": item.trace_id,
        "session_id": item.session_id,
        "span_id": item.span_id,
        "response_id": item.response_id,
        "joined_to": None,
        "payload": encode(item),
    }


def _join(connection: Connection, moves: Mapping[str, tuple[str | None, str | None]], at: int) -> None:
    """Write where feedback leads, by its id from and to; the traces that lost or got some have changed."""
    moved = {id: places for id, places in moves.items() if places[0] != places[1]}
    if not moved:
        return
    connection.execute(_JOIN, [{"id": id, "to": to} for id, (_, to) in moved.items()])
    _mark(connection, {id for places in moved.values() for id in places if id is not None}, at)


def _mark(connection: Connection, trace_ids: Iterable[str], at: int) -> None:
    """Note that these traces changed, where they have a normalised form."""
    change = traces.update().where(traces.c.trace_id == bindparam("id"), traces.c.changed.is_not(None)).values(changed=at)
    rows = [{"id": id} for id in sorted(trace_ids)]
    if rows:
        connection.execute(change, rows)
