"""Figures by their names: what a text says the total, the refund, the date of a thing is, however the rest is worded.

A figure is an amount of money that stands by a noun such as `total` or `deposit`, or a date that stands by one identifier. Two
figures of one name that differ, where nothing came up in between that accounts for it, contradict each other. No model, and no
knowledge of the domain: which of several like things is meant is read from the words around ("per night", "remaining").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from loopwright.guards.claims import ITEM, LONGEST, REMEMBERED, amount, places_in

_NOUN = re.compile(
    r"\b(total|refund|fee|price|cost|fare|deposit|discount|certificate|voucher|premium|compensation|subtotal|rent|balance|payout|bonus"
    r"|reimbursement|fine|penalty|allowance|budget|quote)s?\b",
    re.IGNORECASE,
)
_COSTS = re.compile(r"\b(?:costs?|comes? to|came to)(?: you)?(?: just| exactly| only)?\s*$", re.IGNORECASE)
_BETWEEN = re.compile(r"[a-z' :*]{0,40}", re.IGNORECASE)
_VAGUE = re.compile(
    r"\b(?:up to|at (?:least|most)|from|between|around|about|approximately|roughly|nearly|over|under|more than|less than"
    r"|not|no|never|without|could|might|would|may|was originally|instead of|than|plus|minus|and|or)\s*$|n't\s*$",
    re.IGNORECASE,
)
_WHICH = re.compile(
    r"\b(?:each|per|a night|a month|a year|a person|person|nightly|daily|weekly|monthly|annual|yearly|outbound|inbound|return"
    r"|remaining|additional|extra|difference|new|old|original|current|previous|first|second|third|last|next|other|another|minimum|maximum|tax\w*"
    r"|gross|net|before|after|average|estimated|usual\w*|normal\w*|half|rest|further|base|down)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"(?<=[.!?;])\s+|\n+|,\s(?=[a-z]{2,}ing\b|and\b|but\b|so\b|which\b)|\s—\s")
_PUT = re.compile(r"\b(?:shall|should|may) (?:i|we)\b|\b(?:like|want) (?:me|us) to\b", re.IGNORECASE)
_SUPPOSES = re.compile(r"\b(?:if|unless|whether|when|in case|suppos\w+|assuming)\b(?! (?:i|we)\b)", re.IGNORECASE)
_TELLS = re.compile(r"\d|[A-Z]{5}")
_AROUND = 25
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")
_ASKS_ELSE = re.compile(
    r"\b(?:add|another|other|instead|different|change|remove|without|also|too|rather|cheaper|upgrade|downgrade|discount|first|second"
    r"|third|last|next|earlier|later|both|all of|half|what about|how about|what if|business|include|more|less|fewer|apply|no,)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its `name`, the identifiers that it is about, which of like ones is meant, its value as (kind, value)."""

    name: str
    ids: frozenset[str]
    which: frozenset[str]
    value: tuple[str, str]
    text: str


@lru_cache(maxsize=REMEMBERED // 4)
def figures(text: str) -> tuple[Figure, ...]:
    """The figures that a text gives. What it gives two values to is a choice, and left out."""
    found = list(_found(text[:LONGEST]))
    names = {(f.name, f.which): {g.value for g in found if (g.name, g.which) == (f.name, f.which)} for f in found}
    return tuple(f for f in found if len(names[f.name, f.which]) == 1)


def contradicts(new: Figure, old: Figure) -> bool:
    """Whether two figures are of the same thing and differ."""
    apart = bool(new.ids) and bool(old.ids) and new.ids.isdisjoint(old.ids)
    return (
        (new.name, new.which) == (old.name, old.which) and new.value[0] == old.value[0] and new.value != old.value and not apart
    )


def accounts_for(new: Figure, old: Figure, users: Sequence[str], tools: Sequence[str], before: Iterable[str]) -> bool:
    """Whether something accounts for a figure that differs from an earlier one: what users said or tools gave in between.

    It does where the new value came up, where a user asked for something else, or where tools gave numbers that were not known
    `before`, and not the old value among them.
    """
    kind, value = new.value
    given = frozenset().union(*(_values(kind, text) for text in (*users, *tools)))
    if value in given or any(_ASKS_ELSE.search(text) for text in users):
        return True
    known = frozenset().union(*(_values(kind, text) for text in before))
    fresh = frozenset().union(*(_values(kind, text) for text in tools)) - known
    return bool(fresh) and old.value[1] not in given


@lru_cache(maxsize=REMEMBERED // 4)
def _values(kind: str, text: str) -> frozenset[str]:
    """All values of a kind in a text; for money, all its numbers, as tools give amounts without a currency."""
    if kind != "money":
        return frozenset(value for found, value, _ in places_in(text) if found == kind)
    return frozenset(amount(float(n.group().replace(",", ""))) for n in _NUMBER.finditer(text[:LONGEST]))


def _found(text: str) -> Iterator[Figure]:
    heading: frozenset[str] = frozenset()
    for clause in _CLAUSE.split(text):
        if not _TELLS.search(clause) or _SUPPOSES.search(clause) or (clause.rstrip().endswith("?") and not _PUT.search(clause)):
            continue
        places = places_in(clause)
        own = frozenset(value for kind, value, _ in places if kind == "id")
        if ITEM.match(clause) and not own:
            continue
        heading = own or heading
        for at, (kind, value, start) in enumerate(places):
            if kind == "money":
                since = places[at - 1][2] if at and places[at - 1][0] == "money" else 0
                yield from _amount(clause, since, start, value, heading)
            elif kind == "date" and at and places[at - 1][0] == "id":
                yield from _dated(clause, places[at - 1], start, value)


def _amount(clause: str, since: int, start: int, value: str, ids: frozenset[str]) -> Iterator[Figure]:
    before = clause[since:start]
    if _VAGUE.search(before):
        return
    nouns = list(_NOUN.finditer(before))
    if nouns and _BETWEEN.fullmatch(before[nouns[-1].end() :]):
        name = nouns[-1].group(1).lower()
    elif _COSTS.search(before):
        name = "cost"
    else:
        return
    around = f"{before[-2 * _AROUND :]} {clause[start : start + _AROUND]}"
    yield Figure(name, ids, frozenset(w.group().lower() for w in _WHICH.finditer(around)), ("money", value), clause.strip())


def _dated(clause: str, place: tuple[str, str, int], start: int, value: str) -> Iterator[Figure]:
    """A date right after an identifier, such as `AB12 on May 3`."""
    _, id, at = place
    between = clause[at:start].lower().replace(id, "", 1).strip(" *#_`")
    if between == "on":
        yield Figure(f"{id} on", frozenset({id}), frozenset(), ("date", value), clause.strip())
