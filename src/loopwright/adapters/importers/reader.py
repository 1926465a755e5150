"""Files of records as a stream of traces or of plain objects; what cannot be taken comes out as `Rejected`, in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from loopwright.adapters.importers import contents
from loopwright.adapters.importers.converting import Converter
from loopwright.adapters.importers.decoding import decode_object
from loopwright.adapters.importers.gathering import HELD_BYTES, Gathering
from loopwright.adapters.importers.seen import SeenIds
from loopwright.adapters.importers.sources import BrokenSourceError, Source, find_files, size_of
from loopwright.adapters.importers.splitting import pieces, whole
from loopwright.adapters.otlp.redacting import Redactor
from loopwright.collect.formats import catalogue
from loopwright.collect.intake import STDIN, Rejected, printable
from loopwright.collect.trace import Trace
from loopwright.errors import RecordError, UsageError
from loopwright.ports import Imported, ImportedFeedback, ImportedParts
from loopwright.registry import unknown

_LINE_BITS = 40
_MARKED = 64 * 1024
"""Bytes from the beginning of a file that tell whether it is the same one."""

Found = Imported | ImportedParts | ImportedFeedback | Rejected


class FileTraceReader:
    """The `TraceReader` port over files. A record of more than `max_line_bytes` is refused without being held in memory.

    `redactor` takes secrets and personal data out of all that is read; `finish` adds to a trace that was put together of spans
    what they do not tell, such as its cost.
    """

    def __init__(
        self,
        max_line_bytes: int,
        redactor: Redactor | None = None,
        *,
        finish: Callable[[Trace], Trace] | None = None,
        held_bytes: int = HELD_BYTES,
    ) -> None:
        self._limit = max_line_bytes
        self._redactor = redactor
        self._finish = finish
        self._held = held_bytes

    def sources(self, paths: Sequence[str]) -> list[tuple[str, int | None]]:
        """The files that `paths` stand for, with their sizes; raises `InputError` for one that is not there."""
        return [(Source(path).name, size_of(path)) for path in find_files(paths)]

    def mark(self, source: str) -> str | None:
        """A name for the content of a file, of its place, size and beginning; None for what cannot be read twice."""
        path = Path(source)
        if source in (STDIN, Source(STDIN).name) or not path.is_file():
            return None
        with path.open("rb") as file:
            beginning = hashlib.sha256(file.read(_MARKED)).hexdigest()[:32]
        return f"import:{beginning}:{path.stat().st_size}:{path.resolve()}"

    def read(self, paths: Sequence[str], format: str | None = None) -> Iterator[Imported | ImportedFeedback | Rejected]:
        """Read `paths` in order. An id is taken once: a later record of the same id is refused.

        Spans are put together once all paths were read, for other records may hold more of their trace; see `Gathering`.
        """
        sources = self._sources(paths, format)
        return self._gathered(sources, format)

    def read_parts(
        self, paths: Sequence[str], format: str | None = None, after: Mapping[str, int] | None = None
    ) -> Iterator[Found]:
        """Read `paths` in order; spans come as parts, as they are read. `after` are records of a source that were read before.

        A later record of an id says so in `Imported.again`.
        """
        sources = self._sources(paths, format)
        return self._parts(sources, format, after or {}, _First(sources, marks=True))

    def _sources(self, paths: Sequence[str], format: str | None) -> list[Source]:
        if format is not None and format not in catalogue.NAMES:
            raise UsageError(unknown("trace format", format, catalogue.NAMES))
        return [Source(path, zipped=True) for path in find_files(paths)]

    def _gathered(self, sources: Sequence[Source], format: str | None) -> Iterator[Imported | ImportedFeedback | Rejected]:
        gathering = Gathering(self._held, self._finish)
        first = _First(sources)
        for found in self._parts(sources, format, {}, first):
            if isinstance(found, ImportedParts):
                gathering.add(found)
            else:
                yield found
        for gathered in gathering.finish():
            yield first.of(gathered)

    def _parts(self, sources: Sequence[Source], format: str | None, after: Mapping[str, int], first: _First) -> Iterator[Found]:
        for source in sources:
            converter = Converter(source, self._limit, format, self._redactor)
            done = after.get(source.name, 0)
            for record in contents.read(source, self._limit):
                if isinstance(record, Rejected):
                    if not done or record.line > converter.line:
                        yield record
                    continue
                if record.number <= done:
                    converter.pass_over(record)
                    continue
                for found in converter.of(record):
                    yield first.of(found)
            for found in converter.end():
                yield first.of(found)


class _First:
    """Lets a trace's id pass once; with `marks`, again too, with its refusal."""

    def __init__(self, sources: Sequence[Source], marks: bool = False) -> None:
        self._marks = marks
        self._sources = {source.name: number for number, source in enumerate(sources)}
        self._names = [source.name for source in sources]
        self._seen = SeenIds()

    def of(self, found: Found) -> Any:
        """What was found; a trace whose id was met before is refused."""
        if not isinstance(found, Imported):
            return found
        earlier = self._seen.add(found.trace.trace_id, self._sources[found.source] << _LINE_BITS | found.line)
        if earlier is None:
            return found
        place = (self._names[earlier >> _LINE_BITS], earlier & ((1 << _LINE_BITS) - 1))
        refused = _duplicate(found, place)
        return replace(found, again=refused) if self._marks else refused


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
                yield piece.line, decode_object(whole(piece, limit))
            except RecordError as error:
                yield contents.rejected(source, piece.line, error)
    except BrokenSourceError as broken:
        yield Rejected(source.name, broken.line, broken.problem, broken.cure, broken.reason, source.offset)


def _duplicate(found: Imported, earlier: tuple[str, int]) -> Rejected:
    place = f"line {earlier[1]}" if earlier[0] == found.source else f"{printable(earlier[0])}:{earlier[1]}"
    trace_id = found.trace.trace_id
    shown = trace_id if len(trace_id) <= 80 else trace_id[:79] + "…"
    return Rejected(
        found.source,
        found.line,
        f"duplicate id {shown!r}, first at {place}",
        "the first is kept; give each record an id of its own",
        "duplicate id",
        found.offset,
    )
