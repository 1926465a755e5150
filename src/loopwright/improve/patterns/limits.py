"""Limits that users set to what they are offered and what is done for them: bounds, things they refuse, things they want only.

Read from their own words ("nothing over $300", "no nuts, please", "only window seats", "don't touch my savings"), and held
against what the agent offers and calls, without a model: a bound against values of its kind, a thing by its word. What the agent
denies, and what arrives or closes rather than is offered, does not count.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from loopwright.guards.claims import places_in, values_in
from loopwright.guards.outcome import as_text

Breaks = Callable[[str], bool | None]
"""Whether a text breaks a limit; None where it says nothing of it."""

_BOUND = re.compile(
    r"\b(?:no|not|nothing|never|don'?t|anything)\b[^.;!?]{0,40}?\b(?P<side>before|earlier than|after|later than|over|above"
    r"|more than|costing more than|under|below|less than) "
    r"(?P<value>[$€£]?\s?\d[\d,.:]*\s?(?:[ap]\.?m\b\.?|o'clock|dollars|euros?|usd)?)"
    r"(?P<part>(?: in the (?:morning|afternoon|evening)| at night)?)",
    re.IGNORECASE,
)
_BELOW = frozenset({"before", "earlier than", "under", "below", "less than"})
_TIMED = frozenset({"before", "earlier than", "after", "later than"})
_REFUSED = re.compile(
    r"^(?:(?:and|but|so|please|also|again)\b,? )*(?:no|never (?:any|an?|anything with|something with)|nothing with|without any)"
    r"(?: an?| any)? (?P<thing>(?!one\b|problem|thank|worr|idea|need|rush|matter|doubt|longer|more|way|luck|reply|answer|chance"
    r"|before|after|earlier|later|later|less|over|under)[a-z][a-z-]{2,20}?)s?(?:,? (?:please|at all|ever))*[.,!]?$",
    re.IGNORECASE,
)
_WANT = r"(?:want|take|accept|eat|need|like|consider|fly|drink|buy|book)"
_ONLY = re.compile(
    rf"\b(?:only (?:{_WANT} )?|{_WANT} only )(?:an? |the )?(?P<thing>[a-z][a-z-]{{3,20}})\b(?= [a-z]| ?[.,!]|$)", re.IGNORECASE
)
_UNTOUCHED = re.compile(
    r"\b(?:don'?t|do not|never|not) (?:ever |please )?"
    r"(?:touch|use|charge|debit|bill|take (?:it|anything|money) from|pay (?:with|from|by)) "
    r"(?:my|our|the) (?P<thing>[a-z]{4,20}(?: [a-z]{4,20})?)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_ITEM = re.compile(r"(?:^|(?<=\s))(?:\d{1,2}[.)]|[-*•])\s")
_DENIES = re.compile(r"\b(?:no|not|nothing|none|never|without|cannot|unfortunately|excluding|except)\b|n't\b", re.IGNORECASE)
_BESIDE = re.compile(
    r"\b(?:arriv\w*|land\w*|until|till|clos\w*|open\w*|ends?|back|was|were|instead of|from)\b[^.;,]{0,20}$", re.IGNORECASE
)


def limit_of(line: str) -> Breaks | None:
    """What a sentence of the user limits in what the agent says; None where it limits nothing that can be checked."""
    return _bound(line) or _refused(line) or _only(line)


def untouched(line: str) -> str:
    """What is not to be used or charged, in lower case, its last word; "" where the sentence says nothing of that."""
    found = _UNTOUCHED.search(line)
    return found.group("thing").lower().split()[-1] if found else ""


def uses(arguments: Any, thing: str) -> bool:
    """Whether an argument of a call is that thing, by its word."""
    values = arguments.values() if isinstance(arguments, dict) else (arguments,)
    return any(thing in re.split(r"[^a-z]+", as_text(value).lower()) for value in values)


def _bound(line: str) -> Breaks | None:
    found = _BOUND.search(line)
    if found is None:
        return None
    side = found.group("side").lower().removeprefix("costing ")
    given = found.group("value").strip()
    kind = "money" if re.search(r"[$€£]|dollar|euro|usd", given, re.IGNORECASE) else "time" if side in _TIMED else ""
    limit = _number(kind, given + found.group("part"))
    if not kind or limit is None:
        return None
    below = side in _BELOW

    def breaks(text: str) -> bool | None:
        held = [n for n in _offered(text, kind) if n is not None]
        return any(n < limit if below else n > limit for n in held) if held else None

    return breaks


def _number(kind: str, text: str) -> float | None:
    """A bound as a number: dollars, or hours since midnight."""
    value = next((v for k, v in values_in(text) if k == kind), None)
    if value is not None:
        return _size(kind, value)
    digits = re.match(r"\d{1,2}(?!\d)", text.strip())
    if kind != "time" or digits is None or not 1 <= int(digits.group()) <= 24:
        return None
    late = re.search(r"afternoon|evening|night", text) is not None and int(digits.group()) < 12
    return float(int(digits.group()) + 12 * late)


def _size(kind: str, value: str) -> float | None:
    try:
        if kind == "money":
            return float(value)
        hour, _, minute = value.partition(":")
        return int(hour) + int(minute or 0) / 60
    except ValueError:
        return None


def _offered(text: str, kind: str) -> list[float | None]:
    """The values of a kind in what a text offers or states."""
    held: list[float | None] = []
    for sentence in _SENTENCE.split(text):
        for part in re.split(r"[;,]\s|\s(?=\d{1,2}\)\s)", sentence):
            if not _DENIES.search(part):
                held += [_size(kind, v) for k, v, at in places_in(part) if k == kind and not _BESIDE.search(part[:at])]
    return held


def _refused(line: str) -> Breaks | None:
    found = _REFUSED.search(line.strip())
    if found is None:
        return None
    thing = re.compile(rf"(?<![\w-]){re.escape(found.group('thing').lower())}s?(?![\w-])")

    def breaks(text: str) -> bool | None:
        parts = [part for item in _items(text) for part in re.split(r"[.;,!]\s", item.lower()) if thing.search(part)]
        named = [part for part in parts if not _DENIES.search(part) and "?" not in part]
        return bool(named) if len(_items(text)) > 1 or named else None

    return breaks


def _only(line: str) -> Breaks | None:
    found = _ONLY.search(line)
    if found is None:
        return None
    thing = re.compile(rf"(?<![\w-]){re.escape(found.group('thing').lower())}(?![\w-])")

    def breaks(text: str) -> bool | None:
        kept = [thing.search(item.lower()) is not None for item in _items(text)]
        return not all(kept) if len(kept) > 1 and any(kept) else None

    return breaks


def _items(text: str) -> list[str]:
    """The items of a list that is offered; the whole text where it is none."""
    parts = _ITEM.split(text)
    return [part for part in parts[1:] if part.strip()] if len(parts) > 2 else [text]
