"""Spans and feedback through the command line, into files and the store."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from loopwright.surfaces.cli.verbs.import_ import app as import_app
from loopwright.surfaces.cli.verbs.traces import app as traces_app

TRACE = "a" * 32


def spans(trace=TRACE, session="s1", at=1) -> str:
    said = [{"role": "user", "parts": [{"type": "text", "content": "Where?"}]}]
    pairs = {"gen_ai.operation.name": "chat", "gen_ai.conversation.id": session, "gen_ai.input.messages": json.dumps(said)}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]
    span = {"traceId": trace, "spanId": "1" * 16, "name": "chat", "startTimeUnixNano": str(at * 10**9), "attributes": attributes}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def feedback(**record) -> str:
    return json.dumps({"feedback": "down", **record})


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def running(*lines: str, json_out: bool = False):
        (tmp_path / "t.jsonl").write_text("\n".join(lines))
        return CliRunner().invoke(import_app, ["t.jsonl", *(["--format", "json"] if json_out else [])])

    return running


def shown(trace: str = TRACE) -> dict:
    done = CliRunner().invoke(traces_app, ["show", trace, "--format", "json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_json_joins_what_is_in_the_file(run, tmp_path):
    done = run(
        feedback(trace_id=TRACE),
        spans(),
        feedback(session_id="s1", feedback={"rating": 5}),
        feedback(trace_id="x"),
        json_out=True,
    )
    (trace,) = map(json.loads, done.stdout.splitlines())
    assert [verdict["kind"] for verdict in trace["feedback"]] == ["thumb", "rating"]
    assert "1 of 3 feedback records name a trace or session that is not there" in done.stderr
    assert done.exit_code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["t.jsonl"]


def test_the_store_joins_whichever_comes_first(run):
    assert "feedback: 1" in run(feedback(trace_id=TRACE)).stdout
    assert run(spans()).exit_code == 0
    assert run(feedback(session_id="s1", feedback={"correction": "May 20"})).exit_code == 0
    assert [verdict["kind"] for verdict in shown()["feedback"]] == ["thumb", "correction"]
    again = run(spans(), feedback(trace_id=TRACE))
    assert again.exit_code == 0
    assert "spans: 0 new, 1 there already" in again.stdout
    assert len(shown()["feedback"]) == 2
