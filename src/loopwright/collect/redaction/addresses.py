"""Addresses of machines: IPv4 and IPv6, and not versions, times or numbered sections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from loopwright.collect.redaction.hints import First, by_expression
from loopwright.collect.redaction.rules import Found

IPV4 = re.compile(rb"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_OF_IP = re.compile(
    rb"(?:\bips?\b|ipv4|address|addr|host|client|server|peer|remote|from|://|@|\bvia)[^\d\n]{0,12}\Z", re.IGNORECASE
)
_OF_VERSION = re.compile(
    rb"(?:\bv|\bver\.?|version|release|build|firmware|section|chapter|clause|article|sdk|update|upgraded? to"
    rb"|[=~<>!^]=|\^|[A-Za-z0-9_)]/|\w-)"
    rb"""(?:["'\\:=]|\s|is|to|no\.?){0,8}\Z""",
    re.IGNORECASE,
)
_V6_HINT = re.compile(rb":(?::|[0-9A-Fa-f]{1,4}:(?::|[0-9A-Fa-f]{1,4}:))")
_V6 = re.compile(rb"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,8}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?![\w:])")


def is_ipv4(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether what has the form of an address is one; `1.2.3.4` alone is rather a version, and loopback is nobody's."""
    start, end = match.span()
    parts = [int(part) for part in data[start:end].split(b".")]
    if max(parts) > 255 or not 1 <= parts[0] < 255 or parts[0] == 127:
        return False
    if any(len(part) > 1 and part.startswith(b"0") for part in data[start:end].split(b".")):
        return False
    before = data[max(0, start - 40) : start]
    if _OF_IP.search(before) or (data[end : end + 1] == b":" and data[end + 1 : end + 2].isdigit()):
        return True
    small = max(parts) <= 31 and not (parts[0] == 10 and parts[1] <= 1)
    return not small and not _OF_VERSION.search(before)


def may_hold_ipv6(data: bytes) -> First:
    """See `hints`: three groups, or none between two colons."""
    return by_expression(_V6_HINT)(data)


def find_ipv6(data: bytes) -> Iterator[Found]:
    """IPv6 addresses; those of the machine itself, and names such as `a::b` in code, are left."""
    if _V6_HINT.search(data) is None:
        return
    for match in _V6.finditer(data):
        if _is_ipv6(match.group()):
            yield Found(match.start(), match.end(), "ip")


def _is_ipv6(text: bytes) -> bool:
    if not any(48 <= byte <= 57 for byte in text):
        return False
    try:
        address = IPv6Address(text.decode())
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified) and int(address) > 0xFFFF


def plain_ip(text: bytes) -> bytes:
    """The one spelling of an address."""
    try:
        return str(IPv6Address(text.decode()) if b":" in text else IPv4Address(text.decode())).encode()
    except ValueError:
        return text
