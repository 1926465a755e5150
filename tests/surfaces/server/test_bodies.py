from __future__ import annotations

import gzip
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from loopwright.surfaces.server.answers import Refusal
from loopwright.surfaces.server.bodies import ENCODINGS, Load, unpack

MOST = 1000
PACKERS = [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstandard.compress)]


def unpacked(packed: bytes, encoding: str, most: int = MOST) -> bytes:
    with Load(10**9).account() as account:
        return unpack(packed, encoding, most, account)


def deflated(text: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(text) + machine.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda text: gzip.compress(text[:3]) + gzip.compress(text[3:])),
        ("deflate", zlib.compress),
        ("deflate", deflated),
        ("zstd", zstandard.compress),
        ("zstd", lambda text: zstandard.compress(text[:3]) + zstandard.compress(text[3:])),
    ],
)
def test_what_was_packed_is_unpacked(encoding: str, pack: object) -> None:
    assert callable(pack)
    for text in (b"hello there", bytes(range(256)) * 3):
        assert unpacked(pack(text), encoding) == text


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_a_bomb_is_refused_before_it_unfolds(encoding: str, pack: object) -> None:
    assert callable(pack)
    bomb = pack(bytes(50_000_000))

    with Load(10**9).account() as account:
        with pytest.raises(Refusal) as refusal:
            unpack(bomb, encoding, 100_000, account)
        assert account.size < 12_000_000

    assert refusal.value.status == 413


@pytest.mark.parametrize(("encoding", "pack"), PACKERS)
def test_what_breaks_off_is_refused(encoding: str, pack: object) -> None:
    assert callable(pack)
    packed = pack(bytes(range(256)) * 3)

    for end in range(1, len(packed), 7):
        with pytest.raises(Refusal) as refusal:
            unpacked(packed[:end], encoding)
        assert refusal.value.status == 400


def test_an_encoding_that_is_not_known_is_named() -> None:
    with pytest.raises(Refusal, match="'br'") as refusal:
        unpacked(b"x", "br")
    assert refusal.value.status == 415


@given(st.binary(max_size=300), st.sampled_from(ENCODINGS[1:]))
def test_any_bytes_are_unpacked_or_refused(packed: bytes, encoding: str) -> None:
    try:
        assert len(unpacked(packed, encoding)) <= MOST
    except Refusal as refusal:
        assert refusal.status in (400, 413)


def test_memory_is_set_aside_and_given_back() -> None:
    load = Load(100)
    with load.account() as first, load.account() as second:
        first.hold(60)
        second.hold(40)
        with pytest.raises(Refusal) as refusal:
            second.hold(41)
        assert refusal.value.status == 503
        assert refusal.value.retry_after == 1
    assert load.held == 0
    with load.account() as alone:
        alone.hold(500)  # larger than all the room, but alone
    assert load.held == 0


def test_what_is_only_announced_takes_no_room() -> None:
    load = Load(100)
    with load.account() as slow, load.account() as other:
        slow.hold(1)
        slow.check(90)
        other.hold(80)
        with pytest.raises(Refusal):
            slow.check(90)
        assert load.held == 81
    assert load.held == 0
