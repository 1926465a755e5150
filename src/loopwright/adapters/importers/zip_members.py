"""The members of a zip archive as streams, within bounds: nothing that they say of their size is believed."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, cast

import zstandard

from loopwright.errors import RecordError

CHUNK = 256 * 1024
MAX_MEMBERS = 1_000_000
MAX_RATIO = 200
FREE = 16 * 1024 * 1024
"""Bytes that a member may unpack to, however small it is packed."""
_ZSTD = 93
_HEADER = 30
_ENCRYPTED = 0x1
_WINDOW = 2**27
_FETCH = "fetch or write the file again"


class Archive:
    """A zip archive in a seekable file; raises `RecordError` for anything that is not right about it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise _corrupt(error) from None
        if len(self._zip.infolist()) > MAX_MEMBERS:
            raise RecordError(f"the archive has more than {MAX_MEMBERS:,} members", cure="split it", reason="zip bomb")
        self.names = self._zip.namelist()

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member unpacked; raises `RecordError` for one that unpacks to out of proportion, is encrypted or corrupt."""
        info = self._zip.getinfo(name)
        if info.flag_bits & _ENCRYPTED:
            raise RecordError(f"{name} is encrypted", cure="unpack it, and write the log again", reason="encrypted")
        most = max(FREE, MAX_RATIO * info.compress_size)
        size = 0
        for chunk in self._unpacked(info):
            size += len(chunk)
            if size > most:
                raise RecordError(
                    f"{name} unpacks to more than {MAX_RATIO} times its {info.compress_size:,} bytes: a zip bomb",
                    cure=_FETCH,
                    reason="zip bomb",
                )
            yield chunk

    def _unpacked(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        try:
            if info.compress_type == _ZSTD:
                yield from self._zstd(info)
                return
            with self._zip.open(info) as member:
                while chunk := member.read(CHUNK):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise _corrupt(error) from None

    def _zstd(self, info: zipfile.ZipInfo) -> Iterator[bytes]:
        """A member packed with Zstandard, which this Python's zipfile may not know."""
        decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._file.seek(info.header_offset)
        header = self._file.read(_HEADER)
        skip = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        self._file.seek(info.header_offset + _HEADER + skip)
        packed = cast("IO[bytes]", _Bounded(self._file, info.compress_size))
        check = 0
        try:
            with decompressor.stream_reader(packed, closefd=False) as stream:
                while chunk := stream.read(CHUNK):
                    check = zlib.crc32(chunk, check)
                    yield chunk
        except zstandard.ZstdError as error:
            raise _corrupt(error) from None
        if check != info.CRC:
            raise _corrupt(f"bad CRC-32 for {info.filename}")


class _Bounded:
    """The next `left` bytes of a file."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        self._file, self._left = file, left

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data


def _corrupt(error: object) -> RecordError:
    return RecordError(f"is no zip archive that can be read: {error}", cure=_FETCH, reason="corrupt zip")
