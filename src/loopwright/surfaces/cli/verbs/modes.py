"""`loopwright modes`: the failure modes in the store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import typer

from loopwright import wiring
from loopwright.cluster.describing import excerpt, text_of
from loopwright.cluster.mode import ID_PREFIX, FailureMode, Membership
from loopwright.errors import UNDECIDED, UsageError
from loopwright.mine.signal import FailureTrace
from loopwright.registry import known_id
from loopwright.surfaces.cli.options import CONFIG, FORMAT, MODEL, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note, out, table
from loopwright.wording import counted
from loopwright.workflows.describing import describe_modes

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def modes(
    context: typer.Context,
    format: OutputFormat = FORMAT,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """List the failure modes, best first: those with the highest summed score.

    Reads the store that `loopwright cluster` wrote. JSON is a line a mode. `loopwright modes show MODE` shows one.

    For example:

        loopwright modes
    """
    if context.invoked_subcommand is not None:
        return
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        found = kept.modes()
    if format is OutputFormat.JSON:
        for mode in found:
            emit(_json(mode))
        return
    if not found:
        note("no failure modes yet; find them with: loopwright cluster")
    rows = [(m.mode_id, m.status.value, m.size, f"{m.severity:.2f}", m.name, " ".join(m.terms[:5])) for m in found]
    table("", ("mode", "status", "size", "severity", "name", "terms"), rows, right=(2, 3), whole=(0,))


@app.command()
def show(
    id: str = typer.Argument(metavar="MODE", help="The mode's id, or enough of its beginning to tell it from the others."),
    format: OutputFormat = FORMAT,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Show one failure mode with its failures, the most typical first.

    Reads the store. JSON is one object: the mode, and its failures with how strongly each belongs there.

    For example:

        loopwright modes show mode-3f2a9c0d11e4b7a6
    """
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        modes = {mode.mode_id: mode for mode in kept.modes()}
        mode = modes[known_id("failure mode", id, modes, ID_PREFIX)]
        members = sorted((m for m in kept.memberships() if m.mode_id == mode.mode_id), key=lambda m: (-m.strength, m.trace_id))
        failures = {failure.trace_id: failure for failure in kept.failures()}
    found = [(member, failures[member.trace_id]) for member in members if member.trace_id in failures]
    if format is OutputFormat.JSON:
        rows = [{"strength": member.strength} | msgspec.to_builtins(failure) for member, failure in found]
        emit(msgspec.json.encode(msgspec.to_builtins(mode) | {"failures": rows}).decode("utf-8"))
        return
    _show(mode, found)


@app.command()
def describe(
    ids: list[str] | None = typer.Argument(None, metavar="[MODE]...", help="These modes; otherwise all that are open."),
    model: str | None = MODEL,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Have a language model describe failure modes: what each is, why it fails, and what the fix might look like.

    Reads the store, and keeps the descriptions there; they take the place of those from templates, also after the next
    clustering. The model's provider sees up to eight requests, reasons and answers of each mode, shortened. A mode that the model
    could not describe keeps its words, and the command exits 2.

    For example:

        loopwright modes describe --model openai:gpt-4.1-mini
    """
    settings = settle(config, store__url=store, model__name=model)
    name = str(settings["model.name"])
    if not name:
        raise UsageError("no model is named; give --model openai:gpt-4.1-mini, or set name under [model] in loopwright.toml")
    writer = wiring.model(name, settings)
    with wiring.store(settings, create=False) as kept:
        found = asyncio.run(describe_modes(kept, writer, wiring.clock(), TerminalProgress(), ids or ()))
    failed = [narrated for narrated in found if narrated.description is None]
    cost = sum(narrated.cost_usd or 0.0 for narrated in found)
    rows = [(n.mode_id, n.description.what, n.description.why, n.description.possible_fix) for n in found if n.description]
    table("", ("mode", "what", "why", "fix"), rows, whole=(0,))
    note(f"{len(rows)} of {counted(len(found), 'failure mode')} described by {name} ({cost:.4f} USD)")
    for narrated in failed:
        note(f"{narrated.mode_id} keeps its words: {narrated.problem}")
    if failed:
        raise typer.Exit(UNDECIDED)


def _show(mode: FailureMode, found: list[tuple[Membership, FailureTrace]]) -> None:
    lines = (
        f"{mode.mode_id}  {mode.name}  ({mode.status.value})",
        f"  what   {mode.description}",
        f"  why    {mode.why}",
        f"  fix    {mode.possible_fix}",
        f"  terms  {' '.join(mode.terms)}",
        *([f"  by     {mode.described_by}"] if mode.described_by else []),
        f"  seen   {mode.first_seen or 'time unknown'} to {mode.last_seen or 'time unknown'}",
    )
    for text in lines:
        out.print(text, markup=False, soft_wrap=True)
    rows = [
        (f.trace_id, f"{m.strength:.2f}", f"{f.score:.2f}", excerpt(text_of(f), 70), excerpt(f.failure_reason, 70))
        for m, f in found
    ]
    table("", ("trace", "strength", "score", "input", "reason"), rows, right=(1, 2), whole=(0,))


def _json(mode: FailureMode) -> str:
    return msgspec.json.encode(mode).decode("utf-8")
