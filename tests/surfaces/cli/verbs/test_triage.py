"""`loopwright triage` on a real store: the flags, the prompts at a terminal, and what is refused."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders import failure, mode
from loopwright import wiring
from loopwright.cluster.mode import Membership
from loopwright.settings import load
from loopwright.surfaces.cli.main import main

Fill = Callable[..., None]


@pytest.fixture
def fill(project: Path) -> Fill:
    """Put modes of so many failures into the project's store."""

    def filled(**modes: int) -> None:
        members = {name: [f"{name}-{n}" for n in range(count)] for name, count in modes.items()}
        with wiring.store(load(start=project, environ={})) as store:
            store.replace_failures([failure(id, f"input of {id}") for ids in members.values() for id in ids])
            found = [
                mode(name, name=f"what {name} is", size=len(ids), score=float(len(ids)), representatives=tuple(ids[:1]))
                for name, ids in members.items()
            ]
            store.put_modes(found, [Membership(id, name, 0.9) for name, ids in members.items() for id in ids])

    return filled


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["triage", "--list", "--format", "json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def audit(project: Path) -> list[tuple[str, str, str]]:
    with wiring.store(load(start=project, environ={})) as store:
        return [(e.actor, e.action, e.subject) for e in store.audit()]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(text))
    monkeypatch.setattr(sys, "stdout", Terminal())


def test_nothing_to_decide_names_the_next_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["triage"], ["modes"], ["cluster"], ["draft"]):
        assert main(command) == 64
        assert "import traces first: loopwright import FILE" in capsys.readouterr().err
    assert list(project.iterdir()) == []
    with wiring.store(load(start=project, environ={})) as store:
        store.replace_failures([])
    assert main(["triage"]) == 0
    assert "Next: loopwright import FILE, then loopwright mine" in capsys.readouterr().err


def test_it_lists_what_recurs(fill: Fill, capsys: pytest.CaptureFixture[str]) -> None:
    fill(often=5, twice=2)
    rows = listed(capsys)
    assert [(r["mode_id"] or r["trace_id"], r["kind"], r["count"], r["why_now"]) for r in rows] == [
        ("often", "mode", 5, "recurred 5 times")
    ]
    assert main(["triage", "--min-count", "2"]) == 0
    out = capsys.readouterr().out
    assert "what often is" in out
    assert "what twice is" in out


def test_the_flags_decide_under_a_name(fill: Fill, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(often=5, outage=4, later=3)
    assert main(["triage", "--accept", "often", "--by", "Ada", "--format", "json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["mode_id"], done["by"], done["decision"]) == ("often", "Ada", "accepted")
    assert "status" not in Path(done["file"]).read_text() or "approved" in Path(done["file"]).read_text()
    assert main(["triage", "--reject", "outage", "--why", "the tool was down", "--by", "Ada"]) == 0
    assert [r["mode_id"] or r["trace_id"] for r in listed(capsys)] == ["later"]
    assert {("Ada", "triage accepted", "often"), ("Ada", "triage rejected", "outage")} <= set(audit(project))


def test_at_a_terminal_it_asks_about_each(
    fill: Fill, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(often=6, outage=5, odd=4, later=3)
    with monkeypatch.context() as at_terminal:
        answer(at_terminal, "yes\nA\nreject\nthe tool was down\n\nq\n")
        assert main(["triage", "--by", "Ada"]) == 0
    assert [r["mode_id"] or r["trace_id"] for r in listed(capsys)] == ["odd", "later"]
    assert [a for a in audit(project) if a[1].startswith("triage")] == [
        ("Ada", "triage accepted", "often"),
        ("Ada", "triage rejected", "outage"),
    ]


def test_production_text_at_the_terminal_is_no_markup(
    fill: Fill, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with wiring.store(load(start=project, environ={})) as store:
        store.replace_failures([failure(f"t{n}", "\x1b[2J[red]boo[/red]", reason="[link=http://x]y[/link]") for n in range(3)])
        store.put_modes(
            [mode("m", name="[bold]\x1b]0;x\x07", size=3, score=3.0)], [Membership(f"t{n}", "m", 1.0) for n in range(3)]
        )
    with monkeypatch.context() as at_terminal:
        answer(at_terminal, "later\n")
        assert main(["triage"]) == 0
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "[red]boo[/red]" in err
    assert "[link=http://x]y[/link]" in err


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--reject", "often"], "needs a reason"),
        (["--accept", "oftn"], "did you mean 'often'"),
        (["--accept", "often", "--reject", "often", "--why", "x"], "both accepted and rejected"),
        (["--accept", "often", "--by", " "], "--by is empty"),
        (["--why", "x"], "something to reject"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_nothing_is_written(
    fill: Fill, project: Path, capsys: pytest.CaptureFixture[str], flags: list[str], problem: str
) -> None:
    fill(often=5)
    assert main(["triage", *flags]) == 64
    assert problem in capsys.readouterr().err
    assert audit(project) == []
    assert not (project / "evals").exists()
