"""Files of records as a stream of traces or of plain objects; what cannot be taken comes out as `Rejected`, in its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from loopwright.adapters.importers.decoding import decode_object
from loopwright.adapters.importers.gathering import Found, Gathered, Gathering
from loopwright.adapters.importers.seen import SeenIds
from loopwright.adapters.importers.sources import BrokenSourceError, Source, find_files, size_of
from loopwright.adapters.importers.splitting import Piece, pieces
from loopwright.collect.intake import Rejected, printable
from loopwright.collect.joining import read_given
from loopwright.collect.record import FORMAT_NAMES, read_trace, sniff
from loopwright.collect.trace import Trace
from loopwright.errors import RecordError, UsageError
from loopwright.ports import Imported, ImportedFeedback
from loopwright.registry import unknown

_LINE_BITS = 40


class FileTraceReader:
    """The `TraceReader` port over files. A record of more than `max_line_bytes` is refused without being held in memory."""

    def __init__(self, max_line_bytes: int) -> None:
        self._limit = max_line_bytes

    def sources(self, paths: Sequence[str]) -> list[tuple[str, int | None]]:
        """The files that `paths` stand for, with their sizes; raises `InputError` for one that is not there."""
        return [(Source(path).name, size_of(path)) for path in find_files(paths)]

    def read(self, paths: Sequence[str], format: str | None = None) -> Iterator[Imported | ImportedFeedback | Rejected]:
        """Read `paths` in order. An id is taken once: a later record of the same id is refused.

        Spans are put together once all paths were read, for other records may hold more of their trace; see `Gathering`.
        """
        if format is not None and format not in FORMAT_NAMES:
            raise UsageError(unknown("trace format", format, FORMAT_NAMES))
        return self._read([Source(path) for path in find_files(paths)], format)

    def _read(self, sources: Sequence[Source], format: str | None) -> Iterator[Imported | ImportedFeedback | Rejected]:
        gathering = Gathering()
        first = _First(sources)
        for source in sources:
            for found in records(source, source.chunks(), self._limit):
                if isinstance(found, Rejected):
                    yield found
                    continue
                line, record = found
                try:
                    for item in _taken(record, format, gathering, source, line):
                        yield first.of(item, source, line)
                except RecordError as error:
                    yield _rejected(source, line, error)
        for gathered in gathering.finish():
            yield first.of(gathered, sources[-1], 0)


def _taken(
    record: dict[str, Any], format: str | None, gathering: Gathering, source: Source, line: int
) -> Iterator[tuple[Trace, str] | Found]:
    """What a record gives at once: a trace with its format, feedback, or what gathering lets go."""
    known = sniff(record) if format is None else format
    if known == "otlp":
        yield from gathering.add(record, source, line)
    elif known == "feedback":
        yield ImportedFeedback(read_given(record), source.name, line, source.offset)
    else:
        yield read_trace(record, format)


class _First:
    """Lets a trace's id pass once."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {source.name: number for number, source in enumerate(sources)}
        self._names = [source.name for source in sources]
        self._seen = SeenIds()

    def of(self, found: tuple[Trace, str] | Found, source: Source, line: int) -> Imported | ImportedFeedback | Rejected:
        """What was found, in its place; a trace whose id was met before is refused."""
        if isinstance(found, ImportedFeedback | Rejected):
            return found
        if isinstance(found, Gathered):
            trace, known, source, line, others = found.trace, "otlp", found.source, found.line, found.others
        else:
            (trace, known), others = found, ()
        earlier = self._seen.add(trace.trace_id, self._sources[source.name] << _LINE_BITS | line)
        if earlier is None:
            return Imported(trace, source.name, line, known, source.offset, others)
        place = (self._names[earlier >> _LINE_BITS], earlier & ((1 << _LINE_BITS) - 1))
        return _duplicate(source, line, trace.trace_id, place)


class FileRecordReader:
    """The `RecordReader` port over files."""

    def __init__(self, max_line_bytes: int) -> None:
        self._limit = max_line_bytes

    def read(self, path: str) -> Iterator[tuple[int, dict[str, Any]] | Rejected]:
        """Read a file, the files of a folder, or standard input (`-`)."""
        sources = [Source(file) for file in find_files([path])]
        return (found for source in sources for found in records(source, source.chunks(), self._limit))


def records(source: Source, chunks: Iterable[bytes], limit: int) -> Iterator[tuple[int, dict[str, Any]] | Rejected]:
    """The objects of one source, and a refusal for each piece that is none. Where it breaks, one refusal is the last."""
    try:
        for piece in pieces(chunks, limit):
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
