"""Results of other tools behind the `RecordReader` port: whatever wrote a file, its rows come out as the gate's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import IO, Any

from loopwright.adapters.importers.json_parts import Part, first_keys, parts
from loopwright.adapters.importers.reader import records
from loopwright.adapters.importers.results import deepeval, inspect_log, promptfoo
from loopwright.adapters.importers.results.deepeval import DeepEval
from loopwright.adapters.importers.results.inspect_log import InspectLog
from loopwright.adapters.importers.results.junit import JUnit
from loopwright.adapters.importers.results.promptfoo import Promptfoo
from loopwright.adapters.importers.results.rows import decoded, refuse
from loopwright.adapters.importers.results.sniffing import FORMATS, HEAD, sniff
from loopwright.adapters.importers.results.table import Table
from loopwright.adapters.importers.sources import SUFFIXES, ZIP, BrokenSourceError, Source, find_files
from loopwright.adapters.importers.splitting import elements
from loopwright.adapters.importers.zip_members import Archive
from loopwright.collect.intake import Rejected
from loopwright.errors import InputError, RecordError, UsageError
from loopwright.registry import unknown

_SUFFIXES = (*SUFFIXES, ".eval", ".xml", ".xml.gz", ".csv", ".csv.gz")
_SPOOLED = 16 * 1024 * 1024
_Found = Iterator[tuple[int, dict[str, Any]] | Rejected]
_Tool = Promptfoo | DeepEval | InspectLog
_ARRAYS = {"promptfoo": promptfoo.ARRAYS, "deepeval": deepeval.ARRAYS, "inspect": inspect_log.ARRAYS}


class FileResultReader:
    """The `RecordReader` port over results of promptfoo, Inspect, DeepEval, JUnit XML, CSV and our own JSON Lines.

    What is longer than `limit` bytes (a record, an element, a field) is refused. `format` is what files are taken for that are
    not the gate's own; None sniffs each. A number of at least `pass_score` passes, where a tool has scores and no verdicts.
    `told` is told what a person should know of a file, such as how many tests were skipped. Raises `UsageError` for an unknown
    format.
    """

    def __init__(
        self, limit: int, format: str | None = None, pass_score: float = 1.0, told: Callable[[str], None] = lambda _: None
    ) -> None:
        if format is not None and format not in FORMATS:
            raise UsageError(unknown("results format", format, FORMATS))
        self._limit, self._format, self._pass_score, self._told = limit, format, pass_score, told

    def read(self, path: str) -> _Found:
        """Read a file, the files of a folder, or standard input (`-`); raises `InputError` for one that is not there."""
        return (found for file in _files(path) for found in self._rows(Source(file, zipped=True)))

    def _rows(self, source: Source) -> _Found:
        """The rows of one source, and last a refusal where it cannot be read on."""
        try:
            chunks = source.chunks()
            head = _head(chunks)
            if not head.strip():
                return
            sniffed = sniff(head)
            of = sniffed if self._format is None or (sniffed == "loopwright" and b'"eval_id"' in head) else self._format
            whole = chain([head], chunks)
            if of == "loopwright":
                yield from records(source, whole, self._limit)
            elif of == "csv":
                yield from self._csv(source, whole)
            elif of == "junit":
                yield from self._junit(source, whole)
            else:
                yield from self._tool(of, source, whole, head)
        except BrokenSourceError as broken:
            yield Rejected(source.name, broken.line, broken.problem, broken.cure, broken.reason, source.offset)
        except RecordError as error:
            yield _rejected(source, error.line, error)

    def _csv(self, source: Source, chunks: Iterable[bytes]) -> _Found:
        table = Table(self._pass_score, self._limit)
        yield from table.read(_lines(chunks, self._limit))
        self._tell(source, table.notes)

    def _junit(self, source: Source, chunks: Iterable[bytes]) -> _Found:
        report = JUnit()
        yield from ((0, made) for made in report.read(chunks))
        self._tell(source, report.notes)

    def _tool(self, of: str, source: Source, chunks: Iterable[bytes], head: bytes) -> _Found:
        tool = self._new(of)
        if head.startswith(ZIP):
            header = yield from self._archive(tool, source, chunks)
        elif of == "promptfoo" and not _is_whole(head):
            header = yield from self._json_lines(tool, source, chunks)
        else:
            header = yield from self._json(tool, of, source, chunks)
        if header is not None:
            yield from ((0, made) for made in tool.finish(header))
            self._tell(source, tool.notes)

    def _new(self, of: str) -> _Tool:
        if of == "inspect":
            return InspectLog(self._pass_score)
        return Promptfoo() if of == "promptfoo" else DeepEval()

    def _json(
        self, tool: _Tool, of: str, source: Source, chunks: Iterable[bytes]
    ) -> Generator[Rejected, None, dict[str, Any] | None]:
        """Hand the tool the elements of one JSON object; returns the rest of it, None after a refusal."""
        stream: Generator[Part, None, bytes] = parts(chunks, _ARRAYS[of], self._limit)
        seen = False
        while True:
            try:
                part = next(stream)
            except StopIteration as stop:
                header = decoded(stop.value)
                break
            seen = True
            try:
                tool.take(decoded(part.data))
            except RecordError as error:
                yield _rejected(source, part.line, error)
                return None
        if not seen and not _has_array(header, _ARRAYS[of]):
            names = " or ".join(".".join(path) for path in _ARRAYS[of])
            raise refuse(f"was not written by {of}: there is no {names}", "name another format with --results-format")
        inner = header.get("testRunData")
        return inner if isinstance(inner, dict) else header

    def _json_lines(
        self, tool: _Tool, source: Source, chunks: Iterable[bytes]
    ) -> Generator[Rejected, None, dict[str, Any] | None]:
        for found in records(source, chunks, self._limit):
            if isinstance(found, Rejected):
                yield found
                return None
            line, record = found
            try:
                tool.take(record)
            except RecordError as error:
                yield _rejected(source, line, error)
                return None
        return {}

    def _archive(self, tool: _Tool, source: Source, chunks: Iterable[bytes]) -> Generator[Rejected, None, dict[str, Any] | None]:
        """Hand the tool the summaries of an Inspect log; returns its header."""
        if not isinstance(tool, InspectLog):
            raise refuse("is a zip archive, and of the formats only Inspect's logs are", "unpack it first")
        with closing(_seekable(source, chunks)) as file:
            archive = Archive(file)
            names = [name for name in archive.names if name.startswith("_journal/summaries/")]
            summaries = ["summaries.json"] if "summaries.json" in archive.names else sorted(names, key=_number)
            header = next((name for name in ("header.json", "_journal/start.json") if name in archive.names), None)
            if header is None:
                raise refuse("is a zip archive without header.json, and no log of Inspect", "give a log that Inspect wrote")
            for name in summaries:
                for piece in elements(archive.chunks(name), self._limit):
                    try:
                        tool.take(decoded(_whole(piece.data, self._limit)))
                    except RecordError as error:
                        yield _rejected(source, 0, RecordError(f"{name}: {error.problem}", cure=error.cure, reason=error.reason))
                        return None
            return decoded(_whole(_joined(archive.chunks(header), self._limit), self._limit))

    def _tell(self, source: Source, notes: Iterable[str]) -> None:
        for note in notes:
            self._told(f"{source.name}: {note}")


def _files(path: str) -> list[str]:
    """The files that a path stands for: of a folder, those that are named like results."""
    if not os.path.isdir(path):  # noqa: PTH112 - a path as given
        return find_files([path])
    found = []
    for where, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            str(Path(where, name)) for name in sorted(names) if name.lower().endswith(_SUFFIXES) and not name.startswith(".")
        ]
    if not found:
        raise InputError("the folder holds no results", source=path, cure="name the files themselves")
    return found


def _head(chunks: Iterator[bytes]) -> bytes:
    head = b""
    while len(head) < HEAD and (chunk := next(chunks, b"")):
        head += chunk
    return head


def _is_whole(head: bytes) -> bool:
    """Whether a file of promptfoo begins as one evaluation, and not as lines of results."""
    return "results" in first_keys(head)


def _lines(chunks: Iterable[bytes], limit: int) -> Iterator[str]:
    """The lines of a text with their ends; raises `RecordError` where it is not UTF-8, or one is beyond the limit."""
    rest, line = b"", 1
    for chunk in chunks:
        *ended, rest = (rest + chunk).split(b"\n")
        for end in ended:
            yield _text(end + b"\n", line)
            line += 1
        if len(rest) > limit:
            raise _located(
                RecordError(f"a line of {len(rest):,} bytes or more, over the limit of {limit:,}", cure="split it"), line
            )
    if rest:
        yield _text(rest, line)


def _text(data: bytes, line: int) -> str:
    try:
        return data.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        problem = f"not UTF-8: byte 0x{data[error.start]:02x} at column {error.start + 1}"
        raise _located(RecordError(problem, cure="save the file as UTF-8", reason="not UTF-8"), line) from None


def _located(error: RecordError, line: int) -> RecordError:
    error.line = line
    return error


def _seekable(source: Source, chunks: Iterable[bytes]) -> IO[bytes]:
    """The source as a file that can be read from anywhere."""
    if source.path != "-" and Path(source.path).is_file():
        return Path(source.path).open("rb")
    spooled = tempfile.SpooledTemporaryFile(max_size=_SPOOLED)  # noqa: SIM115 - the caller closes it
    spooled.writelines(chunks)
    spooled.seek(0)
    return spooled


def _whole(data: bytes | None, limit: int) -> bytes:
    if data is None:
        raise RecordError(
            f"a record over the limit of {limit:,} bytes", cure="raise import.max_line_bytes", reason="record too long"
        )
    return data


def _joined(chunks: Iterable[bytes], limit: int) -> bytes | None:
    found, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            return None
        found.append(chunk)
    return b"".join(found)


def _has_array(header: dict[str, Any], paths: Iterable[tuple[str, ...]]) -> bool:
    """Whether any of the paths leads to an array, be it empty."""
    return any(isinstance(_at(header, path), list) for path in paths)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _number(name: str) -> tuple[int, str]:
    stem = name.rpartition("/")[2].partition(".")[0]
    return (int(stem) if stem.isdecimal() else 0, name)


def _rejected(source: Source, line: int, error: RecordError) -> Rejected:
    return Rejected(source.name, error.line or line, error.problem, error.cure, error.reason, source.offset)
