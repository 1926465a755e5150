"""`run` with a judge: a real target, a real client, a real server; and what the gate makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main
from openai_server import OpenAIServer

MODEL = "openai:gpt-4.1-mini"


def verdict(prompt: str) -> dict[str, Any]:
    return {
        "criteria": [{"number": 1, "reason": "it says so", "passed": "I cannot" not in prompt.split("The agent's answer:")[1]}]
    }


@pytest.fixture
def suite(project: Path, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    cases = "".join(
        f"  - id: case-{i}\n    layer: semantic\n    input: question {i}\n    expected_behaviour: Answers.\n"
        f"    scoring_rubric: [Answers the question.]\n"
        for i in range(6)
    )
    (project / "evals").mkdir()
    (project / "evals" / "suite.yaml").write_text("cases:\n" + cases)
    (project / "judged_agent.py").write_text(
        "import os\n\n\ndef answer(text):\n    return os.environ.get('ANSWER', 'surely') + ' ' + str(text)\n"
    )
    monkeypatch.syspath_prepend(str(project))
    monkeypatch.setenv("LOOPWRIGHT_MODEL_BASE_URL", openai_server.url)
    openai_server.script(verdict)
    return project


def run(*args: str) -> int:
    return main(["run", "evals", "--target", "python:judged_agent:answer", *args])


def rows(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(file).read_text().splitlines()]


def test_semantic_cases_are_judged_and_the_gate_weighs_who_judged(
    suite: Path, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--version", "v1", "--trials", "2", "--judge-model", MODEL, "--out", "before.jsonl") == 0
    assert "the judge openai:gpt-4.1-mini is not calibrated" in capsys.readouterr().err
    before = rows("before.jsonl")
    assert len(before) == len(openai_server.received) == 12
    assert {(r["passed"], r["score"], r["judge_calibrated"]) for r in before} == {(True, 1.0, False)}
    assert all(r["judge_id"].startswith("judge-") and r["cost_usd"] > 0 for r in before)

    monkeypatch.setenv("ANSWER", "I cannot say")
    assert run("--version", "v2", "--trials", "2", "--judge-model", MODEL, "--out", "after.jsonl") == 1
    assert main(["gate", "--baseline", "before.jsonl", "--candidate", "after.jsonl", "--format", "json"]) == 2
    decision = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert decision["decision"] == "undecided"
    assert "uncalibrated judge" in decision["message"]

    for file in ("before.jsonl", "after.jsonl"):
        calibrated = [json.dumps(r | {"judge_calibrated": True}) for r in rows(file)]
        Path(file).write_text("\n".join(calibrated) + "\n")
    assert main(["gate", "--baseline", "before.jsonl", "--candidate", "after.jsonl", "--format", "json"]) == 1


def test_without_a_judge_they_have_no_verdict(suite: Path, openai_server: OpenAIServer) -> None:
    assert run("--version", "v1", "--out", "out.jsonl") == 2
    assert {r["error"] for r in rows("out.jsonl")} == {"needs a judge: the case is decided by its scoring rubric"}
    assert openai_server.received == []


def test_in_the_store_results_keep_their_judge(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version", "v1", "--judge-model", MODEL) == 0
    assert "6 cases: 6 passed" in capsys.readouterr().err
