"""Proposals told to a person, and as plain JSON values."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from loopwright.audit.digest import plain
from loopwright.improve.proposal import Effect, HarnessChange, Proposal, ProposalRecord, Verification
from loopwright.surfaces.cli.terminal import emit, note, say, table
from loopwright.wording import counted, number, percent
from loopwright.workflows.improving import Detected

QUOTED = 5
"""So many pieces of evidence are quoted."""


def proposal_object(proposal: Proposal) -> dict[str, Any]:
    """A proposal as the exchange format has it."""
    return {
        "proposal_id": proposal.proposal_id,
        "kind": proposal.kind.value,
        "evidence": list(proposal.evidence),
        "change": plain(proposal.change),
        "mode_id": proposal.mode_id,
        "rationale": proposal.rationale,
        "quotes": list(proposal.quotes),
        "traces": proposal.traces,
        "replay": plain(proposal.replay),
    }


def record_object(record: ProposalRecord) -> dict[str, Any]:
    """A proposal as kept: with its status, the decision on it and its verifications."""
    return proposal_object(record.proposal) | {
        "status": record.status.value,
        "decided_by": record.decided_by,
        "decided_at": plain(record.decided_at),
        "why": record.why,
        "verifications": [verification_object(v) for v in record.verifications],
    }


def verification_object(verification: Verification) -> dict[str, Any]:
    """A verification as plain values."""
    made: dict[str, Any] = plain(verification)
    for name in ("failure", "success", "runtime_ms", "cost_usd"):
        made[name]["with"] = made[name].pop("with_")
    return made


def emit_object(made: dict[str, Any]) -> str:
    """One line of JSON; what JSON has no word for is null."""
    return json.dumps(_finite(made), ensure_ascii=False)


def list_proposals(title: str, records: list[ProposalRecord]) -> None:
    """A table, a row a proposal."""
    rows = [
        (
            r.proposal.proposal_id,
            r.proposal.kind.value,
            r.status.value.replace("_", " "),
            f"{len(r.proposal.evidence):,}",
            _replay(r.proposal),
            r.verification.verdict if r.verification else "not yet",
        )
        for r in records
    ]
    table(title, ("proposal", "kind", "status", "evidence", "replay", "verified"), rows, right=(3,), whole=(0,))


def show_proposal(record: ProposalRecord, modes: list[tuple[str, str, int]]) -> None:
    """One proposal with its evidence, its replay and its verification; `modes` are ids, names and how much of the evidence."""
    proposal = record.proposal
    say(f"{proposal.proposal_id}  {proposal.kind.value}  ({record.status.value.replace('_', ' ')})")
    if proposal.rationale:
        say(f"  why       {proposal.rationale}")
    say(f"  change    {json.dumps(plain(proposal.change), ensure_ascii=False)}")
    say(f"  evidence  {number(len(proposal.evidence))} of {counted(proposal.traces, 'trace')}")
    for mode_id, name, count in modes:
        say(f"  mode      {mode_id} {name}: {count} of them")
    replay = proposal.replay
    if replay is not None:
        others = f"{replay.false_alarms} of the {replay.others:,} others" if replay.others else "there are no others"
        broke = f"; it broke on {replay.faults}" if replay.faults else ""
        say(
            f"  replay    would have acted in {replay.caught} of {counted(replay.evidence, 'trace')} of "
            f"the evidence; {others}{broke}"
        )
    if record.decided_by is not None:
        at = f"{record.decided_at:%Y-%m-%d %H:%M} UTC" if record.decided_at else "time unknown"
        say(f"  decided   {record.status.value.replace('_', ' ')} by {record.decided_by}, {at}{_because(record.why)}")
    for quote in proposal.quotes[:QUOTED]:
        say(f"  - {' '.join(quote.split())}")
    if record.verification is not None:
        say("")
        show_verification(record.verification)
    else:
        note("not verified yet; next: loopwright improve verify " + proposal.proposal_id)


def show_verification(verification: Verification) -> None:
    """The table of the four measures, and the verdict."""
    effects = (verification.failure, verification.success, verification.runtime_ms, verification.cost_usd)
    names = ("failure rate", "success rate", "runtime (ms)", "cost (USD)")
    title = f"{verification.verdict}: {counted(verification.trials, 'paired trial')} of {counted(verification.cases, 'case')}"
    rows = [_effect(name, effect) for name, effect in zip(names, effects, strict=True)]
    table(title, ("measure", "without", "with", "difference", "95 % interval", "p"), rows, right=(1, 2, 3, 5))
    say(f"{verification.reason} (level {verification.level:.2g}, look {verification.look})")


def tell_detected(found: Detected, stored: bool) -> None:
    """What a look at traces proposed, and what became of it in the store."""
    if found.proposals:
        list_proposals("", [ProposalRecord(p) for p in found.proposals])
    if not found.traces:
        note("no traces to look at; import some: loopwright import FILE")
        return
    counts = found.counts
    kept = (
        f"; {counts.new} new or changed, {counts.unchanged} as before, {len(counts.conflicts)} decided on already"
        if stored
        else ""
    )
    note(f"{counted(len(found.proposals), 'proposal')} from {counted(found.traces, 'trace')}{kept}")
    if stored and counts.new:
        note("next: loopwright improve verify --all")


def tell_change(change: HarnessChange, path: str, *, as_json: bool) -> None:
    """A write of the harness file at `path`."""
    if as_json:
        told = {"former": change.former, "table": change.table, "before": change.before, "after": change.after}
        emit(
            emit_object(
                {"proposal_id": change.proposal_id, "action": change.action, "kind": change.kind.value, "file": path, **told}
            )
        )
        return
    done = "applied" if change.action == "apply" else "rolled back"
    now = f"in mode {change.table['mode']}" if change.table else "not in it"
    note(f"{change.proposal_id}: {done}; guard {change.kind.value} is now {now}, {path}")


_TOLD: dict[str, Callable[[float], str]] = {
    "failure": percent,
    "success": percent,
    "runtime_ms": "{:.1f}".format,
    "cost_usd": "{:.6f}".format,
}


def _effect(name: str, effect: Effect) -> tuple[str, ...]:
    if effect.without is None or effect.with_ is None:
        return (name, "not told", "not told", "", "", "")
    told = _TOLD[effect.name]

    def signed(value: float) -> str:
        return f"{'+' if value >= 0 else '-'}{told(abs(value))}"

    low, high = effect.low, effect.high
    between = f"{signed(low)} to {signed(high)}" if low is not None and high is not None else ""
    return (
        name,
        told(effect.without),
        told(effect.with_),
        signed(effect.difference or 0.0),
        between,
        "" if effect.p_value is None else f"{effect.p_value:.2g}",
    )


def _replay(proposal: Proposal) -> str:
    replay = proposal.replay
    return "" if replay is None else f"{replay.caught}/{replay.evidence}, others {replay.false_alarms}/{replay.others}"


def _because(why: str) -> str:
    return f": {why}" if why else ""


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value
