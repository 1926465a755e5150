"""Triage: the weekly review. What recurs gets an eval case, or a no with a reason, under a named person.

What a person decided stands: it is read back from the audit trail, and a mode that was rejected comes up again only when it
has grown (`grown`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from loopwright.audit.entry import AuditEntry
from loopwright.cluster.mode import ID_PREFIX, FailureMode, ModeStatus
from loopwright.collect.trace import Message
from loopwright.errors import UsageError
from loopwright.evaluate.case import CaseStatus, EvalCase
from loopwright.evaluate.draft import TRIED, draft
from loopwright.mine.signal import FailureTrace
from loopwright.ports import Store, SuiteFiles
from loopwright.registry import known_id
from loopwright.workflows.drafting import surroundings_of

SEVERE = 0.8
"""A one-off of at least this severity is brought up by itself."""

ACCEPTED = "triage accepted"
REJECTED = "triage rejected"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to decide: a failure mode, or with `mode` None a severe one-off.

    `id` is the mode's or the trace's. `failures` are its members, best first. `why_now` says what brought it up, and `case` is
    its case where there is one: approved, or the draft that accepting it would approve.
    """

    id: str
    name: str
    why_now: str
    failures: tuple[FailureTrace, ...]
    mode: FailureMode | None = None
    case: EvalCase | None = None

    @property
    def count(self) -> int:
        """How many failures it stands for."""
        return len(self.failures)

    @property
    def severity(self) -> float:
        """The mean severity of its failures, 0..1."""
        return sum(f.severity for f in self.failures) / len(self.failures) if self.failures else 0.0

    @property
    def settled(self) -> bool:
        """Whether it has an approved case, or is resolved."""
        decided = self.mode is not None and self.mode.status in (ModeStatus.COVERED, ModeStatus.RESOLVED)
        return decided or (self.case is not None and self.case.status is CaseStatus.APPROVED)

    @property
    def signal_types(self) -> tuple[str, ...]:
        """The types of signal among its failures."""
        return tuple(sorted({f.signal_type.value for f in self.failures}))


@dataclass(frozen=True, slots=True)
class Agenda:
    """What to decide now, best first; how many modes are `waiting` below the count, and how many were `decided` before.

    `failures` and `unplaced` count failures: all of them, and those that were not clustered yet.
    """

    candidates: tuple[Candidate, ...]
    waiting: int = 0
    decided: int = 0
    failures: int = 0
    unplaced: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """What the review works on: the store, and the suite's folder, which `has_suite` says is there."""

    store: Store
    suite: SuiteFiles
    folder: str
    has_suite: bool

    def cases(self) -> tuple[EvalCase, ...]:
        """The suite's cases, drafts included."""
        return self.suite.load([self.folder], drafts=True).cases if self.has_suite else ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """An approved case, and the file that it was written to."""

    case: EvalCase
    file: str


def grown(count: int, before: int, min_count: int) -> bool:
    """Whether a mode that was rejected at `before` failures is worth another look at `count`.

    It must have doubled, and grown by `min_count` at least.
    """
    return count >= 2 * before and count >= before + min_count


async def agenda(desk: Desk, min_count: int, one_offs: int = 10) -> Agenda:
    """What is to be decided: modes with `min_count` failures or more, and the `one_offs` most severe one-offs."""
    known = _known(desk)
    decisions = _decisions(desk.store.audit())
    modes = [c for c in known.values() if c.mode is not None]
    due = [replace(c, why_now=why) for c in modes if (why := _why_now(c, decisions.get(c.id), min_count))]
    severe = [c for c in known.values() if c.mode is None and c.severity >= SEVERE and not c.settled and c.id not in decisions]
    severe.sort(key=lambda c: -c.severity)
    clustered = {place.trace_id for place in desk.store.memberships()}
    failures = desk.store.failures()
    return Agenda(
        candidates=(*due, *severe[:one_offs]),
        waiting=sum(0 < c.count < min_count for c in modes),
        decided=len(decisions),
        failures=len(failures),
        unplaced=sum(failure.trace_id not in clustered for failure in failures),
    )


async def find(desk: Desk, id: str) -> Candidate:
    """The mode of that id, or that alone begins so, or the one-off of that trace id, recurring or not.

    Raises `UsageError` naming the nearest known id, or those among which it does not tell.
    """
    known = _known(desk)
    if id in known:
        return known[id]
    return known[known_id("failure mode", id, [c.id for c in known.values() if c.mode is not None], ID_PREFIX)]


async def drafted(desk: Desk, min_count: int) -> tuple[Candidate, ...]:
    """Every draft that waits for a person, as the candidate that accepting it would settle, modes first.

    A draft whose failure the store does not hold is a candidate by itself, under the case's id. What was rejected waits again
    only when it has grown (see `grown`).
    """
    known, decisions = _known(desk), _decisions(desk.store.audit())
    approved = {case.id for case in desk.cases() if case.status is CaseStatus.APPROVED}
    drafts = {case.id: case for case in (*desk.store.cases(CaseStatus.DRAFT), *desk.cases()) if case.status is CaseStatus.DRAFT}
    found = []
    for case in drafts.values():
        about = known.get(case.mode_id or next(iter(case.source_trace_ids), ""))
        if about is None:
            about = Candidate(case.id, case.failure_indicator or case.expected_behaviour or case.id, "a draft of its own", ())
        if case.id in approved or about.settled:
            continue
        decision = decisions.get(about.id)
        refused = decision is not None if about.mode is None else about.mode.status is ModeStatus.REJECTED
        if not refused or _why_now(about, decision, min_count):
            found.append(replace(about, case=case))
    return tuple(sorted(found, key=lambda c: c.mode is None))


async def accept(
    desk: Desk, candidate: Candidate, by: str, at: datetime, told: Mapping[str, Any] = MappingProxyType({})
) -> Accepted:
    """Approve the candidate's case under a person's name: write it into the suite's folder, and record the decision.

    The decision is recorded with the digest of the content approved, and with what else is `told` of it.

    The case is the draft as it stands in the suite or the store, else one is drafted. Raises `UsageError` for a candidate that
    has its case already or nothing to draft from, and what the suite raises; the store then holds nothing of it.
    """
    _undecided(candidate)
    held = candidate.case or _drafted(desk.store, candidate)
    case = replace(held, status=CaseStatus.APPROVED, approved_by=by)
    with desk.store.transaction():
        desk.store.put_cases([held])
        desk.store.set_case_status(case.id, CaseStatus.APPROVED, by, at)
        if candidate.mode is not None:
            desk.store.set_mode_status(candidate.id, ModeStatus.COVERED.value, by, at)
        file = desk.suite.append(case, desk.folder)
        details = {"case": case.id, "file": file, "count": candidate.count, "digest": case.reviewed_digest, **told}
        desk.store.append_audit(at, by, ACCEPTED, candidate.id, details)
    return Accepted(case, file)


async def reject(desk: Desk, candidate: Candidate, by: str, at: datetime, why: str) -> None:
    """Record that the candidate gets no case, and why; its draft leaves the suite.

    Raises `UsageError` without a reason, or where the candidate has its case; and what the suite raises, with nothing recorded.
    """
    if not why.strip():
        raise UsageError("a rejection needs a reason; give --why 'what speaks against a case'")
    _undecided(candidate)
    with desk.store.transaction():
        desk.store.append_audit(at, by, REJECTED, candidate.id, {"why": why.strip(), "count": candidate.count})
        if candidate.mode is not None:
            desk.store.set_mode_status(candidate.id, ModeStatus.REJECTED.value, by, at)
        if candidate.case is not None and desk.has_suite:
            desk.suite.withdraw(candidate.case.id, desk.folder)


def _known(desk: Desk) -> dict[str, Candidate]:
    """Every mode and every one-off by id, modes first, as the store ranks them."""
    places = {place.trace_id: place.mode_id for place in desk.store.memberships()}
    members: dict[str | None, list[FailureTrace]] = defaultdict(list)
    for failure in desk.store.failures():
        if failure.trace_id in places:
            members[places[failure.trace_id]].append(failure)
    cases: dict[str, EvalCase] = {}
    for case in (*desk.store.cases(CaseStatus.DRAFT), *desk.cases()):
        subject = case.mode_id or next(iter(case.source_trace_ids), None)
        if subject is not None and cases.get(subject, case).status is not CaseStatus.APPROVED:
            cases[subject] = case
    modes = [
        Candidate(m.mode_id, m.name, "", _ordered(members[m.mode_id], m), m, cases.get(m.mode_id)) for m in desk.store.modes()
    ]
    alone = [Candidate(f.trace_id, f.failure_reason, "a severe one-off", (f,), case=cases.get(f.trace_id)) for f in members[None]]
    return {candidate.id: candidate for candidate in (*modes, *alone)}


def _ordered(members: Iterable[FailureTrace], mode: FailureMode) -> tuple[FailureTrace, ...]:
    """Representatives first, then the others as they are ranked."""
    place = {id: index for index, id in enumerate(mode.representatives)}
    return tuple(sorted(members, key=lambda f: place.get(f.trace_id, len(place))))


def _drafted(store: Store, candidate: Candidate) -> EvalCase:
    around = surroundings_of(store, store.failures())
    return draft(candidate.failures, _conversations(store, candidate), candidate.mode, around)


def _conversations(store: Store, candidate: Candidate) -> dict[str, tuple[Message, ...]]:
    """The messages of the traces that a draft may come from, as far as the store still has them."""
    found = ((f.trace_id, store.trace(f.trace_id)) for f in candidate.failures[:TRIED])
    return {id: trace.messages for id, trace in found if trace is not None}


def _undecided(candidate: Candidate) -> None:
    """Raises `UsageError` where the candidate has its case already."""
    if candidate.settled:
        raise UsageError(f"{candidate.id} has its case in the suite already; to change that, edit or delete the case")


def _decisions(entries: Iterable[AuditEntry]) -> dict[str, AuditEntry]:
    """The latest triage decision about each subject."""
    return {entry.subject: entry for entry in entries if entry.action in (ACCEPTED, REJECTED)}


def _why_now(candidate: Candidate, decision: AuditEntry | None, min_count: int) -> str:
    """What brings a recurring mode up; empty where a decision stands."""
    if candidate.mode is None or candidate.settled or candidate.count < min_count:
        return ""
    if candidate.mode.status is not ModeStatus.REJECTED:
        return f"recurred {candidate.count} times"
    before = decision.details.get("count") if decision is not None else None
    if decision is None or not isinstance(before, int) or not grown(candidate.count, before, min_count):
        return ""
    return f"grown from {before} to {candidate.count} since {decision.actor} rejected it: {decision.details.get('why', '')}"
