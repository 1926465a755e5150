"""`loopwright import`: files of traces, taken in."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import typer

from loopwright import wiring
from loopwright.collect.formats.catalogue import NAMES as FORMAT_NAMES
from loopwright.collect.intake import Intake
from loopwright.collect.record import trace_object
from loopwright.errors import USAGE, UsageError
from loopwright.ports import Imported
from loopwright.registry import unknown
from loopwright.surfaces.cli.connecting import import_services
from loopwright.surfaces.cli.intake import Refusals, tell_empty, tell_intake
from loopwright.surfaces.cli.options import CONFIG, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress
from loopwright.wiring import collecting, connecting
from loopwright.workflows.importing import Outcome, import_spans, import_traces

app = typer.Typer(add_completion=False)


@app.command(name="import")
def import_(
    files: list[str] = typer.Argument(help="Files of traces, folders of them, - for standard input, or a project of a service."),
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

    Reads OpenTelemetry (JSON and protobuf, as the Collector's file exporter writes it), exports of Phoenix, Langfuse and
    LangSmith, Inspect's logs, ATIF trajectories, chat records {"id", "messages": [...]}, logs of calls to a model, tau-bench
    records, CSV with columns such as input, output and feedback, what --format json wrote, and feedback {"trace_id",
    "feedback"}, which is joined with its trace. Files may be packed with gzip or Zstandard; what a file holds is told by its
    content. Importing the same file twice changes nothing, and an import that was broken off goes on where it was.

    Instead of files: a project of a service, langfuse://HOST/PROJECT, langsmith:// or phoenix://, read from where the last
    time stopped, with the login that its own environment variables hold.

    What cannot be taken is told on stderr, a line each, with its file, line, value and cure; the rest is taken. Exit 0 when every
    record was taken, 64 otherwise.

    For example:

        loopwright import traces.jsonl.gz --format json > normalised.jsonl

        loopwright import "langfuse://cloud.langfuse.com/PROJECT?since=7d"
    """
    if from_ is not None and from_ not in FORMAT_NAMES:
        raise UsageError(unknown("trace format", from_, FORMAT_NAMES))
    if any(connecting.is_service(file) for file in files):
        import_services(files, settle(config, format is OutputFormat.JSON, store__url=store), format)
        return
    settings = settle(config, format is OutputFormat.JSON, import__max_line_bytes=max_line_bytes, store__url=store)
    refusals = Refusals()
    if format is OutputFormat.JSON:
        outcome = Outcome(_write, refusals)
        intake = asyncio.run(
            import_traces(wiring.trace_reader(settings), files, from_, outcome=outcome, progress=TerminalProgress())
        )
        _end(intake, refusals, "")
        return
    wiring.trace_reader(settings).sources(files)  # a file that is not there makes no store
    with wiring.store(settings) as kept:
        intake = asyncio.run(
            import_spans(
                wiring.trace_reader(settings, keep_key=True),
                files,
                from_,
                store=kept,
                settling=collecting.settling(),
                outcome=Outcome(rejected=refusals),
                progress=TerminalProgress(),
            )
        )
        where = kept.url
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
