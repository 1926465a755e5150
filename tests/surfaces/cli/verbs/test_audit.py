from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loopwright import wiring
from loopwright.settings import Settings
from loopwright.surfaces.cli.main import main

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def trail(project: Path) -> Path:
    """A project with three decisions in its store."""
    with wiring.store(Settings(folder=project)) as store:
        for number, actor in enumerate(("Ann", "Ben [bold]x[/]\x1b[31m", "Ann")):
            details = {"before": "draft", "why": float("nan"), "text": "\ud800"}
            store.append_audit(NOW + timedelta(hours=number), actor, "case approved", f"case-{number}", details)
    return project


def damage(sql: str, project: Path) -> None:
    import sqlite3

    raw = sqlite3.connect(project / ".loopwright" / "loopwright.db", isolation_level=None)
    raw.execute(sql)
    raw.close()


def test_the_trail_as_a_table_takes_nothing_as_markup(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 0
    out, err = capsys.readouterr()
    assert "[bold]x[/]" in out
    assert "\x1b" not in out
    assert "case-2" in out
    assert err == ""


def test_the_trail_as_json_lines(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--format", "json"]) == 0
    rows = [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert rows[1]["actor"] == "Ben [bold]x[/]\x1b[31m"
    assert rows[2]["previous"] == rows[1]["hash"]
    assert rows[0]["details"] == {"before": "draft", "why": "NaN", "text": "\ud800"}


@pytest.mark.parametrize(
    ("options", "numbers"),
    [(["--last", "2"], [2, 3]), (["--last", "9"], [1, 2, 3]), (["--actor", "Ann"], [1, 3]), (["--subject", "case-1"], [2]),
     (["--actor", "Ann", "--last", "1"], [3]), (["--actor", "Eve"], [])],
)  # fmt: skip
def test_a_part_of_the_trail(trail: Path, options: list[str], numbers: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *options, "--format", "json"]) == 0
    assert [json.loads(line)["number"] for line in capsys.readouterr().out.splitlines()] == numbers


def test_a_whole_trail_verifies_and_gives_its_head(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--format", "json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert (verdict["whole"], verdict["entries"], verdict["breaks"]) == (True, 3, [])
    assert main(["audit", "verify", "--head", verdict["head"]]) == 0
    assert capsys.readouterr().out == f"whole: 3 entries\nhead:  {verdict['head']}\n"


def test_a_broken_trail_is_exit_1_and_names_the_entry(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage("UPDATE audit SET actor = 'Eve' WHERE number = 2", trail)
    assert main(["audit", "verify"]) == 1
    assert capsys.readouterr().out.startswith("broken: entry 2: was changed after it was recorded")
    assert main(["audit", "verify", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["breaks"][0]["number"] == 2


def test_a_head_noted_elsewhere_is_held_against_the_trail(trail: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--head", "3:" + "a" * 64]) == 1
    assert "entry 3: is not the entry that was noted elsewhere" in capsys.readouterr().out
    assert main(["audit", "verify", "--head", "yesterday"]) == 64


def test_without_a_store_it_says_what_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["audit"], ["audit", "verify"]):
        assert main(command) == 64
        out, err = capsys.readouterr()
        assert out == ""
        assert "import traces first" in err
    assert list(project.iterdir()) == []


def test_a_store_without_decisions_has_an_empty_trail(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with wiring.store(Settings(folder=project)) as store:
        store.replace_failures([])
    assert main(["audit"]) == 0
    assert capsys.readouterr() == ("", "no decision is recorded\n")
    assert main(["audit", "verify"]) == 0
    assert capsys.readouterr().out.startswith("whole: 0 entries\n")
