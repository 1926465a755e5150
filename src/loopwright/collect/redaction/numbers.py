"""Numbers of persons: payment cards, bank accounts, telephones, social security, and IPv4 addresses.

One cheap expression finds the places where enough digits stand together; only these are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import re2

from loopwright.collect.redaction.accounts import iban_at
from loopwright.collect.redaction.addresses import IPV4, is_ipv4
from loopwright.collect.redaction.cards import CARD, is_card
from loopwright.collect.redaction.hints import DIVIDERS, is_date_or_float, is_in_word
from loopwright.collect.redaction.phones import PHONE, is_phone
from loopwright.collect.redaction.rules import Found

_ENOUGH = rf"[0-9](?:(?:{DIVIDERS}{{0,4}}[0-9]){{6,}}|[0-9]{{0,2}}(?:\.[0-9]{{1,3}}){{2}}\.[0-9])"
_NO_WORD = r"(?:(?:^|[^a-z_0-9])[a-z_]?|\\\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2})"
"""What stands before digits that do not go on with a word: one letter may be an escape's, or a text's length in protobuf."""
HINT = rf"{_NO_WORD}(?:{_ENOUGH.replace(',}', '}')})|[0-9)] {{0,2}}\\+u20(?:1[0-5]|2[fF])|\x18[\x80-\xff]{{3}}"
"""See `hints`. The last is a whole number of nine digits or more in an attribute, as protobuf writes it."""
_OPTIONS = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1
_OPTIONS.never_capture = True
_PLACES = re2.compile(_ENOUGH.encode("latin-1"), _OPTIONS)
_SSN = re.compile(rb"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_FORMS: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes, re.Match[bytes]], bool], int, bytes], ...] = (
    ("ip", IPV4, is_ipv4, 4, b"."),
    ("ssn", _SSN, lambda data, match: True, 9, b"-"),
    ("card", CARD, is_card, 12, b""),
    ("phone", PHONE, is_phone, 7, b""),
)
"""Kind, form, what else must hold, how many digits there are at least, and what is among them."""
_NO_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_IBAN_HEAD = re.compile(rb"[A-Z]{2}\d{2}(?= ?[A-Z0-9])")
_AFTER_NUMBER = re.compile(rb"\s*(?:[,}\]\x00]|\Z)")
_BEFORE_NUMBER = re.compile(rb"""(\\*["'])\s*:\s*(?:\[(?:\s*\d+\s*,)*\s*)?\Z""")
_FIRST_NUMBERS = re.compile(rb"(?:\A|[\x00\n])\s*\[(?:\s*\d+\s*,)*\s*\Z")
_REACH = 44


def find_numbers(data: bytes, kinds: frozenset[str]) -> Iterator[Found]:
    """The numbers of these kinds."""
    past = 0
    for place in _PLACES.finditer(data):
        start, end = place.span()
        if end <= past or is_date_or_float(data, start) == end or (is_in_word(data, start) and data[start:end].isdigit()):
            continue
        for found in _in_place(data, max(past, start - _REACH), start, end, kinds):
            past = max(past, found.end)
            yield found


def _in_place(data: bytes, reach: int, start: int, end: int, kinds: frozenset[str]) -> Iterator[Found]:
    """The numbers that begin in one place, from left to right; an account's may begin a little before, with its letters."""
    at = start
    if "iban" in kinds:
        for head in _IBAN_HEAD.finditer(data, reach, end):
            stop = iban_at(data, head.start())
            if stop:
                yield Found(head.start(), stop, "iban")
                at = stop
                break
    while at < end:
        found = _first(data, at, end, kinds)
        if found is None:
            return
        yield found
        at = found.end


def _first(data: bytes, at: int, end: int, kinds: frozenset[str]) -> Found | None:
    """What begins first from `at` on; of two that begin in one place, the form that is more particular."""
    found = []
    place = data[at : end + 1]
    digits = len(place.translate(None, _NO_DIGITS))
    for rank, (kind, pattern, holds, least, sign) in enumerate(_FORMS):
        if kind in kinds and digits >= least and sign in place:
            for match in pattern.finditer(data, max(0, at - 2) if kind == "phone" else at, end + 1):
                if match.end() > at and holds(data, match):
                    found.append((match.start(), rank, match.end()))
                    break
    if not found:
        return None
    start, rank, stop = min(found)
    return Found(start, stop, _FORMS[rank][0], _json_quote(data, start, stop))


def _json_quote(data: bytes, start: int, end: int) -> bytes:
    """The quote that a bare JSON number needs around what takes its place: that of the name before it, however deep."""
    if not data[start:end].isdigit() or not _AFTER_NUMBER.match(data, end):
        return b""
    named = _BEFORE_NUMBER.search(data, max(0, start - 200), start)
    if named:
        return named[1]
    return b'"' if _FIRST_NUMBERS.search(data, max(0, start - 200), start) else b""
