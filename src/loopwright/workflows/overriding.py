"""Overrides: a named person lets ship what the gate did not approve; the gate and the release honour it while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from loopwright.errors import UsageError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Overridden
from loopwright.gate.override import Override, OverrideRate, overridden_by, override_rate, says_no_more, set_aside
from loopwright.gate.policy_change import policy_of
from loopwright.gate.term import check_term
from loopwright.ports import Store, StoredDecision
from loopwright.registry import known_id, unknown
from loopwright.workflows.deciding import reasoned
from loopwright.workflows.history import of_layers, stored_history
from loopwright.workflows.known_judges import judges_of
from loopwright.workflows.queueing import queue_failures
from loopwright.workflows.recording import queued_by
from loopwright.workflows.tried import results_of_runs

ASKED = "say with --why why it ships all the same"

Compare = Callable[[Sequence[EvalResult], Sequence[EvalResult]], GateDecision]


@dataclass(frozen=True, slots=True)
class OverrideRequest:
    """Which decision is to be overridden, by whom, why and until when; with `eval_ids`, for these cases alone."""

    decision_id: str
    by: str
    why: str
    until: datetime
    eval_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """An override that was made, and whether the decision's run ships by it; where it does not, `against` is what still holds."""

    override: Override
    ships: bool
    queued: int = 0
    against: str = ""


async def override_decision(store: Store, request: OverrideRequest, now: datetime) -> Made:
    """Record an override, in the audit trail too; where the run ships by it, its failures wait for evals from then on.

    Raises `UsageError` for an unknown decision or case, one that is approved, one on no run of the agent as it was, an end that
    is past or too far ahead, and a reason that says nothing.
    """
    stored = find_decision(store, request.decision_id)
    if stored.decision.approved:
        raise UsageError(f"{stored.decision_id} is approved; there is nothing to override")
    if stored.candidate_run_id is None:
        raise UsageError(
            f"{stored.decision_id} was made on no run of the agent as it was then; run the suite (loopwright run), then "
            "loopwright gate; what was not evaluated at all ships with: loopwright release record --despite"
        )
    check_term(request.until, now, "an override")
    cases = tuple(dict.fromkeys(request.eval_ids))
    results = store.results(stored.candidate_run_id)
    before = stored_history(store, _run_ids(stored))
    held = {row.eval_id for row in (*before, *results)}
    for eval_id in cases:
        if eval_id not in held:
            raise UsageError(unknown("case", eval_id, held))
    override = Override(stored.decision_id, request.by, reasoned(request.why, ASKED), now, request.until, cases)
    with store.transaction():
        store.put_override(override)
        honoured, rest = _honour(store, stored, now)
        if honoured is not None:
            queue_failures(store, results, now, stored.decision_id)
            queued = queued_by(store, stored.decision_id)
            if queued:
                details = {"run_id": stored.candidate_run_id, "eval_ids": queued}
                store.append_audit(now, request.by, "evals queued", stored.decision_id, details)
            return Made(override, True, len(queued))
    return Made(override, False, against=(rest or stored.decision).message)


async def withdraw_override(store: Store, override_id: str, by: str, now: datetime) -> Override:
    """End an override before its time, in the audit trail too; raises `UsageError` for an unknown one and one that ended."""
    overrides = {override.override_id: override for override in store.overrides()}
    override = overrides[known_id("override", override_id, overrides, "override-")]
    if not override.holds(now):
        raise UsageError(f"{override.override_id} is in force no longer; there is nothing to withdraw")
    withdrawn = replace(override, withdrawn_at=now, withdrawn_by=by)
    store.put_override(withdrawn)
    return withdrawn


def find_decision(store: Store, decision_id: str) -> StoredDecision:
    """The decision of that id, or of the one id that begins so; raises `UsageError`."""
    decisions = {held.decision_id: held for held in store.decisions()}
    return decisions[known_id("decision", decision_id, decisions, "decision-")]


def rate_of(store: Store) -> OverrideRate:
    """How many of all decisions were overridden."""
    return override_rate([held.decision_id for held in store.decisions()], store.overrides())


def override_of(store: Store, stored: StoredDecision, at: datetime) -> Overridden | None:
    """What lets the run of a stored decision ship at a time, though it was not approved; None where nothing does."""
    return _honour(store, stored, at)[0]


def honoured(
    store: Store,
    decision: GateDecision,
    run_id: str | None,
    sides: tuple[Sequence[EvalResult], Sequence[EvalResult]],
    compare: Compare,
    at: datetime,
) -> tuple[Overridden | None, GateDecision | None]:
    """What lets a decision on a run ship, and the decision without the cases that are set aside, where any are.

    An override of the decision, or of an earlier one on the same run that found no less against it, lets it ship as it is. One of
    cases lets it ship where `compare` approves of both `sides` without them.
    """
    if decision.approved or run_id is None:
        return None, None
    overrides, decided = store.overrides(), {held.decision_id: held for held in store.decisions()}
    whole = [
        override
        for override in overrides
        if override.holds(at) and not override.eval_ids and _same_run(decided[override.decision_id], run_id, decision)
    ]
    if whole:
        return overridden_by(whole[-1:]), None
    before, after = sides
    held = {row.eval_id for row in (*before, *after)}
    aside = {eval_id: override for eval_id, override in set_aside(overrides, at).items() if eval_id in held}
    if not aside or decision.statistics.get("suite") is None:
        return None, None
    rest = compare([r for r in before if r.eval_id not in aside], [r for r in after if r.eval_id not in aside])
    return (overridden_by(list(aside.values())) if rest.approved else None), rest


def _honour(store: Store, stored: StoredDecision, at: datetime) -> tuple[Overridden | None, GateDecision | None]:
    """`honoured` of a decision in the store, on what it was made of."""
    run_id, statistics = stored.candidate_run_id, stored.decision.statistics
    if run_id is None:
        return None, None
    layers = statistics.get("layers") or ()
    runs = [*(statistics.get("earlier") or ()), run_id]
    sides = (of_layers(stored_history(store, _run_ids(stored)), layers), of_layers(results_of_runs(store, runs), layers))
    policy = policy_of(statistics.get("policy") or {"alpha": statistics["alpha"]})
    quarantined = {row["eval_id"] for row in statistics.get("quarantined") or ()}
    judges = judges_of(store, [row for side in sides for row in side])

    def compare(before: Sequence[EvalResult], after: Sequence[EvalResult]) -> GateDecision:
        return decide(before, after, policy, quarantined=quarantined, judges=judges)

    return honoured(store, stored.decision, run_id, sides, compare, at)


def _same_run(overridden: StoredDecision, run_id: str, decision: GateDecision) -> bool:
    return overridden.candidate_run_id == run_id and says_no_more(decision, overridden.decision)


def _run_ids(stored: StoredDecision) -> list[str]:
    return [run.run_id for run in stored.decision.baseline if run.run_id is not None]
