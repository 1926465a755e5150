"""`loopwright run`: a suite, run against an agent."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import OK, UNDECIDED, UsageError
from loopwright.evaluate.budget import estimate as estimated
from loopwright.evaluate.case import Layer, Suite
from loopwright.evaluate.judging import needs_judge
from loopwright.evaluate.plan import Selection, select
from loopwright.evaluate.plan import trials as trials_of
from loopwright.evaluate.result import EvalResult, Run
from loopwright.evaluate.sealed import sealed_ids
from loopwright.evaluate.summary import exit_code, summarise
from loopwright.gate.sealed_gap import sealed_gap
from loopwright.ports import JudgeStore, RunLog
from loopwright.settings import Settings
from loopwright.surfaces.cli.layer_costs import show_costs, show_estimate
from loopwright.surfaces.cli.options import CONFIG, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note, table
from loopwright.surfaces.cli.trigger import Trigger, choose_by_trigger
from loopwright.wiring.gating import gate_policy
from loopwright.wording import counted
from loopwright.workflows.judging import judge_as_known
from loopwright.workflows.repeating import RepeatRequest, repeat_cases, repeatable_run, wanted_repeats
from loopwright.workflows.running import UNVERSIONED, Bench, RunReport, RunRequest, run_suite
from loopwright.workflows.triggering import earlier_results

app = typer.Typer(add_completion=False)

LISTED = 100
"""With more cases than this the table lists those that did not pass, and no more of them."""

_TARGET = typer.Option(
    None,
    "--target",
    help='The agent: python:package.module:function, command:"./agent --flag" or http(s)://... [LOOPWRIGHT_TARGET_URL]',
    show_default=False,
)
_STORE = typer.Option(None, "--store", help="Where results are kept, without --out. [LOOPWRIGHT_STORE_URL]", show_default=False)


@app.command()
def run(
    suite: list[str] | None = typer.Argument(None, help="Suite files, or folders of them; otherwise the suite's folder."),
    target: str | None = _TARGET,
    version: str | None = typer.Option(
        None, "--version", "--version-label", help="The agent's version; otherwise git's head.", show_default=False
    ),
    trials: int | None = from_setting("run.trials"),
    timeout: float | None = from_setting("run.timeout"),
    concurrency: int | None = from_setting("run.concurrency"),
    layer: list[Layer] | None = typer.Option(None, "--layer", help="Only cases of this layer; may be repeated."),
    changed: bool = typer.Option(
        False, "--changed", help="Only the layers that what changed since the baseline (or the last run) calls for."
    ),
    since: str | None = typer.Option(
        None, "--since", metavar="COMMIT", help="As --changed, since a commit, tag or branch; needs no store.", show_default=False
    ),
    release: str | None = typer.Option(
        None,
        "--release",
        metavar="TAG",
        help="A release: run every layer. Otherwise a git tag says so. Outside a repository it is the version too.",
        show_default=False,
    ),
    budget_usd: float | None = from_setting("run.budget_usd"),
    estimate: bool = typer.Option(False, "--estimate", help="Say what the run is expected to take and cost, and run nothing."),
    tag: list[str] | None = typer.Option(None, "--tag", help="Only cases with this tag; may be repeated."),
    case: list[str] | None = typer.Option(None, "--case", help="Only the case of this id; may be repeated."),
    judge_model: str | None = typer.Option(
        None, "--judge-model", help="What judges cases with a rubric, as provider:model. [LOOPWRIGHT_JUDGE_MODEL]"
    ),
    drafts: bool = typer.Option(False, "--drafts", help="Run drafts too, to see what they do before approving them."),
    out: Path | None = typer.Option(None, "--out", help="Keep results in this file of JSON Lines, and use no store."),
    fresh: bool = typer.Option(False, "--fresh", help="Start anew: do not go on with a run that was cut short."),
    repeat: bool = typer.Option(
        False, "--repeat", help="Add trials to the latest run: those that `loopwright gate` asks for, or of each --case."
    ),
    run_id: str | None = typer.Option(
        None, "--run", metavar="ID", help="With --repeat: the stored run to add to; otherwise the latest.", show_default=False
    ),
    exit_zero: bool = typer.Option(False, "--exit-zero", help="Exit 0 once every trial has run, whatever came of it."),
    format: OutputFormat = typer.Option(
        OutputFormat.TEXT, "--format", help="text: a table. json: results on stdout, a line a trial; no store."
    ),
    folder: str | None = from_setting("suite.folder"),
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Run a suite of eval cases against an agent, and say what passed.

    Reads YAML suite files. The agent is sent each case's input (text, or a list of chat messages) and answers with text, or with
    {"output", "messages"?, "cost_usd"?, "error"?}. Results go to the store, or with --out to a file that `loopwright gate` reads.

    A run that is cut short goes on where it stopped when the same command is given again: same version, suite, target and trials.

    With --changed it runs what the change calls for: the deterministic layer always; the semantic one too where the prompt,
    the tools, the model or the harness changed, whose files [fingerprint] in loopwright.toml names; every layer for a release. It
    says which, and why. With --budget-usd it stops before it would cost more: what was not run is counted, and is no pass.

    A case that its scoring rubric decides is judged by --judge-model, after its checks have passed; without one it has no
    verdict. A judge that was not compared with people (loopwright judge) is marked in the results, and blocks nothing alone.

    With --repeat it adds trials to the latest run, of the same version and target: those that would decide where the gate could
    not. They are marked as repeats. In a file: --out FILE --repeat --case ID --trials N.

    Exit 0 when every trial passed, 1 when any failed, 2 when none failed but some have no verdict, or there was nothing to run.
    Where `loopwright gate` decides afterwards, give --exit-zero.

    For example:

        loopwright run evals --target python:my_agent:answer --out results.jsonl
    """
    file_mode = out is not None or (format is OutputFormat.JSON and not estimate)
    settings = settle(
        config,
        file_mode,
        target__url=target,
        run__trials=trials,
        run__timeout=timeout,
        run__concurrency=concurrency,
        run__budget_usd=budget_usd,
        suite__folder=folder,
        store__url=store,
        judge__model=judge_model,
    )
    whole = _load(suite or [str(settings.path("suite.folder"))], settings, drafts)
    trigger = Trigger(changed, since, release, tuple(layer or ()))
    choice, made_of = choose_by_trigger(trigger, settings, file_mode)
    layers = choice.layers if choice is not None else tuple(layer or ())
    selection = Selection(layers, tuple(tag or ()), tuple(case or ()))
    chosen = select(whole, selection)
    request = RunRequest(
        chosen,
        version or wiring.repository(settings, *([out] if out is not None else [])).head() or release or UNVERSIONED,
        trials=settings["run.trials"],
        timeout_s=settings["run.timeout"],
        fresh=fresh,
        concurrency=settings["run.concurrency"],
        filters=trigger.filters(selection) if len(chosen.cases) < len(whole.cases) else (),
        suite_cases=len(whole.cases),
        choice=choice,
        fingerprint=made_of,
        sealed=sealed_ids(whole, settings["suite.sealed_share"]),
        budget_usd=settings["run.budget_usd"] or None,
    )
    if not chosen.cases:
        note("loopwright run: no cases to run, so nothing is known of the agent")
        raise typer.Exit(UNDECIDED)
    _check_repeat(repeat, selection, fresh, run_id, out, file_mode)
    if repeat and (estimate or budget_usd is not None):
        raise UsageError("--estimate and --budget-usd are for whole runs; repeats run the few trials that the gate asks for")
    if estimate:
        _estimate(request, settings, out, format)
        return
    if repeat:
        named = dict.fromkeys(selection.ids, trials or 1)
        report = _add_repeats(replace(request, suite=whole), settings, out, run_id, named)
    else:
        with _log(settings, out, file_mode, fresh) as log:
            if request.budget_usd is not None and not file_mode:
                request = replace(request, history=_history(request, settings, out))
            report = asyncio.run(_run(request, settings, log))
    _tell(report, repeat, format, settings)
    code = exit_code(report.results)
    if report.left:
        raise typer.Exit(code or UNDECIDED)
    raise typer.Exit(OK if exit_zero else code)


def _estimate(request: RunRequest, settings: Settings, out: Path | None, format: OutputFormat) -> None:
    """Say what the run is expected to take, by what earlier runs took."""
    planned = list(trials_of(request.suite, request.trials, request.timeout_s))
    history = _history(request, settings, out)
    rows = estimated(planned, history, request.concurrency)
    if format is OutputFormat.TEXT:
        show_estimate(rows, settings)
        return
    for row in rows:
        target = settings[f"run.target_{row.layer.value}"]
        emit(json.dumps({**asdict(row), "layer": row.layer.value, "target_seconds": target}))


def _history(request: RunRequest, settings: Settings, out: Path | None) -> tuple[EvalResult, ...]:
    """Earlier results of the same layers and target: those in the file, or in the store."""
    if out is not None:
        if not out.exists():
            return ()
        with closing(wiring.result_file(out)) as file:
            return tuple(result for run in file.runs() for result in file.results(run.run_id))
    target = wiring.target(str(settings["target.url"]), settings)
    with wiring.store(settings) as kept:
        return earlier_results(kept, target.name, {case.layer for case in request.suite.cases})


def _load(paths: list[str], settings: Settings, drafts: bool) -> Suite:
    files = wiring.suite_files(settings)
    suite = files.load(paths, drafts=drafts)
    if not drafts:
        waiting = len(files.load(paths, drafts=True).cases) - len(suite.cases)
        if waiting:
            note(f"loopwright run: {counted(waiting, 'draft')} left out; approve, or give --drafts")
    return suite


def _check_repeat(repeat: bool, selection: Selection, fresh: bool, run_id: str | None, out: Path | None, file_mode: bool) -> None:
    if not repeat:
        if run_id is not None:
            raise UsageError("--run says which run to add repeats to; give --repeat too")
        return
    if fresh:
        raise UsageError("--fresh starts anew, and --repeat adds to a run; give one of them")
    if selection.layers or selection.tags:
        raise UsageError("--repeat takes the cases that the gate asks for, or those of --case; leave out --layer and --tag")
    if file_mode and not (out is not None and out.exists() and selection.ids):
        raise UsageError(
            "without a store, say to which file and of what repeats are to be added: --out FILE --repeat --case ID --trials N"
        )


@contextmanager
def _log(settings: Settings, out: Path | None, file_mode: bool, fresh: bool) -> Iterator[RunLog]:
    """Where results go: a file, this command alone, or the store."""
    if out is not None:
        with closing(wiring.result_file(out, replace=fresh)) as file:
            yield file
        wiring.note_written(out)
    elif file_mode:
        yield wiring.memory_log()
    else:
        with wiring.store(settings) as store:
            yield store


def _bench(settings: Settings, log: RunLog, suite: Suite) -> Bench:
    """What the run stands on; a judge is set up where one is named and a case needs it."""
    target = wiring.target(str(settings["target.url"]), settings)
    name = str(settings["judge.model"])
    judged = bool(name) and any(map(needs_judge, suite.cases))
    model = wiring.model(name, settings) if judged else None
    judge = judge_as_known(log if isinstance(log, JudgeStore) else None, name) if judged else None
    if judge is not None and not judge.calibrated:
        note(f"loopwright run: the judge {name} is not calibrated, so that its word blocks nothing alone: loopwright judge")
    limit, at_once = wiring.checks_limit(), int(settings["judge.concurrency"])
    return Bench(target, wiring.executor(settings), log, wiring.clock(), limit, judge, model, at_once)


async def _run(request: RunRequest, settings: Settings, log: RunLog) -> RunReport:
    return await run_suite(request, _bench(settings, log, request.suite), TerminalProgress())


def _add_repeats(
    request: RunRequest, settings: Settings, out: Path | None, run_id: str | None, named: dict[str, int]
) -> RunReport:
    """Add repeats to a run: of the cases that are named, or, in the store, of those that a decision on it asks for."""

    async def repeated(held: Run, wanted: dict[str, int], log: RunLog) -> RunReport:
        asked = RepeatRequest(held, wanted, request.suite, request.version, request.timeout_s, request.fingerprint)
        return await repeat_cases(asked, _bench(settings, log, request.suite), TerminalProgress())

    if out is not None:
        with closing(wiring.result_file(out)) as file:
            report = asyncio.run(repeated(repeatable_run(file, run_id), named, file))
        wiring.note_written(out)
        return report
    with wiring.store(settings) as store:
        held = repeatable_run(store, run_id)
        wanted = named or asyncio.run(wanted_repeats(store, gate_policy(settings), held, wiring.clock().now()))
        return asyncio.run(repeated(held, wanted, store)) if wanted else RunReport(held, ())


def _tell(report: RunReport, repeat: bool, format: OutputFormat, settings: Settings) -> None:
    total = len(report.results)
    if repeat:
        what = (
            f"added {counted(total, 'trial')} to run {report.run.run_id}"
            if total
            else f"run {report.run.run_id} leaves nothing to repeat"
        )
        note(f"loopwright run: {what}; decide with loopwright gate")
    elif report.resumed == total:
        note(
            f"loopwright run: nothing to do, of version {report.run.version} there are {counted(total, 'trial')} already; "
            "--fresh runs them again"
        )
    elif report.resumed:
        note(f"loopwright run: went on with {report.run.run_id}: {report.resumed} of {counted(total, 'trial')} there already")
    if format is OutputFormat.JSON:
        for result in report.results:
            sys.stdout.buffer.write(wiring.result_line(result))
        sys.stdout.buffer.flush()
        _tell_costs(report, settings, as_notes=True)
        return
    cases = summarise(report.results)
    listed = cases if len(cases) <= LISTED else [c for c in cases if c.passed < c.trials][:LISTED]
    rows = [(c.eval_id, _verdict(c.failed, c.undecided), f"{c.passed}/{c.trials}", _clip(c.reason)) for c in listed]
    if rows:
        table("", ["case", "verdict", "passed", "why"], rows, right=[2])
    if len(listed) < len(cases):
        note(f"not listed: {counted(len(cases) - len(listed), 'case')}; --format json has them all")
    passed = sum(c.passed == c.trials for c in cases)
    failed = sum(c.failed > 0 for c in cases)
    unknown = len(cases) - passed - failed
    _tell_costs(report, settings, as_notes=False)
    note(
        f"{counted(len(cases), 'case')}: {passed} passed, {failed} failed, {unknown} without a verdict "
        f"(version {report.run.version})"
    )


def _tell_costs(report: RunReport, settings: Settings, *, as_notes: bool) -> None:
    """What each layer took, what was not run, and how much more the open part passes than the sealed one."""
    show_costs(report.layers, settings, as_notes)
    if report.left:
        note(
            f"loopwright run: stopped with {report.left} of {counted(report.run.planned, 'trial')} not run: {report.why_left}. "
            "What was not run is no pass; once that is mended, or the budget is larger, the same command goes on from there"
        )
    gap = sealed_gap(report.results) if settings["gate.sealed_gap"] != "off" else None
    if gap is not None:
        note(
            f"cases passed: {gap.open[0]} of {gap.open[1]} in the open part, {gap.sealed[0]} of {gap.sealed[1]} in the sealed "
            f"(gap {100 * gap.gap:.0f} points, 95 % interval {100 * gap.low:.0f} to {100 * gap.high:.0f})"
        )


def _verdict(failed: int, undecided: int) -> str:
    return "failed" if failed else "no verdict" if undecided else "passed"


def _clip(text: str, width: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
