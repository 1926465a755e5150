"""What a file holds, told by its bytes, as a stream of records: JSON in its shapes, OTLP in protobuf, a table, Inspect's log."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

from loopwright.adapters.importers import binary, eval_log, parquet, rows
from loopwright.adapters.importers.decoding import decode_value
from loopwright.adapters.importers.sources import ZIP, BrokenSourceError, Source
from loopwright.adapters.importers.splitting import Piece, pieces, whole
from loopwright.collect.intake import STDIN, Rejected
from loopwright.errors import RecordError

HEAD = 64 * 1024
"""Bytes by which a file is told."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its number in the file, from 1, its line (or its number again), and what it is.

    `value` is a JSON value, or an OTLP message in protobuf. `partial` says that it is some of a record too large to be held,
    `row` that it is a row of a table.
    """

    number: int
    line: int
    value: Any
    partial: bool = False
    row: bool = False


def read(source: Source, limit: int) -> Iterator[Record | Rejected]:
    """The records of a file, and a refusal for each piece that is none. Where it breaks, one refusal is the last."""
    number = 0
    try:
        for line, value, *flags in _found(source, limit):
            number += 1
            if isinstance(value, RecordError):
                yield rejected(source, line, value)
            else:
                yield Record(number, line, value, *flags)
    except BrokenSourceError as broken:
        yield Rejected(source.name, broken.line, broken.problem, broken.cure, broken.reason, source.offset)
    except RecordError as error:
        yield rejected(source, 0, error)


def rejected(source: Source, line: int, error: RecordError) -> Rejected:
    """The refusal of a record."""
    return Rejected(source.name, line, error.problem, error.cure, error.reason, source.offset)


Place = tuple[int, Any] | tuple[int, Any, bool] | tuple[int, Any, bool, bool]


def _found(source: Source, limit: int) -> Iterator[Place]:
    chunks = source.chunks()
    head, stream = _head(chunks)
    if head.startswith(ZIP):
        yield from _of_archive(source, stream, limit)
        return
    if head.startswith(parquet.MAGIC):
        with _seekable(source, stream) as file:
            yield from ((line, row, False, True) for line, row in parquet.rows(file))
        return
    how = binary.framing(head)
    if how is not None:
        yield from _of_binary(stream, how, limit)
    elif (between := rows.delimiter(head)) is not None:
        for line, row in rows.rows(stream, between, limit):
            yield line, row, False, True
    else:
        for piece in pieces(stream, limit, cuts=True):
            yield piece.line, _value(piece, limit), piece.partial


def _head(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The beginning of a stream, and all of it; a stream that breaks in its beginning breaks again where it did."""
    held: list[bytes] = []
    size = 0
    broken: BrokenSourceError | None = None
    try:
        while size < HEAD and (chunk := next(chunks, None)) is not None:
            held.append(chunk)
            size += len(chunk)
    except BrokenSourceError as error:
        broken = error
    return b"".join(held)[:HEAD], chain(held, _broken(broken) if broken else chunks)


def _broken(error: BrokenSourceError) -> Iterator[bytes]:
    yield from ()
    raise error


def _value(piece: Piece, limit: int) -> Any:
    try:
        return decode_value(whole(piece, limit))
    except RecordError as error:
        return error


def _of_binary(stream: Iterable[bytes], how: binary.Framing, limit: int) -> Iterator[Place]:
    for message in binary.messages(stream, how, limit):
        if not message.json:
            yield message.number, message.data
            continue
        try:
            yield message.number, decode_value(message.data)
        except RecordError as error:
            yield message.number, error


def _of_archive(source: Source, stream: Iterable[bytes], limit: int) -> Iterator[Place]:
    with _seekable(source, stream) as file:
        yield from eval_log.samples(file, limit)


def _seekable(source: Source, stream: Iterable[bytes]) -> IO[bytes]:
    """The file, or all that comes of one that cannot be sought in, in a temporary file."""
    if source.path != STDIN and source.plain and Path(source.path).is_file():
        try:
            opened: IO[bytes] = Path(source.path).open("rb")  # noqa: SIM115 - closed by its reader
        except OSError as error:
            raise BrokenSourceError(f"cannot be read: {error.strerror or error}", "check the file", "unreadable file") from None
        source.offset = os.fstat(opened.fileno()).st_size
        return opened
    spooled: IO[bytes] = tempfile.TemporaryFile(prefix="loopwright-")  # noqa: SIM115 - closed by its reader
    for chunk in stream:
        spooled.write(chunk)
    spooled.seek(0)
    return spooled
