"""The bodies of requests: read and unpacked, never more of them at once than memory is set aside for."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import zstandard
from starlette.requests import ClientDisconnect, Request

from loopwright.surfaces.server.answers import Refusal

ENCODINGS = ("identity", "gzip", "deflate", "zstd")
_WINDOW = 32 * 1024 * 1024
_STEP = 1024 * 1024
_ZSTD_STEP = 256
_RETRY_S = 1


class Load:
    """Bytes of requests under way, at most `most` of them; a single request is let in however large."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    @contextmanager
    def account(self) -> Iterator[Account]:
        """What one request holds, given back at its end."""
        account = Account(self)
        try:
            yield account
        finally:
            self.held -= account.size


class Account:
    """The bytes that one request holds."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.size = 0

    def hold(self, size: int) -> None:
        """Hold so many in all, if that is more than now; raises `Refusal` where there is no room."""
        self.check(size)
        if size > self.size:
            self._load.held += size - self.size
            self.size = size

    def check(self, size: int) -> None:
        """Raise `Refusal` where there is no room for so many in all. None are held for it: what is announced may never come."""
        more = size - self.size
        if more > 0 and self._load.held > self.size and self._load.held + more > self._load.most:
            raise Refusal(503, "too much is under way; send it again later", _RETRY_S)


async def read_body(request: Request, account: Account, most: int, seconds: float) -> bytes:
    """The body, unpacked, of at most `most` bytes; raises `Refusal`.

    What is refused is read to its end first, as far as that goes, so that the sender sees the answer and no broken connection.
    """
    try:
        async with asyncio.timeout(seconds):
            packed = await _read(request, account, most)
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {seconds:g} seconds", headers=(("connection", "close"),)) from None
    except ClientDisconnect:
        raise Refusal(400, "the connection broke off") from None
    encoding = request.headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding == "identity":
        return packed
    return unpack(packed, encoding, most, account)


async def _read(request: Request, account: Account, most: int) -> bytes:
    told = request.headers.get("content-length", "")
    length = int(told) if told.isascii() and told.isdecimal() else None
    refusal: Refusal | None = None
    chunks: list[bytes] = []
    size = 0
    try:
        if length is not None and length > most:
            raise _too_large(most)
        account.check(length or 0)
    except Refusal as found:
        refusal = found
    async for chunk in request.stream():
        size += len(chunk)
        if refusal is None:
            try:
                if size > most:
                    raise _too_large(most)
                account.hold(size)
                chunks.append(chunk)
            except Refusal as found:
                refusal = found
                chunks.clear()
        elif size > 2 * most:
            break
    if refusal is not None:
        raise refusal
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def unpack(packed: bytes, encoding: str, most: int, account: Account) -> bytes:
    """A body as it was before it was compressed; raises `Refusal` for one that is larger than `most`, or damaged."""
    if encoding not in ENCODINGS:
        problem = f"the content encoding {encoding[:40]!r} is not known; send {', '.join(ENCODINGS)}"
        raise Refusal(415, problem, headers=(("accept-encoding", ", ".join(ENCODINGS)),))
    try:
        if encoding == "zstd":
            pieces = _zstd(packed)
        else:
            pieces = _zlib(packed, raw=encoding == "deflate" and not _has_zlib_header(packed))
        out: list[bytes] = []
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > most:
                raise _too_large(most)
            account.hold(len(packed) + size)
            out.append(piece)
    except (zlib.error, zstandard.ZstdError, EOFError) as found:
        raise Refusal(400, f"the body is no {encoding}: {found}") from None
    return b"".join(out)


def _zlib(packed: bytes, raw: bool) -> Iterator[bytes]:
    """Gzip, of one member or several, or deflate, piece by piece."""
    left = packed
    while left:
        machine = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS | 32)
        while left and not machine.eof:
            yield machine.decompress(left, _STEP)
            left = machine.unconsumed_tail
        if not machine.eof:
            yield machine.flush(_STEP)
        if not machine.eof:
            raise EOFError("it breaks off")
        left = machine.unused_data


def _zstd(packed: bytes) -> Iterator[bytes]:
    """Frames, piece by piece: a few bytes may unfold to very many, so that few are given at a time."""
    machine = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    frame = None
    for at in range(0, len(packed), _ZSTD_STEP):
        left = packed[at : at + _ZSTD_STEP]
        while left:
            frame = machine.decompressobj() if frame is None or frame.eof else frame
            yield frame.decompress(left)
            left = frame.unused_data if frame.eof else b""
    if frame is None or not frame.eof:
        raise EOFError("it breaks off")


def _has_zlib_header(packed: bytes) -> bool:
    return len(packed) >= 2 and packed[0] & 0x0F == 8 and int.from_bytes(packed[:2], "big") % 31 == 0


def _too_large(most: int) -> Refusal:
    return Refusal(
        413, f"the body is larger than {most:,} bytes, unpacked; send smaller batches, or raise serve.max_request_bytes"
    )
