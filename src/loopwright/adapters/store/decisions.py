"""The baseline and the gate's decisions. Every baseline that there ever was is kept; the last one counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, func, select

from loopwright.adapters.store import runs
from loopwright.adapters.store.audit import append
from loopwright.adapters.store.codec import decode, encode, fingerprint
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.errors import StoreError, UsageError
from loopwright.ports import StoredDecision
from loopwright.registry import unknown

baselines = Table(
    "baselines",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("set_by", Name, nullable=False),
    Column("set_at", Moment, nullable=False),
)
baseline_runs = Table(
    "baseline_runs",
    metadata,
    Column("baseline", BigInteger, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("run_id", Name, nullable=False),
)
table = Table(
    "decisions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("decision_id", Name, nullable=False),
    Column("outcome", Name, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("baseline_run_id", Name),
    Column("candidate_run_id", Name),
    Column("fingerprint", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


class Decisions(Group):
    """The decisions' half of `ports.RunStore`."""

    def set_baseline(self, run_ids: Sequence[str], by: str, at: datetime, **details: Any) -> None:
        """Make these runs the baseline, in the audit trail too, with the `details`; raises `UsageError` for an unknown run."""
        with self.database.write() as connection:
            known = set(connection.scalars(select(runs.table.c.run_id)))
            for run_id in run_ids:
                if run_id not in known:
                    raise UsageError(unknown("run", run_id, known))
            made = connection.execute(baselines.insert().values(set_by=by, set_at=at)).inserted_primary_key
            number = made[0] if made else None
            rows = [{"baseline": number, "position": place, "run_id": run_id} for place, run_id in enumerate(run_ids)]
            if rows:
                connection.execute(baseline_runs.insert(), rows)
            append(connection, at, by, "baseline set", "baseline", {"run_ids": list(run_ids), **details})

    def baseline(self) -> list[str]:
        """The run ids of the baseline, oldest first; empty when none was established."""
        last = select(func.max(baselines.c.number)).scalar_subquery()
        joined = baseline_runs.join(runs.table, runs.table.c.run_id == baseline_runs.c.run_id)
        query = select(baseline_runs.c.run_id).select_from(joined).where(baseline_runs.c.baseline == last)
        query = query.order_by(runs.table.c.started_at, baseline_runs.c.position)
        with self.database.read() as connection:
            return [str(run_id) for run_id in connection.scalars(query)]

    def put_decision(self, decision: StoredDecision) -> None:
        """Record a decision; the same again changes nothing, and other content under its id raises `StoreError`."""
        row = _row(decision)
        with self.database.write() as connection:
            query = select(table.c.fingerprint).where(table.c.decision_id == decision.decision_id)
            held = connection.scalar(query)
            if held is None:
                connection.execute(table.insert(), row)
            elif held != row["fingerprint"]:
                raise StoreError(
                    f"decision {decision.decision_id} is recorded with other content, and never changes; give a new id"
                )

    def decisions(self) -> list[StoredDecision]:
        """All decisions, oldest first."""
        query = select(table.c.payload).order_by(table.c.decided_at, table.c.number)
        with self.database.read() as connection:
            return [decode(payload, StoredDecision) for payload in connection.scalars(query)]


def _row(decision: StoredDecision) -> dict[str, Any]:
    outcome = decision.decision.decision
    return {
        "decision_id": decision.decision_id,
        "outcome": outcome.value if outcome is not None else "",
        "decided_at": decision.decided_at,
        "baseline_run_id": decision.baseline_run_id,
        "candidate_run_id": decision.candidate_run_id,
        "fingerprint": fingerprint(decision),
        "payload": encode(decision),
    }
