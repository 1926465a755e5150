"""`loopwright gate simulate`, on files and on a store."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from loopwright import wiring
from loopwright.gate.policy import Policy
from loopwright.gate.simulate import seeded
from loopwright.settings import load
from loopwright.surfaces.cli.main import main
from loopwright.workflows.simulating import Asked, Simulation, World, simulate_files

NOW = datetime(2026, 3, 2, tzinfo=UTC)
FAST = ["--rounds", "2", "--trials", "1"]
ROWS: list[dict[str, Any]] = [
    {"eval_id": f"case-{i}", "run_id": f"run-{run}", "trial": 0, "passed": i % 5 > 0 or run > 2, "mode_id": f"mode-{i // 5}"}
    for run in range(4)
    for i in range(20)
]


@pytest.fixture
def history(project: Path) -> str:
    write("history.jsonl", ROWS)
    return "history.jsonl"


def write(name: str, rows: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def simulated(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["gate", "simulate", *args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_files_are_simulated_and_nothing_is_left(project: Path, history: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = simulated(capsys, "--baseline", history, *FAST)
    assert (code, err) == (0, "")
    assert out.startswith("20 cases, a history of 80 trials in 4 runs")
    assert "one solved case lost" in out
    assert "An agent that did not change was blocked in " in out
    assert "cost" not in out
    assert [path.name for path in project.iterdir()] == ["history.jsonl"]


def test_json_is_the_same_for_the_same_seed(history: str, capsys: pytest.CaptureFixture[str]) -> None:
    args = ("--baseline", history, *FAST, "--trials", "2", "--drop", "30", "--seed", "7", "--format", "json")
    first, second = (json.loads(simulated(capsys, *args)[1]) for _ in range(2))
    assert first == second
    assert (first["seed"], first["cases"], first["history"]) == (7, 20, {"runs": 4, "trials": 80})
    assert {cell["planned_trials"] for cell in first["cells"]} == {1, 2}
    assert {cell["rounds"] for cell in first["cells"]} <= {1, 2}
    drops = [cell["scenario"]["points"] for cell in first["cells"] if cell["scenario"]["of"] == "suite"]
    assert drops == [0.3, 0.3]
    for cell in first["cells"]:
        assert cell["approved"]["value"] + cell["undecided"]["value"] + cell["blocked"]["value"] == pytest.approx(1)
        assert cell["trials_per_case"] <= cell["fixed_trials_per_case"]
        assert cell["cost_usd"] is None


def test_cost_is_told_where_the_history_tells_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("paid.jsonl", [row | {"cost_usd": 0.5} for row in ROWS])
    _, out, _ = simulated(capsys, "--baseline", "paid.jsonl", *FAST)
    assert "cost" in out
    assert "$1" in out


def test_files_are_runs_of_their_own(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        write(name, [{key: value for key, value in row.items() if key != "run_id"} for row in ROWS[:20]])
    _, out, _ = simulated(capsys, "--baseline", "a.jsonl", "--baseline", "b.jsonl", *FAST, "--format", "json")
    assert json.loads(out)["history"] == {"runs": 2, "trials": 40}


def test_a_longer_history_can_be_supposed(history: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = simulated(capsys, "--baseline", history, *FAST, "--runs", "12", "--format", "json")
    assert json.loads(out)["history"] == {"runs": 12, "trials": 240}


def test_what_cannot_fall_is_said_to_be_absent(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("failing.jsonl", [row | {"passed": False} for row in ROWS])
    code, out, err = simulated(capsys, "--baseline", "failing.jsonl", *FAST)
    assert code == 0
    assert "nothing changed" in out
    assert "not in the table" in err
    assert "one solved case lost" in err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--baseline", "none.jsonl"], "does not exist"),
        (["--baseline", "-", "--baseline", "-"], "once"),
        (["--baseline", "empty.jsonl"], "no results"),
        (["--baseline", "twice.jsonl"], "more than once"),
        (["--baseline", "errors.jsonl"], "verdict"),
        (["--baseline", "history.jsonl", "--drop", "0"], "no fall"),
        (["--baseline", "history.jsonl", "--drop", "nan"], "no fall"),
        (["--baseline", "history.jsonl", "--against", "v1"], "one of them"),
        (["--baseline", "history.jsonl", "--trials", "0"], "trials"),
    ],
)
def test_what_cannot_be_simulated(history: str, capsys: pytest.CaptureFixture[str], args: list[str], says: str) -> None:
    write("empty.jsonl", [])
    write("twice.jsonl", ROWS + ROWS)
    write("errors.jsonl", [row | {"passed": None, "error": "timeout"} for row in ROWS])
    code, out, err = simulated(capsys, *args)
    assert (code, out) == (64, "")
    assert says in err
    assert err.count("\n") == 1


def test_a_stored_baseline_is_simulated_and_the_store_stays_as_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "--ci", "none"])
    assert simulated(capsys, *FAST)[0] == 64
    main(["run", "--version", "v1"])
    main(["gate", "--establish", "--by", "Ada"])
    capsys.readouterr()
    file = project / ".loopwright" / "loopwright.db"
    with closing(sqlite3.connect(file)) as kept:
        before = kept.serialize()
    code, out, _ = simulated(capsys, *FAST, "--format", "json")
    assert code == 0
    assert json.loads(out)["history"]["runs"] == 1
    with closing(sqlite3.connect(file)) as kept:
        assert kept.serialize() == before


class Ticking:
    """A clock that goes on by a second at each look."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


class Watching:
    """A progress bar that does something at each step."""

    def __init__(self, then: Callable[[int], None] = lambda _: None) -> None:
        self.steps, self.totals, self.then = 0, list[int | None](), then

    def start(self, label: str, total: int | None = None) -> None:
        self.totals.append(total)

    def advance(self, by: int = 1) -> None:
        self.steps += by
        self.then(self.steps)

    def done(self) -> None:
        self.totals.append(None)


async def on_history(asked: Asked, progress: Watching) -> Simulation:
    reader = wiring.result_reader(load(environ={}), lambda _: None, None, 1.0)
    return await simulate_files(reader, ["history.jsonl"], Policy(), asked, World(seeded(1), Ticking(), progress))


def test_the_time_ends_it_and_an_unchanged_agent_is_played_more_often(history: str) -> None:
    watching = Watching()
    found = asyncio.run(on_history(Asked(trials=(1,), seconds=20), watching))
    by_name = {cell.scenario.of: cell.rounds for cell in found.cells}
    assert 15 <= sum(cell.rounds for cell in found.cells) <= 20
    assert by_name["nothing"] > 2 * by_name["mode"]
    assert watching.totals == [20, None]
    assert watching.steps >= 19
    assert any("--rounds 100 gives narrower intervals" in told for told in found.notes)
    assert not found.stopped


def test_who_stops_it_gets_what_was_played(history: str) -> None:
    async def stopped() -> Simulation:
        task = asyncio.current_task()
        assert task is not None
        return await on_history(Asked(trials=(1,), rounds=50), Watching(lambda steps: task.cancel() if steps == 4 else None))

    found = asyncio.run(stopped())
    assert found.stopped
    assert 0 < sum(cell.rounds for cell in found.cells) <= 5
    assert any("stopped" in told for told in found.notes)
