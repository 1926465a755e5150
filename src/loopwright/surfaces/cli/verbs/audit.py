"""loopwright audit: who decided what; check that the trail is whole."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.audit.digest import canonical
from loopwright.audit.entry import AuditEntry
from loopwright.audit.trail import parse_head
from loopwright.errors import BLOCKED, OK
from loopwright.surfaces.cli.options import CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, say, table
from loopwright.wording import counted
from loopwright.workflows.auditing import Verification, list_entries
from loopwright.workflows.auditing import verify as check

app = typer.Typer(add_completion=False, invoke_without_command=True, no_args_is_help=False)


@app.callback()
def audit(
    context: typer.Context,
    subject: str | None = typer.Option(None, "--subject", help="Only what was decided about this id.", show_default=False),
    actor: str | None = typer.Option(None, "--actor", help="Only what this person decided.", show_default=False),
    last: int | None = typer.Option(None, "--last", min=1, help="Only the last so many.", show_default=False),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Show who decided what, and when.

    Every decision of a person is in the trail: baselines, cases approved and rejected, failure modes accepted and closed. Each
    entry carries the hash of the one before, so that a later change shows: loopwright audit verify.

    Reads the store; writes nothing. With --format json, an entry a line, oldest first.

    For example:

        loopwright audit --last 20
    """
    context.obj = {"config": config, "store__url": store, "format": format}
    if context.invoked_subcommand is not None:
        return
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        entries = asyncio.run(list_entries(kept, subject=subject, actor=actor, last=last))
    if format is OutputFormat.JSON:
        for number, entry in entries:
            emit(json.dumps(json.loads(canonical(_as_object(number, entry)), parse_constant=str)))
    elif entries:
        rows = [
            (number, f"{entry.at:%Y-%m-%d %H:%M}", entry.actor, entry.action, entry.subject, _details(entry))
            for number, entry in entries
        ]
        table("", ["", "at (UTC)", "who", "did", "to", "details"], rows, right=[0], whole=[4])
    else:
        note("no such decision is recorded" if subject or actor else "no decision is recorded")


@app.command()
def verify(
    context: typer.Context,
    head: str | None = typer.Option(
        None, "--head", help="A head noted earlier, COUNT:HASH, to hold the trail against.", show_default=False
    ),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Check that no entry was changed, removed, moved or added, and that the end was not cut off.

    Exit 0 when the trail is whole; 1 when it is broken, naming the entry, or where harness.toml is not what applied proposals
    made of it, naming the guard's table. It prints the trail's head: noted where the store's writers cannot change it (a release
    note, a CI log), it proves with --head that not even the whole trail was rewritten.

    Reads the store and harness.toml; writes nothing.

    For example:

        loopwright audit verify --head 12:9f86d081...
    """
    given = context.obj or {}
    settings = settle(config or given.get("config"), store__url=store or given.get("store__url"))
    noted = None if head is None else parse_head(head)
    with wiring.store(settings, create=False) as kept:
        file = wiring.harness_file(settings)
        elsewhere = (store or given.get("store__url")) is not None and not Path(file.path).exists()
        verification = asyncio.run(check(kept, noted, None if elsewhere else file))
    if OutputFormat.JSON in (format, given.get("format")):
        emit(json.dumps(_as_verdict(verification)))
    else:
        for line in _in_words(verification):
            say(line)
    raise typer.Exit(OK if verification.sound else BLOCKED)


def _as_object(number: int, entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": number,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "previous": entry.previous,
        "hash": entry.hash,
    }


def _as_verdict(verification: Verification) -> dict[str, Any]:
    return {
        "whole": not verification.breaks,
        "entries": verification.entries,
        "head": str(verification.found),
        "breaks": [{"number": b.number, "problem": b.problem} for b in verification.breaks],
        "harness": [asdict(edit) for edit in verification.harness],
    }


def _in_words(verification: Verification) -> list[str]:
    if not verification.breaks:
        harness = [f"{'noted' if edit.harmless else 'harness'}: {edit}" for edit in verification.harness]
        return [f"whole: {counted(verification.entries, 'entry', 'entries')}", f"head:  {verification.found}", *harness]
    return [f"broken: entry {b.number}: {b.problem}" for b in verification.breaks]


def _details(entry: AuditEntry) -> str:
    text = ", ".join(f"{name}: {value if isinstance(value, str) else canonical(value)}" for name, value in entry.details.items())
    return text if len(text) <= 200 else text[:197] + "..."
