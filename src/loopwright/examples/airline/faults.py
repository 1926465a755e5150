"""What goes wrong with tools: refusals, and backends that do not answer."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from loopwright.examples.airline.clock import SimulatedClock


class ToolError(Exception):
    """A tool refused or failed; `kind` is the low-cardinality class of it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(slots=True)
class Faults:
    """When backends fail: a blip now and then, and in some sessions one backend that stays down until it is left alone.

    Each call during an outage puts the recovery off again: hammering does not help, waiting does.
    """

    rng: Random
    blip: float = 0.02
    outage: float = 0.12
    quiet_seconds: float = 18.0
    down: str = ""
    calls_until: int = 0
    recovers_at: float | None = None
    over: bool = False
    failures: int = 0

    def __post_init__(self) -> None:
        if self.rng.random() < self.outage:
            self.down = self.rng.choice(("reservations", "flights", "payments"))
            self.calls_until = self.rng.randrange(0, 2)

    def check(self, backend: str, clock: SimulatedClock) -> None:
        """Raises `ToolError` of kind `timeout`, time having passed, where the backend does not answer."""
        if self._is_down(backend, clock.now):
            clock.advance(self.rng.uniform(6.0, 9.0))
            self.recovers_at = clock.now + self.quiet_seconds
            self.failures += 1
            raise ToolError("timeout", f"the {backend} service did not answer in time")
        if self.rng.random() < self.blip:
            clock.advance(self.rng.uniform(4.0, 7.0))
            raise ToolError("timeout", f"the {backend} service did not answer in time")

    def _is_down(self, backend: str, now: float) -> bool:
        if backend != self.down or self.over:
            return False
        if self.calls_until > 0:
            self.calls_until -= 1
            return False
        self.over = self.recovers_at is not None and now >= self.recovers_at
        return not self.over
