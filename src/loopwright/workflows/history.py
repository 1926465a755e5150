"""What a stored run is compared with: the baseline's history, or the runs of a release, of a commit, or of a file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain

from loopwright.errors import UsageError
from loopwright.evaluate.budget import layer_of
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate.baseline import is_whole, joins, of_version, same_agent, windowed
from loopwright.gate.comparable import current
from loopwright.gate.decision import ComparedRun, GateDecision
from loopwright.gate.policy import Policy
from loopwright.gate.tally import has_verdict
from loopwright.ports import Store, StoredDecision
from loopwright.wording import counted

Read = Callable[[str], Sequence[EvalResult]]
"""The results of a run, by its id."""
BASELINE = "baseline"
"""The name of what a person established."""


@dataclass(frozen=True, slots=True)
class Against:
    """What a run is to be compared with, by the name that was given, and what that name stands for outside the store.

    That is the version that was released or run under that name, and the `commit` that it stands for in the repository; where it
    is neither, the `rows` of the file at that path.
    """

    name: str = BASELINE
    commit: str | None = None
    rows: tuple[EvalResult, ...] | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The runs compared with, and the results of theirs that count; the last run says what the cases are.

    `established` tells whether a person made these the baseline. `doubts` say why there is nothing to compare with, `notes` what
    was left out.
    """

    run_ids: tuple[str, ...] = ()
    results: tuple[EvalResult, ...] = ()
    compared: tuple[ComparedRun, ...] = ()
    established: bool = True
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def history_of(store: Store, policy: Policy, run: Run | None, against: Against | None = None) -> History:
    """What `run` is compared with; raises `UsageError` for a name that nothing has.

    By default the established baseline with what joined its history (see `gate.baseline`), as far as the policy's window goes.
    """
    against = against or Against()
    read = cache(store.results)
    if against.name == BASELINE:
        return _held(read, _established(store, read, policy, run))
    names = {*_release_names(store, against.name), *([against.commit] if against.commit is not None else [])}
    names |= {held.version for held in store.runs() if against.name in (held.version, _tag(held))}
    if names:
        return _version(store, read, policy, run, against.name, names)
    if against.rows is not None:
        versions = {row.version for row in against.rows}
        version = versions.pop() if len(versions) == 1 else None
        return History(results=against.rows, compared=(ComparedRun(version=version, source=against.name),), established=False)
    known = ", ".join(dict.fromkeys(release.version for release in store.releases())) or "none yet"
    raise UsageError(
        f"nothing is called {against.name!r}: no release (recorded: {known}) or run, no commit that git knows here, no file; "
        "give one of these, or baseline"
    )


def latest_or_named(store: Store, run_id: str | None) -> Run | None:
    """The run of that id, or the latest, None where there is none; raises `UsageError` for an unknown one."""
    if run_id is not None:
        run = store.run(run_id)
        if run is None:
            raise UsageError(f"there is no run {run_id!r} in the store; loopwright run makes one")
        return run
    runs = store.runs()
    return runs[-1] if runs else None


def stored_history(store: Store, baseline: Sequence[str]) -> list[EvalResult]:
    """The results of a baseline that count."""
    return _counting(store.results, baseline)


def layers_of(run: Run | None) -> tuple[str, ...]:
    """The layers that a run was limited to by what had changed; none where it was not limited so."""
    return tuple(run.settings.get("layers") or ()) if run is not None and run.settings.get("filters") else ()


def of_layers(results: Sequence[EvalResult], layers: Sequence[str]) -> list[EvalResult]:
    """The results of these layers; all where none is named. One that names no layer is of the first."""
    return [r for r in results if not layers or layer_of(r).value in layers]


def compared_run(run: Run) -> ComparedRun:
    """A run as a decision names it."""
    return ComparedRun(run.run_id, run.version, run.finished_at)


def latest_decisions(decisions: Sequence[StoredDecision]) -> dict[str, GateDecision]:
    """The latest decision on each run, by its id; one against something else than the baseline says nothing of a run's place."""
    return {
        held.candidate_run_id: held.decision
        for held in decisions
        if held.candidate_run_id is not None and "against" not in held.decision.statistics
    }


def _established(store: Store, read: Read, policy: Policy, run: Run | None) -> list[Run]:
    """The baseline's history: what joined it, then what was established, whose newest run says what the cases are."""
    established = [held for held in map(store.run, store.baseline()) if held is not None]
    if not established:
        return []
    newest, known = established[-1], {held.run_id for held in established}
    asked = known if run is None else known | {run.run_id}
    others = [held for held in store.runs() if held.run_id not in asked and same_agent(held, newest)]
    latest = latest_decisions(store.decisions()) if others else {}
    others = [held for held in others if joins(held, newest, latest.get(held.run_id)) and is_fit(held, read(held.run_id), policy)]
    until = run.started_at if run is not None else newest.started_at
    kept = {held.run_id for held in windowed(_by_time([*others, *established]), until, policy, {newest.run_id})}
    return [held for held in (*others, *established) if held.run_id in kept]


def _version(store: Store, read: Read, policy: Policy, run: Run | None, name: str, versions: Collection[str]) -> History:
    """The accepted runs of a version, without the one that is compared with them."""
    decisions = store.decisions()
    latest = latest_decisions(decisions)
    runs = [held for held in store.runs() if run is None or held.run_id != run.run_id]
    overridden = {o.decision_id for o in store.overrides()} | {r.decision_id for r in store.releases() if r.live}
    accepted = {*store.baseline(), *(d.candidate_run_id for d in decisions if d.decision_id in overridden)} - {None}
    found = of_version(runs, versions, latest, {id for id in accepted if id is not None})
    fit = [held for held in found if is_fit(held, read(held.run_id), policy)]
    left = sum(held.version in versions and is_whole(held) for held in runs) - len(fit)
    notes = [f"{counted(left, 'run')} of {name} left out: blocked by the gate, or not complete"] if left else []
    if not fit:
        doubt = f"the store holds no accepted run of {name}; check it out and run the suite on it: loopwright run"
        return History(established=False, doubts=(doubt,), notes=tuple(notes))
    until = run.started_at if run is not None else fit[-1].started_at
    return _held(read, windowed(fit, until, policy, {fit[-1].run_id}), established=False, notes=tuple(notes))


def _held(read: Read, runs: Sequence[Run], *, established: bool = True, notes: tuple[str, ...] = ()) -> History:
    ids = tuple(run.run_id for run in runs)
    return History(ids, tuple(_counting(read, ids)), tuple(map(compared_run, runs)), established, notes=notes)


def _counting(read: Read, run_ids: Sequence[str]) -> list[EvalResult]:
    """The results of these runs, oldest first, that count: of cases as the last has them."""
    return list(chain.from_iterable(current([read(run_id) for run_id in run_ids])))


def _tag(run: Run) -> str | None:
    """The release that a run was made for."""
    return run.fingerprint.release if run.fingerprint is not None else None


def _release_names(store: Store, name: str) -> tuple[str, ...]:
    """All versions that the latest release of that name, or id, goes by."""
    found = [release for release in store.releases() if name in (*release.names, release.release_id)]
    return found[-1].names if found else ()


def is_fit(run: Run, results: Sequence[EvalResult], policy: Policy) -> bool:
    """Whether a run is complete, and enough of its trials have a verdict to be compared."""
    planned = [result for result in results if not result.repeat]
    unjudged = sum(not has_verdict(result) for result in planned)
    return len(planned) >= max(1, run.planned) and unjudged <= policy.max_errors * len(planned)


def _by_time(runs: Sequence[Run]) -> list[Run]:
    return sorted(runs, key=_started)


def _started(run: Run) -> datetime:
    return run.started_at
