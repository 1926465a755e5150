"""`loopwright gate` on the results of other tools, as files and through standard input."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main

CASES = 24


def decided(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code = main(["gate", *args, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def promptfoo(passing: int, run: str = "e") -> str:
    results = [
        {"id": f"{run}-{i}-{t}", "success": i < passing, "failureReason": 0 if i < passing else 1, "testCase": {"vars": {"q": i}}}
        for i in range(CASES)
        for t in range(2)
    ]
    return json.dumps({"evalId": run, "results": {"version": 3, "results": results}})


def junit(passing: int, skipped: int = 0) -> str:
    def inside(i: int) -> str:
        return "<skipped/>" if i < skipped else "" if i < passing else "<failure/>"

    tests = [f'<testcase classname="c" name="t{i}">{inside(i)}</testcase>' * 2 for i in range(CASES)]
    return f"<testsuite>{''.join(tests)}</testsuite>"


def table(passing: int) -> str:
    return "case_id,run,passed\n" + "".join(f"c{i},{r},{int(i < passing)}\n" for i in range(CASES) for r in "ab")


def deepeval(passing: int) -> str:
    tests = [
        {
            "name": f"c{i}",
            "input": "x",
            "success": i < passing,
            "metricsData": [{"success": i < passing, "score": float(i < passing)}],
        }
        for i in range(CASES)
        for _ in range(2)
    ]
    return json.dumps({"testCases": tests})


def inspect(passing: int) -> str:
    samples = [
        {"id": i, "epoch": e, "scores": {"s": {"value": "C" if i < passing else "I"}}} for i in range(CASES) for e in (1, 2)
    ]
    return json.dumps({"version": 2, "status": "success", "eval": {"task": "t"}, "samples": samples})


@pytest.mark.parametrize("written", [promptfoo, junit, table, deepeval, inspect])
def test_results_of_any_tool_are_decided_on(
    project: Path, capsys: pytest.CaptureFixture[str], written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("before").write_text(written(CASES), encoding="utf-8")
    Path("after").write_text(written(CASES // 2), encoding="utf-8")
    Path("same").write_text(written(CASES), encoding="utf-8")
    code, said = decided(capsys, "--baseline", "before", "--candidate", "same")
    assert (code, said["decision"]) == (0, "approved")
    code, said = decided(capsys, "--baseline", "before", "--candidate", "after")
    assert (code, said["decision"]) == (1, "blocked")
    assert said["statistics"]["suite"]["before"] == [2 * CASES, 2 * CASES]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(written(CASES // 2).encode())))
    assert decided(capsys, "--baseline", "before", "--candidate", "-")[1]["decision"] == "blocked"
    assert sorted(p.name for p in project.iterdir()) == ["after", "before", "same"]


def test_one_tool_is_compared_with_a_baseline_of_our_own_lines(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("before.csv").write_text(table(CASES), encoding="utf-8")
    made = main(["gate", "--baseline", "base.jsonl", "--candidate", "before.csv", "--establish", "--by", "Ada"])
    assert made == 0
    capsys.readouterr()
    code, said = decided(capsys, "--baseline", "base.jsonl", "--candidate", "before.csv", "--results-format", "csv")
    assert (code, said["decision"]) == (0, "approved")


def test_skipped_tests_are_told_and_are_missing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("before.xml").write_text(junit(CASES), encoding="utf-8")
    Path("after.xml").write_text(junit(CASES, skipped=3), encoding="utf-8")
    code, said = decided(capsys, "--baseline", "before.xml", "--candidate", "after.xml")
    assert (code, said["decision"]) == (2, "undecided")
    assert said["notes"] == ["after.xml: 6 tests were skipped, and are no trials"]
    assert len(said["missing"]) == 3


def test_the_same_run_twice_decides_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("monday.json", "copy.json"):
        Path(name).write_text(promptfoo(CASES), encoding="utf-8")
    Path("tuesday.json").write_text(promptfoo(CASES, "f"), encoding="utf-8")
    args = ["--baseline", "monday.json", "--baseline", "copy.json", "--candidate", "tuesday.json"]
    code, said = decided(capsys, *args)
    assert code == 2
    assert "more than once" in said["message"]


def test_a_weakened_assertion_stands_against_an_approval(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("before.json").write_text(promptfoo(CASES), encoding="utf-8")
    whole = json.loads(promptfoo(CASES, "f"))
    whole["results"]["results"][0]["testCase"]["assert"] = [{"type": "contains", "value": ""}]
    Path("after.json").write_text(json.dumps(whole), encoding="utf-8")
    code, said = decided(capsys, "--baseline", "before.json", "--candidate", "after.json")
    assert (code, said["decision"]) == (2, "undecided")
    assert "changed since the baseline" in said["message"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<!DOCTYPE z [<!ENTITY a 'b'>]><testsuite/>", "after: the XML declares a document type"),
        ("id,passed\na,perhaps\n", 'after:2: passed is "perhaps"'),
        ('{"testCases": [{"success": 3}]}', "after:1: a test case of DeepEval"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_file_place_and_cure(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    Path("before").write_text(table(CASES), encoding="utf-8")
    Path("after").write_text(text, encoding="utf-8")
    assert main(["gate", "--baseline", "before", "--candidate", "after"]) == 64
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert ";" in captured.err
