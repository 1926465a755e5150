"""A judge that changes behind its name, end to end: a real client, a real server, a real store, and the gate between."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import assistant, trace, user
from loopwright import wiring
from loopwright.judge.verdict import Label
from loopwright.settings import Settings
from loopwright.surfaces.cli.main import main
from openai_server import OpenAIServer

MODEL = "openai:gpt-4.1-mini"


class Clock:
    """Time as the test sets it."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at


def kind(strict: bool) -> Any:
    """A judge that passes what is polite; a strict one fails the half of it that does not say more."""

    def verdict(prompt: str) -> dict[str, Any]:
        told = prompt.rsplit("The agent's answer:", maxsplit=1)[-1].split("Criteria:", maxsplit=1)[0]
        passed = "gladly" in told and not (strict and re.search(r"\b\d*[02468]\b", told))
        count = len(re.findall(r"^\d+\. ", prompt.split("Criteria:")[1], flags=re.MULTILINE))
        return {"criteria": [{"number": n + 1, "reason": "as it is said", "passed": bool(passed)} for n in range(count)]}

    return verdict


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(wiring, "clock", lambda: made)
    return made


@pytest.fixture
def judged(project: Path, openai_server: OpenAIServer, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    """Sixty labelled traces that the judge saw, and a baseline of twenty cases that it judged."""
    monkeypatch.setenv("LOOPWRIGHT_MODEL_BASE_URL", openai_server.url)
    monkeypatch.setenv("LOOPWRIGHT_MODEL_RETRIES", "0")
    monkeypatch.setenv("LOOPWRIGHT_JUDGE_MODEL", MODEL)
    openai_server.script(kind(strict=False))
    with wiring.store(Settings(folder=project)) as store:
        store.put_traces(
            [trace(user("help"), assistant(f"go away {i}" if i % 4 == 0 else f"gladly {i // 2}"), id=f"t{i}") for i in range(60)]
        )
        store.put_labels([Label(f"t{i}", i % 4 != 0, "Ada", clock.now()) for i in range(60)])
    (project / "evals").mkdir()
    cases = "".join(
        f"  - id: case-{i}\n    layer: semantic\n    input: question {i}\n    scoring_rubric: [Answers the question.]\n"
        for i in range(20)
    )
    (project / "evals" / "suite.yaml").write_text("cases:\n" + cases)
    (project / "polite_agent.py").write_text("def answer(text):\n    return 'gladly ' + str(text).split()[-1]\n")
    monkeypatch.syspath_prepend(str(project))
    assert main(["judge", "run", "--sample", "1"]) == 0
    assert main(["judge", "calibrate"]) == 0
    assert run("v1") == 0
    assert main(["gate", "--establish", "--by", "Ada"]) == 0
    return openai_server


def run(version: str) -> int:
    return main(["run", "evals", "--target", "python:polite_agent:answer", "--version", version, "--trials", "2"])


def gate(capsys: pytest.CaptureFixture[str], code: int) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["gate", "--format", "json"]) == code
    decision: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return decision


def test_a_judge_that_drifted_is_found_out_and_the_baseline_is_judged_again(
    judged: OpenAIServer, clock: Clock, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.at += timedelta(days=60)
    judged.script(kind(strict=True))
    assert run("v2") == 1
    assert gate(capsys, 1)["decision"] == "blocked"  # nobody asked the judge again: this looks like the agent

    assert main(["judge", "again", "--labelled"]) == 0
    told = capsys.readouterr().err
    assert "60 answers, 0 judged again before" in told
    assert "is not what it was: of what people pass it passed 100 %" in told
    decision = gate(capsys, 2)
    assert "the judge of 20 cases changed" in decision["message"]
    (part,) = decision["statistics"]["judged"]["parts"]
    assert (part["changed"], part["drift"]["found"], part["before"]["calibration"]["labels"]) == (True, True, 60)
    assert main(["judge"]) == 0
    assert "is not what it was" in capsys.readouterr().out

    asked = len(judged.received)
    assert main(["judge", "again", "--baseline", "--by", "Ada"]) == 0
    assert "40 answers, 0 judged again before; now 20 passed, 20 failed" in capsys.readouterr().err
    assert len(judged.received) == asked + 40
    assert main(["judge", "again", "--baseline", "--by", "Ada"]) == 0
    assert len(judged.received) == asked + 40
    decision = gate(capsys, 0)
    assert decision["statistics"]["judged"]["again"] == 40
    with wiring.store(Settings(folder=project)) as store:
        (entry,) = [e for e in store.audit() if e.action == "baseline judged again"]
        assert (entry.actor, entry.details["verdicts"]) == ("Ada", 40)
        assert all(r.passed for r in store.results(store.baseline()[0]))  # the old verdicts stay


def test_it_must_be_said_what_is_to_be_judged_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", "again"]) == 64
    assert "--labelled or --baseline" in capsys.readouterr().err
