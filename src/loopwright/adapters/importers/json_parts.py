"""One large JSON object as a stream: the elements of the arrays that matter one by one, and the rest as a small object."""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable, Iterator
from typing import NamedTuple

from loopwright.errors import RecordError

Path = tuple[str, ...]
"""The keys that lead to an array; elements of arrays on the way have no key."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},]', re.DOTALL)
_BOM = b"\xef\xbb\xbf"


class Part(NamedTuple):
    """One element of the array at `path`, and the line that it begins on, from 1."""

    line: int
    path: Path
    data: bytes


def parts(chunks: Iterable[bytes], targets: Collection[Path], limit: int) -> Generator[Part, None, bytes]:
    """The elements of the arrays at `targets`, in order; returns the object without them, each array empty.

    Follows brackets, keys and strings; what an element holds is for its decoder to judge. Raises `RecordError` for an element, or
    a rest, of more than `limit` bytes, and for an object that does not end.
    """
    scan = _Scan(targets, limit)
    for chunk in chunks:
        yield from scan.feed(chunk)
    return scan.end()


def first_keys(head: bytes) -> set[str]:
    """The keys of the first object in `head`, as far as it reaches; those of the first element where it is an array."""
    scan = _Scan((), len(head) + 1)
    for _ in scan.feed(head):
        pass
    return scan.keys


class _Scan:
    def __init__(self, targets: Collection[Path], limit: int) -> None:
        self._targets, self._limit = frozenset(targets), limit
        self._open: list[tuple[bytes, str | None]] = []
        self._key: str | None = None
        self._key_next = False
        self._array: int | None = None
        self._rest = b""
        self._line = 1
        self._element: list[bytes] = []
        self._element_line, self._size = 1, 0
        self._skeleton: list[bytes] = []
        self._skeleton_size = 0
        self._started = self._ended = False
        self.keys: set[str] = set()

    def feed(self, chunk: bytes) -> Iterator[Part]:
        data = self._rest + chunk
        if not self._started:
            data, self._started = data.removeprefix(_BOM), True
        done, stop = 0, len(data)
        for found in _TOKEN.finditer(data):
            token = found.group()
            if token == b'"':
                stop = found.start()
                break
            if self._array is not None and len(self._open) == self._array and token in (b",", b"]"):
                self._keep(data[done : found.start()])
                yield from self._cut()
                done = found.start() if token == b"]" else found.end()
            self._turn(token)
            if token == b"[" and self._array is None and self._path() in self._targets:
                self._keep(data[done : found.end()])
                done, self._array = found.end(), len(self._open)
        self._keep(data[done:stop])
        self._rest = data[stop:]
        if len(self._rest) > self._limit:
            raise _too_long(len(self._rest), self._limit)

    def end(self) -> bytes:
        """The object without the elements."""
        if self._open or self._rest or not self._ended:
            raise RecordError(
                f"the JSON breaks off in line {self._line}", cure="write or fetch the file again", reason="truncated JSON"
            )
        return b"".join(self._skeleton)

    def _turn(self, token: bytes) -> None:
        """Follow one token."""
        if token in (b"{", b"["):
            self._open.append((token, self._key))
            self._key, self._key_next = None, token == b"{"
        elif token in (b"}", b"]"):
            self._close(token)
        elif token == b",":
            self._key_next = bool(self._open) and self._open[-1][0] == b"{"
        elif self._key_next:
            self._key, self._key_next = token[1:-1].decode("utf-8", "replace"), False
            if sum(bracket == b"{" for bracket, _ in self._open) == 1:
                self.keys.add(self._key)

    def _close(self, token: bytes) -> None:
        if not self._open or self._open[-1][0] != (b"{" if token == b"}" else b"["):
            raise RecordError(f"malformed JSON: a {token.decode()} too many in line {self._line}", cure="write the file again")
        if self._array == len(self._open):
            self._array = None
        self._open.pop()
        self._key, self._key_next = None, False
        self._ended = not self._open

    def _path(self) -> Path:
        return tuple(key for _, key in self._open if key is not None)

    def _keep(self, data: bytes) -> None:
        """Bytes of the current element, or of the rest."""
        if self._array is None:
            self._skeleton.append(data)
            self._skeleton_size += len(data)
            if self._skeleton_size > self._limit:
                raise _too_long(self._skeleton_size, self._limit)
        else:
            if not self._size:
                stripped = data.lstrip()
                self._element_line = self._line + data[: len(data) - len(stripped)].count(b"\n")
                self._size = len(stripped)
                self._element = [stripped]
            else:
                self._size += len(data)
                self._element.append(data)
            if self._size > self._limit:
                raise _too_long(self._size, self._limit)
        self._line += data.count(b"\n")

    def _cut(self) -> Iterator[Part]:
        """The element that ended."""
        data = b"".join(self._element).strip()
        self._element, self._size = [], 0
        if data:
            yield Part(self._element_line, self._path(), data)


def _too_long(size: int, limit: int) -> RecordError:
    return RecordError(
        f"a record of {size:,} bytes or more, over the limit of {limit:,}",
        cure="raise import.max_line_bytes (LOOPWRIGHT_IMPORT_MAX_LINE_BYTES)",
        reason="record too long",
    )
