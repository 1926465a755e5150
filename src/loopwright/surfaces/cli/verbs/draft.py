"""`loopwright draft`: a case per failure mode, for a person to review."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.suite import plain
from loopwright.surfaces.cli.options import CONFIG, MODEL, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, table
from loopwright.wording import counted
from loopwright.workflows.drafting import Drafted, draft_from_store

app = typer.Typer(add_completion=False)


@app.command()
def draft(
    mode: list[str] | None = typer.Option(
        None, "--mode", help="Only this failure mode, or the beginning of its id; may be repeated."
    ),
    format: OutputFormat = typer.Option(
        OutputFormat.TEXT, "--format", help="text: write draft files. json: print the drafts, a line a case, and write nothing."
    ),
    model: str | None = MODEL,
    templates: bool = typer.Option(False, "--templates", help="Ask no model, also where one is set."),
    folder: str | None = from_setting("suite.folder"),
    store: str | None = typer.Option(
        None, "--store", help="Where modes and traces are. [LOOPWRIGHT_STORE_URL]", show_default=False
    ),
    config: Path | None = CONFIG,
) -> None:
    """Draft an eval case for every failure mode that no approved case covers yet.

    Reads failure modes, failures and traces from the store, and writes one YAML file per mode under evals/drafts/. The input is
    the recorded conversation up to the failure, with secrets, addresses, and card, account and telephone numbers taken out; the
    checks follow the mode's dominant signal, or what the agent did elsewhere when it was asked the same.

    Without a model that is all. With --model (or name under [model] in loopwright.toml) a language model writes the case from the
    mode's description and three of its failures, personal data taken out: a minimal input, and a rubric that a judge decides by.
    Where the model fails, the template stands, and that is said.

    Each draft is tried on recordings: it is admitted when its checks fail on the failure it came from and do not fail in every
    sound conversation too. One that is not admitted is kept, with the reason in `not_admitted`.

    A draft is never part of the suite before a person approves it: use loopwright review, or edit the file and set
    `status: approved`. A file that you edited is never overwritten.

    For example:

        loopwright draft
        loopwright run --drafts --target python:my_agent:answer
    """
    settings = settle(config, suite__folder=folder, store__url=store, model__name=model)
    name = "" if templates else str(settings["model.name"])
    writer = wiring.model(name, settings) if name else None
    evals = settings.path("suite.folder")
    with wiring.store(settings, create=False) as kept:
        files = wiring.suite_files(settings)
        write = format is OutputFormat.TEXT
        drafting = draft_from_store(
            kept, files, str(evals), has_suite=evals.exists(), modes=mode or (), write=write, model=writer
        )
        drafted = asyncio.run(drafting)
    if writer is not None:
        _tell_written(drafted, name)
    if not write:
        for case in drafted.cases:
            emit(json.dumps(plain(case), ensure_ascii=False))
        return
    rows = [(c.id, c.layer.value, c.severity, _tried(c), _one_line(c.failure_indicator)) for c in drafted.cases]
    if rows:
        table("", ["draft", "layer", "severity", "tried", "failure"], rows, right=[2], whole=[0])
    admitted = sum(not case.not_admitted for case in drafted.cases)
    note(
        f"admitted, that is seen to fail on their source: {admitted} of "
        f"{counted(len(drafted.cases), 'draft')}; the others say why not"
    )
    note(f"written: {counted(len(drafted.files), 'draft file')}. Next: loopwright review")
    if drafted.kept:
        note(f"left as a person edited them: {counted(len(drafted.kept), 'file')}")
    if drafted.covered:
        note(f"with an approved case already: {counted(len(drafted.covered), 'mode')}")


def _tell_written(drafted: Drafted, model: str) -> None:
    """How many drafts the model wrote, what that cost, and where the template stands instead."""
    failed = [w for w in drafted.written if w.problem]
    cost = sum(w.cost_usd or 0.0 for w in drafted.written)
    note(f"{len(drafted.written) - len(failed)} of {counted(len(drafted.written), 'draft')} written by {model} ({cost:.4f} USD)")
    for written in failed:
        note(f"{written.case.id}: the template stands, since {model} gave no case: {written.problem}")


def _tried(case: EvalCase) -> str:
    return "admitted" if not case.not_admitted else "needs a judge" if not case.checks else "not admitted"


def _one_line(text: str, width: int = 100) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
