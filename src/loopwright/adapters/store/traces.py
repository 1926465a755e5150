"""Normalised traces: those that came so, and those that were made of spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from loopwright.adapters.store import forms
from loopwright.adapters.store.chunks import rows_in
from loopwright.adapters.store.codec import fingerprint
from loopwright.adapters.store.forms import Form
from loopwright.adapters.store.parts import raw_parts
from loopwright.adapters.store.spans import Spans
from loopwright.adapters.store.tables import forms as form_table
from loopwright.adapters.store.tables import traces as table
from loopwright.adapters.store.writing import microseconds
from loopwright.collect.trace import Trace
from loopwright.ports import PutCounts

PAGE = 64
_FORM = select(table.c.number, form_table.c.parts, form_table.c.payload).join(form_table, form_table.c.trace == table.c.number)
_BY_NUMBER = table.update().where(table.c.number == bindparam("id"))


class Traces(Spans):
    """Implements `ports.TraceStore`, and what of `ports.SpanStore` is about normalised traces."""

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
        ready = {id: forms.made(trace) for id, (trace, _) in wanted.items() if id not in held}
        new = 0
        if ready:
            with self.database.write() as connection:
                held |= _fingerprints(connection, list(ready))
                fresh = {id: form for id, form in ready.items() if id not in held}
                self._add(connection, fresh)
                new = len(fresh)
        conflicts |= {id: None for id, mark in held.items() if wanted[id][1] != mark}
        return PutCounts(new, len(traces) - new - len(conflicts), tuple(conflicts))

    def settle(self, traces: Mapping[str, tuple[Trace, int]]) -> None:
        """Write the normalised form of pending traces, each with the number of parts that it was made of.

        One that reads as before is only noted as settled; one whose trace is not there any more is left out.
        """
        ready = self._ready(traces)
        with self.database.write() as connection:
            rows = {row.trace_id: row for row in rows_in(connection, select(table), table.c.trace_id, list(ready))}
            changed: dict[int, Form] = {}
            noted = []
            at = next_change(connection)
            for id, (number, form) in ready.items():
                row = rows.get(id)
                if row is None or row.number != number:  # removed meanwhile, and perhaps another came under its id
                    continue
                if row.fingerprint == form.fingerprint:
                    noted.append({"id": row.number, "settled": max(row.settled, form.parts)})
                    continue
                changed[row.number] = form
            forms.write(connection, self.database, self.blocks, changed)
            numbers = {form.trace.trace_id: number for number, form in changed.items()}
            settled = [_settled_row(rows[id], changed[number], at) for id, number in numbers.items()]
            for found in (noted, settled):
                if found:
                    connection.execute(_BY_NUMBER, found)
            self._written(connection, [form.trace for form in changed.values()], at)

    def trace(self, trace_id: str) -> Trace | None:
        """One trace; None also for one whose spans are not settled yet."""
        with self.database.read() as connection:
            found = self._read(connection, connection.execute(_FORM.where(table.c.trace_id == trace_id)))
        return found[0] if found else None

    def traces(self) -> Iterator[Trace]:
        """All traces, in the order in which they arrived; those that arrive meanwhile come at the end."""
        query = _FORM.order_by(table.c.number).limit(PAGE)
        after = 0
        while True:
            with self.database.read() as connection:
                page = list(connection.execute(query.where(table.c.number > after)))
                found = self._read(connection, page)
            if not page:
                return
            yield from found
            after = page[-1][0]

    def newest_traces(self, limit: int) -> list[Trace]:
        """The last `limit` traces that arrived, in the order in which they did; no other is read."""
        with self.database.read() as connection:
            rows = list(connection.execute(_FORM.order_by(table.c.number.desc()).limit(limit)))
            return self._read(connection, reversed(rows))

    def count_traces(self) -> int:
        """How many traces there are."""
        with self.database.read() as connection:
            return connection.scalar(select(func.count()).where(table.c.changed.is_not(None))) or 0

    def changed_since(self, mark: int) -> tuple[list[str], int]:
        """The ids of traces whose normalised form came or changed since a mark, and the next mark."""
        query = select(table.c.trace_id, table.c.changed).where(table.c.changed > mark).order_by(table.c.changed, table.c.number)
        with self.database.read() as connection:
            rows = list(connection.execute(query))
        return [row.trace_id for row in rows], rows[-1].changed if rows else mark

    def _ready(self, traces: Mapping[str, tuple[Trace, int]]) -> dict[str, tuple[int, Form]]:
        """The numbers and forms of these traces, compressed with their parts; those whose parts are gone are left out."""
        with self.database.read() as connection:
            query = select(table.c.trace_id, table.c.number)
            numbers = {id: number for id, number in rows_in(connection, query, table.c.trace_id, list(traces))}  # noqa: C416
            raw = raw_parts(connection, self.blocks, list(numbers.values()))
        return {
            id: (numbers[id], forms.made(trace, raw[numbers[id]][:count]))
            for id, (trace, count) in traces.items()
            if id in numbers and len(raw[numbers[id]]) >= count
        }

    def _add(self, connection: Connection, fresh: Mapping[str, Form]) -> None:
        at = next_change(connection)
        now = datetime.now(UTC)
        if fresh:
            connection.execute(table.insert(), [_row(form, at, now) for form in fresh.values()])
        query = select(table.c.trace_id, table.c.number)
        numbers = dict(rows_in(connection, query, table.c.trace_id, list(fresh)))
        forms.write(connection, self.database, self.blocks, {numbers[id]: form for id, form in fresh.items()})
        self._written(connection, [form.trace for form in fresh.values()], at)

    def _written(self, connection: Connection, traces: Sequence[Trace], at: int) -> None:
        """Called within the transaction that wrote these traces, whose number of change is `at`."""

    def _numbered(self, connection: Connection, number: int) -> list[Trace]:
        """The trace of that number, if it has a normalised form."""
        return self._read(connection, connection.execute(_FORM.where(table.c.number == number)))

    def _read(self, connection: Connection, rows: Any) -> list[Trace]:
        """The traces of rows of `_FORM`, in their order."""
        return list(forms.read(connection, self.blocks, rows).values())


def _row(form: Form, changed: int, now: datetime) -> dict[str, Any]:
    trace = form.trace
    return {
        "trace_id": trace.trace_id,
        **forms.row_of(trace),
        "arrived_at": now,
        "listed_at": microseconds(trace.started_at or now),
        "error": trace.error is not None,
        "spans": len(trace.steps),
        "parts": 0,
        "settled": 0,
        "complete": True,
        "root_ended": True,
        "fingerprint": form.fingerprint,
        "changed": changed,
    }


def _settled_row(row: Any, form: Form, changed: int) -> dict[str, Any]:
    told = {name: value if value is not None else getattr(row, name) for name, value in forms.row_of(form.trace).items()}
    return {
        "id": row.number,
        **told,
        "listed_at": microseconds(told["started_at"] or row.arrived_at),
        "error": row.error or form.trace.error is not None,
        "settled": form.parts,
        "fingerprint": form.fingerprint,
        "changed": changed,
    }


def next_change(connection: Connection) -> int:
    """The number of the change that this transaction makes."""
    return (connection.scalar(select(func.max(table.c.changed))) or 0) + 1


def _fingerprints(connection: Connection, trace_ids: list[str]) -> dict[str, str]:
    """The fingerprints of those traces that are there; of one that is not settled, none."""
    query = select(table.c.trace_id, table.c.fingerprint)
    return dict(rows_in(connection, query, table.c.trace_id, trace_ids))
