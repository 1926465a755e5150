"""Streams of bytes cut into records: JSON Lines, one JSON array of records, or one JSON object. Memory stays bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import msgspec

from loopwright.adapters.importers.envelopes import Cutting
from loopwright.adapters.importers.sources import BrokenSourceError
from loopwright.errors import RecordError

BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_ARRAY_START = re.compile(rb"\s*\[\s*[{\]]")
_STRING_BODY = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BRACKETS = re.compile(rb'["\[\]{}]')
_BRACKETS_OR_COMMA = re.compile(rb'["\[\]{},]')
_QUOTE = ord('"')
_LOOKED_AT = 5
"""So many lines are tried whether they are records, before all is taken for one."""


class Piece(NamedTuple):
    """The bytes of one record and the line that it begins on, from 1; `data` is None where its `size` is beyond the limit.

    `partial` says that it is some of a record too large to be held.
    """

    line: int
    data: bytes | None
    size: int
    partial: bool = False


def pieces(chunks: Iterable[bytes], limit: int, cuts: bool = False) -> Iterator[Piece]:
    """The records of a stream, blank lines left out; none longer than `limit` bytes is held.

    A stream is JSON Lines unless its beginning is that of one JSON array of objects, or all of it is one object: with `cuts` one
    larger than `limit` comes in pieces (see `envelopes`). `BrokenSourceError` from `chunks` is passed on with the line where it
    broke; an array or object that breaks off raises it too.
    """
    head = _Head(chunks)
    first = _first_line(head.until_line(limit))[0]
    if cuts and len(first) > limit and first.startswith(b"{"):
        return cut(head.stream(), limit)
    if _decodes(first, dict):
        return lines(head.stream(), limit)
    start = head.until(limit)
    if _is_array(start, head.ended):
        return elements(head.stream(), limit)
    if head.ended and start.lstrip(_BLANK).startswith(b"{") and _decodes(start, dict):
        return iter([Piece(1 + _leading_newlines(start), start, len(start))])
    if cuts and _is_large_object(start, head.ended):
        return cut(head.stream(), limit)
    return lines(head.stream(), limit)


def whole(piece: Piece, limit: int) -> bytes:
    """The bytes of a record; raises `RecordError` where they are beyond the limit."""
    if piece.data is None:
        raise RecordError(
            f"a record of {piece.size:,} bytes, over the limit of {limit:,}",
            cure="split it, or raise import.max_line_bytes (LOOPWRIGHT_IMPORT_MAX_LINE_BYTES)",
            reason="record too long",
        )
    return piece.data


def cut(chunks: Iterable[bytes], limit: int) -> Iterator[Piece]:
    """An object larger than `limit` in pieces, and the lines behind it; one that cannot be cut is refused, and passed over."""
    cutting = Cutting()
    stream = iter(chunks)
    try:
        for chunk in stream:
            for made in cutting.feed(chunk):
                held = made.partial or len(made.data) <= limit
                yield Piece(made.line, made.data if held else None, len(made.data), made.partial)
            if cutting.ended:
                yield from lines(chain([cutting.rest], stream), limit, cutting.line)
                return
            if cutting.held > limit:
                yield from _too_long(cutting, stream, limit)
                return
    except BrokenSourceError as broken:
        broken.line = broken.line or cutting.line
        raise
    raise BrokenSourceError(
        "the JSON object is not closed: the file ends within it", "export the file again", "malformed JSON", cutting.line
    )


def _too_long(cutting: Cutting, rest: Iterable[bytes], limit: int) -> Iterator[Piece]:
    """A record of which nothing was taken is passed over, to the end of its line; one that was begun breaks off."""
    if cutting.cut_any:
        raise BrokenSourceError(
            f"a part of the JSON object has more than {limit:,} bytes, the most that one record may have",
            "raise import.max_line_bytes (LOOPWRIGHT_IMPORT_MAX_LINE_BYTES)",
            "record too long",
            cutting.line,
        )
    yield from lines(rest, limit, cutting.line, cutting.held)


def lines(chunks: Iterable[bytes], limit: int, number: int = 1, size: int = 0) -> Iterator[Piece]:
    """The lines of a stream, blank ones left out; it begins in the line `number`, of which `size` bytes are passed over."""
    parts: list[bytes] = []
    try:
        for chunk in chunks:
            *ended, rest = chunk.split(b"\n")
            for end in ended:
                size += len(end)
                if size > limit:
                    yield Piece(number, None, size)
                elif line := _line(parts, end, number):
                    yield Piece(number, line, size)
                number, size, parts = number + 1, 0, []
            size += len(rest)
            if size > limit:
                parts = []
            elif rest:
                parts.append(rest)
    except BrokenSourceError as broken:
        broken.line = number
        raise
    if size > limit:
        yield Piece(number, None, size)
    elif line := _line(parts, b"", number):
        yield Piece(number, line, size)


def _line(parts: list[bytes], end: bytes, number: int) -> bytes:
    """The line of these parts without the blanks around it, and the first one without a byte order mark."""
    line = b"".join((*parts, end)) if parts else end
    return (line.removeprefix(BOM) if number == 1 else line).strip(_BLANK)


def elements(chunks: Iterable[bytes], limit: int) -> Iterator[Piece]:
    """The elements of a stream that is one JSON array."""
    array = _Array(limit)
    try:
        for chunk in chunks:
            yield from array.feed(chunk)
    except BrokenSourceError as broken:
        yield from array.whole()
        broken.line = array.line
        raise
    yield from array.whole()
    array.end()


class _Array:
    """A scanner of one JSON array that comes in chunks: it follows brackets and strings, and leaves the rest to the decoder."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.line = 1
        self._depth = 0
        self._in_string = self._escaped = self._closed = False
        self._parts: list[bytes] = []
        self._size = self._newlines = 0

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """The elements that end in this chunk."""
        position = start = 0
        while position < len(chunk) and not self._closed:
            if self._in_string:
                position = self._skip_string(chunk, position)
                continue
            found = (_BRACKETS if self._depth > 1 else _BRACKETS_OR_COMMA).search(chunk, position)
            if found is None:
                break
            position = found.end()
            if self._turn(found.group()):
                yield from self._cut(chunk[start : position - 1])
                start = position
            elif self._depth == 1 and found.group() == b"[":
                self._count(chunk[start:position])
                self._step_over()
                start = position
        if self._closed:
            self._after(chunk[start:])
        else:
            self._keep(chunk[start:])

    def whole(self) -> Iterator[Piece]:
        """The element that stands whole at the end of a stream which broke off after it."""
        if self._depth == 1 and self._parts and b"".join(self._parts).rstrip(_BLANK).endswith(b"}"):
            yield from self._cut(b"")

    def end(self) -> None:
        """The stream has ended: raises `BrokenSourceError` where the array has not."""
        if not self._closed:
            raise BrokenSourceError(
                "the JSON array is not closed: the file ends within it", "export the file again", "malformed JSON", self.line
            )

    def _turn(self, mark: bytes) -> bool:
        """Follow a quote, bracket or comma outside strings; True where it ends an element."""
        if mark == b'"':
            self._in_string = True
        elif mark in b"[{":
            self._depth += 1
        elif mark in b"]}":
            self._depth -= 1
            self._closed = self._depth == 0
            return self._closed
        return mark == b"," and self._depth == 1

    def _skip_string(self, chunk: bytes, position: int) -> int:
        if self._escaped:
            self._escaped = False
            return position + 1
        body = _STRING_BODY.match(chunk, position)
        position = body.end() if body else position
        if position < len(chunk):
            self._in_string = chunk[position] != _QUOTE
            self._escaped = self._in_string
            position += 1
        return position

    def _keep(self, part: bytes) -> None:
        self._count(part)
        self._size += len(part)
        if self._size > self.limit:
            self._parts = []
        else:
            self._parts.append(part)

    def _count(self, part: bytes) -> None:
        self._newlines += part.count(b"\n")

    def _cut(self, end: bytes) -> Iterator[Piece]:
        self._keep(end)
        data = b"".join(self._parts)
        if self._size > self.limit:
            yield Piece(self.line, None, self._size)
        elif text := data.strip(_BLANK):
            yield Piece(self.line + _leading_newlines(data), text, len(text))
        self._step_over()

    def _step_over(self) -> None:
        self.line += self._newlines
        self._parts, self._size, self._newlines = [], 0, 0

    def _after(self, rest: bytes) -> None:
        if rest.strip(_BLANK):
            raise BrokenSourceError(
                "text after the end of the JSON array", "give one array, or one record a line", "malformed JSON", self.line
            )


class _Head:
    """The beginning of a stream, looked at before the stream is read."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._rest = iter(chunks)
        self._read: list[bytes] = []
        self._size = 0
        self._broken: BrokenSourceError | None = None
        self.ended = False

    def until_line(self, limit: int) -> bytes:
        """The beginning up to the end of the first line that is not blank, or about `limit` bytes."""
        while not self._stopped() and self._size <= limit and not _has_line(self._read):
            self._more()
        return self._text()

    def until(self, limit: int) -> bytes:
        """About `limit` bytes of the beginning, or all of a shorter stream."""
        while not self._stopped() and self._size <= limit:
            self._more()
        return self._text()

    def stream(self) -> Iterator[bytes]:
        """The whole stream, from its first byte."""
        while self._read:
            yield self._read.pop(0)
        if self._broken is not None:
            raise self._broken
        yield from self._rest

    def _stopped(self) -> bool:
        return self.ended or self._broken is not None

    def _more(self) -> None:
        try:
            chunk = next(self._rest, None)
        except BrokenSourceError as broken:
            self._broken = broken
            return
        if chunk is None:
            self.ended = True
            return
        self._size += len(chunk)
        self._read.append(chunk)

    def _text(self) -> bytes:
        return b"".join(self._read).removeprefix(BOM)


def _has_line(read: list[bytes]) -> bool:
    if not read or b"\n" not in read[-1]:
        return False
    return b"\n" in b"".join(read).lstrip(_BLANK)


def _is_array(start: bytes, all_of_it: bool) -> bool:
    """Whether a stream that begins so is one JSON array of objects, and not lines of which the first is an array, or broken.

    No array holds two whole objects on lines that follow each other without a comma.
    """
    if not _ARRAY_START.match(start):
        return False
    first, rest = _first_line(start)
    if _decodes(first, list):
        return all_of_it and not rest.strip(_BLANK)
    second, rest = _first_line(rest)
    if not _decodes(second, dict):
        return True
    return first.rstrip(_BLANK).endswith((b",", b"[", b":")) and not _decodes(_first_line(rest)[0], dict)


def _is_large_object(start: bytes, all_of_it: bool) -> bool:
    """Whether a stream that begins so is one object, longer than that, and not lines of which the first is broken."""
    if all_of_it or not start.lstrip(_BLANK).startswith(b"{"):
        return False
    rest = start
    for _ in range(_LOOKED_AT):
        line, rest = _first_line(rest)
        if _decodes(line, dict):
            return False
    return True


def _first_line(start: bytes) -> tuple[bytes, bytes]:
    line, _, rest = start.lstrip(_BLANK).partition(b"\n")
    return line, rest


def _decodes(data: bytes, type: type) -> bool:
    """Whether this is JSON of that type, or would be but for NaN and Infinity: that is for its decoder to judge."""
    try:
        return isinstance(msgspec.json.decode(data), type)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        if b"NaN" not in data and b"Infinity" not in data:
            return False
    try:
        return isinstance(json.loads(data), type)
    except (ValueError, RecursionError):
        return False


def _leading_newlines(data: bytes) -> int:
    return data[: len(data) - len(data.lstrip(_BLANK))].count(b"\n")
