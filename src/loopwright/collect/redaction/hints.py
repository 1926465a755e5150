"""Where something to be redacted may be: one pass of RE2's automaton over bytes, whatever the number of patterns.

Each kind has a hint, an expression that matches at least wherever its finder finds, be the bytes text, protobuf or JSON with any
escapes. Hints have no context, so that a whole request can be searched at once, and what is found assigned to its spans.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import re2

NOWHERE = 1 << 62
"""Where a hint is that is not there: behind all bytes."""

DIVIDERS = r"[ ()./\\\xc2\xa0\xe2\x80\x90-\x95\xaf-]"
"""What may stand between the digits of one number, UTF-8's blanks and dashes byte by byte."""

ESCAPES = r"\\[bfnrtvu]|%[0-9A-Fa-f]{2}"
"""Escapes of JSON and of addresses."""
_ESCAPED = r"\\u00(?:[2-7]|[aA]0)"
"""ASCII that JSON need not escape: what is behind it is not looked into."""

_MEMORY = 32 * 1024 * 1024
"""What the automaton's states may take before it begins anew."""

_DATE_OR_FLOAT = re.compile(
    rb"(?:(?:19|20)\d\d(?P<by>[-/.])\d\d(?P=by)\d\d(?: \d\d)?|\d{1,3}\.\d{6,20})(?!" + DIVIDERS.encode() + rb"{0,4}\d)"
)
"""Of all that is as long as a person's number, what text has most; none of theirs is a part of it."""


class Hints:
    """Searches for several hints at once, each an expression in RE2's syntax under the name of its kind."""

    def __init__(self, hints: Mapping[str, str]) -> None:
        self._names = (*hints, "escapes")
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.never_capture = True
        options.max_mem = _MEMORY
        self._any = re2.compile(_pattern("|".join(f"(?:{hint})" for hint in (*hints.values(), _ESCAPED))), options)
        self._which = re2.Set.SearchSet(options)
        for hint in (*hints.values(), ESCAPES):
            self._which.Add(_pattern(hint))
        self._which.Compile()

    def first(self, data: bytes, start: int = 0) -> int:
        """Where the first hint at or behind `start` begins; `NOWHERE` where there is none."""
        while match := self._any.search(data, start):
            at: int = match.start()
            plain = _end_of_plain(data, at)
            if plain is None:
                return at
            start = plain - 1  # the last digit may be the first sign of something else
        return NOWHERE

    def kinds(self, data: bytes) -> frozenset[str]:
        """The kinds whose hints are in these bytes, and `escapes` where there are `ESCAPES`."""
        return frozenset([self._names[place] for place in self._which.Match(data) or ()])


def is_date_or_float(data: bytes, at: int) -> int | None:
    """Where the date, or the number with a fraction, ends that begins here; None where neither does, or digits go on."""
    match = _DATE_OR_FLOAT.match(data, at)
    return None if match is None or data[at - 1 : at] == b"+" else match.end()


def is_in_word(data: bytes, at: int) -> bool:
    """Whether the digit that stands here goes on with a word in small letters and `_`, as in the hexadecimal digits of an id."""
    if at < 2 or not (0x61 <= data[at - 1] <= 0x7A or data[at - 1] == 0x5F):
        return False
    before = data[at - 2]
    if not (0x30 <= before <= 0x39 or 0x61 <= before <= 0x7A):  # it may be an escape, or the length of a text in protobuf
        return False
    return b"%" not in data[max(0, at - 3) : at] and b"\\u" not in data[max(0, at - 6) : at]


def _end_of_plain(data: bytes, at: int) -> int | None:
    """Where the date or fraction ends before which a hint begins, up to two signs before it; None where there is none."""
    if 0x41 <= data[at] <= 0x5A:  # it may be the first letter of a key
        return None
    return next((end for place in range(at, at + 3) if (end := is_date_or_float(data, place)) is not None), None)


def _pattern(text: str) -> bytes:
    return text.encode("latin-1")
