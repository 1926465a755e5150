"""`loopwright gate explain`, on files and on a stored decision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loopwright.surfaces.cli.main import main

ROWS = [{"eval_id": f"case-{i}", "trial": t, "passed": True, "mode_id": "slow"} for i in range(20) for t in range(2)]


@pytest.fixture
def files(project: Path) -> list[str]:
    for name, least in (("b.jsonl", 0), ("c.jsonl", 12)):
        rows = [{**row, "passed": int(str(row["eval_id"])[5:]) >= least} for row in ROWS]
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ["--baseline", "b.jsonl", "--candidate", "c.jsonl"]


def explained(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["gate", "explain", *args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize(
    ("what", "says"), [("suite", "The suite: 20 cases"), ("slow", "Failure mode slow"), ("case-3", "2 of 2")]
)
def test_files_are_explained(project: Path, files: list[str], capsys: pytest.CaptureFixture[str], what: str, says: str) -> None:
    code, out, err = explained(capsys, what, *files)
    assert (code, err) == (0, "")
    assert out.startswith("BLOCKED  ")
    assert says in out
    assert sorted(path.name for path in project.iterdir()) == ["b.jsonl", "c.jsonl"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["case-33", "--baseline", "b.jsonl", "--candidate", "c.jsonl"], "is 'case-3' meant"),
        (["--baseline", "b.jsonl"], "give both"),
        (["--decision", "decision-1", "--baseline", "b.jsonl", "--candidate", "c.jsonl"], "one or the other"),
        (["--alpha", "0.01"], "its own policy"),
    ],
)
def test_what_cannot_be_explained(files: list[str], capsys: pytest.CaptureFixture[str], args: list[str], says: str) -> None:
    code, out, err = explained(capsys, *args)
    assert (code, out) == (64, "")
    assert says in err


def test_a_stored_decision_is_explained(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "--ci", "none"])
    main(["run", "--version", "v1"])
    main(["gate", "--establish", "--by", "Ada"])
    broken = Path("agent_example.py").read_text().replace("WINDOW_DAYS = 30", "WINDOW_DAYS = 90")
    Path("agent_broken.py").write_text(broken)
    main(["run", "--version", "v2", "--target", "python:agent_broken:answer", "--exit-zero"])
    capsys.readouterr()
    assert main(["gate", "--candidate-version", "v2", "--format", "json"]) == 1
    decision_id = json.loads(capsys.readouterr().out)["decision_id"]
    for args in ([], [decision_id], [decision_id[:14]], ["refund-outside-window"]):
        code, out, err = explained(capsys, *args)
        assert (code, err) == (0, "")
        assert "Case refund-outside-window" in out
        assert f"loopwright gate override {decision_id} --why" in out
    code, out, _ = explained(capsys, "suite", "--decision", decision_id)
    assert (code, "The suite: 6 cases" in out) == (0, True)
    assert explained(capsys, "decision-zzz")[0] == 64
