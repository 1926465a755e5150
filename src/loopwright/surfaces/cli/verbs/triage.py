"""`loopwright triage`: the weekly review."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.errors import UsageError
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, table
from loopwright.wording import counted
from loopwright.workflows.deciding import who
from loopwright.workflows.triage import Accepted, Agenda, Candidate, Desk, accept, agenda, find, reject

app = typer.Typer(add_completion=False)

_ANSWERS = ("accept", "reject", "later", "quit")
_QUOTED = 3
"""So many failures of a candidate are quoted."""


@app.command()
def triage(
    list_only: bool = typer.Option(False, "--list", help="Show what is to be decided, and decide nothing."),
    accept_ids: list[str] = typer.Option([], "--accept", metavar="ID", help="Approve this mode's case; may be repeated."),
    reject_ids: list[str] = typer.Option([], "--reject", metavar="ID", help="Give this mode no case; needs --why."),
    why: str = typer.Option("", "--why", help="What speaks against a case; kept in the audit trail."),
    by: str | None = BY,
    min_count: int | None = from_setting("triage.min_count"),
    folder: str | None = from_setting("suite.folder"),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Review what recurs in production: each failure mode gets an eval case, or a no with a reason.

    Reads failure modes from the store, which import, mine and cluster fill, and brings up those with at least three failures, and
    severe one-offs. Accepting writes the drafted case into evals/ as approved; rejecting keeps the reason; both are recorded in
    the audit trail under your name. What was decided stays decided: a rejected mode comes up again only when it has doubled,
    and grown by the minimal count at least.

    In a terminal it asks about each in turn; elsewhere it lists, or does what the flags say.

    For example:

        loopwright triage
        loopwright triage --list --format json
        loopwright triage --reject mode-3f2a9c0d11e4b7a6 --why "it was down"
    """
    settings = settle(config, triage__min_count=min_count, suite__folder=folder, store__url=store)
    with wiring.store(settings, create=False) as opened:
        cases = settings.path("suite.folder")
        desk = Desk(opened, wiring.suite_files(settings), str(cases), cases.is_dir())
        review = Review(desk, by, format)
        if accept_ids or reject_ids or why:
            review.decide(accept_ids, reject_ids, why)
            return
        found = asyncio.run(agenda(desk, settings["triage.min_count"]))
        if list_only or format is OutputFormat.JSON or not (sys.stdin.isatty() and sys.stdout.isatty()):
            show(found, format)
        else:
            review.ask(found)


class Review:
    """One sitting: who decides is settled with the first decision."""

    def __init__(self, desk: Desk, by: str | None, format: OutputFormat) -> None:
        self.desk, self.by, self.format = desk, by, format

    def decide(self, accept_ids: list[str], reject_ids: list[str], why: str) -> None:
        """What the flags say; every id is looked up before anything is decided."""
        both = set(accept_ids) & set(reject_ids)
        if both:
            raise UsageError(f"{min(both)} is both accepted and rejected; choose one")
        if bool(reject_ids) != bool(why.strip()):
            raise UsageError("--reject and --why go together: a rejection needs a reason, and a reason something to reject")
        yes = [asyncio.run(find(self.desk, id)) for id in dict.fromkeys(accept_ids)]
        no = [asyncio.run(find(self.desk, id)) for id in dict.fromkeys(reject_ids)]
        for candidate in yes:
            self.accept(candidate)
        for candidate in no:
            self.reject(candidate, why)

    def ask(self, found: Agenda) -> None:
        """Go through the agenda with the person at the terminal."""
        decided = 0
        for number, candidate in enumerate(found.candidates, start=1):
            note(f"\n{number} of {len(found.candidates)}")
            describe(candidate)
            answer = answered()
            if answer == "quit":
                break
            decided += answer != "later"
            if answer == "accept":
                self.accept(candidate)
            elif answer == "reject":
                self.reject(candidate, typer.prompt("why", err=True))
        note(f"{decided} decided, {len(found.candidates) - decided} left." if decided else summary(found))

    def accept(self, candidate: Candidate) -> None:
        """Approve its case."""
        by, now = self._signature()
        done = asyncio.run(accept(self.desk, candidate, by, now))
        self._tell(candidate, by, done=done)

    def reject(self, candidate: Candidate, why: str) -> None:
        """Give it no case."""
        by, now = self._signature()
        asyncio.run(reject(self.desk, candidate, by, now, why))
        self._tell(candidate, by, why=why)

    def _signature(self) -> tuple[str, datetime]:
        return who(self.by, wiring.version_control()), wiring.clock().now()

    def _tell(self, candidate: Candidate, by: str, *, done: Accepted | None = None, why: str = "") -> None:
        if self.format is OutputFormat.JSON:
            said = {**_named(candidate), "by": by, "decision": "accepted" if done else "rejected"}
            emit(json.dumps({**said, "case": done.case.id, "file": done.file} if done else {**said, "why": why}))
        elif done is None:
            note(f"{candidate.id}: {by} rejected it")
        else:
            judged = (
                "" if done.case.checks else "; it has no checks yet, so that only a judge or a person can decide it: add some"
            )
            note(f"{candidate.id}: {by} approved {done.case.id}, in {done.file}{judged}")


def answered() -> str:
    """One of the answers, or its beginning; asks until it is given one."""
    while True:
        said = typer.prompt(", ".join(_ANSWERS), default="later", err=True).strip().lower()
        meant = next((answer for answer in _ANSWERS if answer.startswith(said)), None)
        if meant is not None:
            return meant
        note(f"{said!r} is none of these")


def show(found: Agenda, format: OutputFormat) -> None:
    """The agenda: a line of JSON for each candidate, or a table."""
    if format is OutputFormat.JSON:
        for candidate in found.candidates:
            emit(json.dumps(plain(candidate), ensure_ascii=False))
        return
    if found.candidates:
        rows = [(c.id, c.count, f"{c.severity:.2f}", c.name, c.why_now) for c in found.candidates]
        table("To decide", ("id", "failures", "severity", "what fails", "why now"), rows, right=(1, 2), whole=(0,))
    note(summary(found))


def summary(found: Agenda) -> str:
    """Where things stand, and the next command where one is needed."""
    if not found.failures:
        return "The store holds no failures. Next: loopwright import FILE, then loopwright mine"
    if found.unplaced:
        return f"not grouped yet: {found.unplaced} of {counted(found.failures, 'failure')}. Next: loopwright cluster"
    return f"{len(found.candidates)} to decide, {found.waiting} below the count, {found.decided} decided before."


def describe(candidate: Candidate) -> None:
    """A candidate for a person: what fails, how often, and in whose words."""
    note(f"{candidate.name}  ({candidate.id})")
    note(f"  {candidate.why_now}; severity {candidate.severity:.2f}; {', '.join(candidate.signal_types)}")
    told = ((f.failure_reason, str(f.input_payload.get("input", f.input_payload))) for f in candidate.failures)
    for reason, asked in list(dict.fromkeys((_short(reason), _short(asked)) for reason, asked in told))[:_QUOTED]:
        note(f"  - {reason}\n    input: {asked}")
    if candidate.case is not None:
        note(f"  drafted case: {candidate.case.id}: {_short(candidate.case.expected_behaviour)}")


def plain(candidate: Candidate) -> dict[str, Any]:
    """A candidate as JSON."""
    return {
        **_named(candidate),
        "kind": "mode" if candidate.mode is not None else "one-off",
        "name": candidate.name,
        "count": candidate.count,
        "severity": candidate.severity,
        "signal_types": candidate.signal_types,
        "why_now": candidate.why_now,
        "trace_ids": [f.trace_id for f in candidate.failures],
        "case": candidate.case.id if candidate.case is not None else None,
    }


def _named(candidate: Candidate) -> dict[str, str | None]:
    """A mode by its `mode_id`, a one-off by its `trace_id`; both keys are there."""
    if candidate.mode is not None:
        return {"mode_id": candidate.id, "trace_id": None}
    return {"mode_id": None, "trace_id": candidate.id}


def _short(text: str, width: int = 100) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
