"""What a person sees in the terminal: tables, progress bars and notes, on stderr; data alone goes to stdout."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_ACTED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

READABLE = 12
"""Text in a narrower column than this is no longer read, but deciphered."""

err = Console(stderr=True, highlight=False)
out = Console(highlight=False)


class TerminalProgress:
    """The `Progress` port on a terminal: a bar on stderr, and nothing where stderr is not a terminal."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def start(self, label: str, total: int | None = None) -> None:
        """Begin a bar; it replaces the one before."""
        self.done()
        if not err.is_terminal:
            return
        from rich.progress import (  # noqa: PLC0415  (few commands show a bar)
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=err, transient=True,
        )  # fmt: skip
        self._progress.start()
        self._task = self._progress.add_task(label, total=total)

    def advance(self, by: int = 1) -> None:
        """One more step done."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, by)

    def done(self) -> None:
        """Close the bar."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = self._task = None


def visible(text: str) -> str:
    """`text` with everything that a terminal might act on, line ends and tabs apart, written as an escape."""
    return _ACTED_ON.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def note(text: str) -> None:
    """A line for a person, on stderr; production text in it is shown as it is, never as markup."""
    err.print(Text(visible(text)), soft_wrap=True)


def say(text: str) -> None:
    """A line for a person, on stdout, as part of what the command was asked for; shown as it is, never as markup."""
    out.print(Text(visible(text)), soft_wrap=True)


def emit(line: str) -> None:
    """A line of data, on stdout, exactly as given."""
    sys.stdout.write(line + "\n")


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[int] = (),
    whole: Sequence[int] = (),
    most: int | None = None,
) -> None:
    """Print a table to stdout. Cells are text, never markup.

    `right` lists the columns with numbers, `whole` those with ids, which are never cut or folded, so that they can be copied. Of
    more than `most` rows a line says how many are left. Where stdout is no terminal nothing is folded; where a terminal is too
    narrow for columns, each row is a block of lines.
    """
    all_rows = [[visible(str(cell)).expandtabs(1) for cell in row] for row in rows]
    shown = all_rows[:most]
    heading = Text(title, style="bold") if title else None
    fixed = {*right, *whole}
    unbounded = not out.is_terminal and "COLUMNS" not in os.environ
    if not unbounded and _least_width(columns, shown, fixed) > out.width:
        _blocks(heading, columns, shown)
    else:
        made = Table(title=heading, title_justify="left", header_style="bold", box=None, pad_edge=False)
        for index, name in enumerate(columns):
            justify: Literal["left", "right"] = "right" if index in right else "left"
            made.add_column(name, justify=justify, overflow="fold", no_wrap=index in fixed)
        for row in shown:
            made.add_row(*map(Text, row))
        _print_unfolded(made, _natural_width(columns, shown)) if unbounded else out.print(made)
    if len(all_rows) > len(shown):
        say(f"... and {len(all_rows) - len(shown):,} more")


def _print_unfolded(made: Table, width: int) -> None:
    """For a file or a pipe: lines as long as they are, without the blanks that would fill them up."""
    wide = Console(highlight=False, width=max(width, cell_len(str(made.title or ""))))
    with wide.capture() as captured:
        wide.print(made)
    for line in captured.get().splitlines():
        emit(line.rstrip())


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """How wide the widest line of each column is, in cells."""
    return [
        max(cell_len(line) for cell in (name, *(row[i] for row in rows)) for line in cell.split("\n"))
        for i, name in enumerate(columns)
    ]


def _natural_width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    return sum(_widths(columns, rows)) + 2 * len(columns)


def _least_width(columns: Sequence[str], rows: Sequence[Sequence[str]], fixed: Collection[int]) -> int:
    """How wide a terminal must be for every column to be readable: ids and numbers in full, text in lines of a few words."""
    widths = _widths(columns, rows)
    return sum(width if i in fixed else min(width, READABLE) for i, width in enumerate(widths)) + 2 * (len(columns) - 1)


def _blocks(heading: Text | None, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Each row as lines of a name and a value, with an empty line between rows."""
    if heading is not None:
        out.print(heading)
    label = max(map(len, columns), default=0)
    for index, row in enumerate(rows):
        if index:
            out.print()
        for name, cell in zip(columns, row, strict=True):
            if cell:
                out.print(Text.assemble((f"{name:<{label}}  ", "bold"), cell), soft_wrap=True)
