"""Two runs become a decision, out of files or out of the store."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

from loopwright.audit.digest import content_id, digest
from loopwright.collect.intake import Rejected, place
from loopwright.errors import InputError, UsageError
from loopwright.evaluate.budget import dollars, layer_of
from loopwright.evaluate.fingerprint import Fingerprint
from loopwright.evaluate.layers import joined
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate import currency
from loopwright.gate.comparable import current
from loopwright.gate.decide import decide
from loopwright.gate.decision import CaseRequest, ComparedRun, GateDecision
from loopwright.gate.exchange import read_result
from loopwright.gate.policy import Policy
from loopwright.gate.sealed_gap import with_sealed_gap
from loopwright.ports import RecordReader, Store, StoredDecision
from loopwright.wording import counted
from loopwright.workflows.queueing import queue_failures

ACTOR = "loopwright gate"
"""Who the trail names for a decision that the policy made, and no person."""

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
    store: Store,
    policy: Policy,
    now: datetime,
    *,
    run_id: str | None = None,
    version: str | None = None,
    made_of: Fingerprint | None = None,
) -> GateDecision:
    """Compare a stored run (by default the latest) with the baseline; where there is a run, decision and audit entry are stored.

    Of older runs in the baseline, results of cases that its newest run has otherwise, or no more, do not count.
    `made_of` is what the agent is made of now: without `run_id` and `version`, the latest run must be of that, or nothing is
    decided on it; of a run that was named a difference is noted. A run whose layers were chosen by what changed is compared on
    these layers. After an approval the failing cases are queued for eval generation. Where the latest decision on the run
    rests on the same, that one is given again, and nothing is stored. Raises `UsageError` for an unknown run.
    """
    run = latest_or_named(store, run_id)
    known = store.baseline()
    layers = layers_of(run)
    before = of_layers(stored_history(store, known), layers)
    after = store.results(run.run_id) if run is not None else []
    age, notes = _age(run, made_of, named=run_id is not None or version is not None)
    doubts = [*doubts_of_run(run, known, before, after), *age]
    decision = decide(before, after, policy, candidate_version=version, doubts=doubts)
    decision = replace(
        _limited(with_sealed_gap(decision, after, policy), layers),
        candidate=_compared_run(run) if run is not None else None,
        baseline=tuple(_compared_run(held) for held in map(store.run, known) if held is not None),
        commands=_store_commands(decision.next, run_id, after),
        notes=tuple(notes),
    )
    if run is None:
        return decision
    trials = [(r.run_id, r.eval_id, r.trial, r.repeat, r.passed, r.case_digest) for r in (*before, *after)]
    inputs = digest(known, run.run_id, policy, version, sorted(trials, key=lambda row: row[:3]), decision)
    on = StoredDecision("", decision, now, known[-1] if known else None, None if age else run.run_id, inputs)
    return _record(store, on, known, after)


def _age(run: Run | None, made_of: Fingerprint | None, *, named: bool) -> tuple[list[str], list[str]]:
    """What of the agent changed since a run: why it is not decided on, or, where a person named it, what is noted."""
    if run is None or made_of is None:
        return [], []
    what = currency.outdated(run, made_of)
    if not what:
        return [], list(currency.untold(run, made_of))
    told = f"run {run.run_id} is not of the agent as it is here now: {what}"
    return ([], [told]) if named else ([f"{told}; {currency.cure(run, made_of)}"], [])


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
        spent = f"{results} of {counted(run.planned, 'trial')} within {dollars(run.settings['budget_usd'])}"
        return [f"run {run.run_id} stopped at its budget ({spent}); go on with a larger one: loopwright run --budget-usd"]
    if run.finished_at is None:
        return [
            f"run {run.run_id} was cut short ({results} of {counted(run.planned, 'trial')}); the same "
            "loopwright run goes on from there"
        ]
    if results < run.planned:
        return [f"run {run.run_id} holds {results} of {counted(run.planned, 'planned trial')}; run it again"]
    return doubts_of_filters(run, before, after)


def doubts_of_filters(run: Run, before: Sequence[EvalResult], after: Sequence[EvalResult]) -> list[str]:
    """A run of a part of the suite is compared with a baseline of that part, and with no other."""
    filters = run.settings.get("filters")
    held = {result.eval_id for result in after}
    if not filters or {result.eval_id for result in before} <= held:
        return []
    return [
        f"run {run.run_id} holds {counted(len(held), 'case')} of the suite's {run.settings.get('suite_cases')}: it was filtered "
        f"with {' and '.join(filters)}; run the whole suite (loopwright run), or add repeats to a run (loopwright run --repeat)"
    ]


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


def _record(store: Store, on: StoredDecision, baseline: Sequence[str], after: Sequence[EvalResult]) -> GateDecision:
    """Write the decision, queue the failures of what was approved, and put both into the trail; returns it as written.

    Where the latest decision on the same rests on the same, that one is returned, noting so, and nothing is written.
    """
    decision, now, run_id = on.decision, on.decided_at, on.candidate_run_id
    decision_id = content_id("decision", on.inputs, now)
    candidate = decision.candidate.run_id if decision.candidate is not None else None
    details = {"baseline": list(baseline), "candidate": candidate, "message": decision.message}
    with store.transaction():
        same = [held for held in store.decisions() if held.candidate_run_id == run_id]
        if same and same[-1].inputs == on.inputs:
            held = same[-1]
            when = f"this was decided on {held.decided_at:%Y-%m-%d %H:%M} UTC as {held.decision_id}, and is not recorded again"
            return replace(held.decision, notes=(*held.decision.notes, when))
        if decision.approved:
            queue_failures(store, after, now, decision_id)
        queued = sorted(q.result.eval_id for q in store.queue() if q.decision_id == decision_id)
        decision = replace(decision, new_evals_queued=len(queued))
        store.put_decision(replace(on, decision_id=decision_id, decision=decision))
        outcome = decision.decision.value if decision.decision is not None else ""
        store.append_audit(now, ACTOR, f"gate {outcome}", decision_id, details)
        if queued:
            store.append_audit(now, ACTOR, "evals queued", decision_id, {"run_id": run_id, "eval_ids": queued})
    return decision
