"""`loopwright demo`: the whole loop, computed then and there."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import webbrowser
from importlib.metadata import version
from pathlib import Path

import typer

from loopwright.surfaces.cli.demo import conversations, ending, production, shipping
from loopwright.surfaces.cli.demo.run import go_through
from loopwright.surfaces.cli.terminal import emit, say

app = typer.Typer(add_completion=False)

STAGES = (*conversations.STAGES, *production.STAGES, *shipping.STAGES, *ending.STAGES)


@app.command()
def demo(
    folder: Path = typer.Option(Path("loopwright-demo"), "--folder", help="Where the demo keeps its files; made anew."),
    seed: int = typer.Option(7, "--seed", min=0, help="Another seed, other customers and other luck."),
    sessions: int = typer.Option(
        500, "--sessions", min=100, max=100_000, help="Conversations of the shipped agent before the release."
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object on stdout, and nothing else."),
    open_report: bool = typer.Option(False, "--open", help="Open the report in the browser at the end."),
) -> None:
    """The whole loop in about two minutes: real conversations, then a shipped agent from its first failures to a better release.

    Needs no key and no network, and computes everything that it shows; the same seed gives the same figures. First, 200 real
    conversations of an airline-support agent (GPT-4o on tau-bench, MIT, labels taken out) are mined, clustered and drafted from.
    Then a small airline agent with planted defects, which ships with the package, serves weeks of simulated customers: drift
    appears, failure modes form, cases are drafted and approved, a gate tells noise from a regression, guards are proposed,
    verified and applied, a release ships, and the rates of the modes before and after it are compared. Where a person decides,
    "demo user" does.

    What it makes lies in the folder that --folder names: the store, the suite, harness.toml, the report. Every command works on
    it from there, for example: cd loopwright-demo && loopwright review

    A demo that was killed goes on where it stopped when it is started again.

    For example:

        loopwright demo --open
    """
    made_by = version("loopwright")
    figures = asyncio.run(go_through(STAGES, folder, seed, sessions, quiet=as_json, made_by=made_by))
    if as_json:
        emit(json.dumps(figures))
    elif not shutil.which("loopwright"):
        say(f"where `loopwright` is not found: {Path(sys.argv[0]).resolve()}")
    if open_report:
        webbrowser.open((folder / ending.PAGE).resolve().as_uri())
