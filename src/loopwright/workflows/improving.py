"""Failure patterns become proposals; a person decides on them; what is approved is written into the harness, or taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from loopwright.audit.digest import digest
from loopwright.audit.rules import Action, Breach, Intent, breaches, enforce
from loopwright.collect.trace import Trace
from loopwright.errors import SettingError, UsageError
from loopwright.guards.catalogue import GUARDS, build
from loopwright.improve.patterns.batch import observe
from loopwright.improve.patterns.detect import find_patterns, propose
from loopwright.improve.proposal import HarnessChange, Proposal, ProposalRecord, ProposalStatus, Verification
from loopwright.improve.replay import replayed
from loopwright.mine.detector import DetectorFault
from loopwright.ports import HarnessFile, PutCounts, Store
from loopwright.registry import known_id

PREFIX = "proposal-"

Protected = Mapping[str, Sequence[str]]
"""The files and folders, absolute, of each area that a proposal may not touch: `evals`, `policy`, `audit`, `check`."""


@dataclass(frozen=True, slots=True)
class Detected:
    """What a look at traces proposed: the proposals, and those that a hard rule refused, with the rules that they break.

    `faults` tells on which traces a pattern's detector failed.
    """

    proposals: tuple[Proposal, ...]
    traces: int
    refused: tuple[tuple[Proposal, tuple[Breach, ...]], ...] = ()
    counts: PutCounts = field(default_factory=PutCounts)
    faults: tuple[DetectorFault, ...] = ()


async def detect_traces(traces: Sequence[Trace]) -> Detected:
    """Look for the six patterns in a batch, and propose what recurs, with what each guard would have done in the batch."""
    batch = observe(traces)
    patterns = find_patterns(batch)
    found = propose(batch, patterns.findings)
    refused = tuple((p, broken) for p in found if (broken := breaches(_intent("propose", ProposalRecord(p)))))
    wrong = {p.proposal_id for p, _ in refused}
    sound = replayed([p for p in found if p.proposal_id not in wrong], traces, build)
    return Detected(sound, len(traces), refused, faults=patterns.faults)


async def detect_store(store: Store) -> Detected:
    """Look at all stored traces, and keep what is proposed: what a person decided on already stays as it is."""
    found = await detect_traces(list(store.traces()))
    return replace(found, counts=store.put_proposals(found.proposals))


def find_proposal(store: Store, given: str) -> ProposalRecord:
    """The proposal of that id, of which the beginning is enough; raises `UsageError`."""
    records = {record.proposal.proposal_id: record for record in store.proposals()}
    return records[known_id("proposal", given, records, PREFIX)]


def current(records: Sequence[ProposalRecord]) -> list[ProposalRecord]:
    """The proposals that a person has to know of: all that were decided on, and of each kind the last of the others."""
    undecided = {r.proposal.kind: r for r in records if r.decided_by is None}
    return [r for r in records if r.decided_by is not None or undecided[r.proposal.kind] is r]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says of a proposal: `status` is approved or rejected.

    `unverified` says why it is approved without a verification, `despite` why against one that does not say helping.
    """

    status: ProposalStatus
    by: str
    at: datetime
    why: str = ""
    unverified: str = ""
    despite: str = ""


async def decide_proposal(store: Store, record: ProposalRecord, said: Decision) -> ProposalRecord:
    """Approve or reject under a person's name, in the audit trail too; raises `RuleError` where a hard rule forbids it.

    What is approved already, and was not verified since, stays as it is, and nothing is recorded: the record tells by whom.
    """
    action: Action = "approve" if said.status is ProposalStatus.APPROVED else "reject"
    proposal_id = record.proposal.proposal_id
    with store.transaction():
        record = find_proposal(store, proposal_id)
        stands = record.status is ProposalStatus.APPROVED and not _since(record.verification, record.decided_at)
        if stands and action == "approve":
            return record
        enforce(_intent(action, record, by=said.by, why=said.why, unverified=said.unverified, despite=said.despite))
        latest = record.verification
        store.set_proposal_status(
            proposal_id,
            said.status,
            said.by,
            said.at,
            said.why or said.unverified or said.despite,
            kind=record.proposal.kind,
            change=record.proposal.change,
            verdict=latest.verdict if latest else None,
            verification=digest(latest) if latest else None,
            unverified=said.unverified,
            despite=said.despite,
        )
    return find_proposal(store, proposal_id)


async def apply_proposal(
    store: Store,
    record: ProposalRecord,
    file: HarnessFile,
    by: str,
    now: datetime,
    *,
    mode: str = "enforce",
    protected: Protected,
) -> HarnessChange:
    """Write an approved proposal's guard into the harness, in `mode`; another proposal of its kind is replaced by it.

    The file is written last, within the store's transaction: where it cannot be, nothing is recorded. Nothing is recorded either
    where it is applied so already: then the change is the one that did it. Raises `RuleError`, and
    `InputError` where the file cannot take it without loss.
    """
    with store.transaction():
        record = find_proposal(store, record.proposal.proposal_id)
        enforce(_intent("apply", record, by=by, mode=mode, writes=(file.path,), protected=protected))
        proposal, tables = record.proposal, file.tables()
        kind, table = proposal.kind.value, {"mode": mode, **proposal.change}
        last = [c for c in store.harness_changes() if c.kind is proposal.kind][-1:]
        if record.status is ProposalStatus.APPLIED and same_guard(kind, tables.get(kind), table):
            own = [c for c in last if c.proposal_id == proposal.proposal_id and c.action == "apply"]
            if own and same_guard(kind, own[0].table, table):
                return own[0]
        former = _former(store, kind, table, tables.get(kind))
        before, after = harness_digest(tables), harness_digest({**tables, kind: table})
        change = HarnessChange(proposal.proposal_id, "apply", proposal.kind, by, now, former, table, before, after)
        for other in _applied(store, record):
            why = f"replaced by {proposal.proposal_id}"
            store.set_proposal_status(other.proposal.proposal_id, ProposalStatus.ROLLED_BACK, by, now, why)
        _record(store, change, ProposalStatus.APPLIED, mode=mode)
        file.put(kind, table)
    return change


async def roll_back(
    store: Store, record: ProposalRecord, file: HarnessFile, by: str, now: datetime, *, why: str, protected: Protected
) -> HarnessChange:
    """Put the harness back as it was before the proposal was applied. What it replaced then is applied again.

    Raises `RuleError`, and `UsageError` where the guard's table was changed by hand since.
    """
    with store.transaction():
        record = find_proposal(store, record.proposal.proposal_id)
        enforce(_intent("roll back", record, by=by, why=why, writes=(file.path,), protected=protected))
        proposal, tables = record.proposal, file.tables()
        kind, held = proposal.kind.value, tables.get(proposal.kind.value)
        written, former = _writes_of(store, proposal.proposal_id)
        if not (same_guard(kind, held, written) or same_guard(kind, held, former)):
            where = f"[guards.{kind}] in {file.path}"
            raise UsageError(f"{where} was changed since it was applied; put it back as it was, or undo it by hand")
        left = {name: table for name, table in tables.items() if name != kind} | ({kind: former} if former else {})
        before, after = harness_digest(tables), harness_digest(left)
        change = HarnessChange(proposal.proposal_id, "roll back", proposal.kind, by, now, held, former, before, after, why)
        _record(store, change, ProposalStatus.ROLLED_BACK)
        for replaced in _replaced_by(store, record):
            again = f"applied again: {proposal.proposal_id} rolled back"
            store.set_proposal_status(replaced.proposal.proposal_id, ProposalStatus.APPLIED, by, now, again)
        file.put(kind, former)
    return change


def harness_digest(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Identifies a harness's content."""
    return digest(tables)


def guard_parameters(kind: str) -> frozenset[str]:
    """What a guard of that kind can be given, its mode left out."""
    return frozenset(f.name for f in fields(GUARDS[kind]) if f.name != "mode")  # type: ignore[arg-type]


def _intent(action: Action, record: ProposalRecord, **said: Any) -> Intent:
    proposal, latest = record.proposal, record.verification
    if action == "apply" and not _since(latest, record.decided_at):
        latest = None
    kind = proposal.kind.value
    fault = ""
    try:
        build(kind, proposal.change)
    except SettingError as error:
        fault = str(error)
    return Intent(
        action,
        status=record.status.value,
        change=proposal.change,
        parameters=guard_parameters(kind),
        fault=fault,
        verdict=latest.verdict if latest else None,
        **said,
    )


def _since(verification: Verification | None, decided_at: datetime | None) -> bool:
    return verification is not None and verification.at is not None and decided_at is not None and verification.at > decided_at


def _record(store: Store, change: HarnessChange, status: ProposalStatus, **details: Any) -> None:
    store.put_harness_change(change)
    told = {"former": change.former, "table": change.table, "harness_before": change.before, "harness_after": change.after}
    store.set_proposal_status(change.proposal_id, status, change.by, change.at, change.why, kind=change.kind, **told, **details)


def _applied(store: Store, record: ProposalRecord) -> list[ProposalRecord]:
    """The other proposals of the same kind that are applied."""
    mine = record.proposal
    return [
        r
        for r in store.proposals(ProposalStatus.APPLIED)
        if r.proposal.kind is mine.kind and r.proposal.proposal_id != mine.proposal_id
    ]


def _replaced_by(store: Store, record: ProposalRecord) -> list[ProposalRecord]:
    why = f"replaced by {record.proposal.proposal_id}"
    return [r for r in store.proposals(ProposalStatus.ROLLED_BACK) if r.why == why]


def _writes_of(store: Store, proposal_id: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What the proposal last wrote, and what was there before it was applied; raises `UsageError` where it wrote nothing."""
    mine: list[HarnessChange] = []
    for change in store.harness_changes():
        if change.proposal_id == proposal_id:
            mine = [] if change.action == "roll back" else [*mine, change]
    if mine:
        return mine[-1].table, mine[0].former
    known = [c for c in store.harness_changes() if c.proposal_id == proposal_id and c.action == "apply"]
    if not known:
        raise UsageError(f"the store does not say how the harness was before {proposal_id}; take it out by hand")
    return known[-1].table, known[-1].former


def _former(store: Store, kind: str, table: Mapping[str, Any], held: dict[str, Any] | None) -> dict[str, Any] | None:
    """The guard's table before; where a kill left the file written and the store not, what the store last knew of."""
    if not same_guard(kind, held, table):
        return held
    known = [change.table for change in store.harness_changes() if change.kind.value == kind]
    return known[-1] if known else None


def same_guard(kind: str, one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two tables make the same guard."""
    if one is None or other is None:
        return one is other
    guards = [build(kind, {k: v for k, v in t.items() if k != "mode"}, str(t.get("mode", "shadow"))) for t in (one, other)]
    return bool(guards[0] == guards[1])
