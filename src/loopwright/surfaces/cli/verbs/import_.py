"""`loopwright import`: files of traces, taken in."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from pathlib import Path

import msgspec
import typer

from loopwright import wiring
from loopwright.collect.intake import Intake
from loopwright.collect.record import FORMAT_NAMES, trace_object
from loopwright.errors import USAGE, UsageError
from loopwright.ports import Imported
from loopwright.registry import unknown
from loopwright.surfaces.cli.connecting import import_services
from loopwright.surfaces.cli.intake import Refusals, tell_empty, tell_intake
from loopwright.surfaces.cli.options import CONFIG, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress
from loopwright.wiring import connecting
from loopwright.workflows.importing import Outcome, import_traces

app = typer.Typer(add_completion=False)


@app.command(name="import")
def import_(
    files: list[str] = typer.Argument(help="Files of traces, folders of them, or - for standard input; .gz is unpacked."),
    format: OutputFormat = typer.Option(
        OutputFormat.TEXT,
        "--format",
        help="text: write to the store and print a summary. json: write normalised traces to stdout, one a line; no store.",
    ),
    from_: str | None = typer.Option(
        None,
        "--from",
        help=f"The input format: {', '.join(FORMAT_NAMES)}; otherwise each record tells by its keys.",
        show_default=False,
    ),
    max_line_bytes: int | None = from_setting("import.max_line_bytes"),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Files of traces become normalised traces, in the store or on stdout.

    Reads JSON Lines, one JSON array or one JSON object: chat records {"id", "messages": [...]}, OpenTelemetry spans as the
    Collector's file exporter or loopwright.instrument writes them, tau-bench records, what --format json wrote, and feedback
    {"trace_id" or "session_id", "feedback"}, which is joined with its trace. Importing the same file twice changes nothing.

    What cannot be taken is told on stderr, a line each, with its file, line, value and cure; the rest is taken. Exit 0 when every
    record was taken, 64 otherwise.

    For example:

        loopwright import traces.jsonl.gz --format json > normalised.jsonl
    """
    if from_ is not None and from_ not in FORMAT_NAMES:
        raise UsageError(unknown("trace format", from_, FORMAT_NAMES))
    if any(connecting.is_service(file) for file in files):
        import_services(files, settle(config, format is OutputFormat.JSON, store__url=store), format)
        return
    settings = settle(config, format is OutputFormat.JSON, import__max_line_bytes=max_line_bytes, store__url=store)
    refusals = Refusals()
    reader = wiring.trace_reader(settings)
    to_json = format is OutputFormat.JSON
    with nullcontext() if to_json else wiring.store(settings) as kept:
        outcome = Outcome(_write if to_json else None, refusals)
        intake = asyncio.run(import_traces(reader, files, from_, store=kept, outcome=outcome, progress=TerminalProgress()))
        where = "" if kept is None else kept.url
    _end(intake, refusals, where)


def _end(intake: Intake, refusals: Refusals, where: str) -> None:
    if where:
        tell_intake(intake, where)
    else:
        tell_empty(intake)
    refusals.close(intake)
    if intake.rejected_count:
        raise typer.Exit(USAGE)


def _write(found: Imported) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(trace_object(found.trace)) + b"\n")
