"""What was decided before: of an id that waits no longer, who said what, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from loopwright.evaluate.case import CaseStatus
from loopwright.workflows.triage import ACCEPTED, REJECTED, Desk

TAKEN, DISMISSED = "queued failure taken", "queued failure dismissed"

_WORDS = {
    ACCEPTED: "approved",
    REJECTED: "rejected",
    "case approved": "approved",
    "case rejected": "rejected",
    TAKEN: "approved",
    DISMISSED: "rejected",
    "proposal approved": "approved",
    "proposal rejected": "rejected",
    "proposal applied": "applied",
    "proposal rolled back": "rolled back",
}
"""What the trail's actions come to, of an id that waits for a review."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision that stands: `what` is approved, rejected, applied or rolled back.

    Who and when are None where the trail does not tell: a case may be older than it.
    """

    id: str
    what: str
    by: str | None = None
    at: datetime | None = None

    @property
    def approved(self) -> bool:
        """Whether a yes stands."""
        return self.what in ("approved", "applied")

    def __str__(self) -> str:
        who = f" by {self.by}" if self.by else ""
        when = f" on {self.at:%Y-%m-%d %H:%M} UTC" if self.at is not None else ""
        return f"{self.id} is already {self.what}{who}{when}"


def settled(desk: Desk, id: str) -> Settled | None:
    """What was decided about an id, of which the beginning is enough; None where nothing was, or it could be several."""
    known: dict[str, Settled] = {}
    for case in desk.cases():
        if case.status is CaseStatus.APPROVED:
            known[case.id] = Settled(case.id, "approved", case.approved_by)
    about = {entry.subject: entry for entry in desk.store.audit() if entry.action in _WORDS}
    for entry in about.values():
        known[entry.subject] = Settled(entry.subject, _WORDS[entry.action], entry.actor, entry.at)
    for case in desk.store.cases(CaseStatus.DRAFT):
        subject = case.mode_id or next(iter(case.source_trace_ids), "")
        if case.id not in known and subject in about:
            known[case.id] = Settled(case.id, _WORDS[about[subject].action], about[subject].actor, about[subject].at)
    if id in known:
        return known[id]
    found = [name for name in known if any(name.startswith(prefix + id) for prefix in ("", "case-", "proposal-", "queued-"))]
    return known[found[0]] if id and len(found) == 1 else None
