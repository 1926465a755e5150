"""The trail as it was found, and what is wrong with it.

The entries are chained: each carries the hash of the one before. The chain alone cannot tell that its end was cut off, so the
head, the number and the hash of the last entry, is recorded beside it. Whoever can write the whole store can write both; a
head noted elsewhere (in a release note, in a CI log) is proof against that too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from loopwright.audit.entry import GENESIS, AuditEntry
from loopwright.errors import UsageError
from loopwright.wording import counted, number


@dataclass(frozen=True, slots=True)
class Head:
    """How many entries there are, and the hash of the last one, `GENESIS` where there are none."""

    count: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.count}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One entry as it was found: its number (from 1), the hash recorded with it, and the entry.

    `entry` is None where it cannot be read as it was written, and `problem` says why.
    """

    number: int
    hash: str
    entry: AuditEntry | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """All that was found, by number, and the head recorded beside it (None where that is gone)."""

    recorded: tuple[Recorded, ...] = ()
    head: Head | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """Something wrong at the entry of this number."""

    number: int
    problem: str


def breaks(trail: Trail, noted: Head | None = None) -> tuple[Break, ...]:
    """All that is wrong with `trail`, in order; nothing where it is whole.

    Found are an entry changed, removed, added, repeated or moved, an end cut off, and a head changed. `noted` is a head that was
    noted elsewhere: the trail must still contain it.
    """
    found: list[Break] = []
    number, previous = 0, GENESIS
    for recorded in trail.recorded:
        found.extend(Break(recorded.number, problem) for problem in _problems(recorded, number, previous))
        number, previous = recorded.number, recorded.hash
    found.extend(_at_the_end(trail.head, Head(number, previous)))
    if noted is not None:
        found.extend(_against(noted, trail))
    return tuple(found)


def parse_head(text: str) -> Head:
    """A head as `str(head)` wrote it, such as `12:9f86…` with 64 hex digits; raises `UsageError`."""
    match = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not the head of a trail; give COUNT:HASH as `loopwright audit verify` printed it")
    return Head(int(match[1]), match[2])


def _problems(recorded: Recorded, number: int, previous: str) -> list[str]:
    """What is wrong with one entry, given the number and the hash of the one before it."""
    problems = []
    if recorded.number <= number:
        problems.append(f"comes after entry {number}")
    elif recorded.number > number + 1:
        first, last = number + 1, recorded.number - 1
        missing = f"entry {first} is" if first == last else f"entries {first} to {last} are"
        problems.append(f"{missing} missing before it")
    if recorded.entry is None:
        problems.append(f"was changed after it was recorded: {recorded.problem}")
    elif recorded.entry.hash != recorded.hash:
        problems.append("was changed after it was recorded: its content does not have the hash recorded with it")
    if recorded.entry is not None and recorded.entry.previous != previous:
        problems.append("does not follow the entry before it: that one was changed, removed or moved")
    return problems


def _at_the_end(head: Head | None, last: Head) -> list[Break]:
    if head is None:
        return [Break(last.count + 1, "the recorded head is gone: whether the end was cut off here cannot be told")]
    if head.count > last.count:
        return [
            Break(
                last.count + 1,
                f"the end is cut off: {counted(head.count, 'entry', 'entries')} recorded, {number(last.count)} left",
            )
        ]
    if head.count < last.count:
        return [
            Break(
                head.count + 1,
                f"was added without being recorded: the recorded head counts {counted(head.count, 'entry', 'entries')}",
            )
        ]
    if head.hash != last.hash:
        return [Break(max(last.count, 1), "the recorded head has another hash than the last entry: one of the two was changed")]
    return []


def _against(noted: Head, trail: Trail) -> list[Break]:
    hashes = {recorded.number: recorded.hash for recorded in trail.recorded} | {0: GENESIS}
    if noted.count not in hashes:
        return [
            Break(noted.count, f"is missing: a head that counts {counted(noted.count, 'entry', 'entries')} was noted elsewhere")
        ]
    if hashes[noted.count] != noted.hash:
        return [Break(noted.count, "is not the entry that was noted elsewhere: the trail was rewritten at or before it")]
    return []
