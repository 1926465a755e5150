"""The composition root: the only place that builds adapters and puts them behind ports."""

from __future__ import annotations

from datetime import UTC, datetime

from loopwright.ports import Clock


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        return datetime.now(UTC)


def clock() -> Clock:
    """The clock that commands use."""
    return SystemClock()
