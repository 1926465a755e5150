"""Exceptions from the gate's rule: cases in quarantine, decisions that were overridden. None of either is ever deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, Table, select

from loopwright.adapters.store import decisions
from loopwright.adapters.store.audit import append
from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.errors import StoreError, UsageError
from loopwright.gate.override import Override
from loopwright.gate.quarantine import Quarantine
from loopwright.registry import unknown

quarantines = Table(
    "quarantines",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("eval_id", Name, nullable=False),
    Column("until", Moment, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
overrides = Table(
    "overrides",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("override_id", Name, nullable=False),
    Column("decision_id", Name, nullable=False),
    Column("until", Moment, nullable=False),
    Column("withdrawn_at", Moment),
    Column("payload", LargeBinary, nullable=False),
)


class Exceptions(Group):
    """Implements `ports.ExceptionStore`."""

    def put_quarantine(self, entry: Quarantine) -> None:
        """Add an entry, in the audit trail too."""
        row = {"eval_id": entry.eval_id, "until": entry.until, "payload": encode(entry)}
        details = {"owner": entry.owner, "why": entry.why} | ({} if entry.lifted else {"until": entry.until})
        action = "quarantine lifted" if entry.lifted else "case quarantined"
        with self.database.write() as connection:
            connection.execute(quarantines.insert(), row)
            append(connection, entry.at, entry.by, action, entry.eval_id, details)

    def quarantines(self) -> list[Quarantine]:
        """All entries, in the order in which they were made."""
        query = select(quarantines.c.payload).order_by(quarantines.c.number)
        with self.database.read() as connection:
            return [decode(payload, Quarantine) for payload in connection.scalars(query)]

    def put_override(self, override: Override) -> None:
        """Write an override, or that it was withdrawn, in the audit trail too; the same again changes nothing.

        Raises `UsageError` for an unknown decision, `StoreError` for any other change of one.
        """
        this = overrides.c.override_id == override.override_id
        with self.database.write() as connection:
            payload = connection.scalar(select(overrides.c.payload).where(this))
            if payload is None:
                known = list(connection.scalars(select(decisions.table.c.decision_id)))
                if override.decision_id not in known:
                    raise UsageError(unknown("decision", override.decision_id, known))
                connection.execute(overrides.insert(), _row(override))
                details = {"override": override.override_id, "why": override.why, "until": override.until}
                details |= {"cases": override.eval_ids}
                append(connection, override.at, override.by, "gate overridden", override.decision_id, details)
                return
            held = decode(payload, Override)
            if held == override:
                return
            if held.withdrawn_at is not None or override.withdrawn_at is None or _terms(held) != _terms(override):
                raise StoreError(f"override {override.override_id} is recorded otherwise; it can only be withdrawn")
            connection.execute(overrides.update().where(this), _row(override))
            at, by, which = override.withdrawn_at, override.withdrawn_by, {"override": override.override_id}
            append(connection, at, by, "override withdrawn", override.decision_id, which)

    def overrides(self) -> list[Override]:
        """All overrides as they stand, in the order in which they were made."""
        query = select(overrides.c.payload).order_by(overrides.c.number)
        with self.database.read() as connection:
            return [decode(payload, Override) for payload in connection.scalars(query)]


def _row(override: Override) -> dict[str, Any]:
    return {
        "override_id": override.override_id,
        "decision_id": override.decision_id,
        "until": override.until,
        "withdrawn_at": override.withdrawn_at,
        "payload": encode(override),
    }


def _terms(override: Override) -> tuple[Any, ...]:
    """All of an override but its withdrawal."""
    return (override.decision_id, override.by, override.why, override.at, override.until, override.eval_ids)
