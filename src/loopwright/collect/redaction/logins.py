"""Passwords beside the name of their user: `postgres://user:password@host`, `curl -u user:password`, lines of a .netrc."""

from __future__ import annotations

import re
from collections.abc import Iterator

from loopwright.collect.redaction.rules import Found

_ADDRESS = re.compile(rb""":\\*/\\*/[^\s/:@"'<>\\]{0,100}:(?P<password>[^\s/@"'<>\\]{1,400})@""")
_OPTION = re.compile(
    rb"""(?<![\w-])(?:-u|--(?:proxy-)?user)[ =]{1,3}(?:\\*["'])?(?P<user>[^\s:"'\\<>]{1,100}):(?P<password>[^\s"'\\<>]{3,400})"""
)
_NETRC = re.compile(rb"""\blogin[ \t]{1,4}[^\s<>]{1,100}\s{1,4}password[ \t]{1,4}(?P<password>[^\s"'\\<>]{3,400})""")
HINT = (
    r""":\\*/\\*/[^\s/:@"'<>\\]*:[^\s/@"'<>\\]+@|(?:-u|user)[ =]{1,3}(?:\\*["'])?[^\s:"'\\<>]+:"""
    r"""|login[ \t]{1,4}[^\s<>]+\s{1,4}password"""
)
"""See `hints`."""


def find_logins(data: bytes) -> Iterator[Found]:
    """The passwords; a user and a group of numbers or of one name, as in `-u 1000:1000`, are none."""
    for match in _ADDRESS.finditer(data):
        yield Found(*match.span("password"), "password")
    for match in _OPTION.finditer(data):
        password = match["password"]
        if password != match["user"] and not password.isdigit() and not password.startswith(b"$"):
            yield Found(*match.span("password"), "password")
    for match in _NETRC.finditer(data):
        yield Found(*match.span("password"), "password")
