from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from loopwright import wiring
from loopwright.settings import Settings

AGENT = """
import asyncio, os, time
from pathlib import Path

def note(given):
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(given + "\\n")

async def answer(given):
    note(given)
    await asyncio.sleep(0.01)
    return given

def wrong(given):
    return "no"

def hang(given):
    time.sleep(3600)

def runaway(given):
    return "a" * 40 + "b"
"""


@pytest.fixture
def work(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (project / "agent.py").write_text(AGENT)
    monkeypatch.setenv("CALLS", str(project / "calls"))
    return project


def suite(folder: Path, count: int, check: str = "{type: contains, value: q}", extra: str = "") -> None:
    (folder / "evals").mkdir(exist_ok=True)
    cases = "".join(f"  - id: c{n}\n    input: q{n}\n    checks: [{check}]\n{extra}" for n in range(count))
    (folder / "evals" / "cases.yaml").write_text(f"cases:\n{cases}")


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "loopwright", "run", *args]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*args), capture_output=True, text=True, check=False, timeout=120)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_table_for_people_and_lines_for_the_gate(work: Path) -> None:
    suite(work, 3)
    done = run("--target", "python:agent:answer", "--out", "r.jsonl", "--version", "v1", "--trials", "2")

    assert done.returncode == 0, done.stderr
    assert "c0" in done.stdout
    assert "2/2" in done.stdout
    assert "3 cases: 3 passed, 0 failed, 0 without a verdict (version v1)" in done.stderr
    assert {(r["eval_id"], r["trial"], r["passed"], r["version"]) for r in rows(work / "r.jsonl")} == {
        (f"c{n}", t, True, "v1") for n in range(3) for t in range(2)
    }
    assert not (work / ".loopwright").exists()


def test_json_on_stdout_and_nothing_else(work: Path) -> None:
    suite(work, 3)
    done = run("--target", "python:agent:wrong", "--format", "json")

    assert done.returncode == 1
    assert [json.loads(line)["passed"] for line in done.stdout.splitlines()] == [False] * 3
    assert not (work / ".loopwright").exists()
    assert run("--target", "python:agent:wrong", "--format", "json", "--exit-zero").returncode == 0


def test_results_go_to_the_store(work: Path) -> None:
    suite(work, 2)
    assert run("--target", "python:agent:answer").returncode == 0
    assert run("--target", "python:agent:answer").returncode == 0
    assert (work / ".loopwright" / "loopwright.db").is_file()
    assert len((work / "calls").read_text().split()) == 4


@pytest.mark.parametrize(
    ("content", "args", "code", "said"),
    [
        ("cases: []\n", [], 2, "no cases to run"),
        ("cases:\n  - {id: a, input: x, layer: semantic, scoring_rubric: [kind]}\n", [], 2, "1 without a verdict"),
        ("cases:\n  - {id: a, input: x, status: draft, checks: [{type: contains, value: x}]}\n", [], 2, "1 draft left out"),
        ("cases:\n  - {id: a, input: x, status: draft, checks: [{type: contains, value: x}]}\n", ["--drafts"], 0, "1 passed"),
        ("cases:\n  - {id: a, input: x, checks: [{type: tool_called, name: t}]}\n", [], 2, "1 without a verdict"),
    ],
)
def test_what_shows_nothing_is_never_a_pass(work: Path, content: str, args: list[str], code: int, said: str) -> None:
    suite(work, 0)
    (work / "evals" / "cases.yaml").write_text(content)
    done = run("--target", "python:agent:answer", "--out", "r.jsonl", *args)
    assert done.returncode == code
    assert said in done.stderr


def test_a_hanging_agent_is_an_error_with_its_reason(work: Path) -> None:
    suite(work, 2)
    started = time.monotonic()
    done = run("--target", "python:agent:hang", "--timeout", "0.5", "--out", "r.jsonl")
    assert done.returncode == 2
    assert [(r["passed"], r["error"]) for r in rows(work / "r.jsonl")] == [(None, "timed out after 0.5 s")] * 2
    assert time.monotonic() - started < 60


def test_a_runaway_check_is_stopped_and_is_no_verdict(work: Path) -> None:
    suite(work, 1, "{type: regex, pattern: '(a+)+$'}")
    done = run("--target", "python:agent:runaway", "--out", "r.jsonl")
    assert done.returncode == 2
    assert "processor time" in rows(work / "r.jsonl")[0]["error"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("cases:\n  - {id: a, input: x, checks: [{type: json_valid}]}\n  - {id: a, input: y, checks: [{type: json_valid}]}\n",
         "evals/cases.yaml:3: case id 'a' stands already at evals/cases.yaml:2; give one of the two another id"),
        ("cases:\n  - id: a\n    input: x\n    checks:\n      - {type: containz, value: x}\n",
         "evals/cases.yaml:5: unknown check 'containz'; did you mean 'contains'?"),
        ("cases:\n  - id: a\n   input: x\n", "evals/cases.yaml:3: is not valid YAML"),
        ("cases:\n  - {id: a, input: x, layer: determinstic, checks: [{type: json_valid}]}\n",
         "evals/cases.yaml:2: case a: layer is \"determinstic\"; did you mean 'deterministic'?"),
        ("a: &a [x]\nb: *a\n", "evals/cases.yaml:1: anchor or alias 'a'; write the value out"),
    ],
)  # fmt: skip
def test_a_bad_suite_is_one_line_with_file_line_value_and_cure(work: Path, content: str, said: str) -> None:
    suite(work, 0)
    (work / "evals" / "cases.yaml").write_text(content)
    done = run("evals", "--target", "python:agent:answer", "--out", "r.jsonl")
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert not (work / "r.jsonl").exists()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "no target is named; give --target"),
        (["--target", "ftp://x"], "unknown target 'ftp://x'"),
        (["--target", "python:agnt:answer"], "there is no module 'agnt'"),
        (["--target", "python:agent:answer", "--layer", "semantc"], "semantc"),
        (["--target", "python:agent:answer", "--case", "c7"], "unknown case 'c7'; known: c0"),
        (["--target", "python:agent:answer", "--trials", "0"], "run.trials is 0"),
        (["nowhere", "--target", "python:agent:answer"], "nowhere: there is no such file or folder"),
    ],
)
def test_wrong_usage_is_64_and_leaves_no_file(work: Path, args: list[str], said: str) -> None:
    suite(work, 1)
    done = run(*args, "--out", "r.jsonl")
    assert done.returncode == 64
    assert said in done.stderr
    assert not (work / "r.jsonl").exists()


def test_a_target_of_the_toml_is_found_from_its_folder(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite(work, 1)
    (work / "loopwright.toml").write_text('[target]\nurl = "python:agent:answer"\n')
    (work / "below").mkdir()
    monkeypatch.chdir(work / "below")
    assert run().returncode == 0
    (work / "loopwright.toml").write_text("[target]\nurl = 'command:\"cat\"'\n")
    assert run().returncode == 0


@pytest.mark.parametrize("where", ["file", "store"])
def test_killed_at_any_moment_it_goes_on_and_nothing_is_lost_or_doubled(work: Path, where: str) -> None:
    suite(work, 40)
    out = ["--out", "r.jsonl"] if where == "file" else []
    args = ["--target", "python:agent:answer", "--trials", "3", "--concurrency", "4", "--version", "v1", *out]
    moments = random.Random(20261101)
    killed = 0
    for _ in range(40):
        until = calls(work) + moments.randrange(10, 60)
        with subprocess.Popen(command(*args), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and calls(work) < until:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert killed >= 2
    assert process.returncode == 0

    found = rows(work / "r.jsonl") if where == "file" else stored(work)
    keys = [(r["eval_id"], r["trial"], r["passed"]) for r in found]
    assert sorted(keys) == sorted((f"c{n}", t, True) for n in range(40) for t in range(3))
    assert len({r["run_id"] for r in found}) == 1
    assert calls(work) <= 120 + killed * (3 * 4)  # under way, or answered and not yet taken, at each kill


def calls(work: Path) -> int:
    return (work / "calls").read_text().count("\n") if (work / "calls").exists() else 0


def stored(work: Path) -> list[dict[str, Any]]:
    with wiring.store(Settings(folder=work), create=False) as store:
        (run,) = store.runs()
        assert run.finished_at is not None
        return [asdict(result) for result in store.results(run.run_id)]


def test_what_is_done_is_not_run_again_where_the_version_is_known(work: Path) -> None:
    suite(work, 3)
    args = ["--target", "python:agent:answer", "--out", "r.jsonl"]
    assert run(*args, "--version", "v1").returncode == 0
    before = (work / "r.jsonl").read_bytes()
    again = run(*args, "--version", "v1")
    assert again.returncode == 0
    assert "nothing to do, of version v1 there are 3 trials already; --fresh runs them again" in again.stderr
    assert (work / "r.jsonl").read_bytes() == before
    assert len((work / "calls").read_text().split()) == 3

    other = run(*args, "--version", "v2")
    assert other.returncode == 64
    assert "holds the results of another run" in other.stderr
    assert run(*args, "--version", "v2", "--fresh").returncode == 0
    assert {r["version"] for r in rows(work / "r.jsonl")} == {"v2"}


def test_an_agent_without_a_version_is_run_again(work: Path) -> None:
    suite(work, 2)
    args = ["--target", "python:agent:answer", "--out", "r.jsonl"]
    assert run(*args).returncode == 0
    (work / "agent.py").write_text(AGENT.replace("return given", "return 'broken'"))
    assert run(*args).returncode == 1
    assert {r["version"] for r in rows(work / "r.jsonl")} == {"unversioned"}
    assert len(rows(work / "r.jsonl")) == 2
