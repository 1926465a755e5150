"""Files of records as a stream of traces or of plain objects; what cannot be taken comes out as `Rejected`, in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from loopwright.adapters.importers.decoding import decode_object
from loopwright.adapters.importers.seen import SeenIds
from loopwright.adapters.importers.sources import BrokenSourceError, Source, find_files, size_of
from loopwright.adapters.importers.splitting import Piece, pieces
from loopwright.collect.intake import Rejected, printable
from loopwright.collect.record import FORMATS, read_trace
from loopwright.errors import RecordError, UsageError
from loopwright.ports import Imported
from loopwright.registry import unknown

_LINE_BITS = 40


class FileTraceReader:
    """The `TraceReader` port over files. A record of more than `max_line_bytes` is refused without being held in memory."""

    def __init__(self, max_line_bytes: int) -> None:
        self._limit = max_line_bytes

    def sources(self, paths: Sequence[str]) -> list[tuple[str, int | None]]:
        """The files that `paths` stand for, with their sizes; raises `InputError` for one that is not there."""
        return [(Source(path).name, size_of(path)) for path in find_files(paths)]

    def read(self, paths: Sequence[str], format: str | None = None) -> Iterator[Imported | Rejected]:
        """Read `paths` in order. An id is taken once: a later record of the same id is refused."""
        if format is not None and format not in FORMATS:
            raise UsageError(unknown("trace format", format, FORMATS))
        return self._read([Source(path) for path in find_files(paths)], format)

    def _read(self, sources: Sequence[Source], format: str | None) -> Iterator[Imported | Rejected]:
        seen = SeenIds()
        for number, source in enumerate(sources):
            for found in _records(source, self._limit):
                if isinstance(found, Rejected):
                    yield found
                    continue
                line, record = found
                try:
                    trace, known = read_trace(record, format)
                except RecordError as error:
                    yield _rejected(source, line, error)
                    continue
                earlier = seen.add(trace.trace_id, number << _LINE_BITS | line)
                if earlier is None:
                    yield Imported(trace, source.name, line, known, source.offset)
                else:
                    place = (sources[earlier >> _LINE_BITS].name, earlier & ((1 << _LINE_BITS) - 1))
                    yield _duplicate(source, line, trace.trace_id, place)


class FileRecordReader:
    """The `RecordReader` port over files."""

    def __init__(self, max_line_bytes: int) -> None:
        self._limit = max_line_bytes

    def read(self, path: str) -> Iterator[tuple[int, dict[str, Any]] | Rejected]:
        """Read a file, the files of a folder, or standard input (`-`)."""
        sources = [Source(file) for file in find_files([path])]
        return (found for source in sources for found in _records(source, self._limit))


def _records(source: Source, limit: int) -> Iterator[tuple[int, dict[str, Any]] | Rejected]:
    """The objects of one source, and a refusal for each piece that is none. Where it breaks, one refusal is the last."""
    try:
        for piece in pieces(source.chunks(), limit):
            try:
                yield piece.line, _object(piece, limit)
            except RecordError as error:
                yield _rejected(source, piece.line, error)
    except BrokenSourceError as broken:
        yield Rejected(source.name, broken.line, broken.problem, broken.cure, broken.reason, source.offset)


def _object(piece: Piece, limit: int) -> dict[str, Any]:
    if piece.data is None:
        raise RecordError(
            f"a record of {piece.size:,} bytes, over the limit of {limit:,}",
            cure="split it, or raise import.max_line_bytes",
            reason="record too long",
        )
    return decode_object(piece.data)


def _rejected(source: Source, line: int, error: RecordError) -> Rejected:
    return Rejected(source.name, line, error.problem, error.cure, error.reason, source.offset)


def _duplicate(source: Source, line: int, trace_id: str, earlier: tuple[str, int]) -> Rejected:
    place = f"line {earlier[1]}" if earlier[0] == source.name else f"{printable(earlier[0])}:{earlier[1]}"
    shown = trace_id if len(trace_id) <= 80 else trace_id[:79] + "…"
    return Rejected(
        source.name,
        line,
        f"duplicate id {shown!r}, first at {place}",
        "the first is kept; give each record an id of its own",
        "duplicate id",
        source.offset,
    )
