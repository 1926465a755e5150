"""Protobuf's wire format, as much of it as it takes to cut a message into its fields and to put fields together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class MalformedError(ValueError):
    """Bytes that are no protobuf message."""


class Field(NamedTuple):
    """A field within some bytes: its number and wire type, where its tag begins, and where its value begins and ends."""

    number: int
    wire: int
    tag: int
    start: int
    end: int


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of the message at `data[start:end]`, in order; raises `MalformedError` where that is none."""
    end = len(data) if end is None else end
    at = start
    while at < end:
        tag, value = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == LENGTH:
            size, value = _varint(data, value, end)
            after = value + size
        elif wire == VARINT:
            _, after = _varint(data, value, end)
        elif wire == FIXED64:
            after = value + 8
        elif wire == FIXED32:
            after = value + 4
        else:
            raise MalformedError(f"wire type {wire} at byte {at}")
        if after > end or number == 0:
            raise MalformedError(f"a field at byte {at} runs beyond its message" if number else f"field number 0 at byte {at}")
        yield Field(number, wire, at, value, after)
        at = after


def varint(value: int) -> bytes:
    """A number of at least 0 as a varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def embedded(number: int, value: bytes) -> bytes:
    """A field that holds a message, a text or bytes."""
    return varint(number << 3 | LENGTH) + varint(len(value)) + value


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise MalformedError(f"a number at byte {at} does not end")
