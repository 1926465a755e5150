"""`loopwright review`: what waits for a person, and what the person says to it."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import LoopwrightError, UsageError
from loopwright.surfaces.cli.editor import edited
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.review_text import decided_object, item_object, look_lines, look_object, settled_object, short
from loopwright.surfaces.cli.terminal import emit, note, say, table
from loopwright.wording import counted
from loopwright.workflows import reviewing
from loopwright.workflows.deciding import who
from loopwright.workflows.review_items import Item
from loopwright.workflows.triage import Desk

app = typer.Typer(add_completion=False)

_ANSWERS = {"y": "yes", "n": "no", "e": "edit", "s": "skip", "q": "quit"}
_DESPITE = typer.Option(
    "", "--despite", metavar="WHY", help="Why, where something speaks against it: not admitted, not verified."
)
_STORE = from_setting("store.url", "--store")
_FOLDER = from_setting("suite.folder")
_IDS = typer.Argument(metavar="ID...", help="As listed; enough of the beginning to tell it from the others.")
_ID = typer.Argument(metavar="ID", help="As listed; enough of the beginning to tell it from the others.")


@app.callback(invoke_without_command=True)
def review(
    context: typer.Context,
    list_only: bool = typer.Option(False, "--list", help="Show what waits, and ask nothing."),
    by: str | None = BY,
    folder: str | None = _FOLDER,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Review what waits for a person: draft cases, proposals, and failures queued after a gate; the most urgent first.

    Urgent is what is severe and frequent: the list is in order of severity times the number of recorded failures. In a terminal
    it asks about each in turn: y approves, n rejects, e edits a draft in $EDITOR, s skips, q ends. Elsewhere it lists.

    Reads the store and the drafts under evals/drafts/. An approved case is written into evals/ under your name, and the audit
    trail has it; a draft that was not admitted (its checks were not seen to tell the failure) needs a reason.

    For example:

        loopwright review
        loopwright review show case-3f2a
        loopwright review approve case-3f2a --by "Ada Lovelace"
    """
    if context.invoked_subcommand is not None:
        return
    with _sitting(config, folder, store, by, format) as sitting:
        if list_only or format is OutputFormat.JSON or not (sys.stdin.isatty() and sys.stdout.isatty()):
            sitting.listed()
        else:
            sitting.ask()


@app.command()
def show(
    id: str = _ID,
    folder: str | None = _FOLDER,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Show one item: the evidence in its own words, the checks, whether they fail on their source, and what approving does.

    Reads the store and the drafts, and tries a draft anew on the stored recordings; writes nothing. JSON is one object.

    For example:

        loopwright review show case-3f2a
    """
    with _sitting(config, folder, store, None, format) as sitting:
        sitting.show(sitting.find(id))


@app.command()
def approve(
    ids: list[str] = _IDS,
    by: str | None = BY,
    despite: str = _DESPITE,
    folder: str | None = _FOLDER,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Approve items under your name.

    Writes the suite, the store and the audit trail: a draft case joins the suite, a proposal may be applied, and of a queued
    failure a case is drafted, which then waits here.

    For example:

        loopwright review approve case-3f2a --by "Ada Lovelace"
    """
    with _sitting(config, folder, store, by, format) as sitting:
        for item in sitting.find_all(sitting.undecided(ids)):
            sitting.approve(item, despite)


@app.command()
def reject(
    ids: list[str] = _IDS,
    why: str = typer.Option(..., "--why", help="What speaks against it; kept in the audit trail."),
    by: str | None = BY,
    folder: str | None = _FOLDER,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Reject items under your name, with a reason.

    Writes the store and the audit trail. The failure mode of a rejected draft comes up again when it has doubled.

    For example:

        loopwright review reject case-3f2a --why "the tool was down that day"
    """
    with _sitting(config, folder, store, by, format) as sitting:
        for item in sitting.find_all(ids):
            sitting.reject(item, why)


@app.command()
def edit(
    id: str = _ID,
    by: str | None = BY,
    folder: str | None = _FOLDER,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Edit a draft case in $VISUAL or $EDITOR; it is checked, tried again on the recordings, and waits for its approval.

    The audit trail keeps the digests of the content before and after. A draft that you edited is never overwritten.

    For example:

        EDITOR=nano loopwright review edit case-3f2a
    """
    with _sitting(config, folder, store, by, format) as sitting:
        sitting.edit(sitting.find(id))


@contextmanager
def _sitting(
    config: Path | None, folder: str | None, store: str | None, by: str | None, format: OutputFormat
) -> Iterator[Sitting]:
    settings = settle(config, suite__folder=folder, store__url=store)
    with wiring.store(settings, create=False) as opened:
        cases = settings.path("suite.folder")
        desk = Desk(opened, wiring.suite_files(settings), str(cases), cases.is_dir())
        yield Sitting(desk, by, format, settings["triage.min_count"])


class Sitting:
    """One review by one person, who is named with the first decision."""

    def __init__(self, desk: Desk, by: str | None, format: OutputFormat, min_count: int) -> None:
        self.desk, self.by, self.format, self.min_count = desk, by, format, min_count

    def waiting(self) -> tuple[Item, ...]:
        """All that waits."""
        return asyncio.run(reviewing.waiting(self.desk, self.min_count))

    def find(self, id: str) -> Item:
        """One item."""
        return asyncio.run(reviewing.find_item(self.desk, id, self.min_count))

    def find_all(self, ids: list[str]) -> list[Item]:
        """Every one is looked up before anything is decided."""
        return list({(item := self.find(id)).id: item for id in ids}.values())

    def undecided(self, ids: list[str]) -> list[str]:
        """Those that were not approved before; of the others it is told by whom, and nothing else happens."""
        left = []
        for id in ids:
            before = asyncio.run(reviewing.approved_before(self.desk, id, self.min_count))
            if before is None:
                left.append(id)
            elif self.format is OutputFormat.JSON:
                emit(json.dumps(settled_object(before), ensure_ascii=False))
            else:
                note(f"{before}; nothing was changed")
        return left

    def listed(self) -> None:
        """The queue: a line of JSON for each item, or a table."""
        found = self.waiting()
        if self.format is OutputFormat.JSON:
            for item in found:
                emit(json.dumps(item_object(item), ensure_ascii=False))
            return
        if not found:
            note("Nothing waits for a review. Next: loopwright draft, or loopwright improve detect")
            return
        rows = [(i.id, i.kind, f"{i.urgency:.1f}", i.count, short(i.title, 80), short(i.against, 80)) for i in found]
        table("To review", ("id", "kind", "urgency", "failures", "what", "against it"), rows, right=(2, 3), whole=(0,))
        against = sum(bool(item.against) for item in found)
        waiting = f"{counted(len(found), 'item')} to review, {against} with something against it"
        note(f"{waiting}. Next: loopwright review show {found[0].id}")

    def show(self, item: Item) -> None:
        """One item, closely."""
        seen = asyncio.run(reviewing.look(self.desk, item))
        if self.format is OutputFormat.JSON:
            emit(json.dumps(look_object(seen), ensure_ascii=False))
            return
        for line in look_lines(seen):
            say(line)

    def approve(self, item: Item, despite: str) -> None:
        """Say yes."""
        by, now = self._signature()
        detectors = tuple(wiring.detectors())
        self._tell(asyncio.run(reviewing.approve(self.desk, item, by, now, despite=despite, detectors=detectors)))

    def reject(self, item: Item, why: str) -> None:
        """Say no."""
        by, now = self._signature()
        self._tell(asyncio.run(reviewing.reject(self.desk, item, by, now, why)))

    def edit(self, item: Item) -> Item:
        """Change a draft; it still waits."""
        by, now = self._signature()
        text = edited(reviewing.edit_text(item))
        changed = asyncio.run(reviewing.edit(self.desk, item, text, by, now))
        if changed is item:
            note(f"{item.id}: nothing was changed")
        elif self.format is OutputFormat.JSON:
            emit(json.dumps(item_object(changed), ensure_ascii=False))
        else:
            against = f"; not admitted: {changed.against}" if changed.against else "; admitted"
            note(f"{item.id}: {by} edited it{against}")
        return changed

    def ask(self) -> None:
        """Go through the queue with the person at the terminal."""
        found = self.waiting()
        if not found:
            self.listed()
            return
        decided = 0
        for number, item in enumerate(found, start=1):
            note(f"\n{number} of {len(found)}")
            answer = self._one(item)
            if answer == "q":
                break
            decided += answer in ("y", "n")
        note(f"{decided} decided, {len(found) - decided} left")

    def _one(self, item: Item) -> str:
        """Ask about one item until it is decided, skipped, or the person goes; a refusal is told, and asked about again."""
        self.show(item)
        while True:
            answer = _answered(item)
            try:
                if answer == "y":
                    self.approve(item, _reason("why, although it is so") if item.against else "")
                elif answer == "n":
                    self.reject(item, _reason("why"))
                elif answer == "e":
                    item = self.edit(item)
                    self.show(item)
                    continue
            except LoopwrightError as error:
                note(str(error))
                continue
            return answer

    def _signature(self) -> tuple[str, datetime]:
        return who(self.by, wiring.version_control()), wiring.clock().now()

    def _tell(self, done: reviewing.Decided) -> None:
        if self.format is OutputFormat.JSON:
            emit(json.dumps(decided_object(done), ensure_ascii=False))
            return
        where = f", in {done.file}" if done.file else ""
        note(f"{done.item.id}: {done.by} {done.decision} it{where}")


def _answered(item: Item) -> str:
    """One of the letters; only drafts can be edited."""
    letters = {k: v for k, v in _ANSWERS.items() if k != "e" or item.kind == "case"}
    asked = ", ".join(f"{letter} {meaning}" for letter, meaning in letters.items())
    while True:
        said = str(typer.prompt(asked, default="s", err=True)).strip().lower()
        if said[:1] in letters and letters[said[:1]].startswith(said):
            return said[:1]
        note(f"{said!r} is none of these")


def _reason(asked: str) -> str:
    said = str(typer.prompt(asked, default="", show_default=False, err=True)).strip()
    if not said:
        raise UsageError("without a reason nothing is decided")
    return said
