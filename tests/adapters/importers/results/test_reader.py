"""Any file of results: which tool wrote it, and what is wrong with it."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from false_greens import inspect_log
from loopwright.adapters.importers import zip_members
from loopwright.adapters.importers.results.reader import FileResultReader
from loopwright.adapters.importers.results.sniffing import sniff
from loopwright.collect.intake import Rejected
from loopwright.errors import InputError, UsageError

RECORDED = Path(__file__).with_name("recorded")
OURS = '{"eval_id": "a", "trial": 0, "passed": true}\n'


def read(path: Path | str, **options: Any) -> list[Any]:
    return list(FileResultReader(options.pop("limit", 1 << 20), **options).read(str(path)))


def refusal(path: Path | str, **options: Any) -> Rejected:
    last = read(path, **options)[-1]
    assert isinstance(last, Rejected), last
    return last


def written(folder: Path, name: str, data: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("promptfoo.json", "promptfoo"), ("promptfoo.jsonl", "promptfoo"), ("inspect.json", "inspect"),
        ("inspect.eval", "inspect"), ("deepeval.json", "deepeval"), ("deepeval_pytest.json", "deepeval"), ("junit.xml", "junit"),
    ],
)  # fmt: skip
def test_each_tool_is_known_by_its_first_bytes(name: str, format: str) -> None:
    assert sniff((RECORDED / name).read_bytes()[:4096]) == format


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (OURS, "loopwright"), ("", "loopwright"), ("not json", "loopwright"), ("[]", "loopwright"), ('{"a": 1}', "loopwright"),
        ("[\n" + OURS + "]", "loopwright"), ("case_id,passed\n", "csv"), ("\ufeff<testsuite/>", "junit"), ("a,b\n", "loopwright"),
    ],
)  # fmt: skip
def test_what_nothing_speaks_for_is_ours(text: str, format: str) -> None:
    assert sniff(text.encode()) == format


RECORDS = ["promptfoo.json", "promptfoo.jsonl", "inspect.json", "inspect.eval", "deepeval.json", "junit.xml"]


@pytest.mark.parametrize("name", RECORDS)
def test_standard_input_and_gzip_say_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (RECORDED / name).read_bytes()
    plain = read(RECORDED / name)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert read("-") == plain
    if not name.endswith(".eval"):
        assert read(written(tmp_path, f"{name}.gz", gzip.compress(data))) == plain


def test_a_folder_is_all_the_results_in_it(tmp_path: Path) -> None:
    written(tmp_path, "a.csv", "id,passed\na,1\n")
    written(tmp_path, "b.jsonl", OURS)
    written(tmp_path, "notes.txt", "nothing")
    written(tmp_path, ".hidden.csv", "id,passed\na,1\n")
    assert len(read(tmp_path)) == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="holds no results"):
        read(empty)


@pytest.mark.parametrize("format", [None, "csv", "junit", "inspect", "promptfoo", "deepeval"])
def test_an_empty_file_holds_no_results(tmp_path: Path, format: str | None) -> None:
    assert read(written(tmp_path, "a", " \n"), format=format) == []


def test_a_format_can_be_forced_and_leaves_our_own_lines_alone(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.jsonl", OURS), format="junit")[0][1]["eval_id"] == "a"
    assert "malformed XML" in refusal(written(tmp_path, "b.csv", "id,passed\na,1\n"), format="junit").problem
    assert "there is no samples" in refusal(RECORDED / "promptfoo.json", format="inspect").problem
    with pytest.raises(UsageError, match="unknown results format 'promtfoo'; did you mean 'promptfoo'"):
        read(tmp_path, format="promtfoo")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", '{"evalId": "e", "results": {"results": [{"x": 1}]}}', "promptfoo has success and testCase"),
        ("a.json", '{"evalId": "e", "results": {"results": [1]}}', "not a JSON object"),
        ("a.json", '{"evalId": "e", "results": {"results": 5}}', "there is no results.results"),
        ("a.json", '{"evalId": "e", "results": {"results": [{"success": tru', "breaks off"),
        ("a.json", '{"evalId": "e", "results": {"results": [{"success": tru}]}}', "malformed JSON"),
        ("a.jsonl", '{"promptIdx": 0, "success": "yes"}', "promptfoo has success"),
        ("a.json", '{"testCases": [{"success": 3}]}', "DeepEval has name"),
        ("a.json", '{"testCases": [[]]}', "not a JSON object"),
        ("a.json", '{"version": 2, "status": "success", "eval": 1, "samples": []}', "has eval.task"),
        ("a.json", '{"status": "success", "eval": {"task": "t"}, "samples": [{"id": 1, "epoch": 0}]}', "has id and epoch"),
        ("a.json", '{"status": "success", "eval": {"task": "t"}, "samples": [{"id": "\\ud800"}]}', "surrogate"),
        ("a.json", '{"testCases": ' + "[" * 500 + "]" * 500 + "}", "not a JSON object|nested more than"),
        ("a.xml", '<?xml version="1.0" encoding="rot13"?><testsuite/>', "encoding cannot be read"),
        ("a.xml", '<?xml version="1.0" encoding="utf-7"?><testsuite/>', "encoding cannot be read"),
        ("a.csv", "id,passed\n\xff,1\n".encode("latin-1"), "not UTF-8: byte 0xff"),
        ("a.csv", "id,passed\na,1\n".encode("utf-16"), "UTF-16"),
    ],
)  # fmt: skip
def test_what_is_not_of_its_format_is_refused_with_a_cure(tmp_path: Path, name: str, text: str | bytes, says: str) -> None:
    import re

    found = refusal(written(tmp_path, name, text))
    assert re.search(says, found.problem)
    assert found.cure


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    text = '{"testCases": [\n {"name": "a", "success": true, "metricsData": []},\n {"success": 3}\n]}'
    assert refusal(written(tmp_path, "a.json", text)).line == 3


def test_a_record_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    text = json.dumps({"testCases": [{"name": "a", "success": True, "input": "x" * 5000}]})
    assert "over the limit of 2,000" in refusal(written(tmp_path, "a.json", text), limit=2000).problem


def test_a_score_that_is_no_number_is_no_verdict(tmp_path: Path) -> None:
    samples = [
        {"id": i, "epoch": 1, "scores": {"s": {"value": v}}}
        for i, v in enumerate(["C", "maybe", float("nan"), True, {"a": 1, "b": 0}, []])
    ]
    log = {"status": "error", "eval": {"task": "t"}, "samples": [*samples, {"id": "unscored", "epoch": 1}]}
    told: list[str] = []
    rows = [row for _, row in read(written(tmp_path, "a.json", json.dumps(log)), told=told.append)]
    assert [row["passed"] for row in rows] == [True, None, None, True, False, None, None]
    assert "the log's status is error" in told[0]


def test_prompts_and_providers_are_cases_of_their_own(tmp_path: Path) -> None:
    results = [
        {"success": True, "promptIdx": index, "provider": {"id": provider}, "testCase": {"metadata": {"id": "refund"}}}
        for index, provider in enumerate(["a", "a", "b"])
    ]
    rows = read(written(tmp_path, "a.json", json.dumps({"evalId": "e", "results": {"results": results}})))
    assert [row["eval_id"] for _, row in rows] == ["refund @a prompt 1", "refund @a prompt 2", "refund @b"]


def test_a_result_of_promptfoo_that_stands_twice_stays_the_same_trial(tmp_path: Path) -> None:
    result = {"id": "x", "success": True, "promptIdx": 0, "provider": "a", "testCase": {"description": "refund", "vars": {}}}
    rows = read(
        written(tmp_path, "a.json", json.dumps({"evalId": "e", "results": {"results": [result, result, result | {"id": "y"}]}}))
    )
    assert [row["trial"] for _, row in rows] == [0, 0, 1]


def zipped(folder: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(folder / "a.eval", "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return folder / "a.eval"


HEADER = json.dumps({"version": 2, "status": "success", "eval": {"task": "t", "run_id": "r"}}).encode()
SUMMARY = b'{"id": 1, "epoch": 1, "input": "x", "scores": {"s": {"value": "C"}}}'


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_log_that_did_not_end_is_read_from_its_journal(tmp_path: Path, compression: int) -> None:
    members = {"_journal/start.json": HEADER} | {
        f"_journal/summaries/{i}.json": b"[" + SUMMARY.replace(b"1,", b"%d," % i, 1) + b"]" for i in (10, 2)
    }
    rows = read(zipped(tmp_path, members, compression))
    assert [row["eval_id"] for _, row in rows] == ["t/2", "t/10"]


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    bomb = b"[" + b" " * (64 << 20) + b"]"
    assert "a zip bomb" in refusal(zipped(tmp_path, {"header.json": HEADER, "summaries.json": bomb})).problem


def test_archives_that_are_not_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no log of Inspect" in refusal(zipped(tmp_path, {"a.txt": b"x"})).problem
    assert "no zip archive that can be read" in refusal(written(tmp_path, "b.eval", b"PK\x03\x04nothing")).problem
    whole = zipped(tmp_path, {"header.json": HEADER, "summaries.json": b"[" + SUMMARY + b"]"}, zipfile.ZIP_STORED).read_bytes()
    assert "CRC" in refusal(written(tmp_path, "c.eval", whole.replace(b'"value": "C"', b'"value": "I"'))).problem
    assert "only Inspect's logs are" in refusal(tmp_path / "a.eval", format="promptfoo").problem
    monkeypatch.setattr(zip_members, "MAX_MEMBERS", 1)
    assert "more than 1 members" in refusal(tmp_path / "a.eval").problem


def test_a_packed_member_that_is_damaged_is_refused(tmp_path: Path) -> None:
    data = bytearray((RECORDED / "inspect.eval").read_bytes())
    start = data.find(b"summaries.json") + 40
    data[start : start + 20] = b"\0" * 20
    found = read(written(tmp_path, "a.eval", bytes(data)))
    assert any(isinstance(one, Rejected) for one in found) or len(found) == 12


@given(
    st.binary(max_size=60),
    st.sampled_from(["promptfoo.json", "inspect.eval", "deepeval.json", "junit.xml", "inspect.json"]),
    st.integers(0, 5000),
)
def test_damage_anywhere_is_a_refusal_or_rows_and_never_another_exception(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes, name: str, place: int
) -> None:
    data = (RECORDED / name).read_bytes()
    file = tmp_path_factory.getbasetemp() / name
    file.write_bytes(data[: place % len(data)] + damage + data[place % len(data) + len(damage) :])
    for one in read(file):
        assert isinstance(one, Rejected) or one[1]["eval_id"]


def test_trials_that_a_cancelled_inspect_run_did_not_come_to_are_rows_without_a_verdict(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(inspect_log("b", epochs=2, ran=1, cases=28, status="cancelled"))
    found = [one[1] for one in read(tmp_path / "log.json")]
    not_run = [row for row in found if row["passed"] is None]
    assert len(found) == len({(row["eval_id"], row["trial"]) for row in found}) == 60
    assert len(not_run) == 32
    assert {row["error"] for row in not_run} == {"was not run: the log's status is cancelled"}
