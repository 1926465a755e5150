"""Traces: the table, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, func, select

from loopwright.adapters.store.codec import decode, encode, fingerprint
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.collect.trace import Trace
from loopwright.ports import PutCounts

PAGE = 256

table = Table(
    "traces",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("trace_id", Name, nullable=False),
    Column("session_id", Name),
    Column("agent", Name),
    Column("version", Name),
    Column("started_at", Moment),
    Column("fingerprint", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


class Traces(Group):
    """Implements `ports.TraceStore`."""

    def put_traces(self, traces: Sequence[Trace]) -> PutCounts:
        """Write a batch in one transaction; a trace whose id is taken by other content is left out and reported."""
        wanted: dict[str, tuple[Trace, str]] = {}
        conflicts: dict[str, None] = {}
        for trace in traces:
            mark = fingerprint(trace)
            if wanted.setdefault(trace.trace_id, (trace, mark))[1] != mark:
                conflicts[trace.trace_id] = None
        with self.database.read() as connection:
            held = _fingerprints(connection, list(wanted))
        rows = {id: _row(trace, mark) for id, (trace, mark) in wanted.items() if id not in held}
        if rows:
            with self.database.write() as connection:
                held |= _fingerprints(connection, list(rows))
                fresh = [row for id, row in rows.items() if id not in held]
                if fresh:
                    connection.execute(table.insert(), fresh)
            new = len(fresh)
        else:
            new = 0
        conflicts |= {id: None for id, mark in held.items() if wanted[id][1] != mark}
        return PutCounts(new, len(traces) - new - len(conflicts), tuple(conflicts))

    def trace(self, trace_id: str) -> Trace | None:
        """One trace."""
        with self.database.read() as connection:
            payload = connection.scalar(select(table.c.payload).where(table.c.trace_id == trace_id))
        return None if payload is None else decode(payload, Trace)

    def traces(self) -> Iterator[Trace]:
        """All traces, in the order in which they arrived; those that arrive meanwhile come at the end."""
        after = 0
        while page := self._page(after):
            for _, payload in page:
                yield decode(payload, Trace)
            after = page[-1][0]

    def newest_traces(self, limit: int) -> list[Trace]:
        """The last `limit` traces that arrived, in the order in which they did; no other is read."""
        query = select(table.c.payload).order_by(table.c.number.desc()).limit(limit)
        with self.database.read() as connection:
            payloads = list(connection.scalars(query))
        return [decode(payload, Trace) for payload in reversed(payloads)]

    def count_traces(self) -> int:
        """How many traces there are."""
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(table)) or 0

    def _page(self, after: int) -> list[Any]:
        query = select(table.c.number, table.c.payload).where(table.c.number > after).order_by(table.c.number).limit(PAGE)
        with self.database.read() as connection:
            return list(connection.execute(query))


def _row(trace: Trace, mark: str) -> dict[str, Any]:
    return {
        "trace_id": trace.trace_id,
        "session_id": trace.session_id,
        "agent": trace.agent,
        "version": trace.version,
        "started_at": trace.started_at,
        "fingerprint": mark,
        "payload": encode(trace),
    }


def _fingerprints(connection: Connection, trace_ids: list[str]) -> dict[str, str]:
    """The fingerprints of those traces that are there."""
    found: dict[str, str] = {}
    for start in range(0, len(trace_ids), 500):
        query = select(table.c.trace_id, table.c.fingerprint).where(table.c.trace_id.in_(trace_ids[start : start + 500]))
        found.update((id, mark) for id, mark in connection.execute(query))
    return found
