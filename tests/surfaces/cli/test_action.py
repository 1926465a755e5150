"""The composite GitHub action, its step run as a runner runs it: inputs in the environment, outputs in a file, bash with -e."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from junitparser import JUnitXml

ACTION = yaml.safe_load((Path(__file__).parents[3] / "action.yml").read_text())
EXPRESSION = "${{ inputs."


class Done(NamedTuple):
    """What the step came to."""

    code: int
    outputs: dict[str, str]
    text: str


def decide(folder: Path, **inputs: str) -> Done:
    """The step that decides, with these inputs and the others' defaults."""
    given = {name: rule["default"] for name, rule in ACTION["inputs"].items()} | inputs
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "gate"]
    binaries = folder / "temp/loopwright/bin"
    if not binaries.exists():
        binaries.parent.mkdir(parents=True)
        binaries.symlink_to(Path(sys.executable).parent)
    output, summary = folder / "output", folder / "summary"
    output.write_text("")
    environment = {name: given[value.removeprefix(EXPRESSION).removesuffix(" }}")] for name, value in step["env"].items()}
    known = {"RUNNER_TEMP": str(folder / "temp"), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
    ran = subprocess.run(
        command, cwd=folder, env=os.environ | known | environment, capture_output=True, text=True, check=False, timeout=120
    )
    told = dict(line.split("=", 1) for line in output.read_text().splitlines())
    return Done(ran.returncode, told, ran.stdout + ran.stderr)


def results(file: Path, run: str, trials: int, lost: int = 0, rows: dict[str, Any] | None = None) -> str:
    lines = [
        {"eval_id": f"case-{i}", "trial": t, "run_id": run, "passed": i >= lost, **(rows or {})}
        for i in range(12)
        for t in range(trials)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file.name


@pytest.fixture
def before(tmp_path: Path) -> str:
    return "\n".join(results(tmp_path / f"released {n}.jsonl", f"r{n}", 1) for n in range(5))


def test_an_unchanged_agent_is_approved_and_told_in_every_form(tmp_path: Path, before: str) -> None:
    done = decide(tmp_path, baseline=before + "\n", candidate=results(tmp_path / "new.jsonl", "new", 1))
    assert (done.code, done.outputs["decision"]) == (0, "approved"), done.text
    assert Path(done.outputs["report"]).read_text().startswith("<!doctype html>")
    assert all(case.is_passed for suite in JUnitXml.fromfile(done.outputs["junit"]) for case in suite)
    assert Path(done.outputs["comment"]).read_text().startswith("## Gate: approved")
    assert "## Gate: approved" in (tmp_path / "summary").read_text()


def test_a_lost_case_fails_the_step(tmp_path: Path, before: str) -> None:
    lost = results(tmp_path / "new.jsonl", "new", 1, lost=1, rows={"deterministic": True})
    done = decide(tmp_path, baseline=before, candidate=lost)
    assert (done.code, done.outputs["decision"]) == (1, "blocked"), done.text
    assert "::error title=Case lost" in done.text


@pytest.mark.parametrize(("undecided", "code"), [("fail", 2), ("pass", 0)])
def test_what_follows_from_too_little_evidence_is_the_users_choice(
    tmp_path: Path, before: str, undecided: str, code: int
) -> None:
    thin = results(tmp_path / "new.jsonl", "new", 1, lost=1)
    done = decide(tmp_path, baseline=before, candidate=thin, undecided=undecided)
    assert (done.code, done.outputs["decision"]) == (code, "undecided"), done.text


def test_a_command_that_broke_is_no_decision_and_never_passes(tmp_path: Path, before: str) -> None:
    decide(tmp_path, baseline=before, candidate=results(tmp_path / "candidate.jsonl", "c", 3))
    binaries = tmp_path / "temp/loopwright/bin"
    binaries.unlink()
    binaries.mkdir()
    broken = binaries / "loopwright"
    broken.write_text("#!/bin/sh\nexit 2\n")
    broken.chmod(0o755)
    done = decide(tmp_path, baseline=before, candidate="candidate.jsonl", undecided="pass")
    assert (done.code, done.outputs) == (2, {"decision": "none"}), done.text


def test_wrong_input_is_no_decision(tmp_path: Path, before: str) -> None:
    new = results(tmp_path / "new.jsonl", "new", 1)
    wrong = decide(tmp_path, baseline=before, candidate=new, arguments="--alpha=2")
    assert (wrong.code, wrong.outputs) == (64, {"decision": "none"}), wrong.text
    hostile = decide(tmp_path, baseline=before, candidate=new, arguments="--alpha=0.02\n; touch hit")
    assert (hostile.code, hostile.outputs) == (64, {"decision": "none"}), hostile.text
    unfound = decide(tmp_path, baseline=before, candidate='"; touch hit; "$(touch hit)')
    assert (unfound.code, unfound.outputs["decision"]) == (2, "undecided"), unfound.text
    assert not (tmp_path / "hit").exists()
    unknown = decide(tmp_path, baseline=before, undecided="ignore")
    assert (unknown.code, unknown.outputs) == (64, {}), unknown.text


def test_the_output_names_are_those_that_the_step_writes(tmp_path: Path, before: str) -> None:
    done = decide(tmp_path, baseline=before, candidate=results(tmp_path / "new.jsonl", "new", 1))
    assert set(done.outputs) == set(ACTION["outputs"])
