"""A run becomes the baseline, under a person's name; one that the gate blocks only with a reason that is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Literal

from loopwright.errors import RuleError, UsageError
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate.comparable import SuiteChange, current, suite_change
from loopwright.gate.decide import decide
from loopwright.gate.decision import Outcome
from loopwright.gate.exchange import read_result
from loopwright.gate.judged_sides import Judges
from loopwright.gate.policy import Policy
from loopwright.gate.quarantine import in_force
from loopwright.gate.tally import duplicates, has_verdict
from loopwright.ports import RecordReader, Store
from loopwright.workflows.deciding import reasoned
from loopwright.workflows.gating import doubts_of_filters, read_records
from loopwright.workflows.history import history_of, latest_or_named, layers_of, of_layers, stored_history
from loopwright.workflows.known_judges import judges_of
from loopwright.workflows.overriding import override_of

RULE = "a baseline is not what the gate blocks"
ASKED = "give --despite 'why it becomes the baseline all the same'"

Change = Literal["first", "replace", "extend"]


@dataclass(frozen=True, slots=True)
class Signed:
    """Who makes a run the baseline, and when; `despite` is why, where the gate blocks it.

    `lenient` is where the policy that it was compared by lets more through than its file says.
    """

    by: str
    at: datetime
    despite: str = ""
    lenient: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    def kept(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """What is kept of it beside name and time."""
        return {**told, **({"lenient": dict(self.lenient)} if self.lenient else {})}


@dataclass(frozen=True, slots=True)
class Established:
    """A new baseline: its runs, oldest first, and how many results of theirs count.

    `replaced` are the runs that are in it no longer; `change` says what became of the cases of a baseline that there was.
    """

    run_ids: tuple[str, ...]
    results: int
    by: str
    replaced: tuple[str, ...] = ()
    change: SuiteChange = field(default_factory=SuiteChange)


@dataclass(frozen=True, slots=True)
class BaselineRows:
    """The rows of a baseline file, and what became of the cases of the baseline that it extends."""

    rows: tuple[dict[str, Any], ...]
    change: SuiteChange = field(default_factory=SuiteChange)


async def establish_run(
    store: Store, signed: Signed, *, run_id: str | None = None, change: Change = "first", policy: Policy | None = None
) -> Established:
    """Make a stored run (by default the latest) the baseline.

    `first` is refused where there is a baseline; `replace` starts a new one; `extend` adds the run to the baseline's history,
    the runs that joined it by themselves included. The history of cases that are the same goes on; a run without any such case
    is in the baseline no longer. A run whose latest decision blocks it, or that the gate blocks now by `policy`, needs a reason,
    which the trail keeps, unless that decision is overridden. Raises `UsageError` for a run that is cut short, empty or without
    any verdict, and `RuleError` for a blocked one without a reason.
    """
    run = latest_or_named(store, run_id)
    if run is None:
        raise UsageError("there is no run to establish as the baseline; run the suite first: loopwright run")
    if run.finished_at is None:
        raise UsageError(f"run {run.run_id} was cut short; finish it with loopwright run, or name another with --run")
    results = store.results(run.run_id)
    refuse_unfit(results, f"run {run.run_id}")
    known = store.baseline()
    if known and change == "first":
        raise UsageError(
            f"there is a baseline already ({', '.join(known[-3:])}); "
            "add to its history with --extend, or start anew with --replace"
        )
    if change == "extend" and run.run_id in known:
        raise UsageError(f"run {run.run_id} is in the baseline already; run the suite again to add to its history")
    partial = doubts_of_filters(run, stored_history(store, known), results) if change == "extend" else []
    if partial:
        raise UsageError(f"{partial[0]}; a part of the suite is made the baseline with --replace only")
    policy = policy or Policy()
    held = [id for id in history_of(store, policy, run).run_ids if id not in known and _is_before(store, id, run)]
    known = [*held, *known]
    against, overrides = _against(store, run, known, policy, signed.at)
    told = {**_despite(against, signed.despite), **({"overrides": list(overrides)} if overrides else {})}
    before = current([store.results(k) for k in known])
    history = list(zip(known, before, strict=True)) if change == "extend" else []
    if history:
        _refuse_out_of_turn(store, known[-1], run)
    after = current([*(rows for _, rows in history), results])
    kept = [k for (k, _), rows in zip(history, after, strict=False) if rows]
    store.set_baseline([*kept, run.run_id], signed.by, signed.at, **signed.kept(told))
    became = suite_change(list(chain(*before)), list(chain(*after))) if known else SuiteChange()
    return Established((*kept, run.run_id), sum(map(len, after)), signed.by, tuple(k for k in known if k not in kept), became)


async def establish_file(
    reader: RecordReader,
    candidate: str,
    known: str | None,
    signed: Signed,
    *,
    change: Change = "first",
    policy: Policy | None = None,
) -> BaselineRows:
    """The rows of a baseline file: the candidate's, each with who made it the baseline and when; to `extend`, after the known.

    `known` is the file that stands, if one does. Rows of cases that the candidate has otherwise, or no more, are left out. Where
    the gate blocks the candidate by `policy`, it needs a reason, which each row keeps. Raises `InputError` for a line that cannot
    be taken, `UsageError` for results that can be no baseline, and `RuleError` for blocked ones without a reason.
    """
    added = [(record, read_result(record, candidate, line)) for line, record in read_records(reader, candidate)]
    new = [result for _, result in added]
    refuse_unfit(new, candidate)
    rows = read_records(reader, known) if known is not None else []
    history = [(record, read_result(record, known or "", line)) for line, record in rows]
    before = [result for _, result in history]
    if change == "extend" and known is not None:
        refuse_unfit([*before, *new], f"{candidate} together with {known}")
    told = _despite(_blocked(before, new, policy), signed.despite)
    marks = {"by": signed.by, "at": signed.at.isoformat(), **signed.kept(told)}
    made = [record | {f"established_{name}": value for name, value in marks.items()} for record, _ in added]
    if change != "extend" or known is None:
        return BaselineRows(tuple(made))
    standing, _ = current([before, new])
    counting = {id(result) for result in standing}
    kept = [record for record, result in history if id(result) in counting]
    return BaselineRows((*kept, *made), suite_change(before, [*standing, *new]))


def refuse_unfit(results: Sequence[EvalResult], source: str) -> None:
    """Raise `UsageError` where results can be no baseline: there are none, none has a verdict, or a trial is there twice."""
    if not results:
        raise UsageError(f"{source} has no results, and cannot be a baseline; run the suite first")
    if not any(has_verdict(result) for result in results):
        raise UsageError(f"no trial of {source} has a verdict, and it cannot be a baseline; mend what fails and run it again")
    twice = duplicates(results)
    if twice:
        raise UsageError(f"{source} has trial {twice[0][2]} of {twice[0][1]} more than once; give each trial once")


def _refuse_out_of_turn(store: Store, newest: str, run: Run) -> None:
    """The newest run of a baseline says what its cases are: an older one, of another suite, has nothing to add."""
    held = store.run(newest)
    if held is not None and run.started_at < held.started_at and run.suite_digest != held.suite_digest:
        raise UsageError(
            f"run {run.run_id} is older than the baseline's newest, {newest}, and of another suite; "
            "name a newer one with --run, or start anew with --replace"
        )


def _is_before(store: Store, run_id: str, run: Run) -> bool:
    other = store.run(run_id)
    return other is not None and other.started_at < run.started_at


def _against(store: Store, run: Run, known: Sequence[str], policy: Policy, at: datetime) -> tuple[str, Sequence[str]]:
    """What blocks a run, and the overrides for which it does not.

    The latest decision on it blocks, or how it compares with the baseline now; empty where nothing does.
    """
    on_it = [held for held in store.decisions() if held.candidate_run_id == run.run_id]
    if on_it and on_it[-1].decision.decision is Outcome.BLOCKED:
        override = override_of(store, on_it[-1], at)
        return ("", override.override_ids) if override else (f"{on_it[-1].decision_id}: {on_it[-1].decision.message}", ())
    if not known or run.run_id in known:
        return "", ()
    before, after = of_layers(stored_history(store, known), layers_of(run)), store.results(run.run_id)
    judges = judges_of(store, [*before, *after])
    return _blocked(before, after, policy, in_force(store.quarantines(), at), judges), ()


def _blocked(
    before: Sequence[EvalResult],
    after: Sequence[EvalResult],
    policy: Policy | None,
    quarantined: Collection[str] = (),
    judges: Judges | None = None,
) -> str:
    """What the gate says, where it blocks."""
    if not before:
        return ""
    decision = decide(before, after, policy, quarantined=quarantined, judges=judges)
    return decision.message if decision.decision is Outcome.BLOCKED else ""


def _despite(against: str, despite: str) -> Mapping[str, str]:
    """What is kept of a reason: it, and what it stands against; nothing where nothing speaks against the run."""
    if not against:
        return {}
    if not despite.strip():
        raise RuleError(RULE, f"{against.rstrip('.')}; {ASKED}")
    return {"despite": reasoned(despite, ASKED), "against": against}
