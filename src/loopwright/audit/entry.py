"""One decision in the trail: who, what, about which things, and when; each entry carries the hash of the one before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loopwright.audit.digest import digest

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit trail.

    `actor` is the person who decided, `action` what was done (`baseline set`), `subject` the id of what it was done to.
    `details` are plain values (see `digest.plain`). `previous` is the hash of the entry before it, `GENESIS` for the first.
    """

    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any] = field(default_factory=dict)
    previous: str = GENESIS

    @property
    def hash(self) -> str:
        """SHA-256 over all fields, as 64 hex digits."""
        return digest(self.at, self.actor, self.action, self.subject, self.details, self.previous, length=64)
