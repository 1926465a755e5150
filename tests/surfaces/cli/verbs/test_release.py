"""`loopwright release` as a user meets it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from builders import failure, mode, trace
from loopwright import wiring
from loopwright.cluster.mode import Membership
from loopwright.settings import load
from loopwright.surfaces.cli.main import main

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def work(project: Path) -> Path:
    """A store with 200 conversations of each of two versions; the second fails less in one mode, and more in another."""
    with wiring.store(load(start=project, environ={})) as store:
        members: dict[str, str] = {}
        for version, day, fell, rose in (("v1", 1, 40, 2), ("v2", 11, 5, 40)):
            ids = [f"{version}-{n}" for n in range(200)]
            store.put_traces([trace(id=id, version=version, started_at=NOW + timedelta(days=day)) for id in ids])
            members |= dict.fromkeys(ids[:fell], "mode-fell") | dict.fromkeys(ids[fell : fell + rose], "mode-rose")
        store.replace_failures([failure(id) for id in members])
        modes = [mode("mode-fell", name="refund [red]lost[/]"), mode("mode-rose", name="\x1b[31mwrong date")]
        store.put_modes(modes, [Membership(id, m, 1.0) for id, m in members.items()])
    return project


def release(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = main(["release", *args])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def both(capsys: pytest.CaptureFixture[str]) -> None:
    for version, day in (("v1", 0), ("v2", 10)):
        at = (NOW + timedelta(days=day)).isoformat()
        assert release(capsys, "record", version, "--by", "Ann", "--despite", "shipped before", "--at", at)[0] == 0


def test_without_a_decision_it_is_refused_by_name(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, said = release(capsys, "record", "v1", "--by", "Ann")
    assert (code, out) == (1, "")
    assert "refused by the rule a release stands on an approved decision: no gate decision on v1" in said
    assert said.count("\n") == 1


def test_what_it_did_to_each_mode(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both(capsys)
    code, out, said = release(capsys, "show", "v2")
    assert code == 0
    assert "fell refund [red]lost[/] 20.0 % (40/200) 2.5 % (5/200)" in " ".join(out.split())
    assert "refund [red]lost[/]" in out
    assert "\\x1b[31mwrong date" in out
    assert "release rollback v2" in said
    _, out, _ = release(capsys, "show", "v2", "--format", "json")
    told = json.loads(out)
    assert {m["mode_id"]: m["verdict"] for m in told["modes"]} == {None: "unclear", "mode-fell": "fell", "mode-rose": "rose"}
    assert (told["previous"], told["conversations"]) == ("v1", {"before": 200, "after": 200})


def test_the_list_and_the_rollback(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no release is recorded yet" in release(capsys, "list")[2]
    both(capsys)
    code, out, _ = release(capsys, "rollback", "v2", "--by", "Ben", "--why", "dates are wrong")
    assert code == 0
    assert "Deploy again: v1." in out
    rows = [json.loads(line) for line in release(capsys, "list", "--format", "json")[1].splitlines()]
    assert [(row["version"], row["stands"], row["rollback_why"]) for row in rows] == [
        ("v1", True, ""),
        ("v2", False, "dates are wrong"),
    ]
    assert "Rolled back" in release(capsys, "show", "v2")[1]
    assert main(["audit", "verify"]) == 0
    assert release(capsys, "rollback", "v2", "--by", "Ben", "--why", "again")[0] == 64


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["show", "v9"], "unknown release 'v9'"),
        (["record", "v1", "--by", "Ann", "--at", "yesterday"], "--at 'yesterday' is no time"),
        (["record", "v1", "--by", " "], "--by is empty"),
        (["rollback", "v1", "--by", "Ann"], "unknown release 'v1'"),
    ],
)
def test_wrong_usage(work: Path, capsys: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    code, _, heard = release(capsys, *args)
    assert (code, said in heard) == (64, True)


def test_without_a_store_it_says_what_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release(capsys, "list")[0] == 64
    assert not (project / ".loopwright").exists()
