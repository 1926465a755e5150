from __future__ import annotations

import gzip
import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.adapters.importers.sources import BrokenSourceError, Source, _gunzip, find_files, size_of
from loopwright.errors import InputError


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(1, 64), st.integers(0, 3))
def test_gzip_of_any_members_unpacks_however_it_is_cut(members, size, padding):
    packed = b"".join(gzip.compress(member) for member in [b"", *members]) + b"\0" * padding
    assert b"".join(_gunzip(packed[i : i + size] for i in range(0, len(packed), size))) == b"".join(members)


def test_a_bomb_is_unpacked_in_small_pieces():
    packed = gzip.compress(b"\0" * 20_000_000)
    assert max(len(piece) for piece in _gunzip([packed])) <= 300_000


@given(st.integers(0, 200))
def test_truncated_gzip_gives_what_it_holds_and_then_breaks(kept):
    data = bytes(range(256)) * 4
    packed = gzip.compress(data)[: 18 + kept]
    stream, got = _gunzip([packed]), b""
    while True:
        try:
            got += next(stream)
        except BrokenSourceError as broken:
            assert "truncated gzip" in broken.problem
            break
    assert data.startswith(got)


def test_a_folder_gives_its_files_in_order_whatever_they_are_called(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name, content in {
        "b.jsonl": b"",
        "a.log": b' {"x": 1}',
        "notes.md": b"# notes",
        "sub/c.gz": gzip.compress(b"{}"),
        ".hidden/d.jsonl": b"{}",
        ".e.jsonl": b"{}",
    }.items():
        (tmp_path / name).write_bytes(content)
    assert [name.removeprefix(f"{tmp_path}/") for name in find_files([str(tmp_path)])] == ["a.log", "b.jsonl", "sub/c.gz"]


def test_a_path_given_twice_is_read_once(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"")
    assert find_files([str(file), str(file), "-"]) == [str(file), "-"]
    assert (size_of(str(file)), size_of("-")) == (0, None)


def test_what_is_not_there_is_an_error_with_a_cure(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.jsonl: no such file or folder; check the path"):
        find_files([str(tmp_path / "nowhere.jsonl")])
    with pytest.raises(InputError, match="holds no files of traces"):
        find_files([str(tmp_path)])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b"PK\x03\x04rest", "a zip archive"),
        ("a.jsonl", '{"a": 1}'.encode("utf-16"), "UTF-16"),
        ("a.jsonl.gz", b"\x1f\x00 not gzip", "does not begin as gzip"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, name, content, said):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(BrokenSourceError, match=said):
        list(Source(str(file)).chunks())


def test_standard_input_is_read_unpacked(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"hello"))))
    source = Source("-")
    assert (b"".join(source.chunks()), source.name) == (b"hello", "<stdin>")
