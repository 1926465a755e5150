"""A large object as a stream: whatever the chunks, the elements and the rest are those of the whole."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.adapters.importers.json_parts import first_keys, parts
from loopwright.errors import RecordError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet='ab"\\[]{},: \n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "rows", "x"]), inner, max_size=3),
    max_leaves=8,
)


def split(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def read(chunks: Iterable[bytes], limit: int = 1 << 16) -> tuple[list[Any], Any]:
    stream = parts(chunks, [("results", "rows")], limit)
    found = []
    while True:
        try:
            found.append(json.loads(next(stream).data))
        except StopIteration as stop:
            return found, json.loads(stop.value)


@given(st.lists(VALUES, max_size=4), VALUES, st.integers(1, 40), st.sampled_from([None, 1]))
def test_any_cut_gives_the_same_elements_and_rest(elements: list[Any], other: Any, size: int, indent: int | None) -> None:
    whole = {"before": other, "results": {"rows": elements, "after": other}, "rows": other}
    found, rest = read(split(json.dumps(whole, indent=indent).encode(), size))
    assert found == elements
    assert rest == {"before": other, "results": {"rows": [], "after": other}, "rows": other}


def test_lines_are_those_of_the_file() -> None:
    text = b'{"results": {\n "rows": [\n  {"a": 1},\n\n  {"a":\n 2}]}}'
    assert [part.line for part in parts([text], [("results", "rows")], 100)] == [3, 5]


@pytest.mark.parametrize("text", ['{"results": {"rows": [{"a": 1}', '{"results": "abc', "", "{", '{"results": {"rows": [1]}'])
def test_what_breaks_off_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="breaks off"):
        read([text.encode()])


@pytest.mark.parametrize("text", ['{"a": 1}}', '{"results": {"rows": [1}}', "]"])
def test_a_bracket_too_many_is_refused(text: str) -> None:
    with pytest.raises(RecordError, match="too many"):
        read([text.encode()])


@pytest.mark.parametrize(
    "text",
    ['{"results": {"rows": ["' + "x" * 200 + '"]}}', '{"other": [' + "1, " * 100 + "1]}", '{"a": "' + "x" * 200, '{"a": "'],
)
def test_nothing_is_held_beyond_the_limit(text: str) -> None:
    with pytest.raises(RecordError, match="over the limit of 100|breaks off"):
        read(split(text.encode(), 30), limit=100)


def test_the_keys_of_a_beginning() -> None:
    assert first_keys(b'{"evalId": "a,{", "results": {"version": 3, "results": [') == {"evalId", "results"}
    assert first_keys(b'[{"eval_id": 1, "x": [{"y": 2}]}') == {"eval_id", "x"}
