"""From an undecided gate to a decision by repeats, through the real commands: a noisy agent is cleared, a lost case is proved."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main

AGENT = """
import json, os, pathlib

def answer(text):
    lost = json.loads(pathlib.Path("lost.json").read_text())
    left = lost.get(text, 0)
    if left:
        lost[text] = left - 1
        pathlib.Path("lost.json").write_text(json.dumps(lost))
        return "no idea"
    return "hello"
"""
SUITE = "cases:\n" + "".join(
    f"  - {{id: case-{i:02}, input: question {i}, checks: [{{type: contains, value: hello}}]}}\n" for i in range(20)
)
TOML = '[target]\nurl = "python:agent:answer"\n[run]\nconcurrency = 1\n'


def lose(cases: int, times: int) -> None:
    """The first cases fail so many times from now on."""
    Path("lost.json").write_text(json.dumps({f"question {i}": times for i in range(cases)}))


def cli(*args: str) -> subprocess.CompletedProcess[str]:
    """The front door, in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(list(args))
    out.flush()
    return subprocess.CompletedProcess(args, code, out.buffer.getvalue().decode(), err.getvalue())


def follow(command: str) -> subprocess.CompletedProcess[str]:
    """Do what the gate printed."""
    name, *args = shlex.split(command)
    assert name == "loopwright"
    return cli(*args)


def gate(*args: str) -> dict[str, Any]:
    done = cli("gate", *args, "--format", "json")
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == {"approved": 0, "blocked": 1, "undecided": 2}[said["decision"]], done.stderr
    return said


def commit(message: str) -> None:
    for args in (["add", "-A"], ["commit", "-q", "--allow-empty", "-m", message]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *args], check=True)


@pytest.fixture
def shop(project: Path) -> Path:
    """An agent, twenty cases, and a baseline of one run."""
    Path("agent.py").write_text(AGENT)
    Path("evals").mkdir()
    Path("evals/cases.yaml").write_text(SUITE)
    Path("loopwright.toml").write_text(TOML)
    Path(".gitignore").write_text(".loopwright\nlost.json\n__pycache__\n")
    lose(0, 0)
    subprocess.run(["git", "init", "-q"], check=True)
    commit("first")
    assert cli("run").returncode == 0
    assert cli("gate", "--establish", "--by", "Ada Lovelace").returncode == 0
    commit("second")
    return project


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize(("times", "ends", "rounds"), [(1, "approved", 1), (1000, "blocked", 4)])
def test_in_the_store(shop: Path, times: int, ends: str, rounds: int) -> None:
    assert "in the baseline itself" in cli("gate").stdout
    lose(3, times)
    assert cli("run", "--exit-zero").returncode == 0
    said = gate()
    candidate = said["candidate"]["run_id"]
    done = 0
    while said["decision"] == "undecided":
        assert said["commands"] == ["loopwright run --repeat"]
        assert f"  {said['commands'][0]}\n" in cli("gate").stdout
        assert {r["eval_id"] for r in said["next"]} == {"case-00", "case-01", "case-02"}
        assert "added" in follow(said["commands"][0]).stderr
        said, done = gate(), done + 1
        assert said["candidate"]["run_id"] == candidate
    assert (said["decision"], done) == (ends, rounds)
    assert {r["eval_id"] for r in said["regressions"]} == ({"case-00", "case-01", "case-02"} if times > 1 else set())


@pytest.mark.parametrize(("times", "ends"), [(1, "approved"), (1000, "blocked")])
def test_one_case_with_history_is_decided_alone(shop: Path, times: int, ends: str) -> None:
    assert cli("run", "--trials", "4").returncode == 0
    assert "the baseline (100 results)" in cli("gate", "--establish", "--extend", "--by", "Ada Lovelace").stdout
    lose(1, times)
    cli("run", "--exit-zero")
    said = gate()
    assert said["decision"] == "undecided"
    while said["decision"] == "undecided":
        assert follow(said["commands"][0]).returncode == (0 if times == 1 else 1)
        said = gate()
    assert said["decision"] == ends


def test_a_run_of_one_case_is_not_the_candidate(shop: Path) -> None:
    assert cli("run").returncode == 0
    assert cli("run", "--case", "case-03", "--trials", "3").returncode == 0
    said = gate()
    assert said["decision"] == "undecided"
    assert "holds 1 case of the suite's 20: it was filtered with --case" in said["message"]
    done = cli("run", "--repeat", "--case", "case-03", "--trials", "2")
    assert (done.returncode, "added 2 trials" in done.stderr) == (0, True)
    assert cli("run", "--repeat").stderr.count("leaves nothing to repeat") == 1


def test_what_is_not_the_same_is_not_repeated(shop: Path) -> None:
    lose(3, 1)
    cli("run", "--exit-zero")
    assert "is of another target than" in cli("run", "--repeat", "--target", "python:agent:other").stderr
    Path("evals/cases.yaml").write_text(SUITE.replace("question 0,", "question 0?,"))
    changed = cli("run", "--repeat")
    assert (changed.returncode, "case-00 changed since the run" in changed.stderr) == (64, True)
    Path("evals/cases.yaml").write_text(SUITE)
    agent = Path("agent.py")
    agent.write_text(agent.read_text() + "# another agent\n")
    dirty = cli("run", "--repeat")
    assert (dirty.returncode, "-dirty" in dirty.stderr) == (64, True)
    held = json.loads(cli("gate", "--format", "json").stdout)["candidate"]["version"]
    Path("harness.toml").write_text("[guards.retry_budget]\n")
    assert "and the harness changed since run" in cli("run", "--repeat", "--version", held).stderr
    Path("harness.toml").unlink()
    assert cli("run", "--repeat", "--fresh").returncode == 64
    assert cli("run", "--repeat", "--tag", "x").returncode == 64
    assert cli("run", "--run", "x").returncode == 64


@pytest.mark.parametrize(("times", "ends"), [(1, "approved"), (1000, "blocked")])
def test_in_files(shop: Path, times: int, ends: str) -> None:
    same = ("--target", "python:agent:answer", "--concurrency", "1", "--version")
    assert cli("run", "evals", *same, "v1", "--out", "b.jsonl").returncode == 0
    lose(5, times)
    assert cli("run", "evals", *same, "v2", "--out", "c d.jsonl", "--exit-zero").returncode == 0
    files = ("--baseline", "b.jsonl", "--candidate", "c d.jsonl")
    said = gate(*files)
    assert said["decision"] == "undecided"
    assert said["candidate"]["source"] == "c d.jsonl"
    assert said["candidate"]["version"] == "v2"
    while said["decision"] == "undecided":
        (command,) = said["commands"]
        before = len(Path("c d.jsonl").read_text().splitlines())
        done = follow(f"{command} {shlex.join(same)} v2 --exit-zero")
        assert done.returncode == 0, done.stderr
        added = Path("c d.jsonl").read_text().splitlines()[before:]
        assert len(added) == sum(r["trials"] for r in said["next"])
        assert all(json.loads(line)["repeat"] for line in added)
        said = gate(*files)
    assert said["decision"] == ends
    assert "of version v2, and this is v3" in follow(f"{command} {shlex.join(same)} v3").stderr
    assert cli("run", "evals", "--out", "none.jsonl", "--repeat", "--case", "case-00").returncode == 64
    assert not Path("none.jsonl").exists()
