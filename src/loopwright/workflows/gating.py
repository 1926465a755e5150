"""Two runs become a decision, out of files or out of the store; and a run becomes the baseline, under a person's name."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, Literal

from loopwright.audit.digest import content_id
from loopwright.collect.intake import Rejected, place
from loopwright.errors import InputError, UsageError
from loopwright.evaluate.budget import dollars, layer_of
from loopwright.evaluate.layers import joined
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate.comparable import SuiteChange, current, suite_change
from loopwright.gate.decide import decide
from loopwright.gate.decision import CaseRequest, ComparedRun, GateDecision
from loopwright.gate.exchange import read_result
from loopwright.gate.policy import Policy
from loopwright.gate.sealed_gap import with_sealed_gap
from loopwright.gate.tally import duplicates, has_verdict
from loopwright.ports import RecordReader, Store, StoredDecision
from loopwright.workflows.queueing import queue_failures

ACTOR = "loopwright gate"
"""Who the trail names for a decision that the policy made, and no person."""

Change = Literal["first", "replace", "extend"]


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


async def gate_files(
    reader: RecordReader,
    baseline: Sequence[str],
    candidate: str | None,
    policy: Policy,
    *,
    version: str | None = None,
    doubts: Sequence[str] = (),
    layers: Sequence[str] = (),
) -> GateDecision:
    """Compare files of results, a line a trial; raises `InputError` for the first line that cannot be taken.

    A row without `run_id` belongs to the run that its file is. `candidate` None stands for no results. With `layers`, only rows
    of these are compared.
    """
    sides = {path: read_results(reader, path, path if len(baseline) > 1 else "") for path in dict.fromkeys(baseline)}
    before = of_layers([result for path in baseline for result in sides[path]], layers)
    after = of_layers(read_results(reader, candidate) if candidate is not None else [], layers)
    empty = [f"{path} holds no results" for path, rows in sides.items() if not rows] if not before else []
    decision = decide(before, after, policy, candidate_version=version, doubts=[*doubts, *empty])
    return replace(
        _limited(with_sealed_gap(decision, after, policy), layers),
        candidate=_compared_file(candidate, after) if candidate is not None else None,
        baseline=tuple(_compared_file(path, rows) for path, rows in sides.items()),
        commands=_file_commands(decision.next, candidate, after),
    )


def read_results(reader: RecordReader, path: str, run_id: str = "") -> list[EvalResult]:
    """All results in a file; raises `InputError` for the first line that cannot be taken."""
    return [
        result if result.run_id or not run_id else replace(result, run_id=run_id)
        for result in (read_result(record, place(path), line) for line, record in read_records(reader, path))
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
    store: Store, policy: Policy, now: datetime, *, run_id: str | None = None, version: str | None = None, head: str | None = None
) -> GateDecision:
    """Compare a stored run (by default the latest) with the baseline; where there is a run, decision and audit entry are stored.

    Of older runs in the baseline, results of cases that its newest run has otherwise, or no more, do not count.
    `head` is the version that the repository is at: without `run_id` and `version`, the latest run must be of it. A run whose
    layers were chosen by what changed is compared on these layers. After an approval the failing cases are queued for eval
    generation. Raises `UsageError` for an unknown run.
    """
    run = _run(store, run_id)
    known = store.baseline()
    layers = layers_of(run)
    before = of_layers(stored_history(store, known), layers)
    after = store.results(run.run_id) if run is not None else []
    unnamed = run_id is None and version is None
    doubts = [*doubts_of_run(run, known, before, after), *(_doubts_of_age(run, head) if unnamed else [])]
    decision = decide(before, after, policy, candidate_version=version, doubts=doubts)
    decision = replace(
        _limited(with_sealed_gap(decision, after, policy), layers),
        candidate=_compared_run(run) if run is not None else None,
        baseline=tuple(_compared_run(held) for held in map(store.run, known) if held is not None),
        commands=_store_commands(decision.next, run_id, after),
    )
    return decision if run is None else _record(store, decision, run, known, after, now)


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
    partial = _doubts_of_filters(run, stored_history(store, known), results) if change == "extend" else []
    if partial:
        raise UsageError(f"{partial[0]}; a part of the suite is made the baseline with --replace only")
    before = current([store.results(k) for k in known])
    history = list(zip(known, before, strict=True)) if change == "extend" else []
    if history:
        _refuse_out_of_turn(store, known[-1], run)
    after = current([*(rows for _, rows in history), results])
    kept = [k for (k, _), rows in zip(history, after, strict=False) if rows]
    store.set_baseline([*kept, run.run_id], by, now)
    became = suite_change(list(chain(*before)), list(chain(*after))) if known else SuiteChange()
    return Established((*kept, run.run_id), sum(map(len, after)), by, tuple(k for k in known if k not in kept), became)


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


def stored_history(store: Store, baseline: Sequence[str]) -> list[EvalResult]:
    """The results of a baseline that count."""
    return list(chain.from_iterable(current([store.results(known) for known in baseline])))


def layers_of(run: Run | None) -> tuple[str, ...]:
    """The layers that a run was limited to by what had changed; none where it was not limited so."""
    return tuple(run.settings.get("layers") or ()) if run is not None and run.settings.get("filters") else ()


def of_layers(results: Sequence[EvalResult], layers: Sequence[str]) -> list[EvalResult]:
    """The results of these layers; all where none is named. One that names no layer is of the first."""
    return [r for r in results if not layers or layer_of(r).value in layers]


def _limited(decision: GateDecision, layers: Sequence[str]) -> GateDecision:
    """The decision, saying that only some layers were compared."""
    if not layers or decision.statistics.get("suite") is None:
        return decision
    which = f"Only the {joined(layers)} layer{'s were' if len(layers) > 1 else ' was'} compared"
    statistics = decision.statistics | {"layers": list(layers)}
    return replace(decision, message=f"{decision.message} {which}.", statistics=statistics)


def doubts_of_run(
    run: Run | None, baseline: Sequence[str], before: Sequence[EvalResult], after: Sequence[EvalResult]
) -> list[str]:
    """Why a stored run cannot be compared with the baseline: either is absent, or the run is not whole."""
    if not baseline:
        return ["there is no baseline; make a run of the released version it: loopwright gate --establish"]
    if run is None:
        return ["there is no run to compare with the baseline; run the suite: loopwright run"]
    results = sum(not result.repeat for result in after)
    if run.run_id in baseline:
        return [f"run {run.run_id} is in the baseline itself; run the suite on the candidate first: loopwright run"]
    if run.finished_at is None and run.settings.get("budget_usd") is not None:
        spent = f"{results} of {run.planned} trials within {dollars(run.settings['budget_usd'])}"
        return [f"run {run.run_id} stopped at its budget ({spent}); go on with a larger one: loopwright run --budget-usd"]
    if run.finished_at is None:
        return [f"run {run.run_id} was cut short ({results} of {run.planned} trials); the same loopwright run goes on from there"]
    if results < run.planned:
        return [f"run {run.run_id} holds {results} of {run.planned} planned trials; run it again"]
    return _doubts_of_filters(run, before, after)


def _doubts_of_filters(run: Run, before: Sequence[EvalResult], after: Sequence[EvalResult]) -> list[str]:
    """A run of a part of the suite is compared with a baseline of that part, and with no other."""
    filters = run.settings.get("filters")
    held = {result.eval_id for result in after}
    if not filters or {result.eval_id for result in before} <= held:
        return []
    return [
        f"run {run.run_id} holds {len(held)} of {run.settings.get('suite_cases')} cases: it was filtered with "
        f"{' and '.join(filters)}; run the whole suite (loopwright run), or add repeats to a run (loopwright run --repeat)"
    ]


def _doubts_of_age(run: Run | None, head: str | None) -> list[str]:
    """A run of another commit says nothing of this one. Versions that are no commits were named by a person."""
    if run is None or head is None or run.version == head or not _COMMIT.fullmatch(run.version):
        return []
    return [f"the latest run is of {_short(run.version)}, and the repository is at {_short(head)}; run the suite: loopwright run"]


_COMMIT = re.compile(r"[0-9a-f]{40}(-dirty)?")


def _short(version: str) -> str:
    """A commit as git shows it, `-dirty` kept."""
    return _COMMIT.sub(lambda commit: commit[0][:12] + (commit[1] or ""), version)


def _compared_run(run: Run) -> ComparedRun:
    return ComparedRun(run.run_id, run.version, run.finished_at)


def _compared_file(path: str, rows: Sequence[EvalResult]) -> ComparedRun:
    run_ids, versions = {r.run_id for r in rows}, {r.version for r in rows}
    only = run_ids.pop() if len(run_ids) == 1 else ""
    return ComparedRun(only if only != path and only else None, versions.pop() if len(versions) == 1 else None, source=path)


def _store_commands(wanted: Sequence[CaseRequest], run_id: str | None, after: Sequence[EvalResult]) -> tuple[str, ...]:
    """What runs the trials asked for, in the store."""
    if not wanted:
        return ()
    if all(request.repeat for request in wanted):
        return ("loopwright run --repeat" + (f" --run {shlex.quote(run_id)}" if run_id else ""),)
    return (f"loopwright run{_more_trials(wanted, after)}",)


def _file_commands(wanted: Sequence[CaseRequest], candidate: str | None, after: Sequence[EvalResult]) -> tuple[str, ...]:
    """What runs the trials asked for, and writes them into the candidate's file, where `loopwright run` made that."""
    if not wanted or candidate is None or candidate == "-" or not all(r.run_id.startswith("run-") for r in after):
        return ()
    out = f"loopwright run --out {shlex.quote(candidate)}"
    if not all(request.repeat for request in wanted):
        return (f"{out} --fresh{_more_trials(wanted, after)}",)
    by_trials: dict[int, list[str]] = {}
    for request in wanted:
        by_trials.setdefault(request.trials, []).append(f"--case {shlex.quote(request.eval_id)}")
    return tuple(f"{out} --repeat {' '.join(cases)} --trials {trials}" for trials, cases in sorted(by_trials.items()))


def _more_trials(wanted: Sequence[CaseRequest], after: Sequence[EvalResult]) -> str:
    """The setting for a new run with so many more trials of every case; nothing where only some are missing."""
    planned = Counter(result.eval_id for result in after if not result.repeat)
    sums = {planned[request.eval_id] + request.trials for request in wanted}
    return f" --trials {max(sums)}" if sums and set(planned) <= {request.eval_id for request in wanted} else ""


def _record(
    store: Store, decision: GateDecision, run: Run, baseline: Sequence[str], after: Sequence[EvalResult], now: datetime
) -> GateDecision:
    """Write the decision, queue the failures of what was approved, and put both into the trail; returns it as written."""
    run_id = run.run_id
    outcome = decision.decision.value if decision.decision is not None else ""
    decision_id = content_id("decision", list(baseline), run_id, now)
    newest = baseline[-1] if baseline else None
    details = {"baseline": list(baseline), "candidate": run_id, "message": decision.message}
    with store.transaction():
        if decision.approved:
            queue_failures(store, after, now, decision_id)
        queued = sorted(q.result.eval_id for q in store.queue() if q.decision_id == decision_id)
        decision = replace(decision, new_evals_queued=len(queued))
        store.put_decision(StoredDecision(decision_id, decision, now, newest, run_id))
        store.append_audit(now, ACTOR, f"gate {outcome}", decision_id, details)
        if queued:
            store.append_audit(now, ACTOR, "evals queued", decision_id, {"run_id": run_id, "eval_ids": queued})
    return decision
