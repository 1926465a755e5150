"""Simulated time: a week passes in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(slots=True)
class SimulatedClock:
    """Seconds since the epoch, moved by whoever takes time. Calling it gives the time, so that it serves a harness."""

    now: float = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass; `seconds` is not negative."""
        self.now += seconds

    @property
    def nanoseconds(self) -> int:
        """The time as OpenTelemetry has it."""
        return int(self.now * 1_000_000_000)

    @property
    def moment(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.fromtimestamp(self.now, UTC)
