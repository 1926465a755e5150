"""The demo: the whole thread, computed then and there, the same every time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main


def demo(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loopwright", "demo", *args], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder, "--json")
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "folder": folder}


def test_every_conversation_is_taken_and_failures_are_found(told: dict[str, Any]) -> None:
    assert told["collected"] == {"taken": 200, "rejected": 0}
    assert {"hard_error", "user_correction", "abandonment"} <= {name for name, count in told["signals"].items() if count}
    assert sum(mode["size"] for mode in told["modes"]) + told["one_offs"] == told["failing"]
    assert len(told["drafts"]) == len(told["modes"])


def test_the_unchanged_agent_is_approved_and_the_broken_one_blocked(told: dict[str, Any]) -> None:
    unchanged, broken = told["gate"]
    assert (unchanged["decision"], broken["decision"]) == ("approved", "blocked")
    assert unchanged["naive_regressions"] > 0


def test_the_report_is_there_and_asks_nothing_of_the_network(told: dict[str, Any]) -> None:
    page = (told["folder"] / told["report"]).read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "default-src 'none'" in page


def test_its_figures_are_the_same_every_time(told: dict[str, Any], tmp_path: Path) -> None:
    again = json.loads(demo(tmp_path, "--json").stdout)
    assert again == {k: v for k, v in told.items() if k != "folder"}


def test_an_earlier_demo_is_replaced_even_one_cut_short(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "old").mkdir()
    (project / "old" / ".loopwright-demo").write_text("", encoding="utf-8")
    (project / "old" / "report.html").write_text("old", encoding="utf-8")
    assert main(["demo", "--folder", "old"]) == 0
    out = capsys.readouterr().out
    assert "approved" in out
    assert "blocked" in out
    assert (project / "old" / "report.html").read_text(encoding="utf-8") != "old"


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


def test_the_demo_leaves_nothing_outside_its_folder(told: dict[str, Any]) -> None:
    assert [path.name for path in told["folder"].iterdir()] == ["loopwright-demo"]
