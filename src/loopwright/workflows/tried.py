"""What counts as the candidate: a run, and earlier runs of the same agent that were not approved.

An agent that was blocked is not run again until chance lets it pass: all of its trials count, as one longer run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate.baseline import is_whole, same_agent, windowed
from loopwright.gate.policy import Policy
from loopwright.ports import Store
from loopwright.wording import counted
from loopwright.workflows.history import History, is_fit, latest_decisions


@dataclass(frozen=True, slots=True)
class Tried:
    """The candidate's results: those of `own` run, and of the `earlier` ones, by id, oldest first."""

    own: tuple[EvalResult, ...] = ()
    earlier: tuple[str, ...] = ()
    results: tuple[EvalResult, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """That earlier runs count, and what to do where they should not."""
        if not self.earlier:
            return ()
        which = self.earlier[-1] if len(self.earlier) == 1 else f"{self.earlier[-1]} and {len(self.earlier) - 1} more"
        return (
            f"{counted(len(self.earlier), 'earlier run')} of the same agent not approved ({which}): their trials count too. "
            "If something outside of the agent was wrong then, who answers for it can override: loopwright gate override --help",
        )


def tried(store: Store, policy: Policy, run: Run | None, known: History) -> Tried:
    """The results of `run`, and of the whole runs before it that are for certain of its agent, suite and target.

    Those count that the gate did not approve, or was not asked about, since it last approved one; runs in the history that is
    compared with, and runs with too many trials without a verdict, do not.
    """
    if run is None:
        return Tried()
    own = tuple(store.results(run.run_id))
    if not is_whole(run):
        return Tried(own, (), own)
    latest = latest_decisions(store.decisions())
    overridden = {held.decision_id for held in store.overrides()}
    found: list[Run] = []
    for other in reversed(store.runs()):
        if other.run_id == run.run_id or other.started_at > run.started_at or not _same(other, run):
            continue
        decision = latest.get(other.run_id)
        if decision is not None and (decision.approved or decision.override or decision.decision_id in overridden):
            break
        if other.run_id not in known.run_ids:
            found.append(other)
    recent = windowed(sorted([*found, run], key=lambda held: held.started_at), run.started_at, policy, {run.run_id})
    rows = {held.run_id: store.results(held.run_id) for held in recent if held.run_id != run.run_id}
    held = {held.run_id: rows[held.run_id] for held in recent if held.run_id in rows and is_fit(held, rows[held.run_id], policy)}
    return Tried(own, tuple(held), (*(row for results in held.values() for row in results), *own))


def results_of_runs(store: Store, run_ids: Sequence[str]) -> list[EvalResult]:
    """The results of these runs, one after the other."""
    return [row for run_id in run_ids for row in store.results(run_id)]


def _same(other: Run, run: Run) -> bool:
    same = other.suite_digest == run.suite_digest and other.target == run.target
    return same and is_whole(other) and same_agent(other, run)
