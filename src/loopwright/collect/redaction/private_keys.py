"""Private keys in PEM (RFC 7468) and of PGP, whole or cut short."""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.collect.redaction.rules import Found

_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(rb"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BODY = re.compile(rb"(?:[A-Za-z0-9+/=\s:,\\-]|%[0-9A-Fa-f]{2})*")
_LONGEST = 20_000


def find_private_keys(data: bytes) -> Iterator[Found]:
    """From the line that begins a private key to the one that ends it, or, where none does, as far as it can go on."""
    position = 0
    while begin := _BEGIN.search(data, position):
        end = _END.search(data, begin.end(), begin.end() + _LONGEST)
        body = _BODY.match(data, begin.end(), begin.end() + _LONGEST)
        position = end.end() if end else body.end() if body else begin.end()
        yield Found(begin.start(), position, "pem")
