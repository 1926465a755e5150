"""One large JSON object as a stream of small ones: some elements each of its long lists, and what stands before them.

`{"resource": R, "spans": [a, b, c]}` becomes `{"resource": R, "spans": [a, b]}` and `{"resource": R, "spans": [c]}`. Brackets,
keys and strings are followed; what an element holds is for its decoder to judge.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from loopwright.adapters.importers.sources import BrokenSourceError

Path = tuple[str, ...]

BATCH = 256 * 1024
"""Bytes of elements that are handed out together."""

_GROUPS = (
    ("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords"),
    ("resource_spans", "scope_spans", "spans"), ("resource_logs", "scope_logs", "log_records"),
)  # fmt: skip
_LISTS = ("data", "traces", "observations", "scores", "runs", "post", "patch", "spans", "samples", "simulations")
TARGETS: frozenset[Path] = frozenset([(name,) for name in _LISTS] + [path[:depth] for path in _GROUPS for depth in (1, 2, 3)])
"""The lists that are cut, by the keys that lead to them; elements of lists on the way have no key."""

_OUTER = frozenset(path[:-1] for path in TARGETS)
_CONTEXT = frozenset(("resource", "scope"))
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{},]', re.DOTALL)
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_BETWEEN = re.compile(rb"[ \t\r\n,]*+")


class Envelope(NamedTuple):
    """A small object, and the line that its part of the large one begins on. `partial` says that it is not all of the object."""

    line: int
    data: bytes
    partial: bool = True


@dataclass(slots=True)
class _Open:
    """A bracket that is open, and its key. A list that is cut knows where in the skeleton it begins.

    An object in a list that is cut knows whether a list within it was cut: then it is not handed out by itself.
    """

    bracket: bytes
    key: str | None
    cut: int | None = None
    streamed: bool = False


class Cutting:
    """Cuts one object that comes in chunks. Once it has `ended`, `rest` is what came behind it."""

    def __init__(self) -> None:
        self._data = b""
        self._from = self._at = 0
        self._open: list[_Open] = []
        self._key: str | None = None
        self._key_next = False
        self._skeleton = bytearray()
        self._depth = 0
        self._batch: list[bytes] = []
        self._batch_size = self._batch_line = 0
        self._late = False
        self.line = 1
        self.cut_any = self.ended = False

    def feed(self, chunk: bytes) -> Iterator[Envelope]:
        """What can be handed out by the end of this chunk; raises `BrokenSourceError` for brackets that do not match."""
        self._data = self._data[self._from :] + chunk
        self._at, self._from = self._at - self._from, 0
        more = True
        while more and not self.ended:
            more = yield from (self._elements() if self._in_list() else self._outside())

    @property
    def held(self) -> int:
        """How many bytes are held that belong to one element, or to no element."""
        return max(len(self._skeleton), len(self._data) - self._from)

    @property
    def rest(self) -> bytes:
        """What came behind the object."""
        return self._data[self._at :]

    def _in_list(self) -> bool:
        """Whether elements come next that are taken whole."""
        return bool(self._open) and self._open[-1].cut is not None and self._path() not in _OUTER

    def _outside(self) -> Generator[Envelope, None, bool]:
        """Follow tokens up to where a list begins that is cut; returns whether it does, or the object has ended."""
        for found in _TOKEN.finditer(self._data, self._at):
            token, self._at = found.group(), found.end()
            if token == b'"':
                self._at = found.start()
                self._keep()
                return False
            if token == b"," and self._open and self._open[-1].cut is not None:
                self._skip()
                continue
            self._keep()
            if token == b"}" and len(self._open) > 1 and self._open[-2].cut is not None:
                yield from self._end_of_outer_element()
                continue
            self._turn(token)
            if self.ended:
                yield from self._whole()
                return True
            if token == b"[" and self._path() in TARGETS and self._begin_cut():
                return True
        self._at = len(self._data)
        self._keep()
        return False

    def _begin_cut(self) -> bool:
        self._open[-1].cut = len(self._skeleton)
        if self._path() in _OUTER and len(self._path()) < 3 and self._path()[-1] != "spans":
            return False
        self.cut_any = True
        for opened in self._open:
            opened.streamed = True
        return True

    def _end_of_outer_element(self) -> Iterator[Envelope]:
        """An object in a list that is cut has ended: it is handed out unless a list in it was, and forgotten."""
        ended = self._open[-1]
        self._turn(b"}")
        if not ended.streamed:
            yield self._made(bytes(self._skeleton), self.line)
        del self._skeleton[self._open[-1].cut :]

    def _elements(self) -> Generator[Envelope, None, bool]:
        """Take elements, as many as end in the data; returns whether the list has ended."""
        while True:
            if not self._depth and self._from == self._at:
                between = _BETWEEN.match(self._data, self._at)
                self._at = between.end() if between else self._at
                self._skip()
                if self._data[self._at : self._at + 1] == b"]":
                    yield from self._flush()
                    self._at += 1
                    self._keep()
                    self._turn(b"]")
                    return True
            if not self._take():
                return False
            if self._batch_size >= BATCH:
                yield from self._flush()

    def _take(self) -> bool:
        """Follow an element up to its next bracket; returns False where more data is needed for that."""
        found = _TO_BRACKET.match(self._data, self._at)
        self._at = found.end() if found else self._at
        mark = self._data[self._at : self._at + 1]
        if mark in (b"", b'"'):
            return False
        if not self._depth and mark in b"]}":
            if mark == b"}":
                raise BrokenSourceError("malformed JSON: a } closes a list", "write the file again", "malformed JSON", self.line)
            self._finish()
            return True
        self._at += 1
        self._depth += 1 if mark in b"[{" else -1
        if not self._depth:
            self._finish()
        return True

    def _finish(self) -> None:
        """An element has ended."""
        if not self._batch:
            self._batch_line = self.line
        element = self._data[self._from : self._at]
        self._batch.append(element)
        self._batch_size += len(element)
        self._skip()

    def _flush(self) -> Iterator[Envelope]:
        if self._batch:
            yield self._made(bytes(self._skeleton) + b",".join(self._batch), self._batch_line)
            self._batch, self._batch_size = [], 0

    def _made(self, start: bytes, line: int) -> Envelope:
        return Envelope(line, start + b"".join(b"]" if one.bracket == b"[" else b"}" for one in reversed(self._open)))

    def _whole(self) -> Iterator[Envelope]:
        """The object has ended: what nothing was cut out of is handed out whole, of any other what came behind its lists."""
        if not self.cut_any:
            yield Envelope(1, bytes(self._skeleton), partial=False)
        elif self._late:
            yield Envelope(self.line, bytes(self._skeleton))

    def _turn(self, token: bytes) -> None:
        """Follow one token."""
        if token in (b"{", b"["):
            self._open.append(_Open(token, self._key))
            self._key, self._key_next = None, token == b"{"
        elif token in (b"}", b"]"):
            if not self._open or self._open[-1].bracket != (b"{" if token == b"}" else b"["):
                problem = f"malformed JSON: a {token.decode()} too many"
                raise BrokenSourceError(problem, "write the file again", "malformed JSON", self.line)
            self._open.pop()
            self._key, self._key_next = None, False
            self.ended = not self._open
        elif token == b",":
            self._key_next = bool(self._open) and self._open[-1].bracket == b"{"
        elif self._key_next:
            self._key, self._key_next = token[1:-1].decode("utf-8", "replace"), False
            self._note_key(self._key)

    def _note_key(self, key: str) -> None:
        """What stands behind lists that were cut: it cannot be told to what was handed out before it."""
        if not self._open[-1].streamed:
            return
        if len(self._open) > 1 and key in _CONTEXT:
            problem = f"a {key} stands behind what belongs to it, in an object too large to be held"
            raise BrokenSourceError(problem, f"write {key} first, or one request a line", "record too long", self.line)
        self._late = self._late or (len(self._open) == 1 and (key,) not in TARGETS)

    def _path(self) -> Path:
        return tuple(opened.key for opened in self._open if opened.key is not None)

    def _keep(self) -> None:
        """What was followed belongs to no element."""
        self._skeleton += self._data[self._from : self._at]
        self._skip()

    def _skip(self) -> None:
        self.line += self._data.count(b"\n", self._from, self._at)
        self._from = self._at
