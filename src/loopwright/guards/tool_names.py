"""What a tool's name tells: its words, whether it changes something, and which known names are near to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache

_words = str.split
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_READS = frozenset(
    _words(
        "get read list search find lookup look fetch query show view describe check count calculate compute think plan "
        "retrieve browse inspect select ask preview estimate quote validate compare summarize summarise explain translate "
        "status is has"
    )
)
_CHANGES = frozenset(
    _words(
        "book cancel update create delete remove add set send write post put patch insert modify change edit move "
        "transfer pay refund issue submit approve reject reserve schedule reschedule buy purchase order return exchange "
        "assign close reopen reset rename upload upgrade downgrade apply save store install run execute exec bash shell "
        "click type fill press navigate invite share enable disable start stop restart archive mark register unregister "
        "confirm verify authenticate login logout grant revoke charge credit debit deposit withdraw block unblock lock "
        "unlock escalate notify email message reply publish deploy merge commit push rebook reissue redeem waive adjust "
        "replace append drop alter toggle turn"
    )
)
_NEAR = 0.6


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in snake, kebab, dotted or camel case, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


def changes_something(name: str) -> bool:
    """Whether the name's words say that the tool changes state: a verb such as `book`, unless it begins by one such as `get`."""
    words = words_of(name)
    return bool(words) and words[0] not in _READS and not _CHANGES.isdisjoint(words)


@lru_cache(maxsize=8192)
def likeness(one: str, other: str) -> float:
    """How alike two names are, in 0..1: by their letters, or by the words that they share, whichever is more."""
    mine, theirs = words_of(one), words_of(other)
    shared = len(set(mine) & set(theirs)) / max(1, len(set(mine) | set(theirs)))
    return max(shared, SequenceMatcher(None, "_".join(mine), "_".join(theirs)).ratio())


def nearest(name: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """At most `limit` known names that are like `name`, the most alike first."""
    ranked = sorted((-likeness(name, other), other) for other in set(known))
    return tuple(other for score, other in ranked if -score >= _NEAR)[:limit]
