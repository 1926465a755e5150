"""What a text states: its sentences as frames of words with values in them, so that two can be held against each other.

No model and no knowledge of the domain: two statements contradict each other only where they are about the same things, by the
identifiers in them, say it in nearly the same words, and differ in one value, or in whether it is so. Questions, conditions,
offers and lists state nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

LONGEST = 8000
"""Characters of a text that are read."""

REMEMBERED = 4096
"""Sentences whose reading is remembered in this process: agents repeat themselves."""

MANY_VALUES = 4
"""A sentence with more values than this is a list."""

OF_ITS_OWN = 4
"""Words that an item of a list must have to state something by itself."""

ALIKE = 0.66
"""How much of the words of two statements must be shared, as intersection over union; one has all words of the other."""

_words = str.split
_MONTHS = _words("january february march april may june july august september october november december")
_MONTH = "|".join(sorted({*_MONTHS, *(m[:3] for m in _MONTHS), "sept"}, key=len, reverse=True))
_COUNTS = {w: str(n) for n, w in enumerate(_words("zero one two three four five six seven eight nine ten eleven twelve"))}
STATUS = {
    "confirmed": "active", "booked": "active", "active": "active", "cancelled": "cancelled", "canceled": "cancelled",
    "pending": "pending", "shipped": "shipped", "delivered": "delivered", "delayed": "delayed", "on time": "on time",
    "approved": "approved", "denied": "rejected", "rejected": "rejected", "declined": "rejected", "paid": "paid",
    "unpaid": "unpaid",
    "open": "open", "closed": "closed", "sold out": "sold out", "in transit": "shipped", "refunded": "refunded",
    "expired": "expired",
}  # fmt: skip
_VALUE = re.compile(
    rf"""(?P<money>[$€£]\s?\d[\d,]*(?:\.\d+)?|\b\d[\d,]*(?:\.\d+)?\s?(?:dollars?|usd|eur|euros?|gbp|pounds?)\b)
    |(?P<percent>\b\d+(?:\.\d+)?\s?(?:%|percent\b))
    |(?P<date>\b\d{{4}}-\d\d-\d\d\b|\b(?:{_MONTH})\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}}\b)?
        |\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?(?:{_MONTH})\b(?:,?\s\d{{4}}\b)?)
    |(?P<time>\b\d{{1,2}}:\d\d(?::\d\d)?\s?(?:[ap]\.?m\b\.?)?|\b\d{{1,2}}\s?[ap]\.?m\b\.?)
    |(?P<id>[\w.+-]+@[\w-]+\.[\w.]+|\#\d+\b|\b(?=[\w-]*\d)(?=[\w-]*[a-z])\w[\w-]{{3,}}\b|\b\d{{6,}}\b|\b(?-i:[A-Z]{{5,8}})\b)
    |(?P<status>(?<=is\s|as\s)(?:{"|".join(STATUS)})\b|(?<=are\s|was\s|now\s)(?:{"|".join(STATUS)})\b
        |(?<=been\s|were\s)(?:{"|".join(STATUS)})\b
        |(?<=status:\s)(?:{"|".join(STATUS)})\b)
    |(?P<count>(?<![\w.-])\d+(?:\.\d+)?(?![\w-])|\b(?:{"|".join(_COUNTS)})\b)""",
    re.IGNORECASE | re.VERBOSE,
)  # fmt: skip
_SENTENCE = re.compile(r"(?<=[a-z0-9)\]*\"'][.!?])\s+|\n+|(?<=\?)\s*")
_MARKUP = re.compile(r"[*_`>#]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}|^\s*(?:[-*•]|\d+[.)])\s+")
ITEM = re.compile(r"\s*(?:[-*•]|\d+[.)])\s|\s*\**[A-Z][\w ]{1,30}:\**\s")
_OPENING = re.compile(
    r"(?:(?:yes|no|ok(?:ay)?|however|unfortunately|therefore|also|and|but|so|as (?:mentioned|i said)"
    r"|(?:please )?(?:note|be aware)(?: that)?|(?:i'?m|i am) (?:very |so )?sorry(?:,? but)?"
    r"|i (?:apologi[sz]e|understand)[^,.]{0,60}(?:, but|,)|to (?:confirm|be clear))\b[,:]? *)+"
)
_OPEN = re.compile(
    r"\?|[={}<>\\]|\b(?:if|whether|would|could|might|may(?!\s\d)|should|shall|unless|either"
    r"|assuming|suppose|perhaps|maybe|please|let me|let's|otherwise|e\.g|example|approximately|roughly)\b"
)
_NEGATION = re.compile(r"\b(?:not|no|never|cannot|neither|nor|without)\b|n't\b|\bnon-?(?=[a-z]{4})")
_PREFIXED = re.compile(r"\b(?:in(?=eligible)|un(?=available|able|authorized|refundable|changed|confirmed)|im(?=possible))")
_CORRECTS = re.compile(
    r"\b(?:correction|my mistake|misspoke|mis(?:stated|read)|i (?:made|was|had) (?:an? )?(?:\w+ )?(?:mistaken?|error|wrong)"
    r"|earlier i|(?:apologi[sz]e|apologies|sorry) for (?:the|my|any|that|this) (?:\w+ )?(?:confusion|mistake|error|oversight"
    r"|misunderstanding)"
    r"|actually|in fact|instead|no longer|has (?:since |now )?(?:been )?(?:changed|updated)"
    r"|upon (?:further )?review|re-?check\w*|turns out)\b"
)
_WORD = re.compile(r"[a-z][a-z'-]*")
_IDLE = frozenset(
    _words(
        "a an the this that these those is are was were be been being has have had do does did will can i you he she it "
        "we they your my our their his her its me us them to of in on at by for with as but so also there here now "
        "currently already just only still very however therefore unfortunately indeed please note which who what all any "
        "some same it's that's you'll you're i'm i've we've he's she's they're there's yes sure certainly thank thanks "
        "great right am charge charged applied apply applies incur incurred amounts amount "
        "comes come equals n't not no never cannot can't don't doesn't isn't "
        "aren't wasn't weren't won't haven't hasn't "
        "didn't couldn't without neither nor non able"
    )
)
_QUALIFIES = frozenset(
    _words(
        "total sum each per additional extra difference remaining new old original current previous first second third "
        "fourth last next outbound return inbound departure arrival depart arrive earlier later other another both "
        "one-way round-trip subtotal tax net gross refund economy business basic premium standard adult child monthly "
        "annual daily minimum maximum free paid base"
        " and plus after before between from or then until when about around over under least most once"
    )
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence: what it is about (`ids`), its words without idle ones, its values as (kind, value), and whether it is so.

    `named` are the ids that stand in the sentence itself; `ids` holds those of its heading, too, where it is an item of a list.
    """

    text: str
    ids: frozenset[str]
    words: frozenset[str]
    values: tuple[tuple[str, str], ...]
    affirmed: bool
    named: frozenset[str] = frozenset()

    @property
    def qualifiers(self) -> frozenset[str]:
        """The words that say which of several like things is meant."""
        return self.words & _QUALIFIES

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its values."""
        return tuple(kind for kind, _ in self.values)


def values_in(text: str) -> tuple[tuple[str, str], ...]:
    """Every value in a text, as (kind, value in one form); ids are values here."""
    return tuple((kind, value) for kind, value, _ in places_in(text))


@lru_cache(maxsize=REMEMBERED)
def places_in(text: str) -> tuple[tuple[str, str, int], ...]:
    """Every value in a text, as (kind, value in one form, where it begins)."""
    return tuple((*_normal(found), found.start()) for found in _VALUE.finditer(text[:LONGEST]))


def corrects_itself(text: str) -> bool:
    """Whether a text says openly that something changed, or was wrong before."""
    return _CORRECTS.search(text[:LONGEST].lower()) is not None


def statements(text: str) -> list[Statement]:
    """What a text states. Statements that its own other sentences differ from are lists of options, and are left out.

    An item of a list is about what the text named last before it, too; a short one, such as `Price: $20`, may be about anything.
    """
    found: list[Statement] = []
    heading: frozenset[str] = frozenset()
    for sentence in _SENTENCE.split(text[:LONGEST]):
        statement = _statement(sentence)
        if ITEM.match(sentence):
            whole = statement is not None and len(statement.words) >= OF_ITS_OWN
            found += [replace(statement, ids=statement.ids | heading)] if statement and whole else []
            continue
        heading = frozenset(v for k, v in values_in(sentence) if k == "id") or heading
        found += [statement] if statement else []
    return [s for s in found if not any(o is not s and differ(o, s) for o in found)]


def differ(one: Statement, other: Statement) -> str:
    """`value` where two statements are the same but for one value, `polarity` where but for a negation, else nothing."""
    if one.ids != other.ids or one.kinds != other.kinds or not _alike(one, other):
        return ""
    changed = sum(a != b for a, b in zip(one.values, other.values, strict=True))
    if changed == 1 and one.affirmed == other.affirmed:
        return "value"
    if changed == 0 and one.affirmed != other.affirmed and one.words == other.words and len(one.words) >= 2:
        return "polarity"
    return ""


def amount(number: float) -> str:
    """A number in the one form that values have."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _alike(one: Statement, other: Statement) -> bool:
    shared = one.words & other.words
    if len(shared) < (1 if one.ids else 2) or one.qualifiers != other.qualifiers:
        return False
    return len(shared) == min(len(one.words), len(other.words)) and len(shared) / len(one.words | other.words) >= ALIKE


@lru_cache(maxsize=REMEMBERED)
def _statement(sentence: str) -> Statement | None:
    said = _MARKUP.sub("", sentence).strip()
    low = said.lower().replace("’", "'")
    opening = _OPENING.match(low)
    if opening:
        said, low = said[opening.end() :], low[opening.end() :]
    if not 8 <= len(low) <= 400 or _OPEN.search(low):
        return None
    places = list(_VALUE.finditer(said))
    found = [_normal(place) for place in places]
    values = tuple(v for v in found if v[0] != "id")
    bare = _without(low, places)
    negations = len(_NEGATION.findall(bare)) + len(_PREFIXED.findall(bare))
    words = frozenset(
        _stem(w) for w in _WORD.findall(_PREFIXED.sub("", _NEGATION.sub(" ", bare))) if w not in _IDLE and len(w) > 1
    )
    if len(values) > MANY_VALUES or len(words) < (1 if any(k == "id" for k, _ in found) else 2):
        return None
    ids = frozenset(v for k, v in found if k == "id")
    return Statement(said, ids, words, values, negations % 2 == 0, ids)


def _without(text: str, places: Sequence[re.Match[str]]) -> str:
    ends = [0, *(place.end() for place in places)]
    starts = [*(place.start() for place in places), len(text)]
    return " ".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _stem(word: str) -> str:
    word = word.removesuffix("'s").strip("'-")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _normal(match: re.Match[str]) -> tuple[str, str]:
    kind = match.lastgroup or "id"
    text = match.group().lower().strip()
    if kind in ("money", "percent", "count"):
        digits = _COUNTS.get(text) or re.sub(r"[^\d.]", "", text).strip(".")
        return kind, amount(float(digits)) if digits else text
    if kind == "date":
        return kind, _date(text)
    if kind == "time":
        return kind, _time(text)
    return kind, STATUS.get(text, text)


def _date(text: str) -> str:
    iso = re.fullmatch(r"\d{4}-(\d\d)-(\d\d)", text)
    if iso:
        return f"{iso.group(1)}-{iso.group(2)}"
    month = next(n for n, name in enumerate(_MONTHS, 1) if re.search(rf"(?<![a-z]){name[:3]}", text))
    day = re.search(r"(?<!\d)\d{1,2}(?!\d)", text)
    return f"{month:02}-{int(day.group()) if day else 0:02}"


def _time(text: str) -> str:
    hour, _, rest = re.sub(r"[^\d:apm]", "", text).partition(":")
    minute = re.match(r"\d\d", rest)
    number = int(re.sub(r"\D", "", hour) or 0)
    if "p" in text and number < 12:
        number += 12
    elif "a" in text and number == 12:
        number = 0
    return f"{number:02}:{minute.group() if minute else '00'}"
