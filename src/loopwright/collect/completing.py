"""When a trace is complete, and when it is open again: spans come in any order, at any time, and more than once.

A trace is *due* to be read when nothing of it is missing, or when nothing more of it came for a while; it is *settled* when it
was read with all that had come. Whatever comes later opens it again. A session is over when nothing came of any of its traces for
longer than that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

QUIET = timedelta(minutes=3)
SESSION_QUIET = timedelta(minutes=30)

State = Literal["open", "due", "settled"]


@dataclass(frozen=True, slots=True)
class Pieces:
    """What has come of a trace so far: ids of its spans, ids of parents that were named, and whether a root has ended.

    `arrived` is when something new last came, `settled` whether the trace was read since.
    """

    spans: frozenset[str] = frozenset()
    parents: frozenset[str] = frozenset()
    root_ended: bool = False
    arrived: datetime | None = None
    settled: bool = False

    @property
    def missing(self) -> frozenset[str]:
        """Parents that were named and did not come."""
        return self.parents - self.spans

    @property
    def complete(self) -> bool:
        """Whether a root has ended and nothing that is known of is missing."""
        return self.root_ended and not self.missing


def arrived(
    pieces: Pieces, spans: Iterable[str], parents: Iterable[str], root_ended: bool, at: datetime, *, news: bool = True
) -> Pieces:
    """The pieces with a part that came at a time. A part with nothing new in it (`news` False) changes nothing."""
    if not news:
        return pieces
    return Pieces(
        pieces.spans | frozenset(spans),
        pieces.parents | frozenset(parents),
        pieces.root_ended or root_ended,
        at if pieces.arrived is None else max(at, pieces.arrived),
    )


def settled(pieces: Pieces) -> Pieces:
    """The pieces once they were read."""
    return replace(pieces, settled=True)


def state(pieces: Pieces, now: datetime, quiet: timedelta = QUIET) -> State:
    """Where a trace stands: `open` while more is to be waited for, `due` to be read, or `settled`."""
    if pieces.settled or pieces.arrived is None:
        return "settled"
    return "due" if pieces.complete or now - pieces.arrived >= quiet else "open"


def session_is_over(last_arrived: datetime | None, now: datetime, quiet: timedelta = SESSION_QUIET) -> bool:
    """Whether nothing came of any trace of a session for so long that its conversation can be taken to have ended."""
    return last_arrived is None or now - last_arrived >= quiet
