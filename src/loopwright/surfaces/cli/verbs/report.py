"""`loopwright report`: what the store holds, as a page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.settings import Settings
from loopwright.surfaces.cli.findings import emit_json, show_place, tell, write_report
from loopwright.surfaces.cli.options import CONFIG, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.page_file import DEFAULT, check_place, check_spares
from loopwright.workflows.reporting import TITLE
from loopwright.workflows.reporting import report as report_store

app = typer.Typer(add_completion=False)


@app.command()
def report(
    out: Path | None = typer.Option(
        None, "--out", help=f"Where the page goes. [default: {DEFAULT}; none with --format json]", show_default=False
    ),
    open_it: bool = typer.Option(False, "--open", help="Open the page in the browser."),
    format: OutputFormat = typer.Option(
        OutputFormat.TEXT, "--format", help="text: a summary for people. json: one object on stdout, and a page only with --out."
    ),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """What the store holds, as one HTML page: failures and their modes, draft cases, proposals, releases, drift, decisions.

    Writes one file (--out). It shows what `import`, `mine`, `cluster`, `improve`, `release` and `watch` left in the store,
    and changes nothing there: each proposal with its verification, what the latest release did to each mode, each drift with
    its answer, and whether the decision trail is whole.

    For example:

        loopwright report --out monday.html
    """
    page = out or (DEFAULT if format is OutputFormat.TEXT or open_it else None)
    if page is not None:
        check_place(page)
    settings = settle(config, store__url=store)
    with wiring.store(settings, create=False) as kept:
        if page is not None:
            check_spares(page, [kept.url.removeprefix("sqlite:///")])
        analysis = asyncio.run(report_store(kept, list(wiring.detectors()), wiring.clock(), _title(settings)))
    if page is not None:
        write_report(analysis, page)
    if format is OutputFormat.JSON:
        emit_json(analysis, page)
    else:
        tell(analysis)
    if page is not None:
        show_place(page, open_it)


def _title(settings: Settings) -> str:
    """Names the project whose store it is: the folder that the setting counts from; none where a flag or the environment says."""
    of_project = settings.sources.get("store.url", "") in ("", str(settings.file))
    project = settings.folder.resolve().name if of_project else ""
    return f"{TITLE} of {project}" if project else TITLE
