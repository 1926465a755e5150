"""`loopwright gate quarantine`: which cases flip, and which of them do not hold up a release by themselves for a while."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.audit.digest import plain
from loopwright.errors import UsageError
from loopwright.gate.flaky import FlakyCase
from loopwright.gate.quarantine import Quarantine, quarantine_record
from loopwright.settings import Settings
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.page_file import write_file
from loopwright.surfaces.cli.terminal import emit, note, say, table
from loopwright.surfaces.cli.verbs.gating.terms import UNTIL, entries_of, last_moment
from loopwright.wiring.gating import gate_policy
from loopwright.wording import counted, percent
from loopwright.workflows.deciding import who
from loopwright.workflows.quarantining import (
    QuarantineRequest,
    QuarantineView,
    ending,
    lift_quarantine,
    new_entry,
    quarantine_case,
    view_files,
    view_quarantine,
)

app = typer.Typer(add_completion=False, no_args_is_help=False)

SHOWN = 12
"""So many flaky cases are listed; JSON has them all."""

_STORE = from_setting("store.url", "--store")
_CASE = typer.Argument(metavar="CASE", help="The case's id.")
_FILE = typer.Option(
    None, "--file", metavar="FILE", help="A file of quarantines instead of the store, for the gate's --quarantine.",
    show_default=False,
)  # fmt: skip
_WHY = typer.Option(..., "--why", metavar="REASON", help="Why, in a few words; it is kept in the audit trail.")


@app.callback(invoke_without_command=True)
def quarantine(
    context: typer.Context,
    baseline: list[str] = typer.Option(
        [], "--baseline", metavar="FILE", help="Measure the flip rate of these results instead of the store's history."
    ),
    file: Path | None = _FILE,
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    r"""List the cases in quarantine, and those that flip most: two trials of the unchanged agent that differ.

    The flip rate is measured over the accepted runs of the baseline, per case, with its 95 % interval. A case that passes or
    fails always has 0, one that passes half the time 50 %, which is the most there can be.

    A case in quarantine is still run, shown and counted in the evidence of its failure mode and of the suite. What it shows for
    itself (that it was solved and is lost, that one failure is proof) blocks nothing and holds nothing up until the quarantine
    ends, which it does by itself.

    For example:

        loopwright gate quarantine
        loopwright gate quarantine add refund-late --owner Ben \
            --until 2026-12-31 --why "the clock decides it"
    """
    if context.invoked_subcommand is not None:
        return
    settings, now = settle(config, file is not None or bool(baseline), store__url=store), wiring.clock().now()
    if baseline or file is not None:
        view = asyncio.run(view_files(wiring.record_reader(settings), baseline, _entries(settings, file), now))
    else:
        with wiring.store(settings, create=False) as kept:
            view = asyncio.run(view_quarantine(kept, gate_policy(settings), now))
    if format is OutputFormat.JSON:
        emit(json.dumps(_record(view)))
    else:
        _show(view)


@app.command()
def add(
    case: str = _CASE,
    owner: str = typer.Option(..., "--owner", metavar="NAME", help="Who mends the case, or the agent, before it ends."),
    why: str = _WHY,
    until: str = UNTIL,
    by: str | None = BY,
    file: Path | None = _FILE,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    r"""Put a case into quarantine until a day, or renew that, under your name and in the audit trail.

    With --file a line is added to a file that is kept beside the suite and reviewed like code; `loopwright gate --quarantine
    FILE` reads it.

    For example:

        loopwright gate quarantine add refund-late --owner Ben \
            --until 2026-12-31 --why "the clock decides it" --by Ada
    """
    settings, now = settle(config, file is not None, store__url=store), wiring.clock().now()
    request = QuarantineRequest(case, owner, why, last_moment(until), who(by, wiring.version_control()))
    if file is not None:
        entry = new_entry(request, now)
        _write(file, [*_entries(settings, file), entry])
    else:
        with wiring.store(settings, create=False) as kept:
            entry = asyncio.run(quarantine_case(kept, request, now))
    say(f"{entry.by} put {entry.eval_id} into quarantine until {entry.until:%Y-%m-%d} (owner {entry.owner}).")
    note("It is run and shown as before, and counts with its mode and the suite.")


@app.command()
def remove(
    case: str = _CASE,
    why: str = _WHY,
    by: str | None = BY,
    file: Path | None = _FILE,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Take a case out of quarantine, or say of one that lapsed that it is settled, under your name and in the audit trail.

    For example:

        loopwright gate quarantine remove refund-late --why "the case has a fixed clock now"
    """
    settings, now = settle(config, file is not None, store__url=store), wiring.clock().now()
    person = who(by, wiring.version_control())
    if file is not None:
        entries = _entries(settings, file)
        _write(file, [*entries, ending(entries, case, why, person, now)])
    else:
        with wiring.store(settings, create=False) as kept:
            asyncio.run(lift_quarantine(kept, case, why, person, now))
    say(f"{person} took {case} out of quarantine.")


def _entries(settings: Settings, file: Path | None) -> list[Quarantine]:
    return entries_of(settings, file) if file is not None and file.exists() else []


def _write(file: Path, entries: list[Quarantine]) -> None:
    """The file whole, its older lines as they were read."""
    if file.is_dir():
        raise UsageError(f"--file {file} is a folder; name a file")
    text = "".join(json.dumps(quarantine_record(entry), ensure_ascii=False) + "\n" for entry in entries)
    write_file(file, text, "--file")


def _record(view: QuarantineView) -> dict[str, Any]:
    return {
        "quarantined": [quarantine_record(entry) for entry in view.in_force],
        "lapsed": [quarantine_record(entry) for entry in view.lapsed],
        "runs": view.runs,
        "flips": [_flips(case) for case in view.flaky],
    }


def _flips(case: FlakyCase) -> dict[str, Any]:
    flips = case.flips._asdict()
    told: dict[str, Any] = {name: value for name, value in plain(asdict(case)).items() if name != "flips"}
    return told | {"flip_rate": flips["value"], "low": flips["low"], "high": flips["high"], "pairs": flips["pairs"]}


def _show(view: QuarantineView) -> None:
    for title, entries in (("In quarantine", view.in_force), ("Lapsed, and counting for themselves again", view.lapsed)):
        if entries:
            rows = [(e.eval_id, f"{e.until:%Y-%m-%d}", e.owner, e.by, e.why) for e in entries]
            table(title, ("case", "until", "owner", "by", "why"), rows, whole=(0,))
    if not view.in_force:
        say("No case is in quarantine.")
    flaky = [case for case in view.flaky if case.flips.value]
    measured = sum(case.flips.value is not None for case in view.flaky)
    if not measured:
        say("No case has two trials of one version in the history, so that nothing tells which flip; run the suite again.")
        return
    told = f"{counted(len(flaky), 'case')} of {measured} flipped over {counted(view.runs, 'accepted run')}"
    if not flaky:
        say(f"{told}.")
        return
    held = {entry.eval_id for entry in view.in_force}
    rows = [(c.eval_id, f"{c.passes} of {c.trials}", *_rates(c), "quarantined" if c.eval_id in held else "") for c in flaky]
    table(told, ("case", "passed", "flip rate", "95 % interval", ""), rows, whole=(0,), right=(1, 2), most=SHOWN)


def _rates(case: FlakyCase) -> tuple[str, str]:
    return percent(case.flips.value or 0.0), f"{percent(case.flips.low)} to {percent(case.flips.high)}"
