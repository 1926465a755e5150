"""How long an exception may last: what is excused for ever is given up, and that is another decision."""

from __future__ import annotations

from datetime import datetime, timedelta

from loopwright.errors import UsageError

LONGEST = timedelta(days=90)
"""A quarter: long enough to mend a case or an agent, short enough that somebody looks again."""


def check_term(until: datetime, now: datetime, what: str) -> None:
    """Raise `UsageError` where an exception would end before it begins, or last longer than `LONGEST`."""
    if until <= now:
        raise UsageError(f"--until {until:%Y-%m-%d} is over already; give a day to come")
    last = now + LONGEST
    if until.date() > last.date():
        raise UsageError(
            f"--until {until:%Y-%m-%d} is too far ahead; {what} lasts {LONGEST.days} days at most and can be renewed: "
            f"give {last:%Y-%m-%d} or an earlier day"
        )
