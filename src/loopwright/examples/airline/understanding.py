"""What a customer's message asks and says, by rules: intents, and the values that it mentions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from loopwright.examples.airline.database import AIRPORTS, TODAY

INTENTS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("human", r"\b(human|real person|someone real|real agent|supervisor|manager|representative|to a person|colleague)\b"),
        ("pets", r"\b(dogs?|cats?|pets?|puppy|rabbit|kitten|beagle|terrier)\b"),
        ("compensate", r"\b(compensat\w*|voucher|make up for|goodwill|sat at the gate|claim for)\b"),
        (
            "add_bags",
            r"\b(add|extra|another|additional|more|prepay)\b[^.?!]*\b(bags?|suitcases?|luggage)\b|\bpay for\b[^.?!]*\bbags?\b",
        ),
        ("check_in", r"\bcheck(ing)?[- ]?in\b"),
        ("cancel", r"\b(cancel\w*|call off|refund\w*|money back|reimburse\w*|can't (go|travel|fly)|not going to travel)\b"),
        (
            "change",
            r"\b(change|changing|move|moving|switch|re-?book|reschedul\w*|push|shift|swap)\b"
            r"|\b(later|earlier|different) flight\b",
        ),
        ("status", r"\b(on time|status|delayed|running late|still leaving|what time does)\b"),
        ("book", r"\b(book|buy|get me (a )?(seat|flight|ticket)|need (a )?(seat|flight|ticket)|fly (from|to|out))\b"),
        ("baggage", r"\b(bags?|luggage|suitcases?|baggage)\b"),
    )
)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: index + 1 for index, name in enumerate(_MONTH_NAMES)}
_ISO = re.compile(r"\b(\d{4}-\d{2}-\d{2})\b")
_MONTH_DAY = re.compile(r"\b([A-Z][a-z]{2})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?\b(?!\d)(?:,? (\d{4}))?")
_DAY_MONTH = re.compile(r"\b(\d{1,2})(?:st|nd|rd|th)?(?: of)? ([A-Z][a-z]{2})[a-z]*\b(?:,? (\d{4}))?")
_RESERVATION = re.compile(r"\b([A-Z]{4}\d{2}|N\d{2}X\d{3})\b", re.IGNORECASE)
_USER = re.compile(r"\bC\d{5}\b", re.IGNORECASE)
_FLIGHT = re.compile(r"\bLW\d{3}\b", re.IGNORECASE)
_YES = re.compile(
    r"^\W*(yes|yep|yeah|sure|ok(ay)?|please do|go ahead|do it|correct|sounds good|fine|that works|perfect)\b", re.IGNORECASE
)
_NO = re.compile(r"^\W*(no|nope|don't|do not|stop|wait|hold on|leave it|not yet)\b", re.IGNORECASE)
_THANKS = re.compile(r"\b(thanks?|thank you|bye|that's all|that is all|cheers)\b", re.IGNORECASE)
_RECAP = re.compile(
    r"\bagain\?|\b(remind me|what was|how much (was|will|is) (that|it|the)|just to be sure|to confirm)\b", re.IGNORECASE
)
_ORDINALS = {"first": 0, "second": 1, "third": 2, "1st": 0, "2nd": 1, "3rd": 2}
_ORDINAL = re.compile(r"\b(first|second|third|1st|2nd|3rd) (one|option|flight)\b", re.IGNORECASE)
_NUMBERS = {"a": 1, "an": 1, "another": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_BAGS = re.compile(r"\b(an?|another|one|two|three|four|five|[1-5])\b (?:\w+ ){0,2}(?:bags?|suitcases?)\b", re.IGNORECASE)
_PEOPLE = re.compile(r"\b(one|two|three|four|[1-6]) (?:of us|people|passengers|adults|seats|tickets)\b", re.IGNORECASE)
_CABIN = re.compile(r"\b(basic|economy|business)\b", re.IGNORECASE)
_FROM = re.compile(rf"\bfrom ({'|'.join(AIRPORTS)}|{'|'.join(AIRPORTS.values())})\b", re.IGNORECASE)
_TO = re.compile(rf"\bto ({'|'.join(AIRPORTS)}|{'|'.join(AIRPORTS.values())})\b", re.IGNORECASE)
_CODES = {**{name.lower(): code for name, code in AIRPORTS.items()}, **{code.lower(): code for code in AIRPORTS.values()}}

RULES: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in (
        (
            "nonstop",
            r"\b(only|nothing but|just|strictly|always)\b[^.!?]*\b(non-?stop|direct)\b|\bno (connections|stopovers|layovers)\b",
        ),
        (
            "credit",
            r"\b(use|from|with|against)\b[^.!?]*\btravel credit\b|\b(never|don't|do not) (touch|charge|use) my card\b",
        ),
        ("not_early", r"\b(nothing|no flights?|not|never)\b[^.!?]*\bbefore (10|ten)\b"),
        ("confirm", r"\b(without|until|before)\b[^.!?]*\b(explicit yes|clear yes)\b"),
    )
}
"""Standing instructions that the planner knows how to follow, as they are said."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One message, understood. Dates are ISO text; lists are in the order of the text."""

    text: str
    intent: str | None = None
    reservations: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    flights: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    birth_date: str | None = None
    origin: str | None = None
    destination: str | None = None
    cabin: str | None = None
    bags: int | None = None
    people: int | None = None
    choice: int | None = None
    yes: bool = False
    no: bool = False
    thanks: bool = False
    recap: bool = False
    rules: frozenset[str] = frozenset()


@lru_cache(maxsize=65536)
def understand(text: str) -> Utterance:
    """Read one message of a customer."""
    dates = dates_in(text)
    ordinal = _ORDINAL.search(text)
    return Utterance(
        text=text,
        intent=next((name for name, pattern in INTENTS if pattern.search(text)), None),
        reservations=tuple(dict.fromkeys(m.upper() for m in _RESERVATION.findall(text))),
        users=tuple(m.upper() for m in _USER.findall(text)),
        flights=tuple(dict.fromkeys(m.upper() for m in _FLIGHT.findall(text))),
        dates=tuple(d for d in dates if d[:4] >= str(TODAY.year)),
        birth_date=next((d for d in dates if d[:4] < str(TODAY.year)), None),
        origin=_place(_FROM, text),
        destination=_place(_TO, text),
        cabin=_lower(_CABIN, text),
        bags=_count(_BAGS, text),
        people=_count(_PEOPLE, text),
        choice=_ORDINALS[ordinal[1].lower()] if ordinal else None,
        yes=bool(_YES.search(text)),
        no=bool(_NO.search(text)),
        thanks=bool(_THANKS.search(text)),
        recap=bool(_RECAP.search(text)),
        rules=frozenset(name for name, pattern in RULES.items() if pattern.search(text)),
    )


@lru_cache(maxsize=16384)
def rules_in(text: str) -> frozenset[str]:
    """The standing instructions that a text gives."""
    return frozenset(name for name, pattern in RULES.items() if pattern.search(text))


def dates_in(text: str) -> tuple[str, ...]:
    """The dates of a text in order: ISO, or the day and the English month; without a year it is this year's."""
    found = [(m.start(), m[1]) for m in _ISO.finditer(text)]
    found += [(m.start(), _iso(m[3], m[1], m[2])) for m in _MONTH_DAY.finditer(text)]
    found += [(m.start(), _iso(m[3], m[2], m[1])) for m in _DAY_MONTH.finditer(text)]
    return tuple(dict.fromkeys(day for _, day in sorted(found) if day and _exists(day)))


def _iso(year: str | None, month: str, day: str) -> str:
    number = _MONTHS.get(month.lower())
    return f"{year or TODAY.year}-{number:02d}-{int(day):02d}" if number else ""


def _exists(day: str) -> bool:
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def _place(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return _CODES[found[1].lower()] if found else None


def _lower(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1].lower() if found else None


def _count(pattern: re.Pattern[str], text: str) -> int | None:
    found = pattern.search(text)
    if not found:
        return None
    word = found[1].lower()
    return _NUMBERS.get(word) or int(word)
