"""`loopwright gate`: two runs become a decision."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.errors import UsageError
from loopwright.evaluate.case import Layer
from loopwright.gate.decision import GateDecision
from loopwright.gate.doubt import named
from loopwright.gate.policy_change import told_differences
from loopwright.settings import Settings
from loopwright.surfaces.cli.options import BY, CONFIG, from_setting, settle
from loopwright.surfaces.cli.page_file import check_spares, write_file
from loopwright.surfaces.cli.results_in import PASS_SCORE, RESULTS_FORMAT, ResultsFormat, ResultsIn
from loopwright.surfaces.cli.terminal import emit, note, say
from loopwright.surfaces.cli.verbs.gating import quarantine as quarantining
from loopwright.surfaces.cli.verbs.gating.explain import explain
from loopwright.surfaces.cli.verbs.gating.outputs import (
    ANNOTATIONS,
    DECISION_FORMAT,
    HTML,
    JUNIT,
    MARKDOWN,
    SUITE,
    SUMMARY_OPTION,
    DecisionFormat,
    Outputs,
)
from loopwright.surfaces.cli.verbs.gating.override import override
from loopwright.surfaces.cli.verbs.gating.simulate import simulate
from loopwright.surfaces.cli.verbs.gating.terms import AGAINST, CALIBRATION, QUARANTINE, terms_of
from loopwright.wiring.gating import gate_policy, lenient
from loopwright.wording import counted
from loopwright.workflows.deciding import who
from loopwright.workflows.establishing import Change, Established, Signed, establish_file, establish_run
from loopwright.workflows.gating import Terms, gate_files, gate_store

app = typer.Typer(add_completion=False)
app.add_typer(quarantining.app, name="quarantine")
app.command("override")(override)
app.command("explain")(explain)
app.command("simulate")(simulate)

_CHANGES = {
    "new": "New in it",
    "changed": "Changed, and begun anew without their earlier history",
    "gone": "In it no longer",
}


@app.callback(invoke_without_command=True)
def gate(
    context: typer.Context,
    baseline: list[str] = typer.Option(
        [], "--baseline", metavar="FILE", help="Results of the released version; repeat it for its history. - is standard input."
    ),
    candidate: str | None = typer.Option(
        None, "--candidate", metavar="FILE", help="Results of the version that wants to ship.", show_default=False
    ),
    run: str | None = typer.Option(None, "--run", metavar="ID", help="A stored run; otherwise the latest.", show_default=False),
    against: str | None = AGAINST,
    candidate_version: str | None = typer.Option(
        None,
        "--candidate-version",
        help="What the results must be of; rows that say otherwise are not approved.",
        show_default=False,
    ),
    establish: bool = typer.Option(
        False, "--establish", help="Make the run the baseline, under your name, instead of comparing."
    ),
    extend: bool = typer.Option(False, "--extend", help="With --establish: add the run to the history of the baseline there is."),
    replace: bool = typer.Option(False, "--replace", help="With --establish: start a new baseline in place of the one there is."),
    despite: str = typer.Option(
        "", "--despite", metavar="WHY", help="With --establish: why a run that the gate blocks becomes the baseline; it is kept."
    ),
    by: str | None = BY,
    alpha: float | None = from_setting("gate.alpha"),
    min_cases: int | None = from_setting("gate.min_cases"),
    max_missing: float | None = from_setting("gate.max_missing"),
    max_errors: float | None = from_setting("gate.max_errors"),
    cost_margin: float | None = from_setting("gate.cost_margin"),
    latency_margin: float | None = from_setting("gate.latency_margin"),
    tokens_margin: float | None = from_setting("gate.tokens_margin"),
    zero_tolerance: str | None = from_setting("gate.zero_tolerance"),
    sealed_gap: str | None = from_setting("gate.sealed_gap"),
    window: int | None = from_setting("gate.window"),
    window_days: float | None = from_setting("gate.window_days"),
    layer: list[Layer] | None = typer.Option(
        None, "--layer", help="In files: compare this layer's rows alone, as where a commit runs one layer; may be repeated."
    ),
    quarantine: Path | None = QUARANTINE,
    calibration: Path | None = CALIBRATION,
    results_format: ResultsFormat | None = RESULTS_FORMAT,
    pass_score: float = PASS_SCORE,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
    format: DecisionFormat = DECISION_FORMAT,
    markdown: Path | None = MARKDOWN,
    junit: Path | None = JUNIT,
    annotations: Path | None = ANNOTATIONS,
    summary: bool = SUMMARY_OPTION,
    html: Path | None = HTML,
    suite: Path | None = SUITE,
) -> None:
    """Compare a candidate with its baseline: approved (exit 0), blocked (1) or undecided (2).

    With --baseline and --candidate it reads files: results of promptfoo,
    Inspect, DeepEval, JUnit XML or CSV as they are, or a line a trial:

        {"eval_id": "refund", "trial": 0, "passed": true, "run_id": "monday"}

    Without them it reads the store: the latest run against the established
    baseline. The decision is recorded there. A run of the layers that a change
    calls for (loopwright run --changed) is compared on these layers. After an
    approval the cases that fail wait for evals of their own (loopwright review).

    --cost-margin, --latency-margin and --tokens-margin say how much more the
    candidate may take; what is not shown to be within is not approved. A case
    tagged safety (--zero-tolerance) may never fail, whatever its history.

    Where a part of the suite is sealed, it says how much more the open part
    passes; --sealed-gap says what follows.

    An unchanged agent is blocked at most 5 % of the time (--alpha), over the
    suite, its failure modes and its cases together. One failure of a case is
    proof only where its rows say "deterministic": true. Missing trials and
    errors are not passes. New cases are named and not compared; a case that
    was changed or removed stands against an approval. Where the evidence is
    thin, the answer is undecided, and says which trials would decide.

    --against compares a stored run with the runs of a release or a git ref, or
    with a file. Of a history the newest runs count (gate.window), and later
    runs of the released version join it unless the gate blocked them. Cases in
    quarantine (loopwright gate quarantine) count with their mode and the suite
    alone; a person may override a decision (loopwright gate override). The
    policy is kept with each decision, and what changed in it is told.

    --junit, --markdown and --annotations write files for CI beside what stdout
    shows, --html a page with plots, --summary the summary of a GitHub step.
    loopwright gate explain says why, with the numbers to check.

    For example:

        loopwright gate --baseline main.jsonl --candidate branch.jsonl
        loopwright gate --establish --by "Ada Lovelace"
        loopwright gate
    """
    if context.invoked_subcommand is not None:
        return
    if candidate is not None and against is not None:
        _refuse(bool(baseline) or not _exists(against), "beside --candidate FILE, --against or --baseline names one more file")
        baseline, against = [against], None
    in_files = bool(baseline) or candidate is not None
    _refuse(against is not None and (in_files or establish), "--against says what a stored run is compared with; give it alone")
    settings = settle(
        config,
        in_files,
        gate__alpha=alpha,
        gate__min_cases=min_cases,
        gate__max_missing=max_missing,
        gate__max_errors=max_errors,
        gate__cost_margin=cost_margin,
        gate__latency_margin=latency_margin,
        gate__tokens_margin=tokens_margin,
        gate__zero_tolerance=zero_tolerance,
        gate__sealed_gap=sealed_gap,
        gate__window=window,
        gate__window_days=window_days,
        store__url=store,
    )
    results = ResultsIn(results_format, pass_score)
    _refuse(calibration is not None and (not in_files or establish), "--calibration is for files; the store has its own labels")
    change = _change(establish, extend, replace)
    outputs = Outputs(format, markdown, junit, annotations, summary, html)
    read = [*baseline, *(str(file) for file in (candidate, quarantine, calibration) if file is not None)]
    outputs.check(read, not establish)
    if in_files:
        _refuse(run is not None, "--run names a stored run, and --baseline and --candidate files; give one or the other")
    if change is not None:
        signed = Signed(who(by, wiring.version_control()), wiring.clock().now(), despite, lenient(settings))
        if signed.lenient:
            note(f"more lenient than the policy's file: {told_differences(signed.lenient)}; this is recorded")
        told = (
            _establish_file(settings, baseline, candidate, signed, change, results)
            if in_files
            else _establish(settings, run, signed, change)
        )
        _tell(told, format)
        return
    _refuse(bool(despite), "--despite says why a blocked run becomes the baseline; give --establish too")
    _refuse(bool(layer) and not in_files, "--layer picks rows of files; a stored run knows its layers: loopwright run --changed")
    layers = [wanted.value for wanted in layer or ()]
    decision = (
        _compare_files(settings, baseline, candidate, candidate_version, layers, results, (quarantine, calibration))
        if in_files
        else _compare(settings, run, candidate_version, terms_of(settings, results.reader(settings), against, quarantine))
    )
    outputs.tell(decision, settings, suite, in_files)
    raise typer.Exit(decision.exit_code)


def _compare_files(
    settings: Settings, baseline: list[str], candidate: str | None, version: str | None, layers: list[str],
    results: ResultsIn, beside: tuple[Path | None, Path | None],
) -> GateDecision:  # fmt: skip
    _refuse(not baseline, "--candidate needs something to be compared with; give --baseline FILE")
    _refuse(candidate is None, "--baseline needs something to be compared with it; give --candidate FILE")
    named = [*baseline, *([candidate] if candidate is not None else [])]
    _refuse(named.count("-") > 1, "standard input can be read once; give one of the results as a file")
    made = f"make it of the released version's results: loopwright gate --baseline {named[0]} --candidate RESULTS --establish"
    run = "run the suite on the candidate: loopwright run --out"
    doubts = [f"{path} does not exist; {made}" for path in baseline if not _exists(path)]
    doubts += [f"{path} does not exist; {run} {path}" for path in named[len(baseline) :] if not _exists(path)]
    doubts += [
        f"{path} is the baseline's own file; give the results of the candidate" for path in baseline if _is(path, candidate)
    ]
    found = [path for path in baseline if _exists(path)]
    decision = asyncio.run(
        gate_files(
            results.reader(settings),
            found,
            candidate if candidate is not None and _exists(candidate) else None,
            gate_policy(settings),
            version=version,
            layers=layers,
            terms=terms_of(settings, results.reader(settings), None, beside[0], doubts, beside[1]),
        )
    )
    return replaced(decision, notes=(*decision.notes, *results.notes))


def _compare(settings: Settings, run: str | None, version: str | None, terms: Terms) -> GateDecision:
    policy, made_of = gate_policy(settings), wiring.fingerprint(settings)
    with wiring.store(settings) as store:
        now = wiring.clock().now()
        decision = asyncio.run(gate_store(store, policy, now, run_id=run, version=version, made_of=made_of, terms=terms))
    differ = wiring.repository(settings).differing() if "-dirty" in (made_of.code or "") and not decision.approved else ()
    if differ:
        note(f"not in the commit here: {named(differ)}; have git ignore what is no part of the agent, or commit it")
    return decision


def _establish(settings: Settings, run: str | None, signed: Signed, change: Change) -> dict[str, Any]:
    policy = gate_policy(settings)
    with wiring.store(settings) as store:
        made: Established = asyncio.run(establish_run(store, signed, run_id=run, change=change, policy=policy))
    told = {"baseline": list(made.run_ids), "results": made.results, "by": made.by, "replaced": list(made.replaced)}
    return told | asdict(made.change)


def _establish_file(
    settings: Settings, baseline: list[str], candidate: str | None, signed: Signed, change: Change, results: ResultsIn
) -> dict[str, Any]:
    """Write the candidate's rows into the baseline's file, each with who made it the baseline."""
    if candidate is None or len(baseline) != 1 or baseline[0] == "-":
        raise UsageError("give --candidate FILE, the results to start from, and one --baseline FILE, the file to make")
    file = Path(baseline[0])
    check_spares(file, [candidate], "--baseline")
    known = [baseline[0]] if file.exists() else []
    _refuse(
        bool(known) and change == "first",
        f"{file} exists already; add to its history with --extend, or start anew with --replace",
    )
    extended = baseline[0] if known and change == "extend" else None
    reader, policy = results.reader(settings), gate_policy(settings)
    made = asyncio.run(establish_file(reader, candidate, next(iter(known), None), signed, change=change, policy=policy))
    for told in results.notes:
        note(told)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made.rows)
    write_file(file, text, "--baseline")
    outcome = {"baseline": [str(file)], "results": len(made.rows), "by": signed.by, "replaced": [] if extended else known}
    return outcome | asdict(made.change)


def _tell(told: dict[str, Any], format: DecisionFormat) -> None:
    if format is DecisionFormat.JSON:
        emit(json.dumps(told))
    else:
        say(f"{told['by']} made {', '.join(told['baseline'])} the baseline ({counted(told['results'], 'result')}).")
        for what, text in _CHANGES.items():
            if told[what]:
                say(f"{text}: {named(told[what])}.")


def _change(establish: bool, extend: bool, replace: bool) -> Change | None:
    _refuse((extend or replace) and not establish, "--extend and --replace say how to --establish; give that too")
    _refuse(extend and replace, "--extend keeps the baseline and --replace does not; give one of them")
    if not establish:
        return None
    return "extend" if extend else "replace" if replace else "first"


def _exists(path: str) -> bool:
    return path == "-" or Path(path).exists()


def _is(path: str, other: str | None) -> bool:
    """Whether both name one file."""
    return other is not None and "-" not in (path, other) and _exists(path) and _exists(other) and Path(path).samefile(other)


def _refuse(wrong: bool, problem: str) -> None:
    if wrong:
        raise UsageError(problem)
