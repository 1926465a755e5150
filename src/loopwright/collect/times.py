"""Times as records write them become aware datetimes in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from loopwright.collect.intake import shown
from loopwright.errors import RecordError

MILLISECONDS_FROM = 1e11
"""A number of seconds above this lies after the year 5000: it counts milliseconds."""


def moment(value: Any, name: str) -> datetime | None:
    """`value` (ISO 8601 text, or seconds or milliseconds since 1970) in UTC; None and "" are None.

    A time without an offset counts as UTC. Raises `RecordError` naming the field and the value.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return utc(datetime.fromisoformat(value.strip()))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise RecordError(
        f"{name} is {shown(value)}, which is not a time",
        cure="give ISO 8601, such as 2026-01-31T12:00:00Z, or seconds since 1970",
    )


def utc(time: datetime) -> datetime:
    """The same instant in UTC; a time without an offset counts as UTC."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
