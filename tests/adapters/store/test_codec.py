from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import assistant, trace, user
from loopwright.adapters.store.codec import RECORDS, decode, encode, fingerprint, from_json, to_json
from loopwright.collect.trace import Message, Trace
from loopwright.errors import StoreError
from loopwright.mine.signal import FailureSignal, FailureTrace
from strategies import record, values


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_every_record_comes_back_exactly(kind: type) -> None:
    @settings(max_examples=60)
    @given(record(kind))
    def comes_back(given_record: Any) -> None:
        again = decode(encode(given_record), kind)
        assert repr(again) == repr(given_record)
        assert fingerprint(again) == fingerprint(given_record)

    comes_back()


@settings(max_examples=300)
@given(values)
def test_every_value_comes_back_exactly(value: Any) -> None:
    text = to_json(value)
    assert repr(from_json(text)) == repr(value)
    msgspec.json.decode(text)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"), float("-inf"), -0.0, 2**63, -(2**70), "\ud800", "a\x00b", {"$": 1}, {"$": "tuple", "v": []}, {1: 2, "1": 3},
        (), ((1,), [2]), {"\udfff": "x"}, b"\x00\xff", {1, 2}, frozenset({3}), datetime(1, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1),  # noqa: DTZ001
        FailureSignal.HARD_ERROR, Message("user"), {None: True}, {"": {}},
    ],
    ids=repr,
)  # fmt: skip
def test_what_json_would_lose_is_kept(value: Any) -> None:
    again = from_json(to_json(value))
    assert repr(again) == repr(value)
    assert type(again) is type(value)


def test_numbers_of_other_libraries_become_plain_ones() -> None:
    numpy = pytest.importorskip("numpy")
    assert repr(from_json(to_json([numpy.float64(0.5), numpy.int64(3), numpy.float32(0.25)]))) == "[0.5, 3, 0.25]"


def test_the_order_of_keys_is_kept_and_does_not_count() -> None:
    one, other = trace(attributes={"a": 1, "b": 2}), trace(attributes={"b": 2, "a": 1})
    assert list(decode(encode(other), Trace).attributes) == ["b", "a"]
    assert fingerprint(one) == fingerprint(other)


def test_different_content_has_different_fingerprints() -> None:
    contents = [None, 0, 0.0, -0.0, False, "", "0", [], (), {}, {"0": 0}, {0: 0}, b"", [[]], float("nan"), "nan"]
    assert len({fingerprint(trace(attributes={"x": content})) for content in contents}) == len(contents)


def test_empty_fields_take_no_room() -> None:
    assert to_json(trace(user("hi"))) == (
        b'{"$":"Trace","trace_id":"t1","messages":{"$":"tuple","v":[{"$":"Message","role":"user","content":"hi"}]},'
        b'"usage":{"$":"Usage"}}'
    )


def test_a_field_that_a_later_version_added_reads_as_its_default() -> None:
    assert from_json('{"$":"Trace","trace_id":"t1"}') == Trace("t1")


def test_a_field_that_this_version_does_not_know_is_left_out() -> None:
    assert from_json('{"$":"Trace","trace_id":"t1","colour":"red"}') == Trace("t1")


def test_a_value_without_content_is_refused() -> None:
    with pytest.raises(StoreError, match="a value of type object cannot be stored"):
        encode(trace(attributes={"x": object()}))


def test_a_record_of_another_house_is_refused() -> None:
    @dataclass
    class Invoice:
        number: int

    with pytest.raises(StoreError, match="a value of type Invoice is not part of what is stored"):
        encode(trace(attributes={"x": Invoice(1)}))


def test_nesting_without_end_is_refused() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(StoreError, match="nests too deeply"):
        encode(trace(attributes={"deep": deep}))


@settings(max_examples=100)
@given(st.binary(max_size=40))
def test_damaged_bytes_are_a_store_error(payload: bytes) -> None:
    with pytest.raises(StoreError, match="is damaged"):
        decode(payload, Trace)


@settings(max_examples=200)
@given(st.data())
def test_a_flipped_byte_never_reads_as_another_record(data: st.DataObject) -> None:
    original = trace(user("hello"), assistant("hi"))
    payload = bytearray(encode(original))
    index = data.draw(st.integers(0, len(payload) - 1))
    payload[index] ^= data.draw(st.integers(1, 255))
    try:
        again = decode(bytes(payload), Trace)
    except StoreError:
        return
    assert again == original


def test_another_record_in_its_place_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="a stored FailureTrace holds a Trace"):
        decode(encode(trace()), FailureTrace)
