"""Drafts and descriptions by a model: a real client, a real server on this machine, a real store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders import assistant, failure, mode, signal, tool_call, tool_result, trace, user
from loopwright import wiring
from loopwright.cluster.mode import Membership
from loopwright.mine.signal import Where
from loopwright.settings import Settings
from loopwright.surfaces.cli.main import main
from openai_server import Fault, OpenAIServer

MODEL = "openai:gpt-4.1-mini"
CASE = {
    "id": "x", "input": "Refund order 17", "expected_behaviour": "Says that there is no such order.",
    "failure_indicator": "Says sorry.", "scoring_rubric": ["Says what is missing."], "tags": ["refunds"], "severity": 3,
}  # fmt: skip
TEXTS = {"what": "Refunds fail [red]here[/red].", "why": "No order.", "possible_fix": "Ask."}
MESSAGES = (
    user("Refund order 17"),
    assistant(None, tool_call("refund", order="17")),
    tool_result("Error: order 17 not found"),
    assistant("Sorry."),
)


@pytest.fixture
def stored(project: Path, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOOPWRIGHT_MODEL_BASE_URL", openai_server.url)
    monkeypatch.setenv("LOOPWRIGHT_MODEL_RETRIES", "0")
    ids = ("a1", "a2", "b1", "b2")
    with wiring.store(Settings(folder=project)) as store:
        store.put_traces([trace(*MESSAGES, id=id) for id in ids])
        store.replace_failures([failure(id, signals=(signal(where=Where(message_index=2)),)) for id in ids])
        store.put_modes([mode("mode-a"), mode("mode-b")], [Membership(id, f"mode-{id[0]}", 0.9) for id in ids])
    return project


def test_drafts_are_written_by_a_model_and_where_it_fails_the_template_stands(
    stored: Path, openai_server: OpenAIServer, capsys: pytest.CaptureFixture[str]
) -> None:
    openai_server.script(lambda prompt: CASE if len(openai_server.received) == 1 else Fault.status(500, "on fire"))
    assert main(["draft", "--model", MODEL]) == 0
    told = capsys.readouterr()
    assert f"1 of 2 drafts written by {MODEL} (0.0001 USD)" in told.err
    assert f"the template stands, since {MODEL} gave no case: {MODEL}: status 500: on fire" in told.err
    drafts = [file.read_text() for file in sorted((stored / "evals" / "drafts").glob("*.yaml"))]
    assert sum("model-written" in text for text in drafts) == 1
    assert all("status: draft" in text for text in drafts)


def test_no_model_is_asked_with_templates(stored: Path, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPWRIGHT_MODEL_NAME", MODEL)
    assert main(["draft", "--templates"]) == 0
    assert openai_server.received == []


def test_modes_are_described_and_stay_so(stored: Path, openai_server: OpenAIServer, capsys: pytest.CaptureFixture[str]) -> None:
    openai_server.script(TEXTS)
    assert main(["modes", "describe", "mode-a", "--model", MODEL]) == 0
    told = capsys.readouterr()
    assert "Refunds fail [red]here[/red]." in told.out
    assert f"1 of 1 failure mode described by {MODEL}" in told.err
    main(["modes", "show", "mode-a", "--format", "json"])
    shown = json.loads(capsys.readouterr().out)
    assert (shown["description"], shown["described_by"]) == (TEXTS["what"], MODEL)

    openai_server.script("nothing to say")
    assert main(["modes", "describe", "--model", MODEL]) == 2
    assert "mode-a keeps its words" in capsys.readouterr().err
    main(["modes", "show", "mode-a"])
    assert MODEL in capsys.readouterr().out


def test_a_model_must_be_named(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["modes", "describe"]) == 64
    assert "no model is named; give --model" in capsys.readouterr().err
    assert main(["modes", "describe", "mode-x", "--model", MODEL]) == 64
