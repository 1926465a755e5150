"""How each case came out of a decision: what a test report says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from loopwright.gate.counts import counted_cases
from loopwright.gate.decision import CaseRequest, GateDecision, Outcome, Regression
from loopwright.gate.tally import CaseTally
from loopwright.wording import counted


class State(Enum):
    """`LOST` blocks, `OPEN` holds up an approval, `ASIDE` was not compared, or not for itself; of `HELD` no loss was shown."""

    LOST = "lost"
    OPEN = "open"
    ASIDE = "aside"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Standing:
    """One case in a decision: its state, and why in a sentence. Counts are (passed, trials), repeats among them."""

    eval_id: str
    state: State
    why: str
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)
    mode_id: str | None = None


def standings(decision: GateDecision) -> list[Standing]:
    """Every case that the decision knows of, by id; none where the results could not be compared."""
    quarantined = {row["eval_id"]: row for row in decision.statistics.get("quarantined") or ()}
    cases = counted_cases(decision.statistics.get("counts") or (), quarantined)
    lost = {r.eval_id: r for r in decision.regressions if isinstance(r, Regression) and r.eval_id is not None}
    wanted = {r.eval_id: r for r in decision.next} if decision.decision is Outcome.UNDECIDED else {}
    found = {case.eval_id: _standing(case, lost.get(case.eval_id), wanted.get(case.eval_id)) for case in cases}
    for name, why in _NOT_COMPARED.items():
        state = State.ASIDE if name == "new" else State.OPEN
        for eval_id in decision.statistics.get(name) or ():
            known = lost.get(eval_id)
            found[eval_id] = Standing(eval_id, state, why) if known is None else _failed(known)
    ordered = [found[eval_id] for eval_id in sorted(found)]
    return [_let_through(case) for case in ordered] if decision.approved else ordered


_NOT_COMPARED = {
    "new": "new: not compared, since the baseline does not know it",
    "changed": "changed since the baseline: not compared, and against an approval until a person accepts it",
    "gone": "in the baseline's suite and not in the candidate's: against an approval until a person accepts it",
}


def _failed(lost: Regression) -> Standing:
    """A case that may never fail, and did, though it was not compared."""
    told = f"{lost.before[0]} of {lost.before[1]} passed before, {lost.after[0]} of {lost.after[1]} now: {_chance(lost)}"
    return Standing(lost.eval_id or "", State.LOST, told, lost.before, lost.after, lost.mode_id)


def _let_through(case: Standing) -> Standing:
    """A case in an approved decision: nothing is held up by it."""
    return replace(case, state=State.ASIDE) if case.state is State.OPEN else case


def _standing(case: CaseTally, lost: Regression | None, wanted: CaseRequest | None) -> Standing:
    state, why = _state(case, lost, wanted)
    before, after = (case.before.all_passes, case.before.all_trials), (case.after.all_passes, case.after.all_trials)
    told = f"{before[0]} of {before[1]} passed before, {after[0]} of {after[1]} now"
    return Standing(case.eval_id, state, f"{told}: {why}" if why else told, before, after, case.mode_id)


def _state(case: CaseTally, lost: Regression | None, wanted: CaseRequest | None) -> tuple[State, str]:
    if lost is not None:
        return State.LOST, _chance(lost)
    if case.quarantined and case.after.failures:
        return State.ASIDE, "in quarantine, and counted with its mode and the suite alone"
    if wanted is not None and (case.missing or case.absent or case.after.failures):
        return State.OPEN, f"undecided; {counted(wanted.trials, 'more trial')} would tell"
    if case.missing:
        return State.OPEN, "missing from the candidate, and counted as failed"
    if case.after.all_passes * case.before.all_trials < case.before.all_passes * case.after.all_trials:
        return State.HELD, "fewer than before, which alone may be noise"
    return State.HELD, ""


def _chance(lost: Regression) -> str:
    if lost.level == "safety":
        return "failed, and may never fail"
    chance = "one failure is proof" if lost.p_value is None else f"chance if nothing changed {lost.p_value:.2g}"
    return f"lost ({chance})"
