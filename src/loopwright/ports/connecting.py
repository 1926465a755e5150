"""Services that hold traces already, and those that take evaluations: read by stretches of time, written without repeats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from loopwright.collect.joining import GivenFeedback
    from loopwright.ports.spans import SpanPart


@dataclass(frozen=True, slots=True)
class Unread:
    """Something of a service that could not be read: the id of the trace or verdict, and what is wrong."""

    id: str
    problem: str
    reason: str = "other"


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one stretch of time gave: a part for each trace, redacted, verdicts given by themselves, and what could not be read.

    `until` is the time before which nothing need be asked for again; `waiting` counts traces to which more may come.
    """

    parts: tuple[SpanPart, ...]
    feedback: tuple[GivenFeedback, ...]
    unread: tuple[Unread, ...]
    until: datetime
    waiting: int = 0


class TraceService(Protocol):
    """One project of a service that holds traces."""

    @property
    def name(self) -> str:
        """What the project is called in messages; its position is kept under it. Without credentials."""

    def pull(self, since: datetime, until: datetime, quiet: timedelta) -> Iterator[Pulled]:
        """All that began in that time, oldest first, in stretches that fit in memory.

        A trace is given once nothing of it began for `quiet`; one that is younger at `until` is left for the next time. Each
        trace comes once, and what the service repeats is not. Raises `ServiceError` where the service stays away or refuses.
        """

    def whole(self, trace_id: str) -> list[SpanPart]:
        """One trace as the service holds it now; empty where it has none. Raises `ServiceError` as `pull` does."""

    def close(self) -> None:
        """Let the connections go."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What Loopwright says of a trace, to be written back: `id` is the same for what replaces it.

    `value` is a number or None, `label` text or empty; `span_id` names a part of the trace. `at` is the time of the trace that it
    is about, so that the same is the same every time.
    """

    id: str
    trace_id: str
    name: str
    value: float | None = None
    label: str = ""
    comment: str = ""
    span_id: str | None = None
    at: datetime | None = None
    details: Mapping[str, Any] | None = None


class EvaluationSink(Protocol):
    """Where evaluations are written: the same again replaces what was there, and makes nothing twice."""

    @property
    def name(self) -> str:
        """What it is called in messages; what was sent is remembered under it. Without credentials."""

    def put(self, evaluations: Sequence[Evaluation]) -> list[Unread]:
        """Write a batch; returns those that the service does not take. Raises `ServiceError` where it stays away."""

    def close(self) -> None:
        """Let the connections go."""
