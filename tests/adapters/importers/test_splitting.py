from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.adapters.importers.sources import BrokenSourceError
from loopwright.adapters.importers.splitting import Piece, elements, lines, pieces

LIMIT = 1000


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def texts(found) -> list[bytes | None]:
    return [piece.data for piece in found]


def test_lines_are_numbered_from_one_and_blank_ones_left_out():
    assert list(lines([b"a\r\n\n  \nb"], LIMIT)) == [Piece(1, b"a", 2), Piece(4, b"b", 1)]


def test_a_long_line_is_told_and_not_held():
    assert list(lines([b"x" * 600, b"x" * 600 + b"\nshort\n"], LIMIT)) == [Piece(1, None, 1200), Piece(2, b"short", 5)]


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line)), st.integers(1, 40))
def test_lines_come_out_the_same_however_the_stream_is_cut(given_lines, size):
    data = b"\n".join(given_lines)
    wanted = [line.strip(b" \t\r") for line in given_lines if line.strip(b" \t\r")]
    assert texts(lines(cut(data, size), LIMIT)) == wanted


values = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('a"\\[]{},\n')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.sampled_from('"\\]}'), max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(values, max_size=6), st.integers(1, 50), st.sampled_from([None, 1]))
def test_elements_come_out_the_same_however_the_stream_is_cut(given_values, size, indent):
    data = json.dumps(given_values, indent=indent).encode()
    assert [json.loads(piece.data) for piece in elements(cut(data, size), 10**6)] == given_values


@given(st.lists(values, max_size=6), st.integers(1, 50))
def test_elements_know_their_line(given_values, size):
    data = b"[\n" + b",\n".join(json.dumps(value).encode() for value in given_values) + b"\n]\n"
    assert [piece.line for piece in elements(cut(data, size), 10**6)] == list(range(2, len(given_values) + 2))


def test_an_element_beyond_the_limit_is_told_and_the_next_is_read():
    data = b'[{"a": "' + b"x\\n" * 1000 + b'"},\n{"b": 1}]'
    assert [(p.line, p.data) for p in elements(cut(data, 64), LIMIT)] == [(1, None), (2, b'{"b": 1}')]


@pytest.mark.parametrize("data", [b'[{"a": 1}, {"b"', b'[{"a": 1}', b'[{"a": 1}] {"b": 2}'])
def test_an_array_that_breaks_off_keeps_what_came_before(data):
    stream = elements([data], LIMIT)
    assert next(stream).data == b'{"a": 1}'
    with pytest.raises(BrokenSourceError, match="JSON array"):
        list(stream)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b'{"a": 1}\n{"b": 2}\n', [b'{"a": 1}', b'{"b": 2}']),
        (b'[{"a": 1}, {"b": 2}]', [b'{"a": 1}', b'{"b": 2}']),
        (b'[\n  {\n "a": 1\n}\n]\n', [b'{\n "a": 1\n}']),
        (b'\xef\xbb\xbf[{"a": 1}]', [b'{"a": 1}']),
        (b'\n\n{\n "a": 1\n}\n', [b'\n\n{\n "a": 1\n}\n']),
        (b"[]", []),
        (b"", []),
        (b" \n\n", []),
        (b'[1, 2]\n{"a": 1}\n', [b"[1, 2]", b'{"a": 1}']),
        (b'[{"a": 1}]\n{"b": 1}\n', [b'[{"a": 1}]', b'{"b": 1}']),
        (b'[{"a": \n{"b": 1}\n{"c": 1}\n', [b'[{"a":', b'{"b": 1}', b'{"c": 1}']),
        (b'{"a": \n{"b": 1}\n', [b'{"a":', b'{"b": 1}']),
        (b'[broken\n{"b": 1}\n', [b"[broken", b'{"b": 1}']),
        (b'not json\n{"b": 1}\n', [b"not json", b'{"b": 1}']),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_shape_of_a_stream_is_told_by_its_content(data, wanted, size):
    assert texts(pieces(cut(data, size), LIMIT)) == wanted


def test_a_source_that_breaks_at_once_says_so_in_its_place():
    def broken():
        yield b'{"a": 1}\n{"b"'
        raise BrokenSourceError("truncated", "again", "truncated gzip")

    stream = pieces(broken(), LIMIT)
    assert next(stream).data == b'{"a": 1}'
    with pytest.raises(BrokenSourceError) as error:
        next(stream)
    assert error.value.line == 2
