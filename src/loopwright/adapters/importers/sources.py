"""Files, folders and standard input as streams of bytes, unpacked where they are gzip or Zstandard."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import zstandard

from loopwright.collect.intake import STDIN, place
from loopwright.errors import InputError

CHUNK = 256 * 1024
_ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".binpb", ".pb")
SUFFIXES = (*(f"{ending}{packed}" for ending in _ENDINGS for packed in ("", ".gz", ".zst")), ".eval", ".parquet")

ZIP = b"PK\x03\x04"
ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP = b"\x1f\x8b"
_ZSTD_WINDOW = 2**27
_ZSTD_FEED = 1024
"""Bytes unpacked at once: a block of Zstandard holds up to 128 kB in four bytes."""
_FOREIGN = {
    ZIP: "a zip archive",
    b"\xfd7zXZ\x00": "xz data",
    b"BZh": "bzip2 data",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\x00": "an SQLite database",
    b"%PDF": "a PDF file",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class BrokenSourceError(Exception):
    """A source cannot be read on; what came before stands. `line` is where it broke, 0 for the file as a whole."""

    def __init__(self, problem: str, cure: str, reason: str, line: int = 0) -> None:
        super().__init__(problem)
        self.problem, self.cure, self.reason, self.line = problem, cure, reason, line


class Source:
    """One file, or standard input. `offset` counts the bytes read so far, as stored; `zipped` lets archives and Parquet through.

    `plain` says, once reading has begun, whether the bytes are those that are stored, and were not unpacked.
    """

    def __init__(self, path: str, zipped: bool = False) -> None:
        self.path = path
        self._zipped = zipped
        self.name = place(path)
        self.offset = 0
        self.plain = True

    def chunks(self) -> Iterator[bytes]:
        """The content, in pieces of bounded size; raises `BrokenSourceError` where it cannot be read on."""
        try:
            if self.path == STDIN:
                yield from self._unpacked(sys.stdin.buffer)
            else:
                with Path(self.path).open("rb", buffering=0) as file:
                    yield from self._unpacked(file)
        except OSError as error:
            raise BrokenSourceError(
                f"cannot be read: {error.strerror or error}", "check the file and its permissions", "unreadable file"
            ) from None

    def _unpacked(self, file: BinaryIO) -> Iterator[bytes]:
        raw = self._raw(file)
        first = next(raw, b"")
        while 0 < len(first) < 16 and (more := next(raw, b"")):
            first += more
        if not (self._zipped and first.startswith((ZIP, b"PAR1"))):
            _refuse_foreign(first, self.path)
        stream = _with_first(first, raw)
        unpack = _gunzip if first.startswith(_GZIP) else _unzstd if first.startswith(ZSTD) else None
        self.plain = unpack is None
        yield from stream if unpack is None else unpack(stream)

    def _raw(self, file: BinaryIO) -> Iterator[bytes]:
        while chunk := file.read(CHUNK):
            self.offset += len(chunk)
            yield chunk


def find_files(paths: Sequence[str]) -> list[str]:
    """The files that `paths` stand for, each once: folders give the files in them, sorted; `-` is standard input.

    In a folder, files that are named or look like JSON are taken, and hidden ones left out. Raises `InputError` for a path that
    does not exist and a folder without such files.
    """
    found: list[str] = []
    for path in paths:
        if path == STDIN or (os.path.exists(path) and not os.path.isdir(path)):  # noqa: PTH110, PTH112 - a path as given
            found.append(path)
        elif os.path.isdir(path):  # noqa: PTH112
            inside = [str(file) for file in _inside(Path(path)) if _is_records(file)]
            if not inside:
                raise InputError("the folder holds no files of traces", source=path, cure="name the files themselves")
            found += inside
        else:
            raise InputError("no such file or folder", source=path, cure="check the path; - reads standard input")
    return list(dict.fromkeys(found))


def size_of(path: str) -> int | None:
    """The size in bytes as stored; None where it is not known, as for a pipe."""
    file = Path(path)
    return file.stat().st_size if path != STDIN and file.is_file() else None


def _inside(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(files) if not name.startswith("."))


def _is_records(file: Path) -> bool:
    """Whether a file in a folder is named like one of traces, or begins like JSON."""
    if not file.is_file():
        return False
    if file.name.lower().endswith(SUFFIXES):
        return True
    try:
        start = next(Source(str(file)).chunks(), b"")
    except BrokenSourceError:
        return False
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _refuse_foreign(start: bytes, path: str) -> None:
    for magic, what in _FOREIGN.items():
        if start.startswith(magic):
            raise BrokenSourceError(f"is {what}, not JSON Lines", "unpack or export it as JSON Lines first", "unknown format")
    if start.startswith(_UTF16):
        raise BrokenSourceError("is UTF-16 text (byte offset 0)", "save it as UTF-8", "not UTF-8")
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if path.lower().endswith(".gz") and text and not start.startswith(_GZIP) and text[:1] not in (b"{", b"["):
        raise BrokenSourceError(
            "is named .gz, but does not begin as gzip data does", "fetch or compress it again", "corrupt gzip"
        )


def _with_first(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Gzip data of one or more members, unpacked in bounded pieces."""
    unpack = zlib.decompressobj(wbits=31)
    first_member = True
    for chunk in chunks:
        data = chunk
        while data:
            if unpack.eof:
                data = data.lstrip(b"\x00")
                if not data:
                    break
                unpack, first_member = zlib.decompressobj(wbits=31), False
            try:
                out = unpack.decompress(data, CHUNK)
            except zlib.error as error:
                raise _corrupt(error, first_member) from None
            if out:
                yield out
            data = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
    if not unpack.eof:
        yield unpack.flush()
        raise BrokenSourceError(
            "truncated gzip: the data ends before its end mark", "fetch or compress the file again", "truncated gzip"
        )


def _unzstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Zstandard data of one or more frames, unpacked in bounded pieces."""
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    unpack, begun = decompressor.decompressobj(), False
    for chunk in chunks:
        for start in range(0, len(chunk), _ZSTD_FEED):
            data = chunk[start : start + _ZSTD_FEED]
            while data:
                try:
                    out = unpack.decompress(data)
                except zstandard.ZstdError as error:
                    detail = str(error).rpartition(": ")[2]
                    raise BrokenSourceError(
                        f"corrupt zstandard data: {detail}", "fetch or compress the file again", "corrupt zstandard"
                    ) from None
                begun = True
                if out:
                    yield out
                data = unpack.unused_data if unpack.eof else b""
                if unpack.eof:
                    unpack, begun = decompressor.decompressobj(), False
    if begun:
        raise BrokenSourceError(
            "truncated zstandard data: it ends within a frame", "fetch or compress the file again", "truncated zstandard"
        )


def _corrupt(error: zlib.error, first_member: bool) -> BrokenSourceError:
    if not first_member and "incorrect header" in str(error):
        return BrokenSourceError("bytes after the end of the gzip data", "fetch or compress the file again", "corrupt gzip")
    detail = str(error).rpartition(": ")[2]
    return BrokenSourceError(f"corrupt gzip: {detail}", "fetch or compress the file again", "corrupt gzip")
