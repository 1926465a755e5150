"""Passwords in addresses: `postgres://user:password@host/database`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.collect.redaction.rules import Found

_LOGIN = re.compile(rb""":\\*/\\*/[^\s/:@"'<>\\]{0,100}:(?P<password>[^\s/@"'<>\\]{1,400})@""")


def may_hold_logins(data: bytes) -> bool:
    r"""False: no address with a login is in these bytes, slashes escaped as in `:\/\/` or not."""
    return b"@" in data and (b"://" in data or (b"\\" in data and b"\\/" in data))


def find_logins(data: bytes, _lowered: bytes) -> Iterator[Found]:
    """The passwords of addresses."""
    for match in _LOGIN.finditer(data):
        yield Found(*match.span("password"), "password")
