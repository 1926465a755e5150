"""OpenTelemetry's messages in protobuf, out of files: one message, or many with their lengths before them.

The lengths are varints, as protobuf's own tools write them, or four bytes, as the Collector's file exporter does; it may pack
each message with Zstandard, and then JSON comes so too. Nothing larger than the limit is held: a larger message is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import zstandard

from loopwright.adapters.importers.sources import ZSTD, BrokenSourceError
from loopwright.adapters.otlp.protowire import LENGTH, MalformedError, embedded, fields, varint

Framing = Literal["four bytes", "varint", "none"]
Signal = Literal["traces", "logs", "metrics"]

PIECE = 1024 * 1024
"""Bytes of a large message that are handed out together."""

_TRACE_ID = 16
_CURE = "write or fetch the file again"


class Message(NamedTuple):
    """One message: in protobuf, or as JSON text."""

    number: int
    data: bytes
    json: bool = False


def framing(head: bytes) -> Framing | None:
    """How the messages of a file that begins so are told apart; None for what is no such file."""
    if head[:1] == b"\0" and len(head) > 4:
        size = int.from_bytes(head[:4], "big")
        inside = head[4:]
        if size and (inside.startswith((ZSTD, b"{")) or _is_message(inside[:size], size)):
            return "four bytes"
        return None
    if _is_message(head, None):
        return "none"
    size, at = _varint_of(head)
    return "varint" if size and at and _is_message(head[at : at + size], size) else None


def messages(chunks: Iterable[bytes], how: Framing, limit: int) -> Iterator[Message]:
    """The messages of a file; raises `BrokenSourceError` where it cannot be read on, its line being the number of the message."""
    stream = _Stream(chunks)
    number = 0
    try:
        while not stream.ended():
            number += 1
            if how == "none":
                yield from (Message(number, data) for data in _cut(stream, None, limit))
                continue
            size = stream.varint() if how == "varint" else int.from_bytes(stream.take(4), "big")
            if how == "four bytes" and size <= limit:
                yield _unpacked(stream.take(size), number, limit)
            else:
                yield from (Message(number, data) for data in _cut(stream, size, limit))
    except MalformedError as error:
        raise BrokenSourceError(f"not OTLP in protobuf: {error}", _CURE, "malformed protobuf", number) from None
    except BrokenSourceError as broken:
        broken.line = broken.line or number
        raise


def signal(data: bytes) -> Signal | None:
    """What a message holds, by the shape of its first item; None for one that holds nothing."""
    try:
        for group in _inner(data, 0, len(data), 1):
            for scope in _inner(data, group[0], group[1], 2):
                for start, end in _inner(data, scope[0], scope[1], 2):
                    return _signal_of_item(data, start, end)
    except MalformedError:
        return "traces"
    return None


def _signal_of_item(data: bytes, start: int, end: int) -> Signal:
    """A span begins with ids, a log record with times, a metric with a name."""
    for field in fields(data, start, end):
        if field.wire != LENGTH:
            return "logs"
        size = field.end - field.start
        return "traces" if field.number != 1 or size == _TRACE_ID else "metrics"
    return "traces"


def _inner(data: bytes, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    for field in fields(data, start, end):
        if field.number == number and field.wire == LENGTH:
            yield field.start, field.end


def _is_message(head: bytes, size: int | None) -> bool:
    """Whether bytes begin like a message that is nothing but groups: each begins with a resource or a scope."""
    if head[:1] != b"\x0a" or not head[1:].strip():
        return False
    length, at = _varint_of(head[1:])
    at += 1
    if at == 1 or (size is not None and at + length > size) or head[at : at + 1] not in (b"\x0a", b"\x12", b"\x1a", b""):
        return False
    inner, after = _varint_of(head[at + 1 :])
    return not length or (after > 0 and 1 + after + inner <= length)


def _varint_of(head: bytes) -> tuple[int, int]:
    """The number that stands at the beginning, and how many bytes it takes; 0 bytes where there is none."""
    value = 0
    for place, byte in enumerate(head[:10]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, place + 1
    return 0, 0


def _unpacked(data: bytes, number: int, limit: int) -> Message:
    """A message by itself, as it came or out of its frame of Zstandard."""
    if data.startswith(ZSTD):
        try:
            with zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(data) as stream:
                data = stream.read(limit + 1)
        except zstandard.ZstdError as error:
            raise BrokenSourceError(f"corrupt zstandard data: {error}", _CURE, "corrupt zstandard", number) from None
        if len(data) > limit:
            cure = "raise import.max_line_bytes (LOOPWRIGHT_IMPORT_MAX_LINE_BYTES)"
            raise BrokenSourceError(f"a message of more than {limit:,} bytes", cure, "record too long", number)
    return Message(number, data, data.lstrip()[:1] == b"{")


def _cut(stream: _Stream, size: int | None, limit: int) -> Iterator[bytes]:
    """A message of `size` bytes, or of all that comes, in messages of bounded size."""
    yield from _groups(stream, size, (), limit)


def _groups(stream: _Stream, size: int | None, heads: tuple[bytes, ...], limit: int) -> Iterator[bytes]:
    """The fields of a message: a large group is cut again, with what it says of itself before each of its pieces.

    `heads` are the fields that stand before, of each message around this one.
    """
    end = None if size is None else stream.at + size
    inside = 1 if not heads else 2
    own, batch = b"", []
    held = 0
    while not stream.ended() if end is None else stream.at < end:
        tag, raw = stream.tagged()
        if tag >> 3 != inside or tag & 7 != LENGTH:
            own += raw + stream.field(tag & 7, limit)
            continue
        length = stream.varint()
        if end is not None and stream.at + length > end:
            raise MalformedError(f"a field at byte {stream.at} runs beyond its message")
        if length > PIECE and len(heads) < 2:
            yield from _groups(stream, length, (*heads, own), limit)
            continue
        if length > limit:
            cure = "raise import.max_line_bytes (LOOPWRIGHT_IMPORT_MAX_LINE_BYTES)"
            raise BrokenSourceError(f"a span of {length:,} bytes, over the limit of {limit:,}", cure, "record too long")
        batch.append(embedded(inside, stream.take(length)))
        held += length
        if held > PIECE:
            yield _within(heads, own, batch)
            batch, held = [], 0
    if batch:
        yield _within(heads, own, batch)


def _within(heads: tuple[bytes, ...], own: bytes, batch: list[bytes]) -> bytes:
    """Fields as a message, with all that stands around them."""
    if not heads:
        return b"".join(batch)
    made = own + b"".join(batch)
    for depth in range(len(heads) - 1, 0, -1):
        made = heads[depth] + embedded(2, made)
    return embedded(1, made)


class _Stream:
    """Bytes that come in chunks, taken as they are asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._data = b""
        self._start = 0
        self.at = 0

    def ended(self) -> bool:
        """Whether nothing is left."""
        return not self._has(1)

    def take(self, size: int) -> bytes:
        """The next bytes; raises `MalformedError` where there are not as many."""
        if not self._has(size):
            raise MalformedError(f"the data ends at byte {self.at + len(self._data) - self._start}, within a message")
        taken = self._data[self._start : self._start + size]
        self._start += size
        self.at += size
        return taken

    def varint(self) -> int:
        """The next number."""
        return self.tagged()[0]

    def tagged(self) -> tuple[int, bytes]:
        """The next number, and the bytes that it was written in."""
        value, raw = 0, b""
        for shift in range(0, 70, 7):
            byte = self.take(1)
            raw += byte
            value |= (byte[0] & 0x7F) << shift
            if byte[0] < 0x80:
                return value, raw
        raise MalformedError(f"a number at byte {self.at} does not end")

    def field(self, wire: int, limit: int) -> bytes:
        """The value of a field, as it is written, that follows its tag."""
        if wire == 0:
            return self.tagged()[1]
        if wire in (1, 5):
            return self.take(8 if wire == 1 else 4)
        if wire == LENGTH:
            size = self.varint()
            if size > limit:
                raise MalformedError(f"a field of {size:,} bytes at byte {self.at}")
            return varint(size) + self.take(size)
        raise MalformedError(f"wire type {wire} at byte {self.at}")

    def _has(self, size: int) -> bool:
        if len(self._data) - self._start >= size:
            return True
        parts = [self._data[self._start :]]
        held = len(parts[0])
        while held < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            parts.append(chunk)
            held += len(chunk)
        self._data, self._start = b"".join(parts), 0
        return held >= size
