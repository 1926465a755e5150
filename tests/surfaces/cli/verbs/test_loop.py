"""`loopwright loop`: a turn does what needs no person; one that was killed goes on, and nothing is lost."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loopwright.settings import load
from loopwright.surfaces.cli.main import main
from loopwright.wiring import store

ORDERS = ("boots", "tent", "stove", "lamp", "rope", "map", "flask", "knife", "sack", "mat")


def conversation(number: int) -> dict[str, Any]:
    """An agent that looks an order up again and again, and fails."""
    item = ORDERS[number % len(ORDERS)]
    call = {"id": "c", "type": "function", "function": {"name": "find_order", "arguments": json.dumps({"item": item})}}
    asked: list[dict[str, Any]] = [{"role": "user", "content": f"Where is my {item}? Order {number}."}]
    for _ in range(6):
        asked += [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": f"Error: no order with {item}"},
        ]
    return {"id": f"c{number}", "messages": [*asked, {"role": "assistant", "content": "I cannot find it, sorry."}]}


def write(path: Path, count: int, first: int = 0) -> None:
    lines = (json.dumps(conversation(number)) for number in range(first, first + count))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def turn(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, dict[str, Any]]]:
    code = main(["loop", *args, "--format", "json"])
    return code, {row["stage"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}


def test_a_turn_ends_with_what_waits_for_a_person_and_a_second_does_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project / "traces.jsonl", 12)
    code, first = turn(capsys, "traces.jsonl")
    assert code == 0
    assert first["collect"]["summary"] == {"new traces": 12, "refused": 0}
    assert first["mine"]["summary"]["failures"] == 12
    assert first["draft"]["summary"]["drafts"] == first["cluster"]["summary"]["failure modes"] > 0
    assert first["improve"]["summary"]["proposals"] >= 1
    assert sum(first["review"]["summary"].values()) >= 2
    _, second = turn(capsys, "traces.jsonl")
    assert {row["state"] for row in second.values()} == {"unchanged"}
    assert {name: row["summary"] for name, row in second.items()} == {name: row["summary"] for name, row in first.items()}


def test_new_traces_are_taken_in_and_nothing_is_approved(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "traces").mkdir()
    write(project / "traces" / "monday.jsonl", 6)
    turn(capsys, "traces")
    write(project / "traces" / "tuesday.jsonl", 3, first=6)
    _, second = turn(capsys, "traces")
    assert second["collect"]["summary"]["new traces"] == 3
    assert second["mine"]["summary"] == {"failures": 9, "of traces": 9}
    with store(load(start=project)) as kept:
        assert [entry.action for entry in kept.audit()] == []
        assert {case.status.value for case in kept.cases()} == {"draft"}


def test_a_stage_that_fails_is_told_and_the_others_go_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project / "traces.jsonl", 6)
    code, rows = turn(capsys, "traces.jsonl", "--target", "python:nowhere:answer")
    assert code == 2
    assert rows["verify"]["state"] == "failed"
    assert "nowhere" in rows["verify"]["problem"]
    assert rows["review"]["state"] == "done"


def state(folder: Path) -> dict[str, Any]:
    with store(load(start=folder)) as kept:
        return {
            "traces": sorted(trace.trace_id for trace in kept.traces()),
            "failures": [(f.trace_id, f.score) for f in kept.failures()],
            "modes": sorted((m.mode_id, m.size) for m in kept.modes()),
            "cases": sorted((c.id, c.content_digest) for c in kept.cases()),
            "proposals": sorted(r.proposal.proposal_id for r in kept.proposals()),
            "steps": sorted((name, json.dumps(step.summary)) for name, step in kept.loop_steps().items() if name != "collect"),
        }


def test_killed_at_ten_random_moments_it_ends_where_an_unkilled_one_does(project: Path) -> None:
    dice = random.Random(20261123)
    for name in ("killed", "whole"):
        (project / name).mkdir()
        write(project / name / "traces.jsonl", 300)
    command = [sys.executable, "-m", "loopwright", "loop", "traces.jsonl"]
    subprocess.run(command, cwd=project / "whole", capture_output=True, check=True)
    for _ in range(10):
        running = subprocess.Popen(command, cwd=project / "killed", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(0.3, 2.5))
        running.send_signal(signal.SIGKILL)
        running.wait()
    subprocess.run(command, cwd=project / "killed", capture_output=True, check=True)
    assert state(project / "killed") == state(project / "whole")
    assert len(state(project / "whole")["traces"]) == 300
