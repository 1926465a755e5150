"""`loopwright review` on a real store: the queue, the flags, the prompts at a terminal, and the person's editor."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from builders import assistant, failure, mode, signal, tool_call, tool_result, trace, user
from loopwright import wiring
from loopwright.audit.entry import AuditEntry
from loopwright.cluster.mode import Membership
from loopwright.errors import UsageError
from loopwright.mine.signal import Where
from loopwright.settings import load
from loopwright.surfaces.cli.editor import edited
from loopwright.surfaces.cli.main import main

TALK = (
    user("Refund order 17 \x1b[31mred [bold]\u202e"),
    assistant(None, tool_call("refund", order="17")),
    tool_result("Error: order 17 not found"),
)


@pytest.fixture
def ids(project: Path) -> list[str]:
    """Drafts of two modes, the more urgent first."""
    with wiring.store(load(start=project, environ={})) as store:
        traces = ["a-0", "a-1", "b-0"]
        found = signal(where=Where(message_index=2))
        store.put_traces([trace(*TALK, id=id) for id in traces])
        store.replace_failures([failure(id, signals=(found,)) for id in traces])
        store.put_modes(
            [mode(m, name=f"what {m} is", representatives=(f"{m}-0",)) for m in ("a", "b")],
            [Membership(id, id[0], 0.9) for id in traces],
        )
    assert main(["draft"]) == 0
    return ["a", "b"]


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["review", "--format", "json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def script(folder: Path, body: str) -> str:
    """An editor that does to the file what `body` says."""
    file = folder / "editor.py"
    file.write_text(f"import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\ntext = file.read_text()\n{body}\n")
    return f"{sys.executable} {file}"


def test_the_queue_is_a_table_or_a_line_an_item(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys)
    assert [(item["kind"], item["mode_id"], item["count"]) for item in found] == [("case", "a", 2), ("case", "b", 1)]
    assert main(["review"]) == 0
    told = capsys.readouterr()
    assert found[0]["id"] in told.out
    assert f"Next: loopwright review show {found[0]['id']}" in told.err


def test_an_item_is_shown_with_nothing_that_a_terminal_acts_on(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    first = listed(capsys)[0]
    assert main(["review", "show", first["id"]]) == 0
    shown = capsys.readouterr().out
    assert "fails on its source" in shown
    assert "check     not_regex" in shown
    assert "Error: order 17 not found" in shown
    assert "[bold]" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert main(["review", "show", first["id"], "--format", "json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert seen["tried"]["admitted"] is True
    assert seen["case"]["mode_id"] == "a"
    assert seen["quotes"][0]["trace_id"] == "a-0"


def audited() -> list[AuditEntry]:
    with wiring.store(load(environ={})) as store:
        return store.audit()


def test_flags_decide_under_a_name(ids: list[str], capsys: pytest.CaptureFixture[str], project: Path) -> None:
    one, two = (item["id"] for item in listed(capsys))
    assert main(["review", "reject", one]) == 64
    assert main(["review", "approve", one, "case-nothing", "--by", "Ada"]) == 64
    assert [item["id"] for item in listed(capsys)] == [one, two]

    assert main(["review", "approve", one, "--by", "Ada", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["decision"] == "approved"
    assert (project / "evals" / f"{one}.yaml").exists()
    trail = len(audited())
    assert main(["review", "approve", one, "--by", "Ben"]) == 0
    assert f"{one} is already approved by Ada on " in capsys.readouterr().err
    assert main(["review", "approve", one, "--by", "Ben", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["decision"], said["by"], said["already"]) == ("approved", "Ada", True)
    assert main(["review", "show", one]) == 64
    assert "already approved by Ada" in capsys.readouterr().err
    assert len(audited()) == trail
    assert main(["review", "reject", two, "--by", "Ada", "--why", "no"]) == 0
    assert listed(capsys) == []
    assert main(["review"]) == 0
    assert "Nothing waits" in capsys.readouterr().err


def test_at_a_terminal_each_item_is_asked_about(
    ids: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    one, two = (item["id"] for item in listed(capsys))
    monkeypatch.setenv("VISUAL", script(project, "file.write_text(text.replace('type: not_regex', 'type: nope'))"))
    with monkeypatch.context() as at_terminal:
        at_terminal.setattr(sys, "stdin", Terminal("x\ne\nn\n\ny\ns\n"))
        at_terminal.setattr(sys, "stdout", Terminal())
        assert main(["review", "--by", "Ada"]) == 0
    told = capsys.readouterr().err
    assert "'x' is none of these" in told
    assert "unknown check" in told
    assert "without a reason nothing is decided" in told
    assert "1 decided, 1 left" in told
    assert [item["id"] for item in listed(capsys)] == [two]
    assert (project / "evals" / f"{one}.yaml").exists()


def test_a_draft_is_edited_in_the_persons_editor(
    ids: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    first = listed(capsys)[0]["id"]
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", script(project, "file.write_text(text.replace('severity: 1', 'severity: 5'))"))
    assert main(["review", "edit", first, "--by", "Ada"]) == 0
    assert "Ada edited it; admitted" in capsys.readouterr().err
    assert main(["review", "edit", first, "--by", "Ada"]) == 0
    assert "nothing was changed" in capsys.readouterr().err
    assert main(["review", "approve", first, "--by", "Ada"]) == 0
    assert "severity: 5" in (project / "evals" / f"{first}.yaml").read_text()
    assert not (project / "evals" / "drafts" / "a.yaml").exists()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("no-such-editor-here", "cannot be started"),
        (f"{sys.executable} -c 'import sys; sys.exit(3)'", "ended with code 3"),
        (f"{sys.executable} -c 'import sys; open(sys.argv[1], \"wb\").write(bytes([255]))'", "no text in UTF-8"),
        ("'unclosed", "no command"),
    ],
)
def test_an_editor_that_fails_changes_nothing(command: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", command)
    with pytest.raises(UsageError, match=problem):
        edited("text")


def test_without_an_editor_one_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="there is no editor"):
        edited("text")
