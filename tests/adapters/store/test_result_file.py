from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import result
from loopwright.adapters.store.result_file import MAX_OUTPUT, ResultFile, encode
from loopwright.errors import InputError
from loopwright.evaluate.result import CheckOutcome, Run

RUN = Run("run-aaaa-20261101T000000000000", "v1", "d1", "t", datetime(2026, 11, 1, tzinfo=UTC))
LATER = replace(RUN, run_id="run-aaaa-20261102T000000000000")
OTHER = replace(RUN, run_id="run-bbbb-20261102T000000000000", version="v2")


def trial(number: int, **fields: object) -> object:
    return result("case", True, trial=number, run_id=RUN.run_id, version="v1", suite_digest="d1", **fields)


def filled(path: Path, count: int = 3) -> bytes:
    log = ResultFile(path)
    log.put_run(RUN)
    for number in range(count):
        log.put_result(trial(number))  # type: ignore[arg-type]
    log.close()
    return path.read_bytes()


def test_a_line_is_what_the_gate_reads(tmp_path: Path) -> None:
    made = result(
        "c",
        None,
        trial=2,
        run_id="run-1",
        error="boom",
        suite_digest="s1",
        case_digest="c1",
        tags=("x",),
        cost_usd=0.1,
        output="x" * 30_000,
        messages=({"role": "user"},),
    )
    line = json.loads(encode(replace(made, checks=(CheckOutcome("exact", None, "why"),))))
    assert line.pop("output") == "x" * MAX_OUTPUT
    assert line == {
        "eval_id": "c", "run_id": "run-1", "trial": 2, "passed": None, "error": "boom", "suite_digest": "s1",
        "case_digest": "c1", "tags": ["x"], "cost_usd": 0.1,
        "checks": [{"type": "exact", "passed": None, "reason": "why"}],
    }  # fmt: skip


def test_what_is_written_is_there_at_once_and_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "r.jsonl"
    log = ResultFile(path)
    log.put_run(RUN)
    log.put_result(trial(0))  # type: ignore[arg-type]
    assert path.read_bytes().count(b"\n") == 1
    log.put_result(trial(0))  # type: ignore[arg-type]
    assert path.read_bytes().count(b"\n") == 1
    log.close()

    again = ResultFile(path)
    assert [(r.run_id, r.version, r.started_at) for r in again.runs()] == [(RUN.run_id, "v1", RUN.started_at)]
    assert again.results(RUN.run_id) == [replace(trial(0), output="")]  # type: ignore[type-var]
    again.close()


@given(st.integers(0, 500))
def test_a_torn_end_is_cut_off_and_no_whole_line_with_it(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("r") / "r.jsonl"
    whole = filled(path)
    cut = min(cut, len(whole))
    path.write_bytes(whole[:cut])
    log = ResultFile(path)
    kept = whole[:cut].count(b"\n")
    assert [r.trial for r in log.results(RUN.run_id)] == list(range(kept))
    for number in range(3):
        log.put_result(trial(number))  # type: ignore[arg-type]
    log.close()
    assert path.read_bytes() == whole


def test_another_run_is_refused_and_replaced_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    whole = filled(path)
    log = ResultFile(path)
    with pytest.raises(InputError, match=r"version 'v1'.*'v2'.*--fresh"):
        log.put_run(OTHER)
    log.close()
    assert path.read_bytes() == whole

    fresh = ResultFile(path, replace=True)
    assert path.read_bytes() == whole
    fresh.put_run(OTHER)
    fresh.close()
    assert not path.exists()


def test_the_same_run_anew_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    filled(path)
    log = ResultFile(path)
    log.put_run(LATER)
    log.put_result(replace(trial(0), run_id=LATER.run_id))  # type: ignore[type-var]
    log.close()
    assert [json.loads(line)["run_id"] for line in path.read_text().splitlines()] == [LATER.run_id]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"# readme\n", 1),
        (b"no line end", 1),
        (b'{"eval_id":"a","passed":true,"run_id":"mine"}\n', 1),
        (b"\xff\xfe\n", 1),
        (b"[1]\n", 1),
    ],
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: bytes, line: int) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a line of results") as caught:
        ResultFile(path)
    assert caught.value.line == line
    assert path.read_bytes() == content


def test_two_runs_never_write_to_one_file(tmp_path: Path) -> None:
    log = ResultFile(tmp_path / "r.jsonl")
    with pytest.raises(InputError, match="another run writes to it"):
        ResultFile(tmp_path / "r.jsonl")
    log.close()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        ResultFile(tmp_path)
