"""Harness proposals: what was proposed, verified, decided and written. Nothing here is ever deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, Text, select

from loopwright.adapters.store.audit import append
from loopwright.adapters.store.codec import decode, encode, fingerprint
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.adapters.store.verification_log import VerificationLog
from loopwright.errors import UsageError
from loopwright.improve.proposal import HarnessChange, Proposal, ProposalRecord, ProposalStatus, Verification
from loopwright.ports import PutCounts
from loopwright.registry import unknown

table = Table(
    "proposals",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("proposal_id", Name, nullable=False),
    Column("kind", Name, nullable=False),
    Column("mode_id", Name),
    Column("status", Name, nullable=False),
    Column("decided_by", Name),
    Column("decided_at", Moment),
    Column("why", Name, nullable=False),
    Column("fingerprint", Name, nullable=False),
)
versions = Table(
    "proposal_versions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("proposal_id", Name, nullable=False),
    Column("fingerprint", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
verifications = Table(
    "verifications",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("proposal_id", Name, nullable=False),
    Column("verdict", Name, nullable=False),
    Column("verified_at", Moment),
    Column("payload", LargeBinary, nullable=False),
)
harness = Table(
    "harness_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("proposal_id", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("changed_by", Name, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


class Proposals(Group):
    """Implements `ports.ProposalStore`."""

    def put_proposals(self, proposals: Sequence[Proposal]) -> PutCounts:
        """Write proposals; one that a person decided on is kept as it is, and is a conflict where the content differs."""
        new = unchanged = 0
        conflicts: list[str] = []
        with self.database.write() as connection:
            for proposal in proposals:
                mark = fingerprint(proposal)
                held = connection.execute(select(table).where(table.c.proposal_id == proposal.proposal_id)).one_or_none()
                if held is not None and held.fingerprint == mark:
                    unchanged += 1
                elif held is not None and held.decided_by is not None:
                    conflicts.append(proposal.proposal_id)
                else:
                    _write(connection, proposal, mark, fresh=held is None)
                    new += 1
        return PutCounts(new, unchanged, tuple(conflicts))

    def proposals(self, status: ProposalStatus | None = None) -> list[ProposalRecord]:
        """All proposals with their verifications, or those of a status, in the order in which they first came."""
        same = (versions.c.proposal_id == table.c.proposal_id) & (versions.c.fingerprint == table.c.fingerprint)
        query = select(table, versions.c.payload).join(versions, same).order_by(table.c.number)
        if status is not None:
            query = query.where(table.c.status == status.value)
        found: dict[str, list[Verification]] = {}
        with self.database.read() as connection:
            for row in connection.execute(select(verifications).order_by(verifications.c.number)):
                found.setdefault(row.proposal_id, []).append(decode(row.payload, Verification))
            return [_record(row, tuple(found.get(row.proposal_id, ()))) for row in connection.execute(query)]

    def put_verification(self, proposal_id: str, verification: Verification) -> None:
        """Add a verification; an open proposal becomes verified. Raises `UsageError` for an unknown id."""
        row = {"proposal_id": proposal_id, "verdict": verification.verdict, "verified_at": verification.at}
        with self.database.write() as connection:
            held = _held(connection, proposal_id)
            connection.execute(verifications.insert(), row | {"payload": encode(verification)})
            if held.status == ProposalStatus.OPEN.value:
                mine = table.c.proposal_id == proposal_id
                connection.execute(table.update().where(mine).values(status=ProposalStatus.VERIFIED.value))

    def set_proposal_status(
        self, proposal_id: str, status: ProposalStatus, by: str, at: datetime, why: str = "", **details: Any
    ) -> None:
        """Record a person's decision, in the audit trail too, with the `details`; raises `UsageError` for an unknown id."""
        with self.database.write() as connection:
            held = _held(connection, proposal_id)
            decision = {"status": status.value, "decided_by": by, "decided_at": at, "why": why}
            connection.execute(table.update().where(table.c.proposal_id == proposal_id).values(decision))
            told = {"before": held.status, "after": status.value, "fingerprint": held.fingerprint, "why": why, **details}
            append(connection, at, by, f"proposal {status.value.replace('_', ' ')}", proposal_id, told)

    def put_harness_change(self, change: HarnessChange) -> None:
        """Record a write of the harness; raises `UsageError` for an unknown proposal."""
        row = {
            "proposal_id": change.proposal_id,
            "action": change.action,
            "changed_by": change.by,
            "changed_at": change.at,
            "before": change.before,
            "after": change.after,
            "payload": encode(change),
        }
        with self.database.write() as connection:
            _held(connection, change.proposal_id)
            connection.execute(harness.insert(), row)

    def harness_changes(self) -> list[HarnessChange]:
        """Every write of the harness, oldest first."""
        with self.database.read() as connection:
            payloads = connection.scalars(select(harness.c.payload).order_by(harness.c.number))
            return [decode(payload, HarnessChange) for payload in payloads]

    def verification_log(self) -> VerificationLog:
        """Where verifications keep their trials, apart from the runs of the suite."""
        return VerificationLog(self.database)


def _held(connection: Connection, proposal_id: str) -> Any:
    held = connection.execute(select(table).where(table.c.proposal_id == proposal_id)).one_or_none()
    if held is None:
        known = list(connection.scalars(select(table.c.proposal_id)))
        raise UsageError(
            unknown("proposal", proposal_id, known) if known else f"unknown proposal {proposal_id!r}; there are none"
        )
    return held


def _write(connection: Connection, proposal: Proposal, mark: str, *, fresh: bool) -> None:
    row: dict[str, Any] = {
        "proposal_id": proposal.proposal_id,
        "kind": proposal.kind.value,
        "mode_id": proposal.mode_id,
        "fingerprint": mark,
    }
    if fresh:
        connection.execute(table.insert(), row | {"status": ProposalStatus.OPEN.value, "why": ""})
    else:
        connection.execute(table.update().where(table.c.proposal_id == proposal.proposal_id), row)
    version = {"proposal_id": proposal.proposal_id, "fingerprint": mark}
    if connection.execute(select(versions.c.number).filter_by(**version)).first() is None:
        connection.execute(versions.insert(), version | {"payload": encode(proposal)})


def _record(row: Any, made: tuple[Verification, ...]) -> ProposalRecord:
    proposal = decode(row.payload, Proposal)
    return ProposalRecord(proposal, ProposalStatus(row.status), row.decided_by, row.decided_at, row.why, made)
