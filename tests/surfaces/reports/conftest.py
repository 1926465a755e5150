from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import assistant, case, failure, mode, signal, tool_call, tool_result, user
from chromium import chromium
from loopwright.audit.entry import GENESIS, AuditEntry
from loopwright.audit.trail import Head, Recorded, Trail
from loopwright.cluster.mode import Clustering, Membership
from loopwright.collect.intake import Intake, Rejected, SourceCount
from loopwright.collect.trace import Message
from loopwright.evaluate.case import Check
from loopwright.gate.decision import GateDecision
from loopwright.improve.proposal import Effect, Proposal, ProposalKind, ProposalRecord, ProposalStatus, Replay, Verification
from loopwright.mine.signal import FailureSignal, Where
from loopwright.release.effect import ANY, ModeEffect, ReleaseEffect, Verdict
from loopwright.release.record import Release
from loopwright.watch.finding import DriftFinding, DriftKind
from loopwright.workflows.analysis import Analysis, DetectorCount, Kept, Period, TypeCount
from loopwright.workflows.rates import rate


def conversation(text: str) -> tuple[Message, ...]:
    return (
        Message("system", "You are an airline agent."),
        user(text),
        assistant(None, tool_call("get_reservation", reservation_id="EHGLP3")),
        tool_result("Error: reservation not found", name="get_reservation"),
        assistant("I could not find your reservation."),
        user("That is not what I asked for."),
        assistant("I am sorry."),
    )


def make_analysis(text: str = "I want my money back", count: int = 9, kinds: int = 2, **fields: Any) -> Analysis:
    """`count` failing traces in `kinds` modes and one one-off; `text` stands wherever production text may stand."""
    found, members, positions, talks = [], [], {}, {}
    for i in range(count):
        id = f"t{i}" if text == "I want my money back" else f"t{i} {text}"
        signals = (
            signal(reason=f"get_reservation answered: {text}", where=Where(message_index=3), severity=0.9 / (1 + i / 20)),
            signal(
                type=FailureSignal.USER_CORRECTION,
                detector="user_objects",
                reason=text,
                where=Where(message_index=5),
                severity=0.5,
            ),
        )
        found.append(
            failure(
                id, text, reason=f"tool error: {text}", score=0.9 / (1 + i / 20), severity=0.9 / (1 + i / 20), signals=signals
            )
        )
        place = f"mode-{i % kinds}" if kinds and i < count - 1 else None
        members.append(Membership(id, place, 0.8 if place else 0.0))
        positions[id] = (i % max(kinds, 1) + i / 20, (i * i % 7) / 7)
        talks[id] = conversation(text)
    by_mode = {f"mode-{k}": tuple(m.trace_id for m in members if m.mode_id == f"mode-{k}") for k in range(kinds)}
    made = tuple(
        mode(
            id,
            name=f"reservation {text}",
            size=len(ids),
            severity=0.7,
            score=3.0 - k,
            terms=("reservation", text),
            representatives=ids[:3],
            description=text,
            why=text,
            possible_fix=text,
            signal_types=("hard_error",),
        )
        for k, (id, ids) in enumerate(by_mode.items())
    )
    drafts = tuple(
        case(f"draft-{id}", input=text, expected_behaviour=text, mode_id=id, checks=(Check("contains", {"value": text}),))
        for id in by_mode
    )
    total = 3 * count or 12
    base = Analysis(
        title="traces.jsonl",
        made_at=datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
        intake=Intake(
            sources=("traces.jsonl",),
            taken=total,
            formats=(("chat", total),),
            rejected_count=1,
            reasons=(("malformed JSON", 1),),
            rejected=(Rejected("traces.jsonl", 7, f"not JSON: {text}", "mend the line"),),
            files=(SourceCount("traces.jsonl", total, 1),),
        ),
        failing=rate(count, total),
        failures=tuple(found),
        types=(TypeCount("hard_error", rate(count, total), 1.0), TypeCount("abandonment", rate(0, total), 0.6)),
        detectors=(
            DetectorCount("hard_error", "tool_error", rate(count, total), 0.7),
            DetectorCount("abandonment", "ends_unresolved", rate(0, total), 0.0, problem=f"failed on 2 traces: {text}"),
        ),
        clustering=Clustering(made, tuple(members), "average linkage", "minilm", count, 0.62, 3.0, positions),
        drafts=drafts,
        conversations=talks,
        periods=tuple(Period(f"2026-01-{d:02}", rate(d % 3, 10)) for d in range(1, 15)),
        span=(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 14, tzinfo=UTC)),
    )
    return replace(base, **fields)


AT = datetime(2026, 2, 9, tzinfo=UTC)


def make_verification(verdict: str = "helping", **fields: Any) -> Verification:
    effects = {
        "failure": Effect("failure", 0.099, 0.0, -0.099, -0.145, -0.066, 1e-6),
        "success": Effect("success", 0.5, 0.49, -0.01, -0.044, 0.024, 0.7),
        "runtime_ms": Effect("runtime_ms", 26667.7, 23887.7, -2780.0, -4475.4, -1084.4, 0.005),
        "cost_usd": Effect("cost_usd", None, None),
    }
    return Verification(verdict, 222, **{**effects, "reason": "the failure became rarer", "at": AT, "cases": 74, **fields})


def make_proposals(text: str = "booking not found", ids: tuple[str, ...] = ("t0", "t1", "t2")) -> tuple[ProposalRecord, ...]:
    """One proposal of each kind, in each status; their evidence is `ids`, and `text` stands wherever production text may."""
    changes: dict[ProposalKind, dict[str, Any]] = {
        ProposalKind.DEDUPLICATE_CALLS: {"limit": 1, "exempt": [text]},
        ProposalKind.CHECK_CONSISTENCY: {"writes": [text]},
        ProposalKind.PIN_INSTRUCTIONS: {"instructions": [text], "after_messages": 8},
        ProposalKind.SCOPE_PERMISSIONS: {"requires": {text: ["verify_identity"]}},
        ProposalKind.VALIDATE_TOOL_NAMES: {"tools": [text]},
        ProposalKind.RETRY_BUDGET: {"no such key": text},
    }
    verdicts = [None, "helping", "no_effect", "helping", "harmful", "undecided"]
    records = []
    for (kind, change), status, verdict in zip(changes.items(), ProposalStatus, verdicts, strict=True):
        quotes = tuple(f"{id}: “Error: reservation not found” (get_reservation failed: {text})" for id in ids)
        made = Proposal(kind, ids, change, quotes=quotes, traces=27, replay=Replay(2, 3, 1, 24, 1), rationale=text)
        by = text if status not in (ProposalStatus.OPEN, ProposalStatus.VERIFIED) else None
        tried = (make_verification(verdict, reason=text),) if verdict else ()
        records.append(ProposalRecord(made, status, by, AT if by else None, text if by else "", tried))
    return tuple(records)


def make_trail(text: str = "demo user", count: int = 8) -> Trail:
    recorded, previous = [], GENESIS
    for number in range(1, count + 1):
        entry = AuditEntry(AT, text, "proposal approved", text, {}, previous)
        previous = entry.hash
        recorded.append(Recorded(number, entry.hash, entry))
    return Trail(tuple(recorded), Head(count, previous))


def make_kept(text: str = "cancel travel trip") -> Kept:
    """All that only a store knows: every drift, releases in use, replaced and rolled back, an effect, a trail."""
    answers = (("loopwright watch sample --out new.jsonl", text), (f"loopwright release rollback {text}", "go back"))
    weeks = {"weeks": ["2026-01-05", "2026-01-12"], "failures": [1, 4], "traces": [100, 90], "rates": [0.01, 0.04]}
    found = tuple(
        DriftFinding(kind, text, "2026-W06", f"{text} changed", 0.004, 0.17, dict(weeks), answers, (text,) * 5, AT)
        for kind in DriftKind
    )
    first = Release("1.0", AT.replace(month=1), text, despite=text)
    back = Release("1.1", AT.replace(day=1), text, rolled_back_at=AT, rolled_back_by=text, rollback_why=text)
    proposed = tuple(record.proposal.proposal_id for record in make_proposals(text))
    last = Release(f"1.2 {text}", AT, text, "decision-1", proposed[4:5], changed=("prompt",), versions=(text,))
    rows = tuple(
        ModeEffect(id, name, (40, 400), (x, 320), -0.05, -0.09, -0.01, 0.001, 0.01, verdict)
        for id, name, x, verdict in (
            (None, ANY, 10, Verdict.FELL), ("mode-0", text, 10, Verdict.FELL), ("mode-1", text, 90, Verdict.ROSE),
            ("mode-gone", text, 33, Verdict.UNCLEAR),
        )
    )  # fmt: skip
    return Kept(
        findings=found,
        releases=(first, back, last),
        decisions={"decision-1": GateDecision(approved=True, message=f"Approved: {text}")},
        effect=ReleaseEffect(last, first, 400, 320, rows),
        trail=make_trail(text),
    )


def make_whole(text: str = "I want my money back", **fields: Any) -> Analysis:
    """The analysis of a store that holds everything."""
    made = make_analysis(text, **fields)
    ids = tuple(failure.trace_id for failure in made.failures[:3])
    return replace(made, origin="store", proposals=make_proposals(text, ids), kept=make_kept(text))


@pytest.fixture(scope="session")
def whole() -> Callable[..., Analysis]:
    return make_whole


@pytest.fixture(scope="session")
def analysis() -> Callable[..., Analysis]:
    return make_analysis


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium; closed with the module, since playwright's event loop keeps others from running meanwhile."""
    with chromium() as launched:
        yield launched
