"""A gate that passes when it knows nothing is none: each of these lists, files and runs must not be approved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from false_greens import FALSE_GREENS, GREENS, Arguments, unchanged, write
from loopwright.surfaces.cli.main import main

SUITE = """
cases:
  - {id: greets, input: hello, checks: [{type: contains, text: hello}]}
  - {id: parts, input: goodbye, checks: [%s]}
"""


@pytest.mark.parametrize("made", FALSE_GREENS.values(), ids=FALSE_GREENS.keys())
def test_it_is_not_approved(made: Callable[[Path], Arguments], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["gate", *made(project), "--format", "json"])
    told = capsys.readouterr()
    assert code in (1, 2, 64)
    if code == 64:
        assert told.out == ""
        assert told.err.count("\n") == 1
    else:
        said = json.loads(told.out)
        assert said["decision"] == {1: "blocked", 2: "undecided"}[code]
        assert said["message"].count("\n") == 0
        assert said["reasons"] or said["regressions"]


@pytest.mark.parametrize("made", GREENS.values(), ids=GREENS.keys())
def test_and_these_are(made: Callable[[Path], Arguments], project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["gate", *made(project), "--format", "json"])
    assert (code, json.loads(capsys.readouterr().out)["decision"]) == (0, "approved")


@pytest.mark.parametrize(
    "check", ["{type: no_such_check}", "{type: python, function: 'scorers:absent'}", "{type: python, function: 'broken:score'}"]
)
def test_a_scorer_that_cannot_be_loaded(check: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "scorers.py").write_text("def score(context):\n    return True\n")
    (project / "broken.py").write_text("raise RuntimeError('no such library')\n")
    ran(project, SUITE % check)
    capsys.readouterr()
    baseline = write(project, "before.jsonl", unchanged())
    assert main(["gate", "--baseline", baseline, "--candidate", "after.jsonl"]) != 0


@pytest.mark.parametrize("suite", ["cases: []\n", "", "# nothing yet\n"])
def test_an_empty_suite(suite: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(project, suite) != 0
    capsys.readouterr()
    baseline = write(project, "before.jsonl", [])
    assert main(["gate", "--baseline", baseline, "--candidate", "after.jsonl"]) == 2


def ran(project: Path, suite: str) -> int:
    (project / "evals").mkdir()
    (project / "evals" / "suite.yaml").write_text(suite)
    return main(["run", "evals", "--target", "command:cat", "--out", "after.jsonl", "--version", "v2"])
