"""What watching keeps: business events, the drifts found, and the inputs that people took into the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Float, Integer, LargeBinary, Table, select

from loopwright.adapters.store.audit import append
from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.collect.business import BusinessEvent
from loopwright.ports import PutCounts
from loopwright.watch.finding import AcceptedInputs, DriftFinding

business_events = Table(
    "business_events",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("event_id", Name, nullable=False),
    Column("session_id", Name, nullable=False),
    Column("metric", Name, nullable=False),
    Column("at", Moment, nullable=False),
    Column("value", Float, nullable=False),
)
drift_findings = Table(
    "drift_findings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("finding_id", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("found_at", Moment, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
accepted_inputs = Table(
    "accepted_inputs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("accepted_at", Moment, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

_AT_ONCE = 500


class Watch(Group):
    """Implements `ports.WatchStore`."""

    def put_events(self, events: Sequence[BusinessEvent]) -> PutCounts:
        """Write a batch in one transaction; an event that is there is left as it is."""
        rows = {event.event_id: _event_row(event) for event in events}
        with self.database.write() as connection:
            new = _insert_absent(connection, business_events, "event_id", rows)
        return PutCounts(len(new), len(events) - len(new))

    def events(self) -> list[BusinessEvent]:
        """All events, in order of time."""
        query = select(business_events).order_by(business_events.c.at, business_events.c.number)
        with self.database.read() as connection:
            return [BusinessEvent(r.session_id, r.at, r.metric, r.value) for r in connection.execute(query)]

    def put_findings(self, findings: Sequence[DriftFinding]) -> list[DriftFinding]:
        """Record drifts; returns those that were not there, the others stay as they were first found."""
        by_id = {finding.finding_id: finding for finding in findings}
        rows = {
            id: {"finding_id": id, "kind": f.kind.value, "found_at": f.found_at, "payload": encode(f)} for id, f in by_id.items()
        }
        if not rows:
            return []
        with self.database.write() as connection:
            new = _insert_absent(connection, drift_findings, "finding_id", rows)
        return [by_id[id] for id in new]

    def findings(self) -> list[DriftFinding]:
        """All drifts, in the order in which they were found."""
        query = select(drift_findings.c.payload).order_by(drift_findings.c.number)
        with self.database.read() as connection:
            return [decode(payload, DriftFinding) for payload in connection.scalars(query)]

    def accept_inputs(self, accepted: AcceptedInputs) -> None:
        """Record that a person took inputs into the reference, in the audit trail too."""
        details = {"from": accepted.start, "to": accepted.end, "inputs": accepted.inputs, "labels": accepted.labels}
        with self.database.write() as connection:
            connection.execute(accepted_inputs.insert(), {"accepted_at": accepted.at, "payload": encode(accepted)})
            append(connection, accepted.at, accepted.by, "reference extended", "inputs", {**details, "why": accepted.why})

    def accepted_inputs(self) -> list[AcceptedInputs]:
        """All such decisions, oldest first."""
        query = select(accepted_inputs.c.payload).order_by(accepted_inputs.c.number)
        with self.database.read() as connection:
            return [decode(payload, AcceptedInputs) for payload in connection.scalars(query)]


def _event_row(event: BusinessEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "session_id": event.session_id,
        "metric": event.metric,
        "at": event.at,
        "value": event.value,
    }


def _insert_absent(connection: Connection, table: Table, key: str, rows: dict[str, dict[str, Any]]) -> list[str]:
    """Insert the rows whose key is not there; returns their keys, in order."""
    ids = list(rows)
    held: set[str] = set()
    for start in range(0, len(ids), _AT_ONCE):
        held.update(connection.scalars(select(table.c[key]).where(table.c[key].in_(ids[start : start + _AT_ONCE]))))
    new = [id for id in ids if id not in held]
    if new:
        connection.execute(table.insert(), [rows[id] for id in new])
    return new
