"""Two runs become a decision, out of files or out of the store; and a run becomes the baseline, under a person's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, Literal

from loopwright.audit.digest import content_id
from loopwright.collect.intake import Rejected
from loopwright.errors import InputError, UsageError
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate.comparable import SuiteChange, current, suite_change
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision
from loopwright.gate.exchange import read_result
from loopwright.gate.policy import Policy
from loopwright.gate.tally import duplicates, has_verdict
from loopwright.ports import RecordReader, Store, StoredDecision

ACTOR = "loopwright gate"
"""Who the trail names for a decision that the policy made, and no person."""

Change = Literal["first", "replace", "extend"]


@dataclass(frozen=True, slots=True)
class Established:
    """A new baseline: its runs, oldest first, and how many results the run that joined it holds.

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


async def gate_files(
    reader: RecordReader,
    baseline: Sequence[str],
    candidate: str | None,
    policy: Policy,
    *,
    version: str | None = None,
    doubts: Sequence[str] = (),
) -> GateDecision:
    """Compare files of results, a line a trial; raises `InputError` for the first line that cannot be taken.

    A row without `run_id` belongs to the run that its file is. `candidate` None stands for no results.
    """
    before = [result for path in baseline for result in read_results(reader, path, path if len(baseline) > 1 else "")]
    after = read_results(reader, candidate) if candidate is not None else []
    return decide(before, after, policy, candidate_version=version, doubts=doubts)


def read_results(reader: RecordReader, path: str, run_id: str = "") -> list[EvalResult]:
    """All results in a file; raises `InputError` for the first line that cannot be taken."""
    return [
        result if result.run_id or not run_id else replace(result, run_id=run_id)
        for result in (read_result(record, path, line) for line, record in read_records(reader, path))
    ]


def read_records(reader: RecordReader, path: str) -> list[tuple[int, dict[str, Any]]]:
    """All records in a file with their lines; raises `InputError` for the first line that holds none."""
    records = []
    for found in reader.read(path):
        if isinstance(found, Rejected):
            raise InputError(found.problem, source=found.source, line=found.line, cure=found.cure)
        records.append(found)
    return records


async def gate_store(
    store: Store, policy: Policy, now: datetime, *, run_id: str | None = None, version: str | None = None
) -> GateDecision:
    """Compare a stored run (by default the latest) with the baseline; where there is a run, decision and audit entry are stored.

    Of older runs in the baseline, results of cases that its newest run has otherwise, or no more, do not count.
    After an approval the failing cases are queued for eval generation, in the audit trail. Raises `UsageError` for an unknown
    run.
    """
    run = _run(store, run_id)
    known = store.baseline()
    before = list(chain.from_iterable(current([store.results(known_id) for known_id in known])))
    after = store.results(run.run_id) if run is not None else []
    decision = decide(before, after, policy, candidate_version=version, doubts=_doubts_of_run(run, known, len(after)))
    if run is not None:
        _record(store, decision, run, known, after, now)
    return decision


async def establish_run(
    store: Store, by: str, now: datetime, *, run_id: str | None = None, change: Change = "first"
) -> Established:
    """Make a stored run (by default the latest) the baseline.

    `first` is refused where there is a baseline; `replace` starts a new one; `extend` adds the run to the baseline's history.
    The history of cases that are the same goes on; a run without any such case is in the baseline no longer. Raises
    `UsageError` for a run that is cut short, empty or without any verdict.
    """
    run = _run(store, run_id)
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
    before = current([store.results(k) for k in known])
    history = list(zip(known, before, strict=True)) if change == "extend" else []
    if history:
        _refuse_out_of_turn(store, known[-1], run)
    after = current([*(rows for _, rows in history), results])
    kept = [k for (k, _), rows in zip(history, after, strict=False) if rows]
    store.set_baseline([*kept, run.run_id], by, now)
    became = suite_change(list(chain(*before)), list(chain(*after))) if known else SuiteChange()
    return Established((*kept, run.run_id), len(results), by, tuple(k for k in known if k not in kept), became)


async def establish_file(reader: RecordReader, candidate: str, known: str | None, by: str, now: datetime) -> BaselineRows:
    """The rows of a baseline file: those of the file `known`, and the candidate's, each with who made it the baseline and when.

    Rows of cases that the candidate has otherwise, or no more, are left out. Raises `InputError` for a line that cannot be
    taken, and `UsageError` for results that can be no baseline.
    """
    added = [(record, read_result(record, candidate, line)) for line, record in read_records(reader, candidate)]
    refuse_unfit([result for _, result in added], candidate)
    signed = [{**record, "established_by": by, "established_at": now.isoformat()} for record, _ in added]
    if known is None:
        return BaselineRows(tuple(signed))
    history = [(record, read_result(record, known, line)) for line, record in read_records(reader, known)]
    before, new = [result for _, result in history], [result for _, result in added]
    refuse_unfit([*before, *new], f"{candidate} together with {known}")
    standing, _ = current([before, new])
    counting = {id(result) for result in standing}
    rows = [record for record, result in history if id(result) in counting]
    return BaselineRows((*rows, *signed), suite_change(before, [*standing, *new]))


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


def _run(store: Store, run_id: str | None) -> Run | None:
    if run_id is not None:
        run = store.run(run_id)
        if run is None:
            raise UsageError(f"there is no run {run_id!r} in the store; loopwright run makes one")
        return run
    runs = store.runs()
    return runs[-1] if runs else None


def _doubts_of_run(run: Run | None, baseline: Sequence[str], results: int) -> list[str]:
    if run is None or not baseline:
        return []
    if run.run_id in baseline:
        return [f"run {run.run_id} is in the baseline itself; run the suite on the candidate first: loopwright run"]
    if run.finished_at is None:
        return [f"run {run.run_id} was cut short ({results} of {run.planned} trials); the same loopwright run goes on from there"]
    if results < run.planned:
        return [f"run {run.run_id} holds {results} of {run.planned} planned trials; run it again"]
    return []


def _record(
    store: Store, decision: GateDecision, run: Run, baseline: Sequence[str], after: Sequence[EvalResult], now: datetime
) -> None:
    run_id = run.run_id
    outcome = decision.decision.value if decision.decision is not None else ""
    decision_id = content_id("decision", list(baseline), run_id, now)
    newest = baseline[-1] if baseline else None
    details = {"baseline": list(baseline), "candidate": run_id, "message": decision.message}
    failing = sorted({result.eval_id for result in after if result.passed is not True})
    with store.transaction():
        store.put_decision(StoredDecision(decision_id, decision, now, newest, run_id))
        store.append_audit(now, ACTOR, f"gate {outcome}", decision_id, details)
        if decision.approved and failing:
            store.append_audit(now, ACTOR, "evals queued", decision_id, {"run_id": run_id, "eval_ids": failing})
