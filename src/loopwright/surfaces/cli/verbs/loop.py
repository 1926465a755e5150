"""`loopwright loop`: all that needs no person, as often as its inputs change."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.errors import OK, UNDECIDED
from loopwright.settings import Settings
from loopwright.surfaces.cli.loop.stages import Turn, stages
from loopwright.surfaces.cli.options import CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note, table
from loopwright.workflows.looping import StageReport, turn

app = typer.Typer(add_completion=False)


@app.command()
def loop(
    sources: list[str] = typer.Argument(
        None, metavar="[TRACES]...", help="Files or folders that traces come from; what was taken before is not taken again."
    ),
    every: float = typer.Option(
        0.0, "--every", min=0, metavar="MINUTES", help="Go round again after so long, until interrupted."
    ),
    target: str | None = typer.Option(
        None,
        "--target",
        help="The agent, to verify proposals on: python:... or command:... [LOOPWRIGHT_TARGET_URL]",
        show_default=False,
    ),
    judge_model: str | None = typer.Option(
        None, "--judge-model", help="A model that judges a sample of the traces. [LOOPWRIGHT_JUDGE_MODEL]", show_default=False
    ),
    format: OutputFormat = FORMAT,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Go round the loop: collect, judge, mine, cluster, draft, improve, verify, watch; then say what waits for a person.

    Reads the given traces and the store; writes the store, and drafts under evals/drafts/. Each stage is done again only
    where what it depends on changed since the last time, so that a turn over nothing new is quick. A turn that was killed
    goes on where it stopped. Nothing is approved, applied or released here: that is `loopwright review`, `gate` and
    `release`, under a person's name.

    A stage that fails is reported with its reason, the others go on, and the exit code is 2. Otherwise 0.

    For example:

        loopwright loop traces/ --target python:my_agent:answer --every 15
    """
    settings = settle(config, target__url=target, judge__model=judge_model, store__url=store)
    as_json = format is OutputFormat.JSON
    while True:
        with wiring.store(settings) as kept:
            work = stages(Turn(kept, settings, tuple(sources or ()), TerminalProgress()))
            reports = asyncio.run(turn(kept, work, wiring.clock(), None if as_json else _tell))
        _show(reports, settings, as_json)
        if not every:
            raise typer.Exit(UNDECIDED if any(report.state == "failed" for report in reports) else OK)
        time.sleep(every * 60)


def _tell(report: StageReport) -> None:
    if report.state == "failed":
        note(f"loopwright loop: {report.name} failed: {report.problem}")


def _show(reports: Sequence[StageReport], settings: Settings, as_json: bool) -> None:
    if as_json:
        for report in reports:
            emit(json.dumps(_object(report)))
        return
    table("", ["stage", "", "what came of it"], [(r.name, r.state, r.problem or _summary(r.summary)) for r in reports])
    if not settings["target.url"]:
        note("without --target, proposals are not verified")
    note("next: loopwright review")


def _object(report: StageReport) -> dict[str, Any]:
    found: dict[str, Any] = {"stage": report.name, "state": report.state, "summary": report.summary}
    return found | ({"problem": report.problem} if report.problem else {})


def _summary(summary: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in summary.items())
