"""Proposals as the page tells them: the change, the evidence for it, what a replay and the verification said, who decided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopwright.audit.digest import plain
from loopwright.collect.trace import Message
from loopwright.errors import SettingError
from loopwright.guards.catalogue import build
from loopwright.guards.dump import dump
from loopwright.improve.patterns.detect import PATTERNS
from loopwright.improve.proposal import Proposal, ProposalKind, ProposalRecord, ProposalStatus
from loopwright.surfaces.reports.excerpt import Evidence, Excerpt, excerpt_at
from loopwright.surfaces.reports.failures import FailureRows
from loopwright.surfaces.reports.measures import MeasureRow, measures
from loopwright.surfaces.reports.palette import Look
from loopwright.surfaces.reports.text import counted, line, moment
from loopwright.workflows.analysis import Analysis, Rate, evidence_quotes
from loopwright.workflows.rates import rate

LISTED = 24
LONGEST_TABLE = 6000

KINDS = {
    ProposalKind.DEDUPLICATE_CALLS: ("repeated call", "Answer a repeated tool call with its earlier result"),
    ProposalKind.CHECK_CONSISTENCY: ("contradiction", "Hold each answer against the conversation before it"),
    ProposalKind.PIN_INSTRUCTIONS: ("instruction broken", "State the instructions again late in a long conversation"),
    ProposalKind.SCOPE_PERMISSIONS: ("no permission", "Stop calls without permission, and say what must come first"),
    ProposalKind.VALIDATE_TOOL_NAMES: ("unknown tool", "Check the name of a tool before the call, and name the nearest one"),
    ProposalKind.RETRY_BUDGET: ("retry storm", "Give retries a budget, and tools a circuit breaker"),
}
"""What each kind is against, as a label, and what it changes."""
VERDICTS = {"helping": "good", "harmful": "bad", "no_effect": "", "undecided": ""}
_WAITING = (ProposalStatus.OPEN, ProposalStatus.VERIFIED, ProposalStatus.APPROVED)
_NEXT = {
    ProposalStatus.OPEN: "loopwright improve verify {id}",
    ProposalStatus.APPROVED: "loopwright improve apply {id}",
    ProposalStatus.APPLIED: "loopwright improve rollback {id}",
}


@dataclass(frozen=True, slots=True)
class QuoteRow:
    """A piece of evidence: what was seen, the words, and the conversation around them (None where it is not at hand).

    `rank` is its place among the ranked failures, 0 where it is not listed there; `look` and `href` are its mode's.
    """

    trace_id: str
    seen: str
    quote: str
    rank: int
    look: Look
    href: str
    excerpt: Excerpt | None


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One proposal. `caught` and `others` are where its guard would have acted, None where that was not replayed.

    `tone` is `good` where it was shown to help, `bad` where it was shown to harm; `command` is what can be done with it now.
    """

    number: int
    proposal_id: str
    kind: str
    title: str
    pattern: str
    table: str
    evidence: Rate
    caught: Rate | None
    others: Rate | None
    faults: int
    quotes: tuple[QuoteRow, ...]
    status: str
    verdict: str
    tone: str
    decided: str
    tried: str = ""
    reason: str = ""
    measures: tuple[MeasureRow, ...] = ()
    command: str = ""


def proposal_rows(analysis: Analysis, rows: FailureRows) -> list[ProposalRow]:
    """The proposals, what waits for a person first, and of these first what was shown to help."""
    ranked = sorted(analysis.proposals, key=_order)
    return [_row(analysis, rows, record, number) for number, record in enumerate(ranked[:LISTED], start=1)]


def absent(analysis: Analysis) -> list[str]:
    """The failure patterns that were looked for and that no proposal is about."""
    found = {record.proposal.kind for record in analysis.proposals} | {proposal.kind for proposal, _ in analysis.refused}
    return [pattern.failure for kind, pattern in PATTERNS.items() if kind not in found]


def refusals(analysis: Analysis) -> list[tuple[str, str]]:
    """What a hard rule refused to propose: the guard, and the rule with its reason."""
    return [
        (proposal.kind.value, line(f"{broken[0].rule}: {broken[0].problem}", 300))
        for proposal, broken in analysis.refused
        if broken
    ]


def _order(record: ProposalRecord) -> tuple[int, int, int]:
    verdict = record.verification.verdict if record.verification else None
    standing = 0 if record.status in _WAITING else 1 if record.status is ProposalStatus.APPLIED else 2
    rank = {"helping": 0, "undecided": 1, None: 1, "no_effect": 2, "harmful": 3}
    return standing, rank.get(verdict, 1), -len(record.proposal.evidence)


def _row(analysis: Analysis, rows: FailureRows, record: ProposalRecord, number: int) -> ProposalRow:
    proposal, latest, replay = record.proposal, record.verification, record.proposal.replay
    failure = PATTERNS[proposal.kind].failure
    return ProposalRow(
        number=number,
        proposal_id=line(proposal.proposal_id, 60),
        kind=proposal.kind.value,
        title=KINDS[proposal.kind][1],
        pattern=failure[0].upper() + failure[1:],
        table=_table(analysis, record),
        evidence=rate(len(proposal.evidence), max(proposal.traces, len(proposal.evidence))),
        caught=rate(replay.caught, replay.evidence) if replay else None,
        others=rate(replay.false_alarms, replay.others) if replay else None,
        faults=replay.faults if replay else 0,
        quotes=tuple(_quote(rows, proposal, trace_id, text) for trace_id, text in evidence_quotes(proposal)),
        status=record.status.value.replace("_", " ") if analysis.kept is not None else "",
        verdict=latest.verdict.replace("_", " ") if latest else "not verified",
        tone=VERDICTS.get(latest.verdict, "") if latest else "",
        decided=_decided(record),
        tried=f"{counted(latest.trials, 'paired trial')} of {counted(latest.cases, 'case')}" if latest else "",
        reason=line(latest.reason, 400) if latest else "",
        measures=measures(latest) if latest else (),
        command=_command(record) if analysis.kept is not None else "",
    )


def _table(analysis: Analysis, record: ProposalRecord) -> str:
    """The guard's table: as it stands where it is applied, else as applying it would write it, or for trying it in shadow."""
    proposal = record.proposal
    mode = "enforce" if analysis.kept is not None else "shadow"
    table: Mapping[str, Any] = {"mode": mode, **proposal.change}
    if analysis.kept is not None and record.status is ProposalStatus.APPLIED:
        table = analysis.kept.tables.get(proposal.proposal_id, table)
    parameters = {name: value for name, value in table.items() if name != "mode"}
    try:
        text = dump([build(proposal.kind.value, parameters, str(table["mode"]))])
    except SettingError as error:
        text = f"# {error}\n{json.dumps(plain(parameters), ensure_ascii=False, indent=2)}"
    return (
        text.rstrip() if len(text) <= LONGEST_TABLE else text[:LONGEST_TABLE].rstrip() + "\n# ... longer than a page should quote"
    )


def _quote(rows: FailureRows, proposal: Proposal, trace_id: str, text: str) -> QuoteRow:
    said, seen = _parts(text)
    messages = rows.conversation(trace_id) if trace_id else None
    look, href = rows.mode_of(trace_id)
    pinned = Evidence(
        name=KINDS[proposal.kind][0],
        detector=proposal.kind.value,
        severity=None,
        confidence=None,
        reason=line(seen or said, 400),
        place=_place(messages or (), said),
    )
    return QuoteRow(
        trace_id=line(trace_id, 80),
        seen=line(seen or said, 180),
        quote=line(said, 180) if seen else "",
        rank=rows.rank_of(trace_id),
        look=look,
        href=href,
        excerpt=excerpt_at(messages, pinned) if messages else None,
    )


def _parts(text: str) -> tuple[str, str]:
    """The quoted words, and what was seen in them, which follows in brackets."""
    said, cut, seen = text.partition("” (")
    return (said + "”", seen[:-1]) if cut and seen.endswith(")") else (text, "")


def _place(messages: Sequence[Message], said: str) -> int | None:
    """The last message that holds the quoted words, None where there is none.

    The code and the message of an error are quoted with a colon between them, and may stand apart.
    """
    words = " ".join(said.partition("“")[2].rpartition("”")[0].split()).rstrip("…").strip()
    parts = [part for part in words.split(": ") if part]
    if not parts:
        return None
    return next((i for i in reversed(range(len(messages))) if all(part in _words(messages[i]) for part in parts)), None)


def _words(message: Message) -> str:
    calls = [call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False, default=repr)
             for call in message.tool_calls]  # fmt: skip
    return " ".join(" ".join([message.text, *calls]).split())


def _decided(record: ProposalRecord) -> str:
    if record.decided_by is None:
        return ""
    when = f", {moment(record.decided_at)}" if record.decided_at is not None else ""
    why = f": {line(record.why, 300)}" if record.why else ""
    return f"{record.status.value.replace('_', ' ')} by {line(record.decided_by, 80)}{when}{why}"


def _command(record: ProposalRecord) -> str:
    proposal_id = record.proposal.proposal_id
    if record.status is ProposalStatus.VERIFIED:
        does = "approve" if record.verification and record.verification.verdict == "helping" else "show"
        return f"loopwright improve {does} {proposal_id}"
    return _NEXT.get(record.status, "").format(id=proposal_id)
