"""Addresses of electronic mail, from the sign in their middle outwards."""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.collect.redaction.hints import First, Places, by_expression
from loopwright.collect.redaction.rules import Found

_SIGN, _PLAIN_SIGN = re.compile(rb"@|%40"), re.compile(rb"@")
_HINT = re.compile(rb"@(?<=[\w\x80-\xff.+-]@)[\w\x80-\xff\\-]+\.")
_ESCAPED = re.compile(rb"%40")
_LOCAL = re.compile(rb"[\w\x80-\xff.+-]{1,128}")  # matched against the text reversed
_DOMAIN = re.compile(
    rb"(?:[A-Za-z0-9\x80-\xff][A-Za-z0-9\x80-\xff-]{0,62}\.){1,8}(?P<top>xn--[A-Za-z0-9-]{2,59}|[A-Za-z\x80-\xff]{2,24})(?![\w-])"
)
_FILES = frozenset(
    b"png jpg jpeg gif svg webp ico css js mjs jsx tsx json html htm txt yaml yml toml xml csv pdf whl zip".split()
)


def may_begin(data: bytes) -> First:
    """See `hints`: the sign in the middle."""
    searches = [by_expression(_HINT)(data)]
    if b"%40" in data:
        searches.append(by_expression(_ESCAPED)(data))
    return Places(searches).first


def find_emails(data: bytes) -> Iterator[Found]:
    """Addresses, but for those of git's logins (`git@host:path`) and names of files such as `icon@2x.png`."""
    past = 0
    for sign in (_SIGN if b"%40" in data else _PLAIN_SIGN).finditer(data):
        at = sign.start()
        local = _LOCAL.match(data[max(past, at - 128) : at][::-1])
        domain = _DOMAIN.match(data, sign.end())
        if local is None or domain is None or domain["top"].lower() in _FILES:
            continue
        start = at - len(local.group().rstrip(b".-"))  # reversed: dots and dashes that stand first are not of the address
        if start == at or (data[start:at] == b"git" and data[domain.end() : domain.end() + 1] == b":"):
            continue
        past = domain.end()
        yield Found(start, past, "email")
