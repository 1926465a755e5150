"""Repeats: trials that are added to a run because of its results, where these leave a decision open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from loopwright.errors import UsageError
from loopwright.evaluate.case import Suite
from loopwright.evaluate.fingerprint import Fingerprint, differences
from loopwright.evaluate.layers import BY_CHANGE, joined
from loopwright.evaluate.plan import Selection, identity, repeats, select
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate.decide import decide
from loopwright.gate.policy import Policy
from loopwright.gate.quarantine import in_force
from loopwright.ports import Progress, RunLog, Store
from loopwright.workflows.gating import doubts_of_run
from loopwright.workflows.history import history_of, layers_of, of_layers
from loopwright.workflows.known_judges import judges_of
from loopwright.workflows.running import Bench, RunReport, results_of
from loopwright.workflows.tried import tried


@dataclass(frozen=True, slots=True)
class RepeatRequest:
    """Which cases to repeat, and how often, in which run; the version, what it is made of and the suite are those of now."""

    run: Run
    wanted: Mapping[str, int]
    suite: Suite
    version: str
    timeout_s: float = 60.0
    made_of: Fingerprint | None = None


async def wanted_repeats(store: Store, policy: Policy, run: Run, now: datetime | None = None) -> dict[str, int]:
    """The repeats that a decision on a stored run asks for, by case id.

    They are asked for anew, by what is there by now: repeats that were run already are not asked for twice, nor any of cases that
    are in quarantine at `now`. Raises `UsageError` where the run cannot be compared, or repeats would not decide.
    """
    known = history_of(store, policy, run)
    candidate = tried(store, policy, run, known)
    before, after = of_layers(known.results, layers_of(run)), candidate.results
    doubts = doubts_of_run(run, known, before, candidate.own)
    quarantined = in_force(store.quarantines(), now) if now is not None else ()
    judges = judges_of(store, [*before, *after])
    decision = decide(before, after, policy, doubts=doubts, quarantined=quarantined, judges=judges)
    if doubts or decision.statistics["suite"] is None:
        raise UsageError(f"nothing can be repeated: {decision.reasons[0]}")
    if any(not request.repeat for request in decision.next):
        raise UsageError(f"repeats would not decide: {decision.reasons[0]}")
    return {request.eval_id: request.trials for request in decision.next}


def repeatable_run(log: RunLog, run_id: str | None = None) -> Run:
    """The run to which repeats are added: the one named, or the latest of a whole suite.

    Raises `UsageError` where there is none.
    """
    by_hand = {run.run_id for run in log.runs() if not set(run.settings.get("filters", ())) <= set(BY_CHANGE)}
    runs = [run for run in log.runs() if (run.run_id == run_id if run_id is not None else run.run_id not in by_hand)]
    if not runs:
        which = f"no run {run_id!r}" if run_id is not None else "no run to repeat cases of"
        raise UsageError(f"there is {which}; run the suite first, without --repeat")
    return runs[-1]


async def repeat_cases(request: RepeatRequest, bench: Bench, progress: Progress) -> RunReport:
    """Run the repeats, add them to the run, and return them in the order of the suite.

    A case's trials are numbered on from its last. Raises `UsageError` where the version, the target, or a case to be repeated is
    not the one that the run is of, or where the run was cut short.
    """
    run, held = request.run, bench.log.results(request.run.run_id)
    _refuse_another(request, held, bench.target.name)
    part = select(request.suite, Selection(ids=tuple(request.wanted)))
    _refuse_changed(part, held)
    _refuse_another_agent(run, request.made_of)
    last = {result.eval_id: result.trial for result in sorted(held, key=lambda result: result.trial)}
    left = list(repeats(part, request.wanted, {name: trial + 1 for name, trial in last.items()}, request.timeout_s))
    sealed = {result.eval_id for result in held if result.sealed}
    made: dict[tuple[str, int], EvalResult] = {}
    progress.start("repeating", len(left))
    try:
        await bench.target.open()
        bench.log.put_run(run)
        async for result in results_of(left, run, bench):
            repeated = replace(result, repeat=True, sealed=result.eval_id in sealed)
            bench.log.put_result(repeated)
            made[result.eval_id, result.trial] = repeated
            progress.advance()
    finally:
        progress.done()
        await bench.target.close()
    return RunReport(run, tuple(made[trial.key] for trial in left))


def _refuse_another(request: RepeatRequest, held: Sequence[EvalResult], target: str) -> None:
    """A repeat is one more trial of the same thing: the run's id says of what, by its planned trials."""
    run = request.run
    if request.version != run.version:
        raise UsageError(
            f"run {run.run_id} is of version {run.version}, and this is {request.version}; "
            "go back to that version, or run the whole suite on this one"
        )
    planned = [(result.eval_id, result.trial) for result in held if not result.repeat]
    same = identity(run.version, run.suite_digest, target, planned)
    if not run.run_id.startswith(f"run-{same}-"):
        raise UsageError(
            f"run {run.run_id} is of another target than {target}, or was cut short; "
            "give the target that it was run with, or run the whole suite again"
        )


def _refuse_another_agent(run: Run, now: Fingerprint | None) -> None:
    """Whatever its version is called, the agent is what it is made of."""
    changed = differences(run.fingerprint, now) if run.fingerprint is not None and now is not None else ()
    if changed:
        parts = joined([f"the {part}" for part in changed])
        raise UsageError(f"{parts} changed since run {run.run_id}; take that back, or run the whole suite again")


def _refuse_changed(part: Suite, held: Sequence[EvalResult]) -> None:
    known = {result.eval_id: result.case_digest for result in held}
    for case in part.cases:
        if case.id not in known:
            raise UsageError(f"the run has no trial of {case.id} to repeat; run the whole suite")
        if known[case.id] != case.content_digest:
            raise UsageError(f"{case.id} changed since the run; take that back, or run the whole suite again")
