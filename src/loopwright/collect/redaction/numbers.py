"""Numbers of persons: payment cards, bank accounts, telephones, social security, and IPv4 addresses.

Digits and what divides them in such numbers are each translated to one byte, so that one cheap expression finds the places where
enough digits stand together; only these are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from loopwright.collect.redaction.accounts import iban_at
from loopwright.collect.redaction.addresses import IPV4, is_ipv4
from loopwright.collect.redaction.cards import CARD, is_card
from loopwright.collect.redaction.phones import PHONE, is_phone
from loopwright.collect.redaction.rules import Found

_DIVIDERS = b" ()./\\-\xc2\xa0\xe2\x80\x90\x91\x92\x93\x94\x95\xaf"
_CLASSES = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x2E if byte in _DIVIDERS else 0x20 for byte in range(256))
_ENOUGH = re.compile(rb"0(?:(?:\.{0,4}0){6,}|0{0,2}\.0{1,3}\.0{1,3}\.0)")
_ESCAPED = re.compile(rb"[\d)] {0,2}\\+u20(?:1[0-5]|2[fF])")
_DATE = re.compile(rb"(?:19|20)\d\d(?P<by>[-/.])\d\d(?P=by)\d\d(?: \d\d)?")
"""Of all that is as long, what text has most; no number of a person, nor of a machine, is a part of it."""
_FLOAT = re.compile(rb"\d{1,3}\.\d{6,20}(?!\d)")
_SSN = re.compile(rb"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_FORMS: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes, re.Match[bytes]], bool]], ...] = (
    ("ip", IPV4, is_ipv4),
    ("ssn", _SSN, lambda data, match: True),
    ("card", CARD, is_card),
    ("phone", PHONE, is_phone),
)
_IBAN_HEAD = re.compile(rb"[A-Z]{2}\d{2}(?= ?[A-Z0-9])")
_AFTER_NUMBER = re.compile(rb"\s*(?:[,}\]\x00]|\Z)")
_BEFORE_NUMBER = re.compile(rb"""(\\*["'])\s*:\s*(?:\[(?:\s*\d+\s*,)*\s*)?\Z""")
_FIRST_NUMBERS = re.compile(rb"(?:\A|[\x00\n])\s*\[(?:\s*\d+\s*,)*\s*\Z")
_REACH = 44


def may_hold_numbers(data: bytes) -> bool:
    """False: nowhere in these bytes do enough digits stand together."""
    for place in _ENOUGH.finditer(data.translate(_CLASSES)):
        if not _is_date(data, *place.span()):
            return True
    return b"\\u20" in data and _ESCAPED.search(data) is not None


def find_numbers(data: bytes, kinds: frozenset[str]) -> Iterator[Found]:
    """The numbers of these kinds."""
    past = 0
    for place in _ENOUGH.finditer(data.translate(_CLASSES)):
        start, end = place.span()
        if end <= past or _FLOAT.fullmatch(data, start, end) or _is_date(data, start, end):
            continue
        for found in _in_place(data, max(past, start - _REACH), start, end, kinds):
            past = max(past, found.end)
            yield found


def _is_date(data: bytes, start: int, end: int) -> bool:
    return _DATE.fullmatch(data, start, end) is not None and data[start - 1 : start] != b"+"


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
    for rank, (kind, pattern, holds) in enumerate(_FORMS):
        if kind in kinds:
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
