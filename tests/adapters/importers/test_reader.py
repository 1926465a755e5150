from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loopwright.adapters.importers.reader import FileRecordReader, FileTraceReader
from loopwright.collect.intake import Rejected
from loopwright.errors import UsageError
from loopwright.ports import Imported

LIMIT = 100_000
HELLO = [{"role": "user", "content": "hello"}]


def line(id: str, **more) -> bytes:
    return json.dumps({"id": id, "messages": HELLO, **more}).encode()


def read(*files: Path, limit: int = LIMIT) -> list[Imported | Rejected]:
    return list(FileTraceReader(limit).read([str(file) for file in files]))


def summary(found: list[Imported | Rejected]) -> list[tuple[int, str]]:
    return [(f.line, f.reason if isinstance(f, Rejected) else f.trace.trace_id) for f in found]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "traces.jsonl"


BAD = {
    b'{"id": "b", "messages": [': ("malformed JSON", "at column"),
    b'{"id": NaN}': ("NaN or Infinity", "NaN is not JSON; write null"),
    b'{"id": -Infinity}': ("NaN or Infinity", "-Infinity is not JSON"),
    b'{"id": 1e999}': ("number out of range", "a number is too large"),
    b'{"id": ' + b"1" * 5000 + b"}": ("number out of range", "thousands of digits"),
    b'{"id": "\xff"}': ("not UTF-8", "byte 0xff at byte offset 8 of the record; save the file as UTF-8"),
    b'{"id": "\\ud800"}': ("lone surrogate", "half of a surrogate pair"),
    b'{"id": "a\x00b"}': ("malformed JSON", "invalid control character at column"),
    b"\x00\x00": ("malformed JSON", "near \\x00\\x00"),
    b"[" * 100_000 + b"]" * 100_000: ("nested too deep", "more than 100 deep; flatten"),
    b'{"a":' * 101 + b"1" + b"}" * 101: ("nested too deep", "more than 100 deep"),
    b'{"id": "x"} {"id": "y"}': ("malformed JSON", "put each record on a line of its own"),
    b'"text"': ("not a JSON object", '"text" is not a JSON object; give one JSON object a line'),
    b"[1, 2]": ("not a JSON object", "[1, 2] is not a JSON object"),
    b'{"id": "z", "turns": []}': ("unknown format", "the record's keys are id, turns; known formats: chat"),
    b'{"id": "z", "messages": 3}': ("not of its format", "messages is 3; give a list"),
    line("a"): ("duplicate id", "duplicate id 'a', first at line 1; the first is kept"),
    line("big", x="y" * 300_000): ("record too long", "over the limit of 100,000; split it, or raise import.max_line_bytes"),
}


@pytest.mark.parametrize("bad", BAD, ids=[reason for reason, _ in BAD.values()])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_bad_line_is_refused_and_the_others_are_taken(file, bad, ending):
    file.write_bytes(line("a") + ending + bad + ending + line("c"))
    found = read(file, limit=250_000 if bad.startswith(b"[[") else LIMIT)
    reason, said = BAD[bad]
    assert summary(found) == [(1, "a"), (2, reason), (3, "c")]
    assert said in str(found[1])
    assert str(found[1]).startswith(f"{file}:2: ")
    assert str(found[1]).isprintable()
    assert len(str(found[1])) < 500


def test_a_bad_first_line_does_not_hide_the_others(file):
    for bad in BAD:
        if b'"id": "a"' not in bad:
            file.write_bytes(bad + b"\n" + line("c") + b"\n")
            assert summary(read(file, limit=LIMIT * 3))[-1] == (2, "c")


def test_truncated_gzip_keeps_the_good_lines_before_it(tmp_path):
    file = tmp_path / "t.jsonl.gz"
    whole = gzip.compress(b"\n".join(line(f"t{n}", x=str(hash(n))) for n in range(500)))
    file.write_bytes(whole[: len(whole) // 2])
    *good, last = read(file)
    assert len(good) > 10
    assert all(isinstance(f, Imported) for f in good)
    assert isinstance(last, Rejected)
    assert (last.reason, last.line) == ("truncated gzip", len(good) + 1)


def test_corrupt_gzip_is_one_refusal(tmp_path):
    file = tmp_path / "t.jsonl.gz"
    packed = bytearray(gzip.compress(line("a") + b"\n" + line("b")))
    packed[-6] ^= 0xFF
    file.write_bytes(bytes(packed))
    assert [f.reason for f in read(file) if isinstance(f, Rejected)] == ["corrupt gzip"]


@pytest.mark.parametrize("content", [b"", b"\n \n", b"[]", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file_holds_nothing_and_that_is_no_error(file, content):
    file.write_bytes(content)
    assert read(file) == []


def test_one_array_and_one_object_are_taken(file):
    records = [{"id": n, "messages": HELLO} for n in ("a", "b")]
    for text in (json.dumps(records), json.dumps(records, indent=2)):
        file.write_text(text)
        assert [f.trace.trace_id for f in read(file)] == ["a", "b"]
    file.write_text(json.dumps(records[0], indent=2))
    assert [f.trace.trace_id for f in read(file)] == ["a"]


def test_a_byte_order_mark_is_skipped(file):
    file.write_bytes(b"\xef\xbb\xbf" + line("a"))
    assert summary(read(file)) == [(1, "a")]


def test_a_duplicate_in_another_file_names_that_file(tmp_path):
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_bytes(line("a"))
    second.write_bytes(line("b") + b"\n" + line("a"))
    assert f"duplicate id 'a', first at {first}:1" in str(read(first, second)[-1])


def test_a_file_that_cannot_be_read_is_refused_and_the_next_is_read(file, tmp_path):
    file.write_bytes(line("a"))
    missing = tmp_path / "gone.jsonl"
    missing.symlink_to(tmp_path / "gone.jsonl")
    reader = FileTraceReader(LIMIT)
    unreadable = tmp_path / "x.jsonl"
    unreadable.write_bytes(line("x"))
    stream = reader.read([str(unreadable), str(file)])
    unreadable.unlink()
    assert [getattr(f, "reason", "taken") for f in stream] == ["unreadable file", "taken"]


def test_an_unknown_format_is_wrong_usage(file):
    with pytest.raises(UsageError, match="unknown trace format 'chta'; did you mean 'chat'"):
        FileTraceReader(LIMIT).read([str(file)], "chta")


def test_other_records_are_read_as_they_are(file):
    file.write_bytes(b'{"eval_id": "a"}\nnot json\n{"eval_id": "b"}\n')
    first, bad, last = FileRecordReader(LIMIT).read(str(file))
    assert (first, last) == ((1, {"eval_id": "a"}), (3, {"eval_id": "b"}))
    assert (bad.line, bad.reason) == (2, "malformed JSON")


fragments = st.one_of(
    st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")),
    st.sampled_from(list(BAD)).filter(lambda bad: len(bad) < 1000),
    st.sampled_from("abc").map(line),
    st.sampled_from([b"", b"   ", b"[", b"{", b"[{", b"]", b"}", b'[{"a":1},', b'"', b"null"]),
)


@given(st.lists(fragments, max_size=8))
@example([b'"', line("a"), line("b")])
def test_any_bytes_in_never_crash_and_every_line_is_taken_or_refused(tmp_path_factory, given_lines):
    file = tmp_path_factory.mktemp("any") / "t.jsonl"
    # a first line that is an object settles that the file is JSON Lines
    file.write_bytes(b"\n".join([line("first"), *given_lines]))
    found = read(file)
    assert len(found) == 1 + sum(1 for each in given_lines if each.strip(b" \t\r"))
    assert all(str(each).isprintable() for each in found if isinstance(each, Rejected))
    assert {f.trace.trace_id for f in found if isinstance(f, Imported)} >= {"first"}


@given(st.lists(fragments, max_size=8).map(b"\n".join), st.booleans())
def test_any_bytes_at_all_never_crash(tmp_path_factory, data, packed):
    file = tmp_path_factory.mktemp("any") / "t.jsonl"
    file.write_bytes(gzip.compress(data)[: len(data)] if packed else data)
    assert all(isinstance(found, Imported | Rejected) for found in read(file))
