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
from loopwright.collect.redaction.hints import NOWHERE, First, Places, by_expression
from loopwright.collect.redaction.phones import PHONE, is_phone
from loopwright.collect.redaction.rules import Found

_DIVIDERS = b" ()./\\-\xc2\xa0\xe2\x80\x90\x91\x92\x93\x94\x95\xaf"
_CLASSES = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x2E if byte in _DIVIDERS else 0x20 for byte in range(256))
_ENOUGH = re.compile(rb"0(?:(?:\.{0,4}0){6,}|0{0,2}\.0{1,3}\.0{1,3}\.0)")
_HEAD = re.compile(rb"0[0.]{6}")
"""How each of these begins; it is looked for first, in a third of the time."""
_DASH = re.compile(rb"[\d)] {0,2}\\+\Z")
_DASHES = re.compile(rb"u20(?:1[0-5]|2[fF])")
_LARGE = re.compile(rb"\x18[\x80-\xff]{3}")
"""A whole number of nine digits or more in an attribute, as protobuf writes it."""
_DATE = re.compile(rb"(?:19|20)\d\d(?P<by>[-/.])\d\d(?P=by)\d\d(?: \d\d)?")
_FLOAT = re.compile(rb"\d{1,3}\.\d{6,20}(?!\d)")
"""Of all that is as long, what text has most, with dates; no number of a person, nor of a machine, is a part of them."""
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


def may_begin(data: bytes) -> First:
    """See `hints`: where enough digits stand together, and where one stands before a dash that JSON has escaped."""
    classes = data.translate(_CLASSES)

    def first(start: int) -> int:
        return next((at for at, end in _runs(classes, start) if not _is_nobodys(data, at, end)), NOWHERE)

    searches = [first, by_expression(_LARGE)(data)]
    if b"u20" in data:
        searches.append(_escaped(data))
    return Places(searches).first


def find_numbers(data: bytes, kinds: frozenset[str]) -> Iterator[Found]:
    """The numbers of these kinds."""
    past = 0
    for start, end in _runs(data.translate(_CLASSES)):
        if end <= past or _is_nobodys(data, start, end):
            continue
        for found in _in_place(data, max(past, start - _REACH), start, end, kinds):
            past = max(past, found.end)
            yield found


def _runs(classes: bytes, at: int = 0) -> Iterator[tuple[int, int]]:
    """Where enough digits stand together, from `at` on."""
    while head := _HEAD.search(classes, at):
        run = _ENOUGH.match(classes, head.start())
        at = head.start() + 1 if run is None else run.end()
        if run is not None:
            yield run.span()


def _escaped(data: bytes) -> First:
    def first(start: int) -> int:
        for dash in _DASHES.finditer(data, start):
            if _DASH.search(data, max(0, dash.start() - 40), dash.start()):
                return max(start, dash.start() - 1)
        return NOWHERE

    return first


def _is_nobodys(data: bytes, start: int, end: int) -> bool:
    """Whether digits are a date, a fraction, or go on with a word in small letters, as in the hexadecimal digits of an id."""
    if data[start:end].isdigit():
        return _is_in_word(data, start)
    if _FLOAT.fullmatch(data, start, end):
        return True
    return _DATE.fullmatch(data, start, end) is not None and data[start - 1 : start] != b"+"


def _is_in_word(data: bytes, at: int) -> bool:
    if at < 2 or not (0x61 <= data[at - 1] <= 0x7A or data[at - 1] == 0x5F):
        return False
    before = data[at - 2]
    if not (0x30 <= before <= 0x39 or 0x61 <= before <= 0x7A):  # it may be an escape, or the length of a text in protobuf
        return False
    return b"%" not in data[max(0, at - 3) : at] and b"\\u" not in data[max(0, at - 6) : at]


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
