"""The audit trail in a database: appended to under the writers' lock, read as it was written, to the byte.

Its columns hold plain text, so that a change of any byte shows: what is read is written again in memory and compared.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Table, Text, select

from loopwright.adapters.store.columns import escape, metadata, moment_text, unescape
from loopwright.adapters.store.database import Group
from loopwright.audit.digest import plain
from loopwright.audit.entry import AuditEntry
from loopwright.audit.trail import Head, Recorded, Trail
from loopwright.errors import StoreError

table = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
heads = Table(
    "audit_head",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

BROKEN = "the audit trail is damaged; see what and where with: loopwright audit verify"


class Audit(Group):
    """Implements `ports.AuditStore`."""

    def append_audit(self, at: datetime, actor: str, action: str, subject: str, details: dict[str, Any]) -> AuditEntry:
        """Chain and write an entry, its details made plain; several processes that do so at once make one chain."""
        with self.database.write() as connection:
            return append(connection, at, actor, action, subject, details)

    def audit(self) -> list[AuditEntry]:
        """All entries, oldest first; raises `StoreError` where one cannot be read as it was written."""
        entries = [recorded.entry for recorded in self.trail().recorded]
        whole = [entry for entry in entries if entry is not None]
        if len(whole) < len(entries):
            raise StoreError(BROKEN)
        return whole

    def trail(self) -> Trail:
        """All that is there, for `audit.trail.breaks` to judge."""
        with self.database.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.number)).mappings().all()
            head = connection.execute(select(heads.c.count, heads.c.hash)).first()
        recorded = tuple(_recorded(dict(row)) for row in rows)
        sound = [type(value) for value in head or ()] == [int, str]
        return Trail(recorded, Head(*head) if head and sound else None)


def append(connection: Connection, at: datetime, actor: str, action: str, subject: str, details: dict[str, Any]) -> AuditEntry:
    """Chain an entry within the caller's transaction: a decision and its entry are written together or not at all."""
    found = connection.execute(select(heads.c.count, heads.c.hash).with_for_update()).first()
    if found is None:
        raise StoreError(BROKEN)
    head = Head(*found)
    number = head.count + 1
    if connection.execute(select(table.c.number).where(table.c.number >= number)).first() is not None:
        raise StoreError(BROKEN)
    entry = _entry(_row(number, AuditEntry(at, actor, action, subject, plain(details), head.hash)))
    connection.execute(table.insert(), _row(number, entry))
    connection.execute(heads.update().values(count=number, hash=entry.hash))
    return entry


def _row(number: int, entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": number,
        "at": moment_text(entry.at),
        "actor": escape(entry.actor),
        "action": escape(entry.action),
        "subject": escape(entry.subject),
        "details": json.dumps(entry.details),
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _entry(row: dict[str, Any]) -> AuditEntry:
    return AuditEntry(
        datetime.fromisoformat(row["at"]),
        unescape(row["actor"]),
        unescape(row["action"]),
        unescape(row["subject"]),
        json.loads(row["details"]),
        row["previous"],
    )


def _recorded(row: dict[str, Any]) -> Recorded:
    """The row as an entry, if writing that entry again gives the row again, to the byte."""
    if not isinstance(row["number"], int):
        return Recorded(0, str(row["hash"]), None, "its number is none")
    try:
        entry = _entry(row)
        again = _row(row["number"], entry)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        return Recorded(row["number"], str(row["hash"]), None, f"it cannot be read ({' '.join(str(error).split())})")
    changed = [name for name in row if name != "hash" and again[name] != row[name]]
    if changed:
        return Recorded(row["number"], str(row["hash"]), None, f"its {' and '.join(changed)} cannot have been written so")
    return Recorded(row["number"], str(row["hash"]), entry)
