"""What came in and what did not: nothing is refused without being counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was not taken: where it stands, what is wrong, and what to do about it.

    `line` counts from 1; 0 stands for the file as a whole.
    """

    source: str
    line: int
    problem: str
    cure: str = ""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}" if self.line else self.source
        return f"{place}: {self.problem}{'; ' + self.cure if self.cure else ''}"


@dataclass(frozen=True, slots=True)
class Intake:
    """The count of one import: records `taken` (of which `unchanged` were already in the store), and those `rejected`.

    `formats` counts records by trace format. `rejected` keeps the first refusals in full; `rejected_count` counts all.
    """

    sources: tuple[str, ...] = ()
    taken: int = 0
    unchanged: int = 0
    formats: tuple[tuple[str, int], ...] = ()
    rejected: tuple[Rejected, ...] = ()
    rejected_count: int = 0
