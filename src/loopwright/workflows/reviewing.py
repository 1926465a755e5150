"""Review: one queue of all that waits for a person, the most urgent first, and what a person says to it.

Draft cases, proposals, and failures of a released suite that have no eval of their own. Nothing here is decided without a name;
each decision and its entry in the audit trail are one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal

from loopwright.collect.conversation import read_messages
from loopwright.collect.trace import Message, Trace
from loopwright.errors import SuiteError, UsageError
from loopwright.evaluate.admission import Admission
from loopwright.evaluate.case import CaseStatus, EvalCase
from loopwright.evaluate.check import added
from loopwright.evaluate.draft import draft
from loopwright.evaluate.expectation import request_in
from loopwright.evaluate.queue import Queued
from loopwright.evaluate.suite import parse
from loopwright.evaluate.surroundings import Surroundings
from loopwright.evaluate.writing import render
from loopwright.improve.proposal import ProposalStatus
from loopwright.mine.detector import Detector
from loopwright.mine.rank import mine
from loopwright.mine.signal import FailureSignal, FailureTrace
from loopwright.registry import known_id
from loopwright.wording import counted
from loopwright.workflows import triage
from loopwright.workflows.deciding import reasoned
from loopwright.workflows.drafting import DRAFTS, surroundings_of
from loopwright.workflows.evidence import Quote, quotes, tried
from loopwright.workflows.improving import Decision, current, decide_proposal
from loopwright.workflows.queueing import queued, take
from loopwright.workflows.review_items import Item, case_item, failure_item, proposal_item
from loopwright.workflows.settled import DISMISSED, TAKEN, Settled, settled
from loopwright.workflows.triage import Desk

EDITED = "case edited"
ASKED = "give --despite 'why it joins the suite all the same'"

_GUIDE = """\
# Change what the agent is asked, what is expected, and the checks; the id stays. Lines that begin with # are not kept.
# Save and leave the editor to keep the draft; leave the file as it is, or empty, to change nothing.
"""


@dataclass(frozen=True, slots=True)
class Look:
    """An item seen closely: its evidence, and for a draft what trying it shows now."""

    item: Item
    quotes: tuple[Quote, ...]
    admission: Admission | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided: approved or rejected, about what, under whose name; `file` holds what was written, where it was."""

    item: Item
    decision: Literal["approved", "rejected"]
    by: str
    file: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


async def waiting(desk: Desk, min_count: int = 3) -> tuple[Item, ...]:
    """All that waits for a person, the most urgent first."""
    cases = [case_item(candidate) for candidate in await triage.drafted(desk, min_count)]
    severity = {failure.trace_id: failure.severity for failure in desk.store.failures()}
    open_ones = [r for r in current(desk.store.proposals()) if r.status in (ProposalStatus.OPEN, ProposalStatus.VERIFIED)]
    suite = {case.id: case for case in desk.cases()}
    failures = [failure_item(waits, suite.get(waits.result.eval_id)) for waits in queued(desk.store)]
    found = [*cases, *(proposal_item(record, severity) for record in open_ones), *failures]
    return tuple(sorted(found, key=lambda item: (-item.urgency, item.id)))


async def find_item(desk: Desk, id: str, min_count: int = 3) -> Item:
    """The item of that id, of which the beginning is enough; raises `UsageError` naming the nearest.

    Of one that was decided before, it says what, by whom and when.
    """
    found = {item.id: item for item in await waiting(desk, min_count)}
    before = None if _among(found, id) else settled(desk, id)
    if before is not None:
        raise UsageError(f"{before}; it waits for nothing")
    if not found:
        raise UsageError("nothing waits for a review; draft cases with: loopwright draft")
    if id in found:
        return found[id]
    prefix = next((p for p in ("case-", "proposal-", "queued-") if id.startswith(p)), "case-")
    return found[known_id("item", id, found, prefix)]


async def look(desk: Desk, item: Item) -> Look:
    """An item with its evidence; a draft is tried on the recordings anew."""
    if item.kind == "case":
        return Look(item, quotes(desk.store, item), tried(desk.store, item.drafted()[1]))
    return Look(item, quotes(desk.store, item))


async def approve(
    desk: Desk,
    item: Item,
    by: str,
    at: datetime,
    *,
    despite: str = "",
    detectors: Sequence[Detector] = (),
    around: Surroundings | None = None,
) -> Decided:
    """Say yes under a person's name.

    A case joins the suite, a proposal may be applied, and of a queued failure a case is drafted (with `detectors`), which then
    waits in its turn. `despite` is why, where something speaks against it; `around` is `surroundings_of` the store, for a caller
    that approves several. Raises `UsageError` where a reason is needed and not given, `RuleError` where a hard rule forbids it,
    and what the suite raises; nothing is recorded then.
    """
    _named(by)
    despite = " ".join(despite.split())
    if item.proposal is not None:
        reasons = {"despite" if item.proposal.verification is not None else "unverified": despite}
        await decide_proposal(desk.store, item.proposal, Decision(ProposalStatus.APPROVED, by, at, **reasons))
        return Decided(item, "approved", by)
    if item.failure is not None:
        return await _take(desk, item, item.failure, by, at, detectors)
    candidate, case = item.drafted()
    admission = tried(desk.store, case, around)
    against = admission.why_not
    if against and not despite:
        raise UsageError(f"{item.id} is not admitted: {against}; mend it with loopwright review edit, or {ASKED}")
    if against:
        despite = reasoned(despite, ASKED)
    candidate = replace(candidate, case=replace(case, fails_on_source=admission.fails_on_source, not_admitted=against))
    accepted = await triage.accept(desk, candidate, by, at, {"not_admitted": against, "despite": despite} if against else {})
    return Decided(item, "approved", by, accepted.file, {"case": accepted.case.id})


async def reject(desk: Desk, item: Item, by: str, at: datetime, why: str) -> Decided:
    """Say no under a person's name, with a reason; raises `UsageError` without one, and what the suite raises."""
    _named(by)
    why = why.strip()
    if not why:
        raise UsageError("a rejection needs a reason; give --why 'what speaks against it'")
    if item.proposal is not None:
        await decide_proposal(desk.store, item.proposal, Decision(ProposalStatus.REJECTED, by, at, why))
    elif item.failure is not None:
        with desk.store.transaction():
            take(desk.store, [item.failure], by, at)
            desk.store.append_audit(at, by, DISMISSED, item.id, {"eval_id": item.failure.result.eval_id, "why": why})
    else:
        await triage.reject(desk, item.drafted()[0], by, at, why)
    return Decided(item, "rejected", by, details={"why": why})


def edit_text(item: Item) -> str:
    """A draft case as text for an editor; raises `UsageError` for anything else."""
    return _GUIDE + render([replace(item.drafted()[1], not_admitted="", fails_on_source=None)])


async def edit(desk: Desk, item: Item, text: str, by: str, at: datetime) -> Item:
    """Keep a draft as a person edited it, in its file and in the store; it still waits for an approval.

    It is tried on the recordings again. What changed, and the digests of all that is reviewed before and after, are recorded.
    Nothing is written where the text says what the draft said. Raises `SuiteError` for text that is not this one case, naming the
    line.
    """
    _named(by)
    candidate, before = item.drafted()
    edited = _read_back(text, before)
    if edited is None:
        return item
    admission = tried(desk.store, edited)
    edited = replace(edited, fails_on_source=admission.fails_on_source, not_admitted=admission.why_not)
    with desk.store.transaction():
        desk.store.put_cases([replace(edited, file="", line=0)])
        file = desk.suite.keep_edited(edited, f"{desk.folder}/{DRAFTS}")
        details = {"before": before.reviewed_digest, "after": edited.reviewed_digest, "changed": _changed(before, edited)}
        desk.store.append_audit(at, by, EDITED, edited.id, {**details, "file": file})
    return case_item(replace(candidate, case=edited))


async def approved_before(desk: Desk, id: str, min_count: int = 3) -> Settled | None:
    """The yes that stands for an id that waits no longer; None where there is none."""
    before = None if _among([item.id for item in await waiting(desk, min_count)], id) else settled(desk, id)
    return before if before is not None and before.approved else None


def _among(waiting: Iterable[str], id: str) -> bool:
    """Whether an id, or the beginning of one, with its prefix or without, is of something that waits."""
    return any(known.startswith((id, f"{known.partition('-')[0]}-{id}")) for known in waiting)


def _changed(before: EvalCase, after: EvalCase) -> list[str]:
    """The fields that a person changed."""
    own = ("status", "approved_by", "file", "line", "fails_on_source", "not_admitted")
    return [f.name for f in fields(EvalCase) if f.name not in own and getattr(before, f.name) != getattr(after, f.name)]


def _named(by: str) -> None:
    """Raises `UsageError` where nobody is named as deciding."""
    if not by.strip():
        raise UsageError("nobody is named as deciding; give --by NAME")


def _read_back(text: str, before: EvalCase) -> EvalCase | None:
    """The case in an editor's text; None where nothing was changed."""
    if not "".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip():
        return None
    cases = parse(text, "the edited draft")
    if len(cases) != 1:
        raise SuiteError(f"holds {counted(len(cases), 'case')}", source="the edited draft", cure="keep the one case")
    edited = cases[0]
    if edited.id != before.id:
        raise SuiteError(
            f"has the id {edited.id!r}", source="the edited draft", line=edited.line, cure=f"keep the id {before.id}"
        )
    same_as = replace(before, fails_on_source=None, not_admitted="")
    edited = replace(edited, status=CaseStatus.DRAFT, approved_by=None, fails_on_source=None, not_admitted="")
    edited = replace(edited, file=before.file, line=before.line)
    return None if render([edited]) == render([same_as]) else edited


async def _take(desk: Desk, item: Item, waits: Queued, by: str, at: datetime, detectors: Sequence[Detector]) -> Decided:
    """Draft a case from a queued failure, and take it off the queue."""
    case = _from_result(desk, waits, detectors)
    with desk.store.transaction():
        take(desk.store, [waits], by, at)
        desk.store.put_cases([case])
        files = desk.suite.write_drafts([case], f"{desk.folder}/{DRAFTS}")
        desk.store.append_audit(at, by, TAKEN, item.id, {"eval_id": waits.result.eval_id, "case": case.id})
    return Decided(item, "approved", by, files[0] if files else "", {"case": case.id})


def _from_result(desk: Desk, waits: Queued, detectors: Sequence[Detector]) -> EvalCase:
    """A draft from the answer that failed: the conversation that it made of the case's input, as if it were a recorded one."""
    result = waits.result
    of = next((case for case in desk.cases() if case.id == result.eval_id), None)
    if of is None:
        raise UsageError(f"{result.eval_id} is no longer in the suite; reject {waits.queued_id} with --why")
    messages = _conversation(of, waits)
    trace = Trace(waits.queued_id, messages=messages, version=result.version)
    reason = "; ".join(f"{c.type}: {c.reason}" for c in result.checks if c.passed is False) or "the case failed"
    found = mine([trace], detectors).failures
    failure = found[0] if found else _plain_failure(trace, reason, of)
    drafted = draft([failure], {trace.trace_id: messages}, None, surroundings_of(desk.store, desk.store.failures()))
    return replace(
        drafted,
        expected_behaviour=of.expected_behaviour or drafted.expected_behaviour,
        severity=of.severity,
        tags=(*of.tags, "queued"),
    )


def _conversation(case: EvalCase, waits: Queued) -> tuple[Message, ...]:
    given = read_messages(case.input) if isinstance(case.input, list | tuple) else (Message("user", str(case.input)),)
    told = read_messages(waits.result.messages) if waits.result.messages else (Message("assistant", waits.result.output),)
    return (*given, *added(given, told))


def _plain_failure(trace: Trace, reason: str, case: EvalCase) -> FailureTrace:
    """The failure of a trace in which mining found nothing."""
    asked = {"input": (request := request_in(trace.messages)), "request": request}
    said, severity = trace.messages[-1].text, case.severity / 5
    return FailureTrace(trace.trace_id, None, FailureSignal.HARD_ERROR, asked, [], said, reason, {}, severity)
