"""Telephone numbers."""

from __future__ import annotations

import re

_DASH = rb"(?:[ .-]|\xc2\xa0|\xe2\x80[\x90-\x95\xaf])"
_GAP = rb"(?:[ ().-]|\xc2\xa0|\xe2\x80[\x90-\x95\xaf])"
_FORMS: tuple[tuple[str, bytes], ...] = (
    ("plus", rb"\+\(?[1-9](?:" + _GAP + rb"{0,2}\d){6,14}"),
    ("abroad", rb"00[1-9]\d{0,2}(?:" + _GAP + rb"{1,2}\d{1,8}){1,5}"),
    ("area", rb"(?:\+?1[ .-]?)?\(\d{3}\) ?" + _DASH + rb"?\d{3}" + _DASH + rb"?\d{4}"),
    ("parts", rb"(?:1(?P<one>" + _DASH + rb"))?\d{3}(?P<two>" + _DASH + rb")\d{3}(?P=two)\d{4}"),
    ("inland", rb"\(?0\d{1,4}\)?(?:/|" + _DASH + rb"){1,2}\d{2,8}(?:" + _DASH + rb"\d{2,8}){0,4}"),
    ("bare", rb"\d{3}-\d{4}|\d{9,12}|1?\d{3}" + _DASH + rb"?\d{3}" + _DASH + rb"?\d{4}"),
)
PHONE = re.compile(
    rb"(?<![\w.+#/)-])(?<!\d,)(?<!\d )(?:"
    + b"|".join(b"(?P<%s>%s)" % (name.encode(), form) for name, form in _FORMS)
    + rb")(?![\w]|-[\w]|\.\d|,\d|:\d)"
)
_OF_PHONES = re.compile(
    rb"(?:(?<!head)(?<!ear)(?<!micro)(?<!smart)phone(?!s)|\btel\b|telefon|\bmobile|\bcell|\bfax\b|\bcall(?:ed|ing)?\b|\btext(?:ed)?\b|\bsms\b"
    rb"|whatsapp|\bdial|\bhotline|\bcontact|reach (?:me|us|him|her|them))[^\d\n]{0,32}\Z",
    re.IGNORECASE,
)
_OF_OTHERS = re.compile(
    rb"(?:ticket|\border|\bcase|\bref|invoice|\bids?\b|_id\b|tracking|\bsku\b|isbn|issn|serial|\bpart\b|claim|policy|account|acct|booking"
    rb"|reservation|confirmation|\bpo\b|\brma\b|\bitem|model|version|\bdoi\b|card|license|product|\bno\b|\bdate)[^\d\n]{0,16}\Z",
    re.IGNORECASE,
)
_POSTCODE = re.compile(rb"\d{5}-\d{4}")
_DATE = re.compile(rb"\d{1,2}(?P<by>[./ -])\d{1,2}(?P=by)(?:19|20)?\d{2}(?!(?P=by)?\d)|\(?\d{3}-\d{2}-\d{4}(?!\d)")
"""A date, or a number of social security."""


def is_phone(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether what has the form of a telephone number is one: by its digits, and by the words before it."""
    digits = sum(0x30 <= byte <= 0x39 for byte in match.group())
    before = data[max(0, match.start() - 48) : match.start()]
    form = match.lastgroup
    if form in {"one", "two"}:
        form = "parts"
    if form == "plus":
        return 8 <= digits <= 15
    call, other = _OF_PHONES.search(before), _OF_OTHERS.search(before)
    if call and (other is None or call.start() > other.start()):
        return 7 <= digits <= 15 and not _DATE.fullmatch(match.group())
    if form == "bare" or other or _POSTCODE.fullmatch(match.group()):
        return False
    if form in {"abroad", "inland"}:
        return 9 <= digits <= 15 and not _DATE.match(match.group())
    return True
