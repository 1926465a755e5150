"""Parts of traces as they are stored: compressed, with a dictionary where that helps, and the marks that tell repeats.

A dictionary is simply some earlier parts: an agent's spans look much alike, so that a part of a few kB shrinks by a third more
with one, and in less time. A part names the dictionary that it was written with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import local
from typing import NamedTuple

import zstandard

from loopwright.adapters.store.codec import damaged
from loopwright.ports import SpanPart

LEVEL = 1

_DIGEST = 8


class Dictionary(NamedTuple):
    """A dictionary and its number in the store; 0 is none."""

    number: int
    content: bytes


NO_DICTIONARY = Dictionary(0, b"")


class Packer:
    """Compresses parts, each thread by itself."""

    def __init__(self, dictionary: Dictionary = NO_DICTIONARY) -> None:
        self.dictionary = dictionary
        self._own = local()
        self._prepared = _prepare(dictionary.content, LEVEL)

    def pack(self, data: bytes) -> bytes:
        """One part, compressed."""
        compressor: zstandard.ZstdCompressor | None = getattr(self._own, "compressor", None)
        if compressor is None:
            compressor = self._own.compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=self._prepared)
        return compressor.compress(data)


class Unpacker:
    """Decompresses parts; `content_of` gives a dictionary by its number."""

    def __init__(self, content_of: Callable[[int], bytes]) -> None:
        self._content_of = content_of
        self._contents: dict[int, zstandard.ZstdCompressionDict | None] = {0: None}

    def unpack(self, data: bytes, dictionary: int) -> bytes:
        """One part; raises `StoreError` where it is damaged."""
        if dictionary not in self._contents:
            self._contents[dictionary] = _prepare(self._content_of(dictionary))
        return expand(data, self._contents[dictionary], "part of a trace")


def compress(data: bytes, like: bytes, level: int = 3) -> bytes:
    """`data`, which repeats much of what stands in `like`; to be read back with `like` in hand."""
    return zstandard.ZstdCompressor(level=level, dict_data=_prepare(like)).compress(data)


def decompress(data: bytes, like: bytes) -> bytes:
    """What `compress` was given; raises `StoreError` where it is damaged."""
    return expand(data, _prepare(like), "trace")


def expand(data: bytes, dictionary: zstandard.ZstdCompressionDict | None, what: str) -> bytes:
    """A frame's content; raises `StoreError`, which names `what` it was, where it is damaged."""
    try:
        return zstandard.ZstdDecompressor(dict_data=dictionary).decompress(data)
    except zstandard.ZstdError as error:
        raise damaged(what, error) from None


def marks(part: SpanPart) -> bytes:
    """The ids and digests of a part's spans as bytes: 16 a span where ids are 16 hex digits, as JSON otherwise."""
    joined = "".join(part.spans)
    digests = b"".join(part.digests)
    if len(digests) == _DIGEST * len(part.spans) and all(len(id) == 16 for id in part.spans) and joined.isascii():
        try:
            ids = bytes.fromhex(joined)
        except ValueError:
            ids = b""
        if ids.hex() == joined:
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


def _prepare(content: bytes, level: int | None = None) -> zstandard.ZstdCompressionDict | None:
    if not content:
        return None
    made = zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    if level is not None:
        made.precompute_compress(level=level)
    return made
