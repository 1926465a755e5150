"""Two runs become a decision, out of files or out of the store."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from loopwright.audit.digest import digest
from loopwright.collect.intake import Rejected, place
from loopwright.errors import InputError
from loopwright.evaluate.budget import dollars
from loopwright.evaluate.fingerprint import Fingerprint
from loopwright.evaluate.layers import joined
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate import currency
from loopwright.gate.decide import decide
from loopwright.gate.decision import CaseRequest, ComparedRun, GateDecision
from loopwright.gate.exchange import read_result
from loopwright.gate.judged_sides import Judges
from loopwright.gate.policy import Policy
from loopwright.gate.policy_change import Touched, policy_record, told_differences, told_touched
from loopwright.gate.quarantine import Quarantine, in_force, with_quarantine
from loopwright.ports import RecordReader, Store, StoredDecision
from loopwright.wording import counted
from loopwright.workflows.history import Against, History, compared_run, history_of, latest_or_named, layers_of, of_layers
from loopwright.workflows.known_judges import judges_of
from loopwright.workflows.overriding import honoured
from loopwright.workflows.recording import Record, record_decision
from loopwright.workflows.tried import tried


@dataclass(frozen=True, slots=True)
class Terms:
    """What a decision heeds beside results and policy.

    `doubts` are reasons not to approve that the caller found. `against` names what a stored run is compared with (None: the
    baseline). `quarantines` are those of a file, and count for files `at` a time. `lenient` is where the policy lets more through
    than its file says (both values by field). `touched` tells what changed in the repository since a commit, None where git
    cannot tell; without it nobody asks. `judges` is what a file says of the judges, and counts for files.
    """

    doubts: tuple[str, ...] = ()
    against: Against | None = None
    quarantines: tuple[Quarantine, ...] = ()
    at: datetime | None = None
    lenient: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    touched: Callable[[str], Touched | None] | None = None
    judges: Judges = field(default_factory=Judges)

    def notes(self, version: str | None) -> list[str]:
        """What to know of a comparison with a version: a lenient policy, and a policy or suite that changed with the agent."""
        told = [f"more lenient than the policy's file: {told_differences(self.lenient)}"] if self.lenient else []
        commit = currency.commit_in(version or "")
        found = self.touched(commit) if self.touched is not None and commit else None
        together = told_touched(found, f"the baseline's commit {commit[:12]}") if found is not None and commit else ""
        return [*told, *([together] if together else [])]


async def gate_files(
    reader: RecordReader,
    baseline: Sequence[str],
    candidate: str | None,
    policy: Policy,
    *,
    version: str | None = None,
    layers: Sequence[str] = (),
    terms: Terms | None = None,
) -> GateDecision:
    """Compare files of results, a line a trial; raises `InputError` for the first line that cannot be taken.

    A row without `run_id` belongs to the run that its file is. `candidate` None stands for no results. With `layers`, only rows
    of these are compared.
    """
    terms = terms or Terms()
    sides = {path: read_results(reader, path, path if len(baseline) > 1 else "") for path in dict.fromkeys(baseline)}
    before = of_layers([result for path in baseline for result in sides[path]], layers)
    after = of_layers(read_results(reader, candidate) if candidate is not None else [], layers)
    wrong = [f"{path} holds no results" for path, rows in sides.items() if not rows] if not before else []
    wrong += [*_of_one_run(before, after), *_of_swapped(before, after, version)]
    entries = terms.quarantines
    held = in_force(entries, terms.at) if terms.at is not None else {}
    doubts = [*terms.doubts, *wrong]
    decision = decide(before, after, policy, candidate_version=version, doubts=doubts, quarantined=held, judges=terms.judges)
    decision = _limited(decision, layers)
    decision = with_quarantine(decision, before, after, entries, terms.at) if terms.at is not None else decision
    newest = [row.version for row in before if row.version]
    return replace(
        _by(decision, policy),
        notes=(*decision.notes, *terms.notes(newest[-1] if newest else None)),
        candidate=_compared_file(candidate, after) if candidate is not None else None,
        baseline=tuple(_compared_file(path, rows) for path, rows in sides.items()),
        commands=_file_commands(decision.next, candidate, after),
    )


def read_results(reader: RecordReader, path: str, run_id: str = "") -> list[EvalResult]:
    """All results in a file; raises `InputError` for the first line that cannot be taken."""
    source = place(path)
    return [
        result if result.run_id or not run_id else replace(result, run_id=run_id)
        for result in (read_result(record, source, line) for line, record in _records(reader, path))
    ]


def read_records(reader: RecordReader, path: str) -> list[tuple[int, dict[str, Any]]]:
    """All records in a file with their lines; raises `InputError` for the first line that holds none."""
    return list(_records(reader, path))


def _records(reader: RecordReader, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for found in reader.read(path):
        if isinstance(found, Rejected):
            raise InputError(found.problem, source=found.source, line=found.line, cure=found.cure)
        yield found


async def gate_store(
    store: Store,
    policy: Policy,
    now: datetime,
    *,
    run_id: str | None = None,
    version: str | None = None,
    made_of: Fingerprint | None = None,
    terms: Terms | None = None,
) -> GateDecision:
    """Compare a stored run (by default the latest) with the baseline, or with what else the `terms` name.

    Where there is a run, decision and audit entry are stored. Of older runs in the history, results of cases that its newest run
    has otherwise, or no more, do not count; `workflows.history` says which runs those are. `made_of` is what the agent is made of
    now: without `run_id` and `version`, the latest run must be of that, or nothing is decided on it; of a run that was named a
    difference is noted. A run whose layers were chosen by what changed is compared on these layers. Quarantines and overrides
    that are in force are heeded. After an approval or an override the failing cases are queued for eval generation. Where the
    latest decision on the run rests on the same, that one is given again, and nothing is stored. Raises `UsageError` for an
    unknown run and for a name that nothing has.
    """
    terms = terms or Terms()
    run = latest_or_named(store, run_id)
    known = history_of(store, policy, run, terms.against)
    layers = layers_of(run)
    before = of_layers(known.results, layers)
    candidate = tried(store, policy, run, known)
    after = candidate.results
    age, notes = _age(run, made_of, named=run_id is not None or version is not None)
    doubts = [*doubts_of_run(run, known, before, candidate.own), *age, *terms.doubts]
    entries = [*store.quarantines(), *terms.quarantines]

    judges = judges_of(store, [*before, *after])

    def compare(old: Sequence[EvalResult], new: Sequence[EvalResult]) -> GateDecision:
        held = in_force(entries, now)
        return decide(old, new, policy, candidate_version=version, doubts=doubts, quarantined=held, judges=judges)

    decision = with_quarantine(_limited(compare(before, after), layers), before, after, entries, now)
    decision = replace(
        _by(decision, policy),
        candidate=compared_run(run) if run is not None else None,
        baseline=known.compared,
        commands=_store_commands(decision.next, run_id, candidate.own, anew=known.established),
        notes=(*decision.notes, *notes, *known.notes, *candidate.notes),
    )
    if candidate.earlier:
        decision = replace(decision, statistics=decision.statistics | {"earlier": list(candidate.earlier)})
    if not known.established and terms.against is not None:
        decision = replace(decision, statistics=decision.statistics | {"against": terms.against.name})
    newest = known.compared[-1].version if known.compared else None
    told = terms.notes(newest)
    if run is None:
        return replace(decision, notes=(*decision.notes, *told))
    trials = [(r.run_id, r.eval_id, r.trial, r.repeat, r.passed, r.case_digest) for r in (*before, *after)]
    inputs = digest(known.run_ids, run.run_id, policy, version, sorted(trials, key=lambda row: row[:3]), decision)
    held = None if age else run.run_id
    override, _ = honoured(store, decision, held, (before, after), compare, now)
    last = known.run_ids[-1] if known.run_ids else None
    on = StoredDecision("", replace(decision, override=override), now, last, held, inputs)
    details = {"lenient": dict(terms.lenient)} if terms.lenient else {}
    return record_decision(store, Record(on, known.run_ids, candidate.own, told, details))


def _by(decision: GateDecision, policy: Policy) -> GateDecision:
    """The decision, with the policy that it was made by."""
    return replace(decision, statistics=decision.statistics | {"policy": policy_record(policy)})


def _age(run: Run | None, made_of: Fingerprint | None, *, named: bool) -> tuple[list[str], list[str]]:
    """What of the agent changed since a run: why it is not decided on, or, where a person named it, what is noted."""
    if run is None or made_of is None:
        return [], []
    what = currency.outdated(run, made_of)
    if not what:
        return [], list(currency.untold(run, made_of))
    told = f"run {run.run_id} is not of the agent as it is here now: {what}"
    return ([], [told]) if named else ([f"{told}; {currency.cure(run, made_of)}"], [])


def _limited(decision: GateDecision, layers: Sequence[str]) -> GateDecision:
    """The decision, saying that only some layers were compared."""
    if not layers or decision.statistics.get("suite") is None:
        return decision
    which = f"Only the {joined(layers)} layer{'s were' if len(layers) > 1 else ' was'} compared"
    statistics = decision.statistics | {"layers": list(layers)}
    return replace(decision, message=f"{decision.message} {which}.", statistics=statistics)


def doubts_of_run(run: Run | None, known: History, before: Sequence[EvalResult], after: Sequence[EvalResult]) -> list[str]:
    """Why a stored run cannot be compared with its history: either is absent, or the run is not whole."""
    if known.doubts:
        return list(known.doubts)
    if not known.compared:
        return ["there is no baseline; make a run of the released version it: loopwright gate --establish"]
    if run is None:
        return ["there is no run to compare with the baseline; run the suite: loopwright run"]
    results = sum(not result.repeat for result in after)
    if run.run_id in known.run_ids:
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


def _of_one_run(before: Sequence[EvalResult], after: Sequence[EvalResult]) -> list[str]:
    """The doubt that a run is compared with itself. Ids that Loopwright gave are of one run; others may number runs anew."""
    both = {run_id for run_id in {r.run_id for r in before} & {r.run_id for r in after} if _STAMPED.match(run_id)}
    return [f"run {min(both)} is in the baseline itself; give the results of a run of the candidate"] if both else []


def _of_swapped(before: Sequence[EvalResult], after: Sequence[EvalResult], version: str | None) -> list[str]:
    """The doubt that the files are swapped, where the baseline is of the candidate's version, and the candidate tells none."""
    if version is None or any(r.version is not None for r in after) or not any(r.version == version for r in before):
        return []
    told = f"the candidate should be version {version}, tells none, and the baseline has results of {version}"
    return [f"{told}; if the files are swapped, give them the other way round"]


_STAMPED = re.compile(r"run-.*\d{8}T\d{6}")


def _compared_file(path: str, rows: Sequence[EvalResult]) -> ComparedRun:
    run_ids, versions = {r.run_id for r in rows}, {r.version for r in rows}
    only = run_ids.pop() if len(run_ids) == 1 else ""
    return ComparedRun(only if only != path and only else None, versions.pop() if len(versions) == 1 else None, source=path)


def _store_commands(
    wanted: Sequence[CaseRequest], run_id: str | None, after: Sequence[EvalResult], *, anew: bool
) -> tuple[str, ...]:
    """What runs the trials asked for, in the store: `anew` where they are to be asked for by the baseline once more."""
    if not wanted:
        return ()
    if all(request.repeat for request in wanted):
        repeat = "loopwright run --repeat" + (f" --run {shlex.quote(run_id)}" if run_id else "")
        return (repeat,) if anew else _case_by_case(repeat, wanted)
    return (f"loopwright run{_more_trials(wanted, after)}",)


def _file_commands(wanted: Sequence[CaseRequest], candidate: str | None, after: Sequence[EvalResult]) -> tuple[str, ...]:
    """What runs the trials asked for, and writes them into the candidate's file, where `loopwright run` made that."""
    if not wanted or candidate is None or candidate == "-" or not all(r.run_id.startswith("run-") for r in after):
        return ()
    out = f"loopwright run --out {shlex.quote(candidate)}"
    if not all(request.repeat for request in wanted):
        return (f"{out} --fresh{_more_trials(wanted, after)}",)
    return _case_by_case(f"{out} --repeat", wanted)


def _case_by_case(repeat: str, wanted: Sequence[CaseRequest]) -> tuple[str, ...]:
    by_trials: dict[int, list[str]] = {}
    for request in wanted:
        by_trials.setdefault(request.trials, []).append(f"--case {shlex.quote(request.eval_id)}")
    return tuple(f"{repeat} {' '.join(cases)} --trials {trials}" for trials, cases in sorted(by_trials.items()))


def _more_trials(wanted: Sequence[CaseRequest], after: Sequence[EvalResult]) -> str:
    """The setting for a new run with so many more trials of every case; nothing where only some are missing."""
    planned = Counter(result.eval_id for result in after if not result.repeat)
    sums = {planned[request.eval_id] + request.trials for request in wanted}
    return f" --trials {max(sums)}" if sums and set(planned) <= {request.eval_id for request in wanted} else ""
