"""CSV: columns, verdicts, and what is refused where."""

from __future__ import annotations

import io
from typing import Any

import pytest

from loopwright.adapters.importers.results.table import Table, knows
from loopwright.errors import RecordError


def read(text: str, pass_score: float = 1.0) -> list[dict[str, Any]]:
    return [row for _, row in Table(pass_score, 1 << 20).read(io.StringIO(text, newline=""))]


def test_the_exchange_formats_own_columns() -> None:
    header = "eval_id,trial,passed,run_id,mode_id,deterministic,repeat,tags,score,cost_usd,latency_ms,tokens,version,layer"
    (row,) = read(f"{header}\nrefund,3,true,monday,m,true,false,a;b,0.5,0.01,250,18,v7,semantic\n")
    assert row == {
        "eval_id": "refund", "trial": 3, "passed": True, "run_id": "monday", "mode_id": "m", "deterministic": True,
        "repeat": False, "tags": ["a", "b"], "score": 0.5, "cost_usd": 0.01, "latency_ms": 250.0, "tokens": 18, "version": "v7",
        "layer": "semantic",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["Case ID;Run;Passed\nrefund;1;yes\n", "case_id\trun\tpassed\nrefund\t1\tPASS\n", "\ufeffname,run,result\r\nrefund,1,ok\r\n"],
)
def test_usual_names_and_other_signs(text: str) -> None:
    assert read(text) == [{"eval_id": "refund", "trial": 0, "passed": True, "run_id": "1"}]


def test_rows_of_one_case_are_its_trials_run_by_run() -> None:
    rows = read("case_id,run,passed\na,1,1\na,1,0\na,2,1\n")
    assert [(row["run_id"], row["trial"], row["passed"]) for row in rows] == [("1", 0, True), ("1", 1, False), ("2", 0, True)]


@pytest.mark.parametrize("verdict", ["", "error", "timeout", "null", "NaN"])
def test_no_verdict_is_no_pass(verdict: str) -> None:
    (row,) = read(f"id,passed,x\na,{verdict},1\n")
    assert row["passed"] is None
    assert row["error"]


def test_an_error_stands_against_a_verdict() -> None:
    assert read("id,passed,error\na,true,gone\n")[0] == {"eval_id": "a", "trial": 0, "passed": None, "error": "gone"}


def test_a_score_decides_where_nothing_else_does() -> None:
    text = "id,score\na,1\nb,0.6\nc,\nd,nan\n"
    assert [row["passed"] for row in read(text)] == [True, False, None, None]
    assert [row["passed"] for row in read(text, pass_score=0.5)] == [True, True, None, None]


def test_a_case_without_an_id_is_known_by_what_was_asked() -> None:
    rows = read("question,passed\nRefund?,1\nHello?,1\nRefund?,0\n")
    assert rows[0]["eval_id"] == rows[2]["eval_id"] != rows[1]["eval_id"]
    assert [row["trial"] for row in rows] == [0, 0, 1]


def test_skipped_rows_are_counted() -> None:
    table = Table(1.0, 1000)
    assert list(table.read(iter(["id,status\n", "a,skipped\n"]))) == []
    assert table.notes == ["1 row is of a case that was skipped, and is no trial"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a,b\n1,2\n", 1, "the header is"),
        ("id,passed\na,true\nb,perhaps\n", 3, 'passed is "perhaps"'),
        ("id,passed\n,true\n", 2, "has no id"),
        ("id,passed\na\n", 2, "1 column, fewer than the header"),
        ("id,passed,trial\na,1,-1\n", 2, 'trial is "-1"'),
        ("id,passed,cost\na,1,free\n", 2, 'cost_usd is "free"'),
        ("id,passed,cost\na,1,inf\n", 2, 'cost_usd is "inf"'),
        ("id,passed,deterministic\na,1,often\n", 2, 'deterministic is "often"'),
        ('id,passed\na,1\n"b,1\n', 3, "malformed CSV"),
        ('id,passed\na,1\n"b"x,1\n', 3, "malformed CSV"),
        ('id,passed\n"a\nb",1\nc,maybe\n', 4, 'passed is "maybe"'),
    ],
)
def test_what_is_refused_and_where(text: str, line: int, says: str) -> None:
    with pytest.raises(RecordError, match=says) as caught:
        read(text)
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("header", "known"), [("eval_id,passed", True), ("Question;Score", True), ("a,b", False), ("passed", False), ("", False)]
)
def test_a_header_is_known(header: str, known: bool) -> None:
    assert knows(header) is known
