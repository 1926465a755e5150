from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

from builders import trace, user
from loopwright import wiring
from loopwright.collect.trace import Step, Trace
from loopwright.ports import SpanPart
from loopwright.settings import Settings
from loopwright.surfaces.cli.main import main

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def unsettled(trace_id: str) -> SpanPart:
    said = KeyValue(key="input.value", value=AnyValue(string_value="is my parcel lost"))
    one = Span(trace_id=bytes.fromhex(trace_id), span_id=b"12345678", name="agent", attributes=[said])
    one.start_time_unix_nano = int(NOON.timestamp()) * 10**9
    data = TracesData(resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[one])])]).SerializeToString()
    return SpanPart(trace_id, (b"12345678".hex(),), (b"digested",), data, started_ns=one.start_time_unix_nano, name="agent")


@pytest.fixture
def listed(tmp_path, monkeypatch, capsys):
    """Runs `traces` with some words of the command line on a store of three; gives the ids that are listed."""
    monkeypatch.chdir(tmp_path)
    with wiring.store(Settings(folder=tmp_path)) as store:
        early = trace(user("my refund was denied"), id="early", agent="shop", version="1", started_at=NOON.replace(hour=9))
        late = trace(user("refund please"), id="late", agent="air", session_id="s1", user_id="u1", error="no", started_at=NOON)
        store.put_traces([late, early])
        store.put_spans([unsettled("ab" * 16)], NOON.replace(hour=13))

    def run(*words):
        assert main(["traces", "--format", "json", *words]) == 0
        return [json.loads(line)["trace_id"] for line in capsys.readouterr().out.splitlines()]

    return run


def test_traces_are_listed_by_time_and_by_what_is_asked_for(listed):
    assert listed() == ["early", "late", "ab" * 16]
    assert listed("--limit", "1") == ["ab" * 16]
    assert listed("--search", "Refund DENIED") == ["early"]
    assert listed("--search", "refund", "--failed") == listed("--session", "s1") == listed("--user", "u1") == ["late"]
    assert listed("--agent", "shop", "--version", "1") == ["early"]
    assert listed("--since", "2025-03-01T10:00", "--until", "2025-03-01T12:00:00.5Z") == ["late", "ab" * 16]
    assert listed("--before", "late") == ["early"]


def test_how_many_there_are_is_told_settled_or_not(listed, capsys):
    assert main(["traces", "--limit", "1"]) == 0
    assert "1 listed; 2 traces settled, 1 still to be" in capsys.readouterr().err


def test_a_trace_that_is_still_coming_in_is_listed_and_shown(listed, capsys):
    assert main(["traces"]) == 0
    assert "is my parcel lost" in capsys.readouterr().out
    assert main(["traces", "show", "ab" * 16]) == 0
    assert "is my parcel lost" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--since", "noon"], ["--before", "nobody"], ["--search", "?!"]])
def test_what_cannot_be_meant_is_refused(listed, capsys, words):
    assert main(["traces", *words]) == 64
    assert words[1] in capsys.readouterr().err


def test_old_traces_are_pruned_and_what_is_coming_in_stays(listed, capsys):
    assert main(["traces", "prune", "--dry-run"]) == 0
    assert "would remove 2 traces that began before" in capsys.readouterr().err
    assert main(["traces", "prune", "--days", "36500"]) == 0
    assert "removed 0 traces" in capsys.readouterr().err
    assert main(["traces", "prune", "--days", "1"]) == 0
    assert listed() == ["ab" * 16]


def test_a_trace_in_which_nobody_said_anything_shows_its_steps(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    steps = (Step("a", "tool", "lookup", input={"order": 1}, output="x" * 5000), Step("b", "tool", "refund", error="no order 1"))
    with wiring.store(Settings(folder=tmp_path)) as store:
        store.put_traces([Trace("silent", steps=steps)])
    assert main(["traces", "show", "silent"]) == 0
    shown = capsys.readouterr().out
    assert "[0] tool lookup" in shown
    assert 'input: {"order":1}' in shown
    assert "more characters)" in shown
    assert "error: no order 1" in shown
    assert main(["traces", "show", "silent", "--full"]) == 0
    assert "x" * 5000 in capsys.readouterr().out
