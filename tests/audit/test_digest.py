from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import trace, user
from loopwright.audit.digest import canonical, content_id, digest, plain
from strategies import plain_values


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Point:
    x: int
    y: int


def exact(value: Any) -> str:
    """The value as text that shows every difference but the order of keys."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key!r}:{exact(value[key])}" for key in sorted(value)) + "}"
    return "[" + ",".join(map(exact, value)) + "]" if isinstance(value, list) else repr(value)


ALIKE = [
    None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, float("nan"), float("inf"), float("-inf"), "nan", "NaN", "inf", "null", "1", "",
    [], [[]], {}, "[]", "{}", [None], {"1": 0}, {"": 0}, [["1", 0]], {"$map": [["1", 0]]}, [0, 1], "0,1",
    "\ud800", "\udc00", "\ud800\udc00", "\U00010000", "\\ud800", "a\x00", "a",
]  # fmt: skip


def test_values_that_look_alike_are_told_apart() -> None:
    assert len({canonical(value) for value in ALIKE}) == len(ALIKE)
    assert len({digest(value) for value in ALIKE}) == len(ALIKE)


@given(plain_values, plain_values)
def test_plain_values_have_one_text_exactly_when_they_are_the_same(one: Any, other: Any) -> None:
    assert (canonical(one) == canonical(other)) == (exact(one) == exact(other))


@given(plain_values, st.data())
def test_a_value_and_a_near_copy_are_told_apart(value: Any, data: st.DataObject) -> None:
    near = data.draw(st.sampled_from([[value], {"": value}, str(value), repr(value), canonical(value), plain(value)]))
    assert (canonical(value) == canonical(near)) == (exact(value) == exact(near))


@pytest.mark.parametrize(
    "keys", [(1, "1"), (None, "null"), (None, "None"), (True, "true"), (1, 1.5), ((1,), "[1]"), (1.0, "1.0")]
)
def test_keys_that_are_no_text_are_told_apart(keys: tuple[Any, Any]) -> None:
    assert canonical({keys[0]: "x"}) != canonical({keys[1]: "x"})
    assert canonical({keys[0]: "x", keys[1]: "y"}) != canonical({keys[0]: "y", keys[1]: "x"})


def test_the_order_of_keys_does_not_count() -> None:
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1}) == '{"a":1,"b":2}'
    assert canonical({1: 1, "b": 2}) == canonical({"b": 2, 1: 1})


def test_what_is_the_same_by_intent() -> None:
    assert canonical(Point(1, 2)) == canonical({"x": 1, "y": 2})
    assert canonical(Colour.RED) == canonical("red")
    assert canonical((1, 2)) == canonical([1, 2]) == canonical({2, 1}) == canonical(frozenset({1, 2}))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert canonical(noon) == canonical(noon.astimezone(timezone(timedelta(hours=5)))) == '"2026-01-01T12:00:00+00:00"'
    assert canonical(noon) == canonical(noon.replace(tzinfo=None))


def test_numbers_and_arrays_of_other_libraries_are_their_values() -> None:
    numpy = pytest.importorskip("numpy")
    assert canonical([numpy.int64(3), numpy.float64(0.5), numpy.bool_(True)]) == "[3,0.5,true]"
    assert canonical(numpy.arange(2000)) == canonical(list(range(2000)))


def test_what_has_no_content_has_no_digest() -> None:
    with pytest.raises(TypeError, match="a value of type object has no content"):
        digest(object())
    assert canonical(b"\x00") == '{"$bytes":"00"}'
    assert canonical(timedelta(1)) == '{"$repr":["timedelta","datetime.timedelta(days=1)"]}'


def test_parts_are_not_run_together() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest(["a", "bc"])
    assert digest() != digest(None) != digest([])


def test_ids_name_their_kind_and_stay_what_they_are() -> None:
    assert content_id("mode", "refund", 1) == content_id("mode", "refund", 1)
    assert content_id("mode", "refund") != content_id("case", "refund").replace("case", "mode")
    assert digest("a", 1, None, [2.5], {"k": "é"}) == "c8e6eef0b5efa13d"
    assert len(digest(trace(user("hi")), length=64)) == 64
