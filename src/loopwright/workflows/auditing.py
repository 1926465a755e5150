"""The trail of decisions: read it, and check that it is whole."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.audit.entry import AuditEntry
from loopwright.audit.trail import Break, Head, breaks
from loopwright.ports import AuditStore
from loopwright.registry import known_id


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking the trail found: `found` is the last entry's number and hash, to be noted elsewhere; no `breaks`: whole."""

    entries: int
    found: Head
    breaks: tuple[Break, ...]


async def list_entries(
    store: AuditStore, *, subject: str | None = None, actor: str | None = None, last: int | None = None
) -> list[tuple[int, AuditEntry]]:
    """Entries with their numbers (from 1), oldest first: those about a subject, by a person, the `last` so many of these.

    Of the subject the beginning is enough; raises `UsageError` where several begin so.
    """
    entries = store.audit()
    if subject is not None and any(entry.subject.startswith(subject) for entry in entries):
        subject = known_id("subject", subject, dict.fromkeys(entry.subject for entry in entries))
    numbered = enumerate(entries, start=1)
    wanted = [
        (number, entry)
        for number, entry in numbered
        if (subject is None or entry.subject == subject) and (actor is None or entry.actor == actor)
    ]
    return wanted if last is None else wanted[max(len(wanted) - last, 0) :]


async def verify(store: AuditStore, noted: Head | None = None) -> Verification:
    """Check the whole trail, against a head noted earlier too where one is given."""
    trail = store.trail()
    last = trail.recorded[-1] if trail.recorded else None
    found = Head(last.number, last.hash) if last else Head()
    return Verification(len(trail.recorded), found, breaks(trail, noted))
