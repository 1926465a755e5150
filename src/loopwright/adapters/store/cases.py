"""Drafted eval cases and what people said about them. Every version of a case's content is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, select

from loopwright.adapters.store.audit import append
from loopwright.adapters.store.codec import decode, encode, fingerprint
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.errors import UsageError
from loopwright.evaluate.case import CaseStatus, EvalCase
from loopwright.ports import PutCounts
from loopwright.registry import unknown

table = Table(
    "cases",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("case_id", Name, nullable=False),
    Column("mode_id", Name),
    Column("status", Name, nullable=False),
    Column("decided_by", Name),
    Column("decided_at", Moment),
    Column("fingerprint", Name, nullable=False),
)
versions = Table(
    "case_versions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("case_id", Name, nullable=False),
    Column("fingerprint", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


class Cases(Group):
    """Implements `ports.CaseStore`."""

    def put_cases(self, cases: Sequence[EvalCase]) -> PutCounts:
        """Write cases; one that nobody decided on takes the new content, one that a person decided on is kept as it is."""
        new = unchanged = 0
        conflicts: list[str] = []
        with self.database.write() as connection:
            for case in cases:
                mark = _content(case)
                held = connection.execute(select(table).where(table.c.case_id == case.id)).one_or_none()
                if held is not None and held.fingerprint == mark:
                    unchanged += 1
                elif held is not None and held.decided_by is not None:
                    conflicts.append(case.id)
                else:
                    _write(connection, case, mark, fresh=held is None)
                    new += 1
        return PutCounts(new, unchanged, tuple(conflicts))

    def cases(self, status: CaseStatus | str | None = None) -> list[EvalCase]:
        """All cases, or those of a status, in the order in which they first came."""
        same = (versions.c.case_id == table.c.case_id) & (versions.c.fingerprint == table.c.fingerprint)
        query = select(table, versions.c.payload).join(versions, same).order_by(table.c.number)
        if status is not None:
            query = query.where(table.c.status == case_status(status).value)
        with self.database.read() as connection:
            return [_case(row) for row in connection.execute(query)]

    def set_case_status(self, case_id: str, status: CaseStatus | str, by: str, at: datetime) -> None:
        """Record a person's decision about a case, in the audit trail too; raises `UsageError` for an unknown id."""
        wanted = case_status(status)
        with self.database.write() as connection:
            held = connection.execute(select(table).where(table.c.case_id == case_id)).one_or_none()
            if held is None:
                raise UsageError(unknown("case", case_id, connection.scalars(select(table.c.case_id))))
            decision = {"status": wanted.value, "decided_by": by, "decided_at": at}
            connection.execute(table.update().where(table.c.case_id == case_id).values(decision))
            details = {"before": held.status, "after": wanted.value, "fingerprint": held.fingerprint}
            append(connection, at, by, f"case {wanted.value}", case_id, details)


def case_status(status: CaseStatus | str) -> CaseStatus:
    """The status of that name; raises `UsageError`."""
    known = {s.value: s for s in CaseStatus}
    name = status.value if isinstance(status, CaseStatus) else status
    if name not in known:
        raise UsageError(unknown("case status", name, known))
    return known[name]


def _content(case: EvalCase) -> str:
    """Identifies the case's content, apart from what a person said about it."""
    return fingerprint(replace(case, status=CaseStatus.DRAFT, approved_by=None))


def _write(connection: Connection, case: EvalCase, mark: str, *, fresh: bool) -> None:
    row: dict[str, Any] = {"case_id": case.id, "mode_id": case.mode_id, "status": case.status.value, "fingerprint": mark}
    version = {"case_id": case.id, "fingerprint": mark}
    if fresh:
        connection.execute(table.insert(), row)
    else:
        connection.execute(table.update().where(table.c.case_id == case.id), row)
    if connection.execute(select(versions.c.number).filter_by(**version)).first() is None:
        connection.execute(versions.insert(), version | {"payload": encode(case)})


def _case(row: Any) -> EvalCase:
    case = decode(row.payload, EvalCase)
    if row.decided_by is None:
        return replace(case, status=CaseStatus(row.status))
    approved = row.status == CaseStatus.APPROVED.value
    return replace(case, status=CaseStatus(row.status), approved_by=row.decided_by if approved else None)
