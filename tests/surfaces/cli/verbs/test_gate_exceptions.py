"""`loopwright gate quarantine`, `gate override` and `--against` as a user meets them: files, a store, a repository."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main

CASES = 6
SOON = f"{datetime.now(UTC) + timedelta(days=10):%Y-%m-%d}"
HISTORY = [
    {"eval_id": f"case-{i}", "trial": 0, "passed": True, "run_id": f"run-{r}", "deterministic": True}
    for r in range(3)
    for i in range(20)
]
LOST = [{"eval_id": f"case-{i}", "trial": 0, "passed": i != 4, "deterministic": True} for i in range(20)]
FILES = ("gate", "--baseline", "b.jsonl", "--candidate", "c.jsonl")
ADD = ("gate", "quarantine", "add", "case-4", "--owner", "Ben", "--why", "the clock decides it", "--by", "Ada")


def write(name: str, rows: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def ran(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(list(args))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def files(project: Path) -> Path:
    write("b.jsonl", HISTORY)
    write("c.jsonl", LOST)
    return project


def test_a_file_of_quarantines_is_heeded_and_leaves_nothing_else_behind(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, *FILES)[0] == 1
    assert ran(capsys, *ADD, "--until", SOON, "--file", "q.jsonl")[0] == 0
    code, out, _ = ran(capsys, *FILES, "--quarantine", "q.jsonl", "--format", "json")
    told = json.loads(out)
    assert (code, told["decision"]) == (0, "approved")
    assert [(row["eval_id"], row["owner"], row["after"]) for row in told["statistics"]["quarantined"]] == [
        ("case-4", "Ben", [0, 1])
    ]
    _, text, _ = ran(capsys, *FILES, "--quarantine", "q.jsonl")
    assert "In quarantine: counted with their mode and the suite, and not for themselves" in text
    remove = ("gate", "quarantine", "remove", "case-4", "--why", "the clock is fixed now", "--by", "Ada", "--file", "q.jsonl")
    assert ran(capsys, *remove)[0] == 0
    assert ran(capsys, *FILES, "--quarantine", "q.jsonl")[0] == 1
    assert len(Path("q.jsonl").read_text().splitlines()) == 2
    assert sorted(path.name for path in files.iterdir()) == ["b.jsonl", "c.jsonl", "q.jsonl"]


def test_a_quarantine_in_a_file_lapses_by_itself(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("q.jsonl", [{"eval_id": "case-4", "owner": "Ben", "why": "x", "until": "2026-01-01", "by": "Ada"}])
    code, out, _ = ran(capsys, *FILES, "--quarantine", "q.jsonl")
    assert code == 1
    assert "note: the quarantine of case-4 (owner Ben) ended on 2026-01-01" in out


def test_rows_cannot_put_themselves_into_quarantine(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("c.jsonl", [{**row, "quarantined": True} for row in LOST])
    assert ran(capsys, *FILES)[0] == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [("{", "q.jsonl:1"), ('{"eval_id": "a"}', "q.jsonl:1: owner is missing")],
)
def test_a_file_of_quarantines_that_is_none_is_refused(
    files: Path, capsys: pytest.CaptureFixture[str], line: str, problem: str
) -> None:
    Path("q.jsonl").write_text(line + "\n")
    code, out, err = ran(capsys, *FILES, "--quarantine", "q.jsonl")
    assert (code, out) == (64, "")
    assert problem in err
    assert ran(capsys, *FILES, "--quarantine", "none.jsonl")[0] == 64


@pytest.mark.parametrize("until", ["soon", "2020-01-01", "2126-01-01"])
def test_a_quarantine_ends_on_a_day_that_is_near(project: Path, capsys: pytest.CaptureFixture[str], until: str) -> None:
    code, _, err = ran(capsys, *ADD, "--until", until, "--file", "q.jsonl")
    assert (code, err.count("\n"), Path("q.jsonl").exists()) == (64, 1, False)


def test_flips_are_measured_in_files(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl", [{**row, "passed": row["eval_id"] != "case-2" or row["run_id"] != "run-1"} for row in HISTORY])
    _, out, _ = ran(capsys, "gate", "quarantine", "--baseline", "b.jsonl", "--format", "json")
    first = json.loads(out)["flips"][0]
    assert (first["eval_id"], first["passes"], first["trials"], first["pairs"]) == ("case-2", 2, 3, 3)
    assert first["low"] < first["flip_rate"] <= first["high"] == 0.5
    _, text, _ = ran(capsys, "gate", "quarantine", "--baseline", "b.jsonl")
    assert "1 case of 20 flipped over 3 accepted runs" in text


def test_text_of_others_is_shown_and_not_acted_on(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "\x1b[31m[bold]<script>"
    write("b.jsonl", [{**row, "eval_id": hostile} if row["eval_id"] == "case-4" else row for row in HISTORY])
    write("c.jsonl", [{**row, "eval_id": hostile} if row["eval_id"] == "case-4" else row for row in LOST])
    write("q.jsonl", [{"eval_id": hostile, "owner": hostile, "why": hostile, "until": f"{SOON}T00:00:00Z", "by": "Ada"}])
    code, out, _ = ran(capsys, *FILES, "--quarantine", "q.jsonl")
    assert code == 0
    assert "\x1b" not in out
    assert "\\x1b[31m[bold]<script>" in out
    assert "\x1b" not in ran(capsys, "gate", "quarantine", "--file", "q.jsonl", "--baseline", "b.jsonl")[1]


def git(*arguments: str) -> None:
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *author, *arguments], check=True, capture_output=True)


def agent(*broken: int) -> None:
    """An agent in a module of its own each time, so that nothing of it is remembered."""
    words = sorted(f"word{n}" for n in broken)
    Path("agent.sh").write_text(f"import sys, json\ntext = json.load(sys.stdin)\nprint('no' if text in {words!r} else text)\n")


@pytest.fixture
def repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An agent in a git repository, a suite of deterministic cases, and a baseline of the first commit."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Ada")
    Path("evals").mkdir()
    rows = [
        {"id": f"case-{n}", "layer": "deterministic", "deterministic": True, "input": f"word{n}",
         "checks": [{"type": "contains", "value": f"word{n}"}]}
        for n in range(CASES)
    ]  # fmt: skip
    Path("evals/cases.yaml").write_text(json.dumps({"cases": rows}))
    Path("loopwright.toml").write_text(f"[target]\nurl = 'command:{sys.executable} agent.sh'\n[suite]\nsealed_share = 0.0\n")
    Path(".gitignore").write_text(".loopwright\n*.jsonl\n")
    agent()
    git("init", "--quiet", "--initial-branch", "main")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    assert main(["run", "--exit-zero"]) == 0
    assert main(["gate", "--establish"]) == 0
    return project


def decided(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code, out, err = ran(capsys, "gate", *args, "--format", "json")
    assert err == ""
    return code, json.loads(out)


def test_the_way_of_a_blocked_release(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agent(3)
    Path("loopwright.toml").write_text(Path("loopwright.toml").read_text() + "[gate]\nalpha = 0.05\n")
    git("commit", "--quiet", "--all", "--message", "second")
    assert ran(capsys, "run", "--exit-zero")[0] == 0
    code, blocked = decided(capsys)
    assert (code, blocked["decision"], blocked["override"]) == (1, "blocked", None)
    assert any("the policy (loopwright.toml) changed since" in note and "agent.sh" in note for note in blocked["notes"])
    assert ran(capsys, "release", "record", "main")[0] == 1
    override = ("gate", "override", blocked["decision_id"], "--why", "the customer waits for it", "--until", SOON)
    assert ran(capsys, *override)[0] == 0
    code, shipped = decided(capsys)
    assert (code, shipped["decision"], shipped["override"]["by"]) == (0, "blocked", ["Ada"])
    listed = json.loads(ran(capsys, "gate", "override", "--format", "json")[1])
    assert (listed["rate"]["overridden"], listed["rate"]["decisions"], listed["overrides"][0]["in_force"]) == (1, 1, True)
    assert ran(capsys, "release", "record", "main")[0] == 0
    assert ran(capsys, "audit", "verify")[0] == 0
    withdrawn = ran(capsys, "gate", "override", "--withdraw", listed["overrides"][0]["override_id"])
    assert "Ada withdrew" in withdrawn[1]
    assert ran(capsys, "gate")[0] == 1


def test_a_run_is_compared_with_what_has_a_name(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git("tag", "v1")
    agent(3)
    git("commit", "--quiet", "--all", "--message", "second")
    assert ran(capsys, "run", "--exit-zero")[0] == 0
    code, by_ref = decided(capsys, "--against", "v1")
    assert (code, by_ref["statistics"]["against"]) == (1, "v1")
    assert decided(capsys, "--against", "HEAD")[0] == 2
    write("old.jsonl", [{"eval_id": f"case-{n}", "trial": t, "passed": n != 3} for n in range(CASES) for t in range(2)])
    code, by_file = decided(capsys, "--against", "old.jsonl")
    assert (code, by_file["baseline"][0]["source"]) == (0, "old.jsonl")
    code, _, err = ran(capsys, "gate", "--against", "v7")
    assert code == 64
    assert "nothing is called 'v7'" in err
    for wrong in (("--establish", "--against", "v1"), ("--against", "v1", "--candidate", "old.jsonl")):
        assert ran(capsys, "gate", *wrong)[0] == 64


def test_a_lenient_flag_is_told_and_recorded_with_establish_too(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "run", "--exit-zero")[0] == 0
    told = "more lenient than the policy's file: alpha from 0.05 to 0.001"
    assert told in decided(capsys, "--alpha", "0.001")[1]["notes"]
    _, _, err = ran(capsys, "gate", "--establish", "--extend", "--alpha", "0.001")
    assert told in err
    entry = json.loads(ran(capsys, "audit", "--last", "1", "--format", "json")[1])
    assert entry["details"]["lenient"] == {"alpha": [0.05, 0.001]}


def test_the_store_keeps_a_quarantine(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = ran(capsys, *ADD, "--until", SOON, "--why", "flaky")
    assert (code, "no reason" in err) == (64, True)
    assert ran(capsys, *ADD, "--until", SOON)[0] == 0
    agent(4)
    assert ran(capsys, "run", "--exit-zero")[0] == 0
    code, told = decided(capsys)
    assert (code, told["decision"], told["next"]) == (0, "approved", [])
    assert "case-4" in ran(capsys, "gate", "quarantine")[1]
