"""What `loopwright gate` writes beside its exit code, read by real parsers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from loopwright.surfaces.cli.main import main

PASSING = [{"eval_id": f"case-{i}", "trial": t, "passed": True, "deterministic": True} for i in range(20) for t in range(2)]
LOST = [{**row, "passed": row["eval_id"] != "case-3"} for row in PASSING]
SUITE = "cases:\n  - id: other\n    input: hi\n    checks: [{type: contains, value: a}]\n" + (
    "  - id: case-3\n    input: hi\n    checks: [{type: contains, value: a}]\n"
)


@pytest.fixture
def files(project: Path) -> Path:
    write("b.jsonl", PASSING)
    write("c.jsonl", LOST)
    Path("evals").mkdir()
    Path("evals/shop.yaml").write_text(SUITE)
    return project


def write(name: str, rows: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def gate(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["gate", "--baseline", "b.jsonl", "--candidate", "c.jsonl", *args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_files_for_ci_beside_the_text(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [
        "--junit",
        "out/gate.xml",
        "--markdown",
        "gate.md",
        "--annotations",
        "gate.txt",
        "--html",
        "gate.html",
        "--suite",
        "evals",
    ]
    Path("out").mkdir()
    code, out, err = gate(capsys, *wanted)
    assert (code, err) == (1, "")
    assert out.startswith("BLOCKED  ")
    (suite,) = JUnitXml.fromfile("out/gate.xml")
    assert (suite.tests, suite.failures) == (22, 2)
    assert Path("gate.md").read_text().startswith("## Gate: blocked\n")
    assert Path("gate.html").read_text().startswith("<!doctype html>")
    assert "::error file=evals/shop.yaml,line=5,title=Case lost::case-3: " in Path("gate.txt").read_text()


@pytest.mark.parametrize(("form", "begins"), [("markdown", "## Gate: blocked\n"), ("junit", "<?xml "), ("json", "{")])
def test_stdout_holds_one_form(files: Path, capsys: pytest.CaptureFixture[str], form: str, begins: str) -> None:
    code, out, err = gate(capsys, "--format", form)
    assert (code, err) == (1, "")
    assert out.startswith(begins)


def test_for_github_the_text_holds_no_commands(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl", [*PASSING, {"eval_id": "::error::boo", "trial": 0, "passed": True, "deterministic": True}])
    write("c.jsonl", [*LOST, {"eval_id": "::error::boo", "trial": 0, "passed": False, "deterministic": True}])
    _, out, _ = gate(capsys, "--format", "github")
    before, stop, rest = out.partition("::stop-commands::")
    token, _, text = rest.partition("\n")
    assert stop
    assert len(token) == 32
    assert before.count("::error ") == 3
    assert text.startswith("BLOCKED  ")
    assert text.rstrip("\n").endswith(f"\n::{token}::")
    assert token not in before


def test_the_summary_of_a_step_is_added_to(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    code, _, err = gate(capsys, "--summary")
    assert code == 1
    assert "GITHUB_STEP_SUMMARY is not set" in err
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(files / "summary.md"))
    (files / "summary.md").write_text("before\n")
    gate(capsys, "--summary")
    assert (files / "summary.md").read_text().startswith("before\n## Gate: blocked\n")
    (files / "summary.md").write_text("x" * (1_048_576 - 1000))
    gate(capsys, "--summary")
    assert 1_048_576 - 1000 < (files / "summary.md").stat().st_size <= 1_048_576


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--junit", "c.jsonl"], "would be overwritten"),
        (["--junit", "x", "--markdown", "./x"], "both name x"),
        (["--annotations", "no/such/folder"], "there is no folder"),
        (["--junit", "x", "--establish"], "decides nothing that could be written"),
        (["--junit", "x", "--suite", "nowhere"], "there is no such file or folder"),
    ],
)
def test_what_cannot_be_written(files: Path, capsys: pytest.CaptureFixture[str], args: list[str], says: str) -> None:
    code, out, err = gate(capsys, *args)
    assert (code, out) == (64, "")
    assert says in err
    assert not Path("x").exists()


def test_without_a_suite_that_is_named_nothing_is_read(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("evals/shop.yaml").write_text("cases: [")
    code, out, err = gate(capsys, "--format", "github")
    assert (code, err) == (1, "")
    assert "file=" not in out
