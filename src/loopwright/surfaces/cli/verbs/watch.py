"""`loopwright watch`: what changed in production since."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import typer

from loopwright import wiring
from loopwright.errors import BLOCKED, OK, UNDECIDED, UsageError
from loopwright.evaluate.layers import joined
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, say, table
from loopwright.watch.drift import Part, Shift
from loopwright.watch.exchange import finding_object, look_object, metric_object, shift_object
from loopwright.watch.finding import DriftFinding, DriftKind, Look
from loopwright.watch.metric import MetricChange
from loopwright.watch.series import Series
from loopwright.wording import counted, number
from loopwright.workflows import watching
from loopwright.workflows.deciding import who

app = typer.Typer(add_completion=False, invoke_without_command=True, no_args_is_help=False)

_TITLES = {
    DriftKind.DISTRIBUTION_SHIFT: "Distribution shift",
    DriftKind.EDGE_CASES: "Edge-case accumulation",
    DriftKind.REGRESSION: "Regression from improvement",
    DriftKind.BUSINESS_METRIC: "Business metrics",
}
_STORE = from_setting("store.url", "--store")
_ALPHA = from_setting("watch.alpha")
_EMBEDDER = from_setting("cluster.embedder")


@app.callback()
def watch(
    context: typer.Context,
    current_days: float | None = from_setting("watch.current_days"),
    reference_days: float | None = from_setting("watch.reference_days"),
    alpha: float | None = _ALPHA,
    max_inputs: int | None = from_setting("watch.max_inputs"),
    lower_is_better: str | None = from_setting("watch.lower_is_better"),
    embedder: str | None = _EMBEDDER,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Look for drift in the store: three kinds told apart, each with its evidence and its own response, and business metrics.

    Distribution shift: users ask for other things than before. Edge cases: rare failures grow, one by one too small to see.
    Regression from improvement: the latest release fails more often than the one before it. Business metrics: a level changed
    for the worse. Compares the last watch.current_days of the traces with the watch.reference_days before them; what it finds is
    kept in the store, once.

    The first line says how many of these checks could be decided; of the others it says what would decide them.

    Exit 1 where a drift stands, 0 where all three kinds of drift were looked for and none stands, 2 where one of them could not
    be decided: a check of nothing is no pass. Business metrics are looked at where there are events.

    For example:

        loopwright watch --current-days 14
    """
    given: dict[str, Any] = {
        "watch__current_days": current_days,
        "watch__reference_days": reference_days,
        "watch__alpha": alpha,
        "watch__max_inputs": max_inputs,
        "watch__lower_is_better": lower_is_better,
        "cluster__embedder": embedder,
        "store__url": store,
    }
    if context.invoked_subcommand is not None:
        if config is not None or format is not OutputFormat.TEXT or any(value is not None for value in given.values()):
            raise UsageError(f"options of {context.invoked_subcommand} stand after its name")
        return
    settings = settle(config, False, **given)
    with wiring.store(settings, create=False) as kept:
        looking = watching.watch_store(kept, wiring.embedder(settings, note), wiring.watch_policy(settings), wiring.clock().now())
        report = asyncio.run(looking)
    if report.untimed:
        note(f"loopwright: left out, for want of a time: {counted(report.untimed, 'trace')}")
    if format is OutputFormat.JSON:
        shown = {"drifts": [look_object(look) for look in report.looks], "new": [f.finding_id for f in report.new]}
        _emit(shown)
    else:
        new = {finding.finding_id for finding in report.new}
        say(f"{_standing(report.looks)}\n")
        for look in report.looks:
            _show_look(look, new)
    if report.findings:
        raise typer.Exit(BLOCKED)
    open_ones = [look for look in report.looks if look.undecided and look.kind is not DriftKind.BUSINESS_METRIC]
    raise typer.Exit(UNDECIDED if open_ones else OK)


@app.command()
def drift(
    reference: str = typer.Option(..., "--reference", metavar="FILE", help="Inputs as they were, JSON Lines (gzip too)."),
    current: str = typer.Option(..., "--current", metavar="FILE", help="Inputs as they are now."),
    alpha: float | None = _ALPHA,
    max_inputs: int | None = from_setting("watch.max_inputs"),
    embedder: str | None = _EMBEDDER,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Compare two files of inputs: whether the distribution shifted, in which attributes, and which current inputs are new.

    Reads two files of rows {"text"?, "embedding"?, "attributes"?}; all rows of both files are compared by the same of them.
    JSON output is one object: shifted (p_value <= alpha), p_value, effect (0..1), by_attribute, novel (indices into the
    current file, from 0), and looked_at. The same files give the same answer. Stores nothing.

    Exit 1 exactly where shifted, 0 where not, 2 with fewer than five rows on a side.

    For example:

        loopwright watch drift --reference march.jsonl --current april.jsonl
    """
    settings = settle(config, True, watch__alpha=alpha, watch__max_inputs=max_inputs, cluster__embedder=embedder)
    comparing = watching.compare_files(
        wiring.record_reader(settings), wiring.embedder(settings, note), reference, current, wiring.watch_policy(settings)
    )
    shift = asyncio.run(comparing)
    if shift.message:
        note(f"loopwright: {shift.message}")
    if format is OutputFormat.JSON:
        _emit(shift_object(shift))
    else:
        _show_shift(shift, settings["watch.alpha"])
    raise typer.Exit(UNDECIDED if shift.shifted is None else BLOCKED if shift.shifted else OK)


@app.command()
def metric(
    series: str = typer.Option(..., "--series", metavar="FILE", help="CSV of timestamp,value and perhaps segment (- is stdin)."),
    alpha: float | None = _ALPHA,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Find the change points of a metric: where its level changed, by how much, and how sure that is.

    Reads CSV of timestamp,value and perhaps segment. JSON output is one object with change_points, each with index (the data
    row, from 0, of the first point after it), time, size (the level after less the level before), interval (95 %, of the
    place, in data rows), interval_time, size_interval, p_value. Neighbouring points may be alike and there may be a trend:
    neither is a change. Stores nothing.

    Exit 1 where there is a change, 0 where there is none, 2 where no segment has ten points.

    For example:

        loopwright watch metric --series conversion.csv --format json
    """
    settings = settle(config, True, watch__alpha=alpha)
    found, changes = asyncio.run(watching.metric_file(wiring.text_reader(), series, settings["watch.alpha"]))
    if not all(one.ordered for one in found):
        note("loopwright: the times cannot be read; the order of the rows is taken for theirs")
    enough = any(one.long_enough for one in found)
    if format is OutputFormat.JSON:
        _emit(metric_object(found, changes))
    else:
        _show_changes(found, changes)
    if not enough:
        note("loopwright: no series has ten points with a value, so that no change could be seen")
    raise typer.Exit(BLOCKED if changes else OK if enough else UNDECIDED)


@app.command()
def events(
    file: str = typer.Argument(..., metavar="FILE", help="JSON Lines, or CSV by its name (- is JSON Lines from stdin)."),
    store: str | None = _STORE,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Keep business events: what sessions came to, by metrics that the business counts.

    Reads a file, and writes the store. A line is {"session_id", "timestamp", "metric", "value"}; CSV has these columns. The
    next `loopwright mine` gives the sessions behind a metric that got worse a signal of low weight. Taking the same event
    twice changes nothing; a line that cannot be taken ends the command with exit 64 and nothing kept.

    For example:

        loopwright watch events outcomes.jsonl
    """
    settings = settle(config, store__url=store)
    read = watching.read_events(wiring.record_reader(settings), wiring.text_reader(), file)
    with wiring.store(settings) as kept:
        counts = asyncio.run(watching.record_events(kept, read))
    if format is OutputFormat.JSON:
        _emit({"new": counts.new, "unchanged": counts.unchanged})
    else:
        say(f"{counted(counts.new, 'event')} kept, {number(counts.unchanged)} there already")


@app.command()
def findings(store: str | None = _STORE, config: Path | None = CONFIG, format: OutputFormat = FORMAT) -> None:
    """List every drift that was ever found, oldest first.

    Reads the store; writes nothing. JSON is a line a drift.

    For example:

        loopwright watch findings --format json
    """
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        found = kept.findings()
    if format is OutputFormat.JSON:
        for finding in found:
            _emit(finding_object(finding))
    elif found:
        rows = [(f.finding_id, f"{f.found_at:%Y-%m-%d}", f.kind.value, f"{f.p_value:.4f}", f.summary) for f in found]
        table("", ("id", "found", "drift", "p", "what"), rows, right=(3,), whole=(0,))
    else:
        note("no drift was found yet; look for it with: loopwright watch")


@app.command()
def sample(
    out: Path | None = typer.Option(
        None, "--out", metavar="FILE", help="The file to write; otherwise stdout.", show_default=False
    ),
    most: int = typer.Option(50, "--most", min=1, help="So many inputs at most, evenly over all that are new."),
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Write the new inputs of the latest distribution shift for people to label, as chat records a line.

    Reads the store; writes --out, or stdout. Each has metadata.label and metadata.expected, empty: fill in what kind of
    request it is and what the agent should do, then give the file to `loopwright watch extend --labelled FILE`. A file that
    is there is never overwritten.

    For example:

        loopwright watch sample --out new-inputs.jsonl
    """
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        records = asyncio.run(watching.sample(kept, most))
    text = "".join(msgspec.json.encode(record).decode("utf-8") + "\n" for record in records)
    if out is None:
        for line in text.splitlines():
            emit(line)
        return
    if out.exists():
        raise UsageError(f"{out} is there already; name another file")
    wiring.write_file(out, text)
    note(f"{counted(len(records), 'new input')} in {out}; label them, then: loopwright watch extend --labelled {out}")


@app.command()
def extend(
    labelled: str | None = typer.Option(None, "--labelled", metavar="FILE", help="The sample with its labels filled in."),
    why: str = typer.Option("", "--why", help="Why these inputs are to be expected now; kept in the audit trail."),
    by: str | None = BY,
    current_days: float | None = from_setting("watch.current_days"),
    reference_days: float | None = from_setting("watch.reference_days"),
    store: str | None = _STORE,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Take the current inputs into the reference, in your name: from now on they are what is expected.

    Reads the sample with its labels; writes the store. Later inputs are compared with these and what came after them. The
    decision, and how often each label was given, stand in the audit trail.

    For example:

        loopwright watch extend --labelled new-inputs.jsonl --by Ada
    """
    settings = settle(config, watch__current_days=current_days, watch__reference_days=reference_days, store__url=store)
    name = who(by, wiring.version_control())
    labels = watching.read_labels(wiring.record_reader(settings), labelled) if labelled is not None else {}
    with wiring.store(settings, create=False) as kept:
        policy, now = wiring.watch_policy(settings), wiring.clock().now()
        accepted = asyncio.run(watching.extend(kept, policy, name, now, labels, why))
    told = {"from": accepted.start.isoformat(), "to": accepted.end.isoformat(), "inputs": accepted.inputs, "labels": labels}
    if format is OutputFormat.JSON:
        _emit({**told, "by": name})
    else:
        said = ", ".join(f"{label} {count}" for label, count in sorted(labels.items(), key=lambda pair: -pair[1]))
        since = f"{counted(accepted.inputs, 'input')} since {accepted.start:%Y-%m-%d}"
        say(f"{name} took {since} into the reference{f' ({said})' if said else ''}")


def _emit(value: Any) -> None:
    emit(msgspec.json.encode(value).decode("utf-8"))


def _standing(looks: Sequence[Look]) -> str:
    """What was found, how many checks were decided, and of each that was not what would decide it."""
    found, undecided = [look for look in looks if look.findings], [look for look in looks if look.undecided]
    drift = f"drift found: {joined([_TITLES[look.kind].lower() for look in found])}" if found else "no drift found"
    decided = f"{len(looks) - len(undecided)} of {counted(len(looks), 'check')} decided, {drift}"
    would = "; ".join(f"{_TITLES[look.kind].lower()}: {look.undecided}" for look in undecided)
    return f"{decided}. {len(undecided)} undecided ({would})" if undecided else f"{decided}."


def _show_look(look: Look, new: set[str]) -> None:
    say(f"{_TITLES[look.kind]}: {'undecided' if look.undecided else 'found' if look.findings else 'none'}")
    say(f"  {look.undecided or f'compared: {look.compared}'}")
    for finding in look.findings:
        _show_finding(finding, finding.finding_id in new)
    say("")


def _show_finding(finding: DriftFinding, new: bool) -> None:
    say(f"  {finding.summary}")
    say(f"    p {finding.p_value:.2g}; {finding.finding_id}{', new' if new else ', recorded before'}")
    for command, does in finding.responses:
        say(f"    {command}   {does}")


def _show_shift(shift: Shift, alpha: float) -> None:
    if shift.p_value is None or shift.effect is None:
        say("undecided")
        return
    verdict = "shifted" if shift.shifted else "no shift found"
    say(f"{verdict}: p {shift.p_value:.4g} against {alpha:g}, effect {shift.effect:.3f}")
    parts: list[tuple[str, Part]] = [*([("inputs", shift.inputs)] if shift.inputs else []), *shift.by_attribute.items()]
    rows = [(name, p.kind, f"{p.p_value:.4g}", f"{p.p_adjusted:.4g}", f"{p.effect:.3f}") for name, p in parts]
    table("", ("what", "compared as", "p", "p adjusted", "effect"), rows, right=(2, 3, 4))
    if shift.novel:
        more = " ..." if len(shift.novel) > 20 else ""
        shown = ", ".join(str(index) for index in shift.novel[:20])
        say(f"look new: {number(len(shift.novel))} of {counted(shift.current[0], 'current input')}: {shown}{more}")


def _show_changes(series: Sequence[Series], changes: Sequence[MetricChange]) -> None:
    points, gaps = sum(len(one.values) for one in series), sum(one.gaps for one in series)
    segments = [counted(len(series), "segment")] if len(series) > 1 else []
    what = ", ".join([counted(points, "point"), *([counted(gaps, "gap")] if gaps else []), *segments])
    say(f"{what}: {counted(len(changes), 'change')} of level")
    if changes:
        rows = [
            (
                c.segment,
                c.index,
                c.time,
                f"{c.before:.4g}",
                f"{c.after:.4g}",
                f"{c.interval_time[0]} .. {c.interval_time[1]}",
                f"{c.p_value:.3g}",
            )
            for c in changes
        ]
        table("", ("segment", "row", "time", "before", "after", "between (95 %)", "p"), rows, right=(1, 3, 4, 6))
