"""What a reviewer sees of an item: as text for a terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.evaluate.admission import Admission
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.suite import plain
from loopwright.improve.proposal import Effect, ProposalRecord
from loopwright.wording import counted
from loopwright.workflows.evidence import Quote
from loopwright.workflows.review_items import Item
from loopwright.workflows.reviewing import Decided, Look
from loopwright.workflows.settled import Settled

_WIDTH = 200


def item_object(item: Item) -> dict[str, Any]:
    """An item as JSON."""
    return {
        "id": item.id,
        "kind": item.kind,
        "title": item.title,
        "urgency": round(item.urgency, 6),
        "severity": round(item.severity, 6),
        "count": item.count,
        "against": item.against,
        "mode_id": item.case.mode_id if item.case else item.proposal.proposal.mode_id if item.proposal else None,
        "trace_ids": _traces(item),
    }


def look_object(look: Look) -> dict[str, Any]:
    """An item seen closely as JSON; a draft with the case, and with what trying it shows."""
    item = look.item
    made = item_object(item) | {
        "approving": item.approving,
        "quotes": [
            {"trace_id": q.trace_id, "message_index": q.index, "reason": q.reason, "said": [list(pair) for pair in q.said]}
            for q in look.quotes
        ],
    }
    if item.case is not None:
        made["case"] = plain(item.case)
    if item.proposal is not None:
        made |= {"change": item.proposal.proposal.change, "status": item.proposal.status.value}
    if look.admission is not None:
        admission = look.admission
        tried = {"fails_on_source": admission.fails_on_source, "passed": admission.passed, "failed": admission.failed}
        made["tried"] = {"admitted": admission.admitted, "why_not": admission.why_not, **tried}
    return made


def decided_object(done: Decided) -> dict[str, Any]:
    """A decision as JSON."""
    said = {"id": done.item.id, "kind": done.item.kind, "decision": done.decision, "by": done.by}
    return {**said, **({"file": done.file} if done.file else {}), **done.details}


def settled_object(before: Settled) -> dict[str, Any]:
    """A decision that stood already, as JSON."""
    when = before.at.isoformat() if before.at is not None else None
    return {"id": before.id, "decision": before.what, "by": before.by, "at": when, "already": True}


def look_lines(look: Look) -> Iterator[str]:
    """An item seen closely, for a person."""
    item = look.item
    yield f"{item.title}  ({item.id})"
    yield f"  {item.kind}; severity {item.severity:.2f}, {counted(item.count, 'failure')}"
    yield from _evidence(look.quotes)
    if item.case is not None:
        yield from _case(item.case)
    if look.admission is not None:
        yield from _tried(look.admission)
    if item.proposal is not None:
        yield from _proposal(item.proposal)
    if item.against and look.admission is None:
        yield f"  against   {item.against}"
    yield f"  approving {item.approving}"


def short(text: str, width: int = _WIDTH) -> str:
    """One line of at most `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"


def _evidence(quotes: Sequence[Quote]) -> Iterator[str]:
    for quote in quotes:
        place = f", message {quote.index}" if quote.index is not None else ""
        yield f"  evidence  {quote.trace_id}{place}{': ' + short(quote.reason) if quote.reason else ''}"
        for role, said in quote.said:
            yield f"            {role}: {short(said)}"


def _case(case: EvalCase) -> Iterator[str]:
    given = case.input if isinstance(case.input, str) else canonical(case.input)
    yield f"  layer     {case.layer.value}, severity {case.severity} of 5"
    if isinstance(case.input, str):
        yield f"  input     {short(given)}"
    else:
        yield f"  input     {counted(len(case.input), 'message')}; the last: {short(str(case.input[-1].get('content')))}"
    yield f"  expected  {short(case.expected_behaviour, 400)}"
    yield f"  failure   {short(case.failure_indicator, 400)}"
    for check in case.checks:
        yield f"  check     {check.type} {short(canonical(check.options), 300)}"
    for criterion in case.scoring_rubric:
        yield f"  criterion {short(criterion, 300)}"


def _tried(admission: Admission) -> Iterator[str]:
    source = {True: "fails on its source", False: "passes on its source", None: "not tried on its source"}
    sound = admission.passed + admission.failed
    others = (
        (f"; sound conversations that pass: {admission.passed} of {sound}")
        if sound
        else "; no sound conversation to compare with"
    )
    yield f"  tried     {source[admission.fails_on_source]}{others}"
    yield (
        f"  not admitted: {admission.why_not}"
        if admission.why_not
        else "  admitted  it shows the failure, and not merely a difference"
    )


def _proposal(record: ProposalRecord) -> Iterator[str]:
    proposal, latest = record.proposal, record.verification
    yield f"  change    {proposal.kind.value} {canonical(proposal.change)}"
    if proposal.replay is not None:
        replay = proposal.replay
        yield (
            f"  replay    would have acted in {replay.caught} of {counted(replay.evidence, 'failing trace')}, "
            f"and in {replay.false_alarms} of {replay.others} others"
        )
    if latest is not None:
        yield (
            f"  verified  {latest.verdict}, "
            f"{counted(latest.trials, 'paired trial')}{': ' + short(latest.reason) if latest.reason else ''}"
        )
        yield from (f"            {line}" for line in map(_effect, (latest.failure, latest.success)) if line)


def _effect(effect: Effect) -> str:
    if effect.difference is None or effect.low is None or effect.high is None:
        return ""
    return f"{effect.name}: {effect.difference:+.3f} [{effect.low:+.3f}, {effect.high:+.3f}]"


def _traces(item: Item) -> list[str]:
    if item.proposal is not None:
        return list(item.proposal.proposal.evidence)
    return [failure.trace_id for failure in item.candidate.failures] if item.candidate is not None else []
