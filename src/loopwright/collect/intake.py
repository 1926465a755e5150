"""What came in and what did not: nothing is refused without being counted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

SHOWN_WIDTH = 80
STDIN = "-"
"""Stands for standard input among paths."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was not taken: where it stands, what is wrong, and what to do about it.

    `line` counts from 1; 0 stands for the file as a whole. `reason` is the short kind that refusals are counted by, such as
    `malformed JSON`. `offset` is how many bytes of the source were read by then.
    """

    source: str
    line: int
    problem: str
    cure: str = ""
    reason: str = "other"
    offset: int = 0

    def __str__(self) -> str:
        where = f"{self.source}:{self.line}" if self.line else self.source
        return printable(f"{where}: {self.problem}{'; ' + self.cure if self.cure else ''}")


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What one file gave: records `taken` and `rejected`, and `parts` of traces that began in other files."""

    source: str
    taken: int = 0
    rejected: int = 0
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Intake:
    """The count of one import: records `taken` (of which `unchanged` were already in the store), and those `rejected`.

    `grown` counts those taken that are conversations which went on since they were stored. `formats` counts records taken by
    trace format, `reasons` those refused by kind, `files` both by file. `rejected` keeps the first refusals in full;
    `rejected_count` counts all. `conflicts` are ids that the store holds with other content: these records were refused too,
    and are counted in `rejected_count`. `feedback` counts verdicts that came by themselves, `unjoined` those of them whose
    trace did not come. Where spans were kept, `spans` are those that are new, and `repeated` those that were there. `resumed`
    are files that an earlier import was broken off in, and that were read from there.
    """

    sources: tuple[str, ...] = ()
    taken: int = 0
    unchanged: int = 0
    formats: tuple[tuple[str, int], ...] = ()
    rejected: tuple[Rejected, ...] = ()
    rejected_count: int = 0
    reasons: tuple[tuple[str, int], ...] = ()
    files: tuple[SourceCount, ...] = ()
    conflicts: tuple[str, ...] = ()
    feedback: int = 0
    unjoined: int = 0
    spans: int = 0
    repeated: int = 0
    resumed: tuple[str, ...] = ()
    grown: int = 0


def place(path: str) -> str:
    """What a path is called in a message: standard input is `<stdin>`, everywhere."""
    return "<stdin>" if path == STDIN else path


def printable(text: str) -> str:
    """`text` on one line, with everything that a terminal might act on written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def shown(value: Any, width: int = SHOWN_WIDTH) -> str:
    """`value` as JSON for a message: one printable line of at most `width` characters."""
    clipped = value[: width + 1] if isinstance(value, str) else value
    try:
        text = json.dumps(clipped, ensure_ascii=False, default=repr)
    except (ValueError, RecursionError):
        text = f"a nested {type(value).__name__}"
    text = printable(text[: 2 * width])
    return text if len(text) <= width else text[: width - 1] + "…"
