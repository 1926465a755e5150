"""What a person sees in the terminal: tables, progress bars and notes, on stderr; data alone goes to stdout."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_ACTED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

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


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> None:
    """Print a table to stdout; `right` lists the columns with numbers. Cells are text, never markup."""
    heading = Text(title, style="bold") if title else None
    made = Table(title=heading, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(columns):
        made.add_column(name, justify="right" if index in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(visible(str(cell))) for cell in row))
    out.print(made)
