"""`loopwright judge`: a language model judges a sample of conversations, people label some, and the two are compared."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import UNDECIDED, UsageError
from loopwright.judge.calibrate import Calibration
from loopwright.judge.calibrate import calibrate as compare
from loopwright.judge.exchange import calibration_record, verdict_record
from loopwright.judge.periods import drifts, told_drift
from loopwright.judge.rubric import TRACE_RUBRIC
from loopwright.judge.transcript import transcript
from loopwright.judge.verdict import Label
from loopwright.ports import Store
from loopwright.registry import known_id
from loopwright.stats.agreement import Estimate
from loopwright.surfaces.cli.intake import tell_empty
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note, say, table
from loopwright.surfaces.cli.verbs.judging.again import again
from loopwright.wording import counted, percent
from loopwright.workflows.deciding import who
from loopwright.workflows.importing import collect_traces
from loopwright.workflows.judging import (
    GIVE_UP,
    Bench,
    Judged,
    Judging,
    Standing,
    judge_as_known,
    judge_store,
    judge_traces,
    read_labels,
    read_pairs,
    standings,
    unlabelled,
)
from loopwright.workflows.known_judges import periods_known

app = typer.Typer(add_completion=False)
app.command("again")(again)

_STORE = from_setting("store.url", "--store")
_ANSWERS = ("pass", "fail", "skip", "quit")
_ROWS = (
    ("agreement", "agreement"),
    ("kappa", "kappa"),
    ("tpr", "TPR: of what people pass, the judge passes"),
    ("tnr", "TNR: of what people fail, the judge fails"),
    ("informedness", "TPR + TNR - 1"),
    ("pass_rate_raw", "pass rate, as judged"),
    ("pass_rate_corrected", "pass rate, corrected"),
    ("pass_rate_sampled", "pass rate, corrected, labelled at random"),
)


@app.callback(invoke_without_command=True)
def judge(
    context: typer.Context, format: OutputFormat = FORMAT, store: str | None = _STORE, config: Path | None = CONFIG
) -> None:
    """Show the judges: what each has judged, what it cost, how far people agree with it, and whether it drifted.

    Reads the store; writes nothing. A judge is a language model that is asked in a certain way; another model, or another
    wording, is another judge. Three steps: `judge run` has a sample of the stored traces judged, `judge label` asks a person
    about some of them, `judge calibrate` compares the two. Until then a judge's word counts little in `mine`, and blocks
    nothing in `gate`.

    For example:

        loopwright judge
    """
    if context.invoked_subcommand is not None:
        return
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        found, drifted = standings(kept), drifts(periods_known(kept))
    if format is OutputFormat.JSON:
        for one in found:
            moved = [drift.p_value for drift in drifted if drift.after.judge_id == one.judge_id]
            named = {"judge_id": one.judge_id, "model": one.model, "cost_usd": one.cost_usd, "drift": moved}
            emit(json.dumps(named | calibration_record(one.calibration)))
        return
    if not found:
        note("nothing is judged yet; begin with: loopwright judge run --model openai:gpt-4.1-mini")
        return
    rows = [
        (s.judge_id, s.model, s.calibration.judged, s.calibration.no_verdict, s.calibration.n, _percent(s.calibration.agreement),
         _percent(s.calibration.pass_rate_corrected), f"{s.cost_usd:.4f}", _standing(s.calibration))
        for s in found
    ]  # fmt: skip
    columns = ("judge", "model", "judged", "no verdict", "labelled", "agreement", "pass rate, corrected", "USD", "standing")
    table("", columns, rows, right=(2, 3, 4, 7), whole=(0,))
    for drift in drifted:
        say(f"{told_drift(drift)}.")


@app.command()
def run(
    model: str | None = typer.Option(
        None, "--model", help="The judge, as provider:model. [LOOPWRIGHT_JUDGE_MODEL]", show_default=False
    ),
    traces: list[str] = typer.Option([], "--traces", help="Judge files of traces, and print verdicts; otherwise the store's."),
    sample: float | None = from_setting("judge.sample"),
    criterion: list[str] = typer.Option([], "--criterion", help="What a good conversation is; may be repeated. Replaces ours."),
    budget_usd: float | None = from_setting("judge.budget_usd"),
    concurrency: int | None = from_setting("judge.concurrency"),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Have a sample of the traces judged by a language model, one request a trace, and say what it cost.

    Reads the store, and keeps the verdicts there; with --traces, reads files in any import format, and prints a line a verdict:
    {"item_id", "judge": true|false|null, "criteria", ...}, for `mine --verdicts` and, with "human" added, `judge calibrate`.

    Which traces are in the sample follows from their ids: the same every time, and a larger sample holds the smaller. What was
    judged already is not judged again. The judge reads the whole conversation: the provider of the model sees it.

    Exit 0 when every trace of the sample has a verdict, 2 when some have none: the budget was reached, the model failed, or its
    answer could not be read. The same command goes on from there.

    For example:

        loopwright judge run --model openai:gpt-4.1-mini --budget-usd 0.50
    """
    settings = settle(
        config, bool(traces), judge__model=model, judge__sample=sample, judge__budget_usd=budget_usd,
        judge__concurrency=concurrency, store__url=store,
    )  # fmt: skip
    name = str(settings["judge.model"])
    if not name:
        raise UsageError("no judge is named; give --model openai:gpt-4.1-mini, or set model under [judge] in loopwright.toml")
    port = wiring.model(name, settings)
    request = Judging(settings["judge.sample"], tuple(criterion) or TRACE_RUBRIC, settings["judge.budget_usd"])
    bench = Bench(judge_as_known(None, name), port, wiring.clock(), settings["judge.concurrency"])
    if traces:
        reader, progress = wiring.trace_reader(settings), TerminalProgress()
        read, intake = asyncio.run(collect_traces(reader, traces, None, strict=True, progress=progress))
        tell_empty(intake)
        done = asyncio.run(judge_traces(read, request, bench, lambda _: None, progress))
    else:
        with wiring.store(settings, create=False) as kept:
            done = asyncio.run(judge_store(kept, request, bench, TerminalProgress()))
    if traces or format is OutputFormat.JSON:
        for verdict in done.verdicts:
            emit(json.dumps(verdict_record(verdict), ensure_ascii=False))
    _tell(done, name, request.budget_usd)
    if done.left or any(v.passed is None for v in done.verdicts):
        raise typer.Exit(UNDECIDED)


@app.command()
def label(
    labels: str | None = typer.Option(
        None, "--labels", help='A file of {"item_id", "human": true|false, "note"?} a line; without it you are asked.'
    ),
    by: str | None = BY,
    format: OutputFormat = typer.Option(
        OutputFormat.TEXT, "--format", help='json: list what is to be labelled, a line an item, with "human" for you to fill in.'
    ),
    top: int = typer.Option(50, "--top", min=1, help="How many items at most, in one sitting or list."),
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Say of judged conversations whether they are good, without seeing what the judge said.

    Reads the store, and writes it. Items come in an order that has nothing to do with the verdicts, so that the first 50 are
    a fair sample. Twenty are needed before anything is said of the judge, five of them good and five bad; a hundred say a
    good deal more. Labels are kept under your name, and counted in the audit trail. A later label of yours replaces the
    earlier one.

    For example:

        loopwright judge label --by Ada
        loopwright judge label --format json > to-label.jsonl
        loopwright judge label --labels to-label.jsonl --by Ada
    """
    settings = settle(config, store__url=store)
    with wiring.store(settings, create=False) as kept:
        if format is OutputFormat.JSON and labels is None:
            waiting = unlabelled(kept, by or "")
            if not waiting:
                note("loopwright judge: nothing is left to label; more is judged by: loopwright judge run")
            for item_id, trace in waiting[:top]:
                emit(json.dumps({"item_id": item_id, "human": None, "transcript": transcript(trace)}, ensure_ascii=False))
            return
        name = who(by, wiring.version_control())
        if labels is not None:
            given = read_labels(wiring.record_reader(settings), labels, name, wiring.clock())
            kept.put_labels(given)
            note(f"loopwright judge: {counted(len(given), 'label')} by {name}; next: loopwright judge calibrate")
        elif sys.stdin.isatty():
            _ask(kept, name, top)
        else:
            raise UsageError(
                "there is no terminal to ask in; give --labels FILE, or list what is to be labelled with --format json"
            )


@app.command()
def calibrate(
    labels: str | None = typer.Option(
        None, "--labels", help='A file of {"item_id", "human": true|false, "judge": true|false} a line; uses no store.'
    ),
    judge: str | None = typer.Option(None, "--judge", help="Which stored judge, by id; otherwise the one that judged last."),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Compare a judge with people: agreement, kappa, TPR, TNR, and the pass rate corrected for the judge's errors.

    Reads the store's verdicts and labels, or a file; writes nothing. A line without "human" counts in the two pass rates
    only; "judge" null is no verdict. Every figure has its 95 % interval, that of the corrected rate with the uncertainty of
    TPR and TNR in it. The labelled items must be chosen without regard to what the judge said of them.

    Exit 0 when the judge is usable, 1 when it is not, 2 when there are too few labels to tell.

    For example:

        loopwright judge calibrate --labels labels.jsonl --format json
    """
    settings = settle(config, labels is not None, store__url=store)
    if labels is not None:
        if judge is not None:
            raise UsageError("--judge names one of the store's judges, and a file holds one; leave it out")
        found = compare(read_pairs(wiring.record_reader(settings), labels))
    else:
        with wiring.store(settings, create=False) as kept:
            found = _stored(kept, judge).calibration
    if format is OutputFormat.JSON:
        emit(json.dumps(calibration_record(found)))
    else:
        _show(found)
    raise typer.Exit(found.exit_code)


def _stored(store: Store, judge_id: str | None) -> Standing:
    found = {one.judge_id: one for one in standings(store)}
    if not found:
        raise UsageError("the store has no verdicts; begin with: loopwright judge run, or give --labels FILE")
    return found[known_id("judge", judge_id, found, "judge-")] if judge_id is not None else list(found.values())[-1]


def _ask(store: Store, by: str, top: int) -> None:
    """Go through what is to be labelled with the person at the terminal; each answer is kept at once."""
    waiting = unlabelled(store, by)[:top]
    labelled = 0
    for number, (item_id, trace) in enumerate(waiting, start=1):
        note(f"\n{number} of {len(waiting)}: {item_id}\n\n{transcript(trace)}\n")
        answer = _answered()
        if answer == "quit":
            break
        if answer != "skip":
            said = typer.prompt("why, in a few words", default="", show_default=False, err=True)
            store.put_labels([Label(item_id, answer == "pass", by, wiring.clock().now(), said.strip())])
            labelled += 1
    note(f"{labelled} labelled by {by}; next: loopwright judge calibrate" if waiting else "nothing is left to label")


def _answered() -> str:
    while True:
        said = typer.prompt(", ".join(_ANSWERS), default="skip", err=True).strip().lower()
        meant = next((answer for answer in _ANSWERS if said and answer.startswith(said)), None)
        if meant is not None:
            return meant
        note(f"{said!r} is none of these")


def _tell(done: Judged, model: str, budget_usd: float) -> None:
    """What was judged and what it cost, on stderr."""
    passed, failed = (sum(v.passed is told for v in done.verdicts) for told in (True, False))
    note(
        f"loopwright judge: {done.sample} of {counted(done.traces, 'trace')} in the sample, {done.known} judged before; "
        f"now {passed} passed, {failed} failed; {done.cost_usd:.4f} USD by {model}"
    )
    lost = [v for v in done.verdicts if v.passed is None]
    if lost:
        note(f"loopwright judge: without a verdict: {len(lost)}; the first: {lost[0].item_id}: {lost[0].error}")
    if done.unpriced:
        kept = ", so that the budget could not be kept" if budget_usd else ""
        note(f"loopwright judge: no price is known for {model}: {counted(done.unpriced, 'verdict')} not in the cost{kept}")
    if done.gave_up:
        note(f"loopwright judge: {done.left} are left: {GIVE_UP} requests in a row gave no verdict; mend that, and give it again")
    elif done.left:
        note(f"loopwright judge: {done.left} are left: the budget of {budget_usd:g} USD is spent; --budget-usd raises it")


def _show(found: Calibration) -> None:
    rows = [(text, *_figures(getattr(found, name))) for name, text in _ROWS]
    table("", ("", "value", "low", "high"), rows, right=(1, 2, 3))
    lost = f", {found.no_verdict} got no verdict" if found.no_verdict else ""
    say(f"\nlabelled: {found.n} of {counted(found.judged, 'judged item')}{lost}; intervals are at 95 %")
    verdict = "usable" if found.usable else "not usable" if found.enough else "undecided"
    say(f"{verdict}: {found.why}")


def _figures(estimate: Estimate) -> tuple[str, str, str]:
    value = "-" if estimate.value is None else f"{estimate.value:.3f}"
    return value, f"{estimate.low:.3f}", f"{estimate.high:.3f}"


def _percent(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{percent(estimate.value)} ({percent(estimate.low)} to {percent(estimate.high)})"


def _standing(calibration: Calibration) -> str:
    return "usable" if calibration.usable else "not usable" if calibration.enough else "too few labels"
