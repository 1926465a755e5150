"""A decision is kept: what it says, by which policy, what changed in that since, and what waits for an eval after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from loopwright.audit.digest import content_id
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import GateDecision
from loopwright.gate.override import override_rate
from loopwright.gate.policy_change import Differences, differences, told_differences
from loopwright.ports import Store, StoredDecision
from loopwright.workflows.queueing import queue_failures

ACTOR = "loopwright gate"
"""Who the trail names for a decision that the policy made, and no person."""


@dataclass(frozen=True, slots=True)
class Record:
    """A decision that is to be kept. `on` has it without what may differ where nothing did: override, override rate, notes.

    `after` are the candidate's results, `notes` are added to the decision's, `details` to its entry in the trail.
    """

    on: StoredDecision
    baseline: Sequence[str]
    after: Sequence[EvalResult]
    notes: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def record_decision(store: Store, record: Record) -> GateDecision:
    """Write the decision, queue the failures of what ships, and put both into the trail; returns it as written.

    Where the policy is not that of the decision before, the trail says what changed. Where the latest decision on the same run
    rests on the same, that one is returned, noting so, and nothing is written.
    """
    on, now, run_id = record.on, record.on.decided_at, record.on.candidate_run_id
    decision = on.decision
    with store.transaction():
        known = store.decisions()
        same = [held for held in known if held.candidate_run_id == run_id]
        if same and same[-1].inputs == on.inputs:
            held = same[-1]
            when = f"this was decided on {held.decided_at:%Y-%m-%d %H:%M} UTC as {held.decision_id}, and is not recorded again"
            again = replace(held.decision, notes=(*held.decision.notes, when), override=decision.override)
            return _with_rate(store, again, known) if again.override is not None else again
        decision_id = content_id("decision", on.inputs, now)
        since, changed = _policy_changed(known, decision)
        told = [f"the policy changed since {since}: {told_differences(changed)}"] if changed else []
        decision = _with_rate(store, replace(decision, notes=(*decision.notes, *record.notes, *told)), known)
        if decision.ships:
            queue_failures(store, record.after, now, decision_id)
        queued = queued_by(store, decision_id)
        decision = replace(decision, new_evals_queued=len(queued), decision_id=decision_id)
        if changed:
            details = {"changed": changed, "since": since, "decision": decision_id}
            store.append_audit(now, ACTOR, "gate policy changed", "gate", details)
        store.put_decision(replace(on, decision_id=decision_id, decision=decision))
        outcome = decision.decision.value if decision.decision is not None else ""
        store.append_audit(now, ACTOR, f"gate {outcome}", decision_id, _details(record, decision))
        if queued:
            store.append_audit(now, ACTOR, "evals queued", decision_id, {"run_id": run_id, "eval_ids": queued})
    return decision


def queued_by(store: Store, decision_id: str) -> list[str]:
    """The cases that a decision queued."""
    return sorted(queued.result.eval_id for queued in store.queue() if queued.decision_id == decision_id)


def _details(record: Record, decision: GateDecision) -> dict[str, Any]:
    candidate = decision.candidate.run_id if decision.candidate is not None else None
    told: dict[str, Any] = {"baseline": list(record.baseline), "candidate": candidate, "message": decision.message}
    overridden = {"overrides": decision.override.override_ids} if decision.override is not None else {}
    return told | overridden | dict(record.details)


def _policy_changed(known: Sequence[StoredDecision], decision: GateDecision) -> tuple[str, Differences]:
    """The decision before, and how its policy differs; nothing where that kept none."""
    before = known[-1].decision.statistics.get("policy") if known else None
    now = decision.statistics.get("policy")
    return (known[-1].decision_id, differences(before, now)) if before and now else ("", {})


def _with_rate(store: Store, decision: GateDecision, known: Sequence[StoredDecision]) -> GateDecision:
    """The decision, with how many of those so far were overridden in its `statistics["overrides"]`."""
    if not known:
        return decision
    rate = override_rate([held.decision_id for held in known], store.overrides())
    return replace(decision, statistics=decision.statistics | {"overrides": rate._asdict()})
