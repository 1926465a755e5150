"""Numbers of payment cards."""

from __future__ import annotations

import re

_GAP = rb"(?:[ .-]|\xc2\xa0|\xe2\x80[\x90-\x95\xaf])"
CARD = re.compile(
    rb"(?<![\w.])(?<!\w-)(?:\d{12,19}|\d{4}(?P<a>"
    + _GAP
    + rb")\d{4}(?P=a)\d{4}(?P=a)\d{1,7}|\d{4}(?P<b>"
    + _GAP
    + rb")\d{6}(?P=b)\d{4,5})(?![\w]|-\w|\.\d)"
)
_OF_CARDS = re.compile(rb"(?:card|visa|\bpan\b|credit|debit|\bcc\b)[^\d\n]{0,30}\Z", re.IGNORECASE)
_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (340000, 349999, frozenset({15})),
    (370000, 379999, frozenset({15})),
    (300000, 305999, frozenset({14, 16})),
    (309500, 309599, frozenset({14, 16})),
    (360000, 369999, frozenset({14, 16})),
    (380000, 399999, frozenset({14, 16})),
    (352800, 358999, frozenset({16})),
    (400000, 499999, frozenset({13, 16, 19})),
    (500000, 509999, frozenset({16, 19})),
    (510000, 559999, frozenset({16})),
    (560000, 589999, frozenset({16, 19})),
    (222100, 272099, frozenset({16})),
    (600000, 699999, frozenset({16, 19})),
    (810000, 819999, frozenset({16})),
)
"""The first six digits that issuers have (ISO/IEC 7812), and how many digits their numbers have."""


def is_card(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether beginning, length and check digit are right; of 13 digits, a word such as `card` must stand before them."""
    digits = bytes(byte for byte in match.group() if 0x30 <= byte <= 0x39)
    issuer = int(digits[:6])
    if not any(low <= issuer <= high and len(digits) in lengths for low, high, lengths in _ISSUERS):
        return False
    if not luhn(digits) or len(set(digits)) == 1:
        return False
    return len(digits) > 13 or _OF_CARDS.search(data, max(0, match.start() - 40), match.start()) is not None


def luhn(digits: bytes) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, byte in enumerate(reversed(digits)):
        digit = (byte - 0x30) * (2 if place % 2 else 1)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0
