"""Values of cookies in HTTP's headers: whoever has a session's cookie is its user."""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.collect.redaction.rules import Found

_HEADER = re.compile(rb"""cookie(?:\\*["'])?\s{0,2}[:=,]\s{0,2}(?:\\*["'])?(?=[\w.!#$%&*+^`|~-]{1,100}=)""", re.IGNORECASE)
_PAIR = re.compile(rb"""(?P<name>[\w.!#$%&*+^`|~-]{1,100})=(?P<value>(?:[^\s;,"'\\<>]| {3}(?=[\w.-])){1,4000})(?:; ?)?""")
"""Three blanks stand for an escape such as `%3A`."""
_OF_COOKIES = frozenset((b"path", b"domain", b"expires", b"max-age", b"samesite", b"priority"))
_LETTER_AND_DIGIT = re.compile(rb"(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])")
HINT = r"""(?i:cookie)(?:\\*["'])?\s{0,2}[:=,]"""
"""See `hints`."""


def find_cookies(data: bytes) -> Iterator[Found]:
    """The values of `Cookie` and `Set-Cookie` that are long, or letters and digits; not words such as `theme=dark`."""
    for header in _HEADER.finditer(data):
        at = header.end()
        while pair := _PAIR.match(data, at):
            at = pair.end()
            value = pair["value"]
            secret = len(value) >= 20 or (len(value) >= 8 and _LETTER_AND_DIGIT.match(value))
            if secret and pair["name"].lower() not in _OF_COOKIES:
                yield Found(*pair.span("value"), "token")
