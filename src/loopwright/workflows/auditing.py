"""The trail of decisions: read it, and check that it is whole."""

from __future__ import annotations

from dataclasses import dataclass

from loopwright.audit.entry import AuditEntry
from loopwright.audit.trail import Break, Head, breaks
from loopwright.ports import AuditStore, HarnessFile, Store
from loopwright.registry import known_id
from loopwright.workflows.hand_edits import HandEdit, hand_edits


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking the trail found: `found` is the last entry's number and hash, to be noted elsewhere; no `breaks`: whole.

    `harness` says what of the harness is not what was decided on record.
    """

    entries: int
    found: Head
    breaks: tuple[Break, ...]
    harness: tuple[HandEdit, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the trail is whole, and the harness enforces nothing that is not on it."""
        return not self.breaks and all(edit.harmless for edit in self.harness)


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


async def verify(store: Store, noted: Head | None = None, harness: HarnessFile | None = None) -> Verification:
    """Check the whole trail, against a head noted earlier too where one is given, and a harness against what was decided.

    Of a trail that is broken nothing is said of the harness: what was decided is not known then.
    """
    trail = store.trail()
    last = trail.recorded[-1] if trail.recorded else None
    found = Head(last.number, last.hash) if last else Head()
    broken = breaks(trail, noted)
    edits = hand_edits(store, harness) if harness is not None and not broken else ()
    return Verification(len(trail.recorded), found, broken, edits)
