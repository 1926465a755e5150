"""`loopwright mine`: traces to ranked failures."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import typer

from loopwright import wiring
from loopwright.collect.formats.catalogue import NAMES as FORMAT_NAMES
from loopwright.errors import UsageError
from loopwright.mine.detector import Detector
from loopwright.mine.judged import judged
from loopwright.mine.policy import WEIGHTS
from loopwright.mine.rank import Mined
from loopwright.mine.record import failure_object, sound_object
from loopwright.registry import unknown
from loopwright.settings import Settings
from loopwright.surfaces.cli.intake import tell_empty
from loopwright.surfaces.cli.options import CONFIG, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress, note, say, table
from loopwright.wording import counted, number, percent
from loopwright.workflows.importing import collect_traces
from loopwright.workflows.judging import read_verdicts, with_verdicts
from loopwright.workflows.mining import mine_store, mine_traces
from loopwright.workflows.rates import detector_counts, type_counts
from loopwright.workflows.watching import divergence_detector, read_events

app = typer.Typer(add_completion=False)
REASON_WIDTH = 90


@app.command(name="mine")
def mine(
    traces: list[str] = typer.Option(
        [], "--traces", help="A file of traces in any import format, a folder of them, or - for standard input; may be repeated."
    ),
    format: OutputFormat = typer.Option(
        OutputFormat.TEXT, "--format", help="text: the best failures, and how often each signal was seen. json: a line a trace."
    ),
    top: int = typer.Option(20, "--top", min=0, help="How many failures the text format lists."),
    from_: str | None = typer.Option(
        None,
        "--from",
        help=f"The traces' format: {', '.join(FORMAT_NAMES)}; otherwise each record tells by its keys.",
        show_default=False,
    ),
    verdicts: Path | None = typer.Option(
        None, "--verdicts", help="With --traces: a judge's verdicts on them, as `loopwright judge run` prints them."
    ),
    events: str | None = typer.Option(
        None, "--events", help="With --traces: business events of their sessions, as `loopwright watch events` takes them."
    ),
    max_line_bytes: int | None = from_setting("import.max_line_bytes"),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Traces become failures, ranked by the weighted strength of the signals found in them. No model, no key.

    What a judge said earlier (loopwright judge run) is a signal too: in the store by itself, with --traces by --verdicts. So are
    bad outcomes of sessions since a business metric got worse (loopwright watch events): with --traces by --events.

    With --traces, reads files and leaves no trace; without, mines the store and keeps the failures there. With --format json
    every trace given is a line, best first, with score 0 where nothing was found; a record that cannot be read ends the command
    with exit 64 and nothing written. Exit 0 whatever is found.

    Score is 1 - prod(1 - weight * severity * confidence) over the signals of a trace; docs/reference/signals.md lists the
    detectors and the weights.

    For example:

        loopwright mine --traces traces.jsonl.gz --format json > failures.jsonl
    """
    if from_ is not None and from_ not in FORMAT_NAMES:
        raise UsageError(unknown("trace format", from_, FORMAT_NAMES))
    if from_ is not None and not traces:
        raise UsageError("--from names the format of --traces, and there are none; the store needs no format")
    settings = settle(config, bool(traces), import__max_line_bytes=max_line_bytes, store__url=store)
    if events is not None and not traces:
        raise UsageError("--events goes with --traces; the store keeps them: loopwright watch events FILE")
    if verdicts is not None and not traces:
        raise UsageError("--verdicts goes with --traces; in the store, verdicts are found by themselves")
    mined, detectors = _mine(settings, traces, from_, verdicts, events)
    for fault in mined.faults[:5]:
        note(f"loopwright: detector {fault.detector} failed on trace {fault.trace_id}: {fault.problem}")
    if len(mined.faults) > 5:
        note(f"loopwright: ... and {counted(len(mined.faults) - 5, 'more detector failure')}")
    if mined.going_on:
        quiet = settings["collect.session_quiet_seconds"] / 60
        going_on = counted(mined.going_on, "trace")
        note(f"loopwright: the sessions of {going_on} may go on; how they end counts after {quiet:g} quiet minutes")
    if format is OutputFormat.JSON:
        _write(mined)
    else:
        _show(mined, detectors, top)


def _mine(
    settings: Settings, traces: list[str], from_: str | None, verdicts: Path | None, events: str | None
) -> tuple[Mined, list[Detector]]:
    """What was found, and the detectors that looked for it."""
    detectors = list(wiring.detectors())
    if verdicts is not None:
        detectors.append(judged(*read_verdicts(wiring.record_reader(settings), str(verdicts))))
    if traces:
        reader = wiring.trace_reader(settings)
        read, intake = asyncio.run(collect_traces(reader, traces, from_, strict=True, progress=TerminalProgress()))
        tell_empty(intake)
        if events is not None:
            came = read_events(wiring.record_reader(settings), wiring.text_reader(), events)
            detectors.append(divergence_detector(came, read, wiring.watch_policy(settings))[0])
        return asyncio.run(mine_traces(read, detectors)), detectors
    with wiring.store(settings, create=False) as kept:
        detectors = with_verdicts(kept, detectors)
        quiet = timedelta(seconds=settings["collect.session_quiet_seconds"])
        policy, now = wiring.watch_policy(settings), wiring.clock().now()
        return asyncio.run(mine_store(kept, detectors, policy=policy, at=now, session_quiet=quiet)), detectors


def _write(mined: Mined) -> None:
    out = sys.stdout.buffer
    for failure in mined.failures:
        out.write(msgspec.json.encode(failure_object(failure)) + b"\n")
    for trace in mined.sound:
        out.write(msgspec.json.encode(sound_object(trace)) + b"\n")


def _show(mined: Mined, detectors: list[Detector], top: int) -> None:
    total = len(mined.failures) + len(mined.sound)
    if not total:
        note("loopwright: no traces to mine")
        return
    rows = [
        (rank, f"{f.score:.3f}", f.signal_type.value, _cut(f.failure_reason), f.trace_id)
        for rank, f in enumerate(mined.failures, start=1)
    ]
    table("Failures, best first", ("rank", "score", "signal", "reason", "trace"), rows, right=(0, 1), whole=(4,), most=top)
    say(f"\nwith at least one signal: {number(len(mined.failures))} of {counted(total, 'trace')}; a low score is weak evidence\n")
    types = type_counts(mined.failures, detectors, WEIGHTS, total)
    table(
        "Traces by signal",
        ("signal", "traces", "share", "weight"),
        [(row.signal_type, f"{row.rate.count:,}", percent(row.rate.share), row.weight) for row in types],
        right=(1, 2, 3),
    )
    say("")
    counts = detector_counts(mined.failures, detectors, mined.faults, total)
    table(
        "Traces by detector",
        ("detector", "traces", "share", "strength", "finds"),
        [(c.detector, f"{c.rate.count:,}", percent(c.rate.share), f"{c.strength:.2f}", c.problem or c.finds) for c in counts],
        right=(1, 2, 3),
    )


def _cut(text: str) -> str:
    return text if len(text) <= REASON_WIDTH else text[: REASON_WIDTH - 1] + "…"
