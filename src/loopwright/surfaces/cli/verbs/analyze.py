"""`loopwright analyze`: files of traces become a report."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.collect.formats.catalogue import NAMES as FORMAT_NAMES
from loopwright.errors import USAGE, UsageError
from loopwright.registry import unknown
from loopwright.surfaces.cli.findings import emit_json, show_place, tell, write_report
from loopwright.surfaces.cli.intake import Refusals, tell_empty
from loopwright.surfaces.cli.options import CONFIG, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.page_file import DEFAULT, check_place, check_spares
from loopwright.surfaces.cli.terminal import TerminalProgress, note
from loopwright.workflows.analyzing import Means
from loopwright.workflows.analyzing import analyze as analyze_files

app = typer.Typer(add_completion=False)


@app.command()
def analyze(
    files: list[str] = typer.Argument(help="Files of traces, folders of them, or - for standard input; .gz is unpacked."),
    out: Path | None = typer.Option(
        None, "--out", help=f"Where the page goes. [default: {DEFAULT}; none with --format json]", show_default=False
    ),
    open_it: bool = typer.Option(False, "--open", help="Open the page in the browser."),
    format: OutputFormat = typer.Option(
        OutputFormat.TEXT, "--format", help="text: a summary for people. json: one object on stdout, and a page only with --out."
    ),
    from_: str | None = typer.Option(
        None,
        "--from",
        help=f"The input format: {', '.join(FORMAT_NAMES)}; otherwise each record tells by its keys.",
        show_default=False,
    ),
    granularity: float | None = from_setting("cluster.granularity"),
    min_size: int | None = from_setting("cluster.min_size"),
    embedder: str | None = from_setting("cluster.embedder"),
    max_line_bytes: int | None = from_setting("import.max_line_bytes"),
    config: Path | None = CONFIG,
) -> None:
    """Files of traces become one HTML page: what fails, how often, which failures are alike, draft cases, and proposals.

    A proposal is a change of the agent's harness that would prevent a failure pattern seen in three traces or more, with what its
    guard would have done in each trace.

    Nothing else is needed: no key, no network, no store, no settings; nothing is left behind but the page. The page is one file
    that loads nothing, and can be mailed. It quotes your conversations.

    Records that cannot be read are counted, and told on stderr with file, line, value and cure; the others are analysed. Exit 0
    when every record was read, 64 otherwise.

    For example:

        loopwright analyze conversations.jsonl.gz --open
    """
    if from_ is not None and from_ not in FORMAT_NAMES:
        raise UsageError(unknown("trace format", from_, FORMAT_NAMES))
    page = out or (DEFAULT if format is OutputFormat.TEXT or open_it else None)
    settings = settle(
        config,
        file_mode=True,
        cluster__granularity=granularity,
        cluster__min_size=min_size,
        cluster__embedder=embedder,
        import__max_line_bytes=max_line_bytes,
    )
    reader = wiring.trace_reader(settings)
    if page is not None:
        check_place(page)
        check_spares(page, ["-" if path == "-" else file for path in files for file, _ in reader.sources([path])])
    refusals = Refusals()
    means = Means(
        detectors=list(wiring.detectors()),
        embedder=wiring.embedder(settings, note),
        clock=wiring.clock(),
        options=wiring.cluster_options(settings),
        progress=TerminalProgress(),
        refused=refusals,
    )
    analysis = asyncio.run(analyze_files(reader, files, means, from_))
    refusals.close(analysis.intake)
    tell_empty(analysis.intake)
    if page is not None:
        write_report(analysis, page)
    if format is OutputFormat.JSON:
        emit_json(analysis, page)
    else:
        tell(analysis)
    if page is not None:
        show_place(page, open_it)
    if analysis.intake.rejected_count:
        raise typer.Exit(USAGE)
