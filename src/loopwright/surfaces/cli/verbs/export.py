"""`loopwright export`: what was found, written back to where the traces are looked at."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import USAGE, UsageError
from loopwright.ports.connecting import Unread
from loopwright.registry import unknown
from loopwright.surfaces.cli.options import CONFIG, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress, note, say, table
from loopwright.wiring import connecting
from loopwright.wording import counted
from loopwright.workflows.exporting import KINDS, Exported
from loopwright.workflows.exporting import export as run_export

app = typer.Typer(add_completion=False)
SHOWN = 20


@app.command(name="export")
def export(
    to: str = typer.Argument(
        metavar="DESTINATION", help="langfuse://HOST/PROJECT, langsmith://…, phoenix://…, or the URL of an OTLP endpoint."
    ),
    what: str = typer.Option(",".join(KINDS), "--what", help="What is written: some of these, by commas."),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """What was found is written back to where the traces are looked at.

    Reads the failures, failure modes and judges' verdicts in the store. Langfuse gets scores, LangSmith feedback, Phoenix
    annotations, and any other endpoint gen_ai.evaluation.result events on /v1/logs. Their names begin with "loopwright.".
    What was written before and has not changed is not written again; what is not so any more is marked as withdrawn.

    Credentials come from the environment: LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, LANGSMITH_API_KEY, PHOENIX_API_KEY, or
    LOOPWRIGHT_TOKEN for an endpoint. Exit 0 when all was taken, 64 otherwise, 2 where the service cannot be reached.

    For example:

        loopwright export langfuse://cloud.langfuse.com/desk --what signals,modes
    """
    kinds = [kind.strip() for kind in what.split(",") if kind.strip()]
    wrong = next((kind for kind in kinds if kind not in KINDS), None)
    if wrong is not None or not kinds:
        raise UsageError(unknown("kind of evaluation", wrong or what, KINDS))
    settings = settle(config, store__url=store)
    sink = connecting.evaluation_sink(to, settings, wiring.clock(), lambda text: note(f"loopwright: {text}"))
    refusals = _Refusals()
    try:
        with wiring.store(settings, create=False) as kept:
            done = asyncio.run(run_export(kept, sink, kinds, refused=refusals, progress=TerminalProgress()))
    finally:
        sink.close()
    _tell(done, sink.name)
    if done.refused:
        note(f"loopwright: {counted(len(done.refused), 'evaluation')} not taken; they are tried again the next time")
        raise typer.Exit(USAGE)


class _Refusals:
    """Prints what is not taken as it comes, up to `SHOWN`."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, item: Unread) -> None:
        self._count += 1
        if self._count <= SHOWN:
            note(f"loopwright: {item.problem}")


def _tell(done: Exported, name: str) -> None:
    if done.sent:
        table("", ("evaluation", "written"), [(name, f"{count:,}") for name, count in done.sent], right=(1,))
    total = sum(count for _, count in done.sent)
    say(f"written to {name}: {total:,}{f'; {done.unchanged:,} were there already' if done.unchanged else ''}")
