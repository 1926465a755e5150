"""OpenTelemetry's times, nanoseconds since 1970, as datetimes and text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(nanoseconds: int | None) -> datetime | None:
    """Nanoseconds since 1970 as a time, to the microsecond; None and 0 are none, as is what no calendar holds."""
    if not nanoseconds:
        return None
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


def iso(nanoseconds: int | None) -> str | None:
    """The same as ISO 8601 text."""
    time = moment(nanoseconds)
    return None if time is None else time.isoformat()
