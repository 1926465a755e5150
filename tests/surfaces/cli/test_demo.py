"""The demo: the whole loop, computed then and there, the same with the same seed, whole after any kill."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loopwright.audit.trail import breaks
from loopwright.errors import UsageError
from loopwright.settings import load
from loopwright.surfaces.cli.main import main
from loopwright.wiring import store

SMALL = ("--sessions", "150")


def demo(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loopwright", "demo", *SMALL, *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A demo as a person sees it: its folder, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def told(shown: tuple[Path, str]) -> dict[str, Any]:
    """Its figures, stage by stage."""
    lines = (shown[0] / "loopwright-demo" / ".loopwright-demo").read_text(encoding="utf-8").splitlines()
    return {row["stage"]: row["figures"] for row in map(json.loads, lines[1:])}


def test_real_conversations_are_mined_clustered_and_drafted_from(told: dict[str, Any]) -> None:
    assert told["collect"] == {"taken": 200, "rejected": 0, "stored": 200}
    assert {row["signal"] for row in told["mine"]["signals"] if row["traces"]} >= {"hard_error", "user_correction", "abandonment"}
    assert sum(mode["size"] for mode in told["cluster"]["modes"]) + told["cluster"]["one_offs"] == told["mine"]["failing"]
    assert len(told["draft"]["drafts"]) == len(told["cluster"]["modes"])


def test_the_loop_closes(told: dict[str, Any]) -> None:
    assert told["production"]["traces"] == 150
    assert told["modes"]["modes"]
    shift = next(look for look in told["drift"]["looks"] if look["drift"] == "distribution_shift")
    assert shift["findings"]
    assert told["review"]["approved"]
    same, worse = told["gate"]["compared"]
    assert (same["decision"], worse["decision"]) == ("approved", "blocked")
    assert same["naive_regressions"] > 0
    applied = [p for p in told["improve"]["proposals"] if p["status"] == "applied"]
    assert applied
    assert all(p["verdict"] == "helping" for p in applied)
    assert told["release"]["candidate"]["decision"] == "approved"
    assert told["release"]["released"]
    assert told["effect"]["version"] == told["later"]["version"] == "1.2+guards"
    assert told["effect"]["modes"]
    assert told["end"]["trail"]["breaks"] == 0


def test_the_demo_user_decided_and_the_trail_says_so(shown: tuple[Path, str], told: dict[str, Any]) -> None:
    with store(load(start=shown[0] / "loopwright-demo")) as kept:
        assert breaks(kept.trail()) == ()
        people = {entry.actor for entry in kept.audit() if entry.action in ("case approved", "proposal approved", "released")}
    assert people == {"demo user"}
    assert "'demo user' approves" in shown[1]
    assert told["end"]["decisions"]["case approved"] == len(told["review"]["approved"])


def test_every_stage_has_its_table_and_the_next_step_is_named(shown: tuple[Path, str], told: dict[str, Any]) -> None:
    for number, _ in enumerate(told, 1):
        assert f"== {number} " in shown[1]
    assert "loopwright analyze FILE" in shown[1]


def test_the_report_is_there_and_asks_nothing_of_the_network(shown: tuple[Path, str]) -> None:
    page = (shown[0] / "loopwright-demo" / "report.html").read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "default-src 'none'" in page


def test_the_demo_leaves_nothing_outside_its_folder(shown: tuple[Path, str]) -> None:
    assert [path.name for path in shown[0].iterdir()] == ["loopwright-demo"]


def test_every_command_works_on_its_folder(shown: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shown[0] / "loopwright-demo")
    for command in (["review"], ["improve", "list"], ["release", "list"], ["modes"], ["audit", "verify"], ["watch", "findings"]):
        assert main(command) == 0, command


def test_in_its_folder_the_gate_answers_and_the_suite_runs_on_what_was_released(shown: tuple[Path, str], tmp_path: Path) -> None:
    """In a user's repository, of which the demo is no part."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "first"], cwd=tmp_path, check=True)
    folder = shutil.copytree(shown[0] / "loopwright-demo", tmp_path / "loopwright-demo")

    def loopwright(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "loopwright", *args]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert subprocess.run(["git", "status", "--porcelain"], cwd=tmp_path, capture_output=True, check=True).stdout == b""
    assert loopwright("run", "--exit-zero").returncode == 0
    decided = loopwright("gate")
    assert decided.returncode in (0, 2), decided.stdout + decided.stderr
    for wrong in ("missing", "changed since", "not of the agent"):
        assert wrong not in decided.stdout
    if decided.returncode:
        assert "  loopwright run --repeat\n" in decided.stdout
        assert loopwright("run", "--repeat", "--exit-zero").returncode == 0


def test_the_gate_says_again_what_it_said_of_the_release(shown: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shown[0] / "loopwright-demo")
    assert main(["gate"]) == 0


def test_killed_at_ten_random_moments_it_ends_with_the_same_figures(told: dict[str, Any], tmp_path: Path) -> None:
    dice = random.Random(20261123)
    command = [sys.executable, "-m", "loopwright", "demo", *SMALL, "--json"]
    for _ in range(10):
        running = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(1.0, 6.0))
        running.send_signal(signal.SIGKILL)
        running.wait()
    done = demo(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == told
    with store(load(start=tmp_path / "loopwright-demo")) as kept:
        assert breaks(kept.trail()) == ()


def test_what_an_earlier_demo_made_is_replaced(tmp_path: Path) -> None:
    from loopwright.surfaces.cli.demo.journal import begin

    (tmp_path / "old").mkdir()
    (tmp_path / "old" / ".loopwright-demo").write_text("", encoding="utf-8")
    (tmp_path / "old" / "report.html").write_text("old", encoding="utf-8")
    journal = begin(tmp_path / "old", {"seed": 7}, "end")
    assert not journal.resumed
    assert [path.name for path in (tmp_path / "old").iterdir()] == [".loopwright-demo"]
    journal.record("collect", {"taken": 1})
    with pytest.raises(UsageError, match="another demo is running"):
        begin(tmp_path / "old", {"seed": 7}, "end")
    del journal
    again = begin(tmp_path / "old", {"seed": 7}, "end")
    assert again.done == {"collect": {"taken": 1}}
    del again
    assert not begin(tmp_path / "old", {"seed": 8}, "end").resumed
    ended = begin(tmp_path / "old", {"seed": 8}, "end")
    ended.record("end", {})
    del ended
    assert not begin(tmp_path / "old", {"seed": 8}, "end").resumed


def test_a_line_cut_short_by_a_kill_is_a_stage_that_is_not_done(tmp_path: Path) -> None:
    from loopwright.surfaces.cli.demo.journal import begin

    begin(tmp_path / "demo", {"seed": 7}, "end").record("collect", {"taken": 1})
    with (tmp_path / "demo" / ".loopwright-demo").open("a", encoding="utf-8") as file:
        file.write('{"stage": "mine", "figu')
    again = begin(tmp_path / "demo", {"seed": 7}, "end")
    assert list(again.done) == ["collect"]
    again.record("mine", {"failing": 2})
    del again
    assert list(begin(tmp_path / "demo", {"seed": 7}, "end").done) == ["collect", "mine"]


@pytest.mark.parametrize("marked", [False, True])
def test_a_folder_that_holds_anything_else_is_left_alone(project: Path, capsys: pytest.CaptureFixture[str], marked: bool) -> None:
    for name in (".loopwright", ".git"):
        (project / "mine" / name).mkdir(parents=True)
    (project / "mine" / "report.html").write_text("keep", encoding="utf-8")
    if marked:
        (project / "mine" / ".loopwright-demo").write_text("", encoding="utf-8")
    assert main(["demo", "--folder", "mine"]) == 64
    assert "name another folder with --folder" in capsys.readouterr().err
    assert (project / "mine" / ".git").is_dir()
    assert (project / "mine" / "report.html").read_text(encoding="utf-8") == "keep"


def test_a_place_that_cannot_be_written_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "file").write_text("", encoding="utf-8")
    assert main(["demo", "--folder", "file/demo"]) == 64
    assert "file/demo cannot be made: Not a directory" in capsys.readouterr().err
