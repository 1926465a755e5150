"""Parts of traces as they are stored: those that came together in one block, and the marks that tell repeats.

A block is compressed as a whole; where blocks are small, with a dictionary, which is simply some earlier parts: an agent's spans
look much alike, so that a few kB shrink by a third more with one, and in less time.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from threading import Lock, local
from typing import NamedTuple

import zstandard
from sqlalchemy import Connection, select

from loopwright.adapters.store.chunks import rows_in
from loopwright.adapters.store.codec import damaged
from loopwright.adapters.store.tables import blocks, dictionaries
from loopwright.adapters.store.tables import parts as table
from loopwright.errors import StoreError
from loopwright.ports import SpanPart

LEVEL = 3
"""Of zstd, for spans as they come in: level 1 takes two thirds of the time, and 4 to 7 % more room; level 6 takes three to four
times as long, for 4 to 6 % less."""

BLOCK = 512 * 1024
"""Bytes: about as much as is decompressed in a millisecond, which is what opening a trace costs."""

HELD = 16 * 1024 * 1024
"""Bytes of decompressed blocks that are held for the next trace."""

_DIGEST = 8


class Dictionary(NamedTuple):
    """A dictionary and its number in the store; 0 is none."""

    number: int
    content: bytes


NO_DICTIONARY = Dictionary(0, b"")


class Packer:
    """Compresses blocks, each thread by itself."""

    def __init__(self, dictionary: Dictionary = NO_DICTIONARY) -> None:
        self.dictionary = dictionary
        self._own = local()
        self._prepared = prepared(dictionary.content, LEVEL)

    def pack(self, data: bytes) -> bytes:
        """One block, compressed."""
        own: zstandard.ZstdCompressor | None = getattr(self._own, "compressor", None)
        if own is None:
            own = self._own.compressor = compressor(self._prepared)
        return own.compress(data)


class PartRow(NamedTuple):
    """Where a part stands: its number and its trace's, and its place in a block."""

    number: int
    trace: int
    block: int
    start: int
    length: int
    marks: bytes


class Raw(NamedTuple):
    """A part: its data, and the ids of its spans one after another, as text."""

    data: bytes
    ids: bytes


PLACE = select(table.c.number, table.c.trace, table.c.block, table.c.start, table.c.length, table.c.marks)


class Blocks:
    """Reads parts out of blocks; those read last are held decompressed, since traces that came together are read together."""

    def __init__(self) -> None:
        self._held: OrderedDict[int, bytes] = OrderedDict()
        self._size = 0
        self._dictionaries: dict[int, zstandard.ZstdCompressionDict | None] = {0: None}
        self._lock = Lock()

    def parts(self, connection: Connection, rows: Iterable[PartRow]) -> dict[int, bytes]:
        """The data of parts by their numbers; raises `StoreError` where it is damaged."""
        found: dict[int, bytes] = {}
        for number, some in groupby(sorted(rows, key=lambda row: row.block), lambda row: row.block):
            block = self.block(connection, number)
            for row in some:
                found[row.number] = block[row.start : row.start + row.length]
        return found

    def block(self, connection: Connection, number: int) -> bytes:
        """A block, decompressed."""
        with self._lock:
            held = self._held.get(number)
            if held is not None:
                self._held.move_to_end(number)
                return held
        row = connection.execute(select(blocks.c.dictionary, blocks.c.data).where(blocks.c.number == number)).first()
        if row is None:
            raise StoreError(f"block {number} of spans is not in the store; restore the store from a copy")
        content = expand(row.data, self._dictionary(connection, row.dictionary), "block of spans")
        if _writes(connection):  # what is undone gives its number to another
            return content
        with self._lock:
            if number not in self._held:
                self._held[number] = content
                self._size += len(content)
                while self._size > HELD and len(self._held) > 1:
                    self._size -= len(self._held.popitem(last=False)[1])
        return content

    def _dictionary(self, connection: Connection, number: int) -> zstandard.ZstdCompressionDict | None:
        if number in self._dictionaries:
            return self._dictionaries[number]
        content = connection.scalar(select(dictionaries.c.content).where(dictionaries.c.number == number))
        if content is None:
            raise StoreError(f"dictionary {number} of spans is not in the store; restore the store from a copy")
        made = prepared(bytes(content))
        if not _writes(connection):
            self._dictionaries[number] = made
        return made


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes", False))


def into_blocks(parts: Sequence[SpanPart]) -> Iterator[list[SpanPart]]:
    """Parts, in their order, as many together as make a block."""
    some: list[SpanPart] = []
    size = 0
    for part in parts:
        if some and size + len(part.data) > BLOCK:
            yield some
            some, size = [], 0
        some.append(part)
        size += len(part.data)
    if some:
        yield some


def raw_parts(connection: Connection, held: Blocks, traces: Sequence[int]) -> dict[int, list[Raw]]:
    """The parts of traces, in the order in which they came, by the trace's number."""
    rows = sorted(PartRow(*row) for row in rows_in(connection, PLACE, table.c.trace, traces))
    datas = held.parts(connection, rows)
    found: dict[int, list[Raw]] = {number: [] for number in traces}
    for row in rows:
        found[row.trace].append(Raw(datas[row.number], "".join(read_marks(row.marks)[0]).encode("utf-8", "surrogatepass")))
    return found


def compressor(dictionary: zstandard.ZstdCompressionDict | None, level: int = LEVEL) -> zstandard.ZstdCompressor:
    """What compresses with a dictionary, for one thread."""
    return zstandard.ZstdCompressor(level=level, dict_data=dictionary)


def expand(data: bytes, dictionary: zstandard.ZstdCompressionDict | None, what: str) -> bytes:
    """A frame's content; raises `StoreError`, which names `what` it was, where it is damaged."""
    try:
        return zstandard.ZstdDecompressor(dict_data=dictionary).decompress(data)
    except zstandard.ZstdError as error:
        raise damaged(what, error) from None


def prepared(content: bytes, level: int | None = None) -> zstandard.ZstdCompressionDict | None:
    """A dictionary for zstd, made ready to compress where a `level` is given; None for no content."""
    if not content:
        return None
    made = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    if level is not None:
        made.precompute_compress(level=level)
    return made


def marks(part: SpanPart) -> bytes:
    """The ids and digests of a part's spans as bytes: 16 a span where ids are 16 hex digits, as JSON otherwise."""
    joined = "".join(part.spans)
    digests = b"".join(part.digests)
    if len(digests) == _DIGEST * len(part.spans) and len(joined) == 16 * len(part.spans):
        try:
            ids = bytes.fromhex(joined)
        except ValueError:
            ids = b""
        if ids.hex() == joined and {*map(len, part.spans)} <= {16}:
            return b"\x00" + ids + digests
    return json.dumps([part.spans, [digest.hex() for digest in part.digests]]).encode()


def read_marks(data: bytes) -> tuple[list[str], list[bytes]]:
    """The ids and digests that `marks` wrote."""
    if data[:1] != b"\x00":
        spans, digests = json.loads(data)
        return spans, [bytes.fromhex(digest) for digest in digests]
    half = 1 + (len(data) - 1) // 2
    ids = data[1:half].hex()
    return [ids[at : at + 16] for at in range(0, len(ids), 16)], [
        data[at : at + _DIGEST] for at in range(half, len(data), _DIGEST)
    ]
