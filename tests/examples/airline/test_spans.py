from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from loopwright.examples.airline.defects import ALL, NAMES
from loopwright.examples.airline.production import Visit, simulate
from loopwright.examples.airline.spans import provider
from loopwright.guards.catalogue import build
from loopwright.guards.harness import Harness

START = datetime(2026, 5, 4, tzinfo=UTC)


def traced(sessions: int, harness: Harness | None = None) -> tuple[list[Visit], tuple[ReadableSpan, ...]]:
    exporter = InMemorySpanExporter()
    made = provider("1.0", 1, [SimpleSpanProcessor(exporter)])
    tracer = made.get_tracer("test")
    visits = list(simulate(3, sessions, START, defects=ALL, version="1.0", tracer=tracer, harness=harness))
    return visits, exporter.get_finished_spans()


@pytest.fixture(scope="module")
def run() -> tuple[list[Visit], tuple[ReadableSpan, ...]]:
    return traced(60)


def test_one_trace_a_conversation_with_a_root_that_covers_its_children(run) -> None:
    visits, spans = run
    roots = {span.context.trace_id: span for span in spans if span.parent is None}
    assert len(roots) == len(visits)
    assert [v.trace_id for v in visits] == [f"{key:032x}" for key in roots]
    for span in spans:
        root = roots[span.context.trace_id]
        assert root.start_time <= span.start_time <= span.end_time <= root.end_time
        assert span is root or span.parent.span_id == root.context.span_id
        assert span.resource.attributes["service.name"] == "airline-support"
        assert span.resource.attributes["service.version"] == "1.0"


def test_times_are_simulated(run) -> None:
    visits, spans = run
    last = START + timedelta(weeks=1, hours=1)
    assert all(START.timestamp() <= span.start_time / 1e9 <= last.timestamp() for span in spans)
    assert visits[-1].started_at - visits[0].started_at > timedelta(days=6)


def test_spans_carry_the_genai_attributes(run) -> None:
    visits, spans = run
    kinds = {"invoke_agent": 0, "chat": 0, "execute_tool": 0}
    for span in spans:
        given = span.attributes
        kinds[given["gen_ai.operation.name"]] += 1
        assert given["gen_ai.conversation.id"].startswith("air-3-")
        if given["gen_ai.operation.name"] == "chat":
            assert span.name == f"chat {given['gen_ai.request.model']}"
            assert given["gen_ai.usage.input_tokens"] > given["gen_ai.usage.output_tokens"] > 0
            assert "Lantern Wings" in json.loads(given["gen_ai.system_instructions"])[0]["content"]
            for name in ("gen_ai.input.messages", "gen_ai.output.messages"):
                assert all(m["role"] in ("user", "assistant", "tool", "system") for m in json.loads(given[name]))
        if given["gen_ai.operation.name"] == "execute_tool":
            assert span.name == f"execute_tool {given['gen_ai.tool.name']}"
            assert isinstance(json.loads(given["gen_ai.tool.call.arguments"]), dict)
            failed = "error" in json.loads(given["gen_ai.tool.call.result"])
            assert failed == ("error.type" in given) == (span.status.status_code is StatusCode.ERROR)
    assert kinds["invoke_agent"] == len(visits)
    assert kinds["chat"] > kinds["execute_tool"] > kinds["invoke_agent"]


def test_the_tools_that_ran_are_the_calls_of_the_conversation(run) -> None:
    visits, spans = run
    for visit in visits[:20]:
        ran = [
            s.attributes["gen_ai.tool.call.id"]
            for s in spans
            if f"{s.context.trace_id:032x}" == visit.trace_id and s.attributes["gen_ai.operation.name"] == "execute_tool"
        ]
        assert ran == [call["id"] for m in visit.messages for call in m.get("tool_calls", ())]


def test_no_defect_is_named_in_a_span(run) -> None:
    _, spans = run
    text = " ".join(span.to_json() for span in spans)
    assert not any(name in text for name in NAMES)


def test_ids_come_from_the_seed(run) -> None:
    again = traced(60)
    assert [s.context.span_id for s in run[1]] == [s.context.span_id for s in again[1]]


def test_what_guards_decide_is_in_the_trace_and_blocked_calls_have_no_span() -> None:
    _, spans = traced(120, Harness([build("validate_tool_names", {}, "enforce")]))
    events = [event for span in spans for event in span.events if event.name == "loopwright.guard.decision"]
    assert events
    assert {e.attributes["loopwright.guard.name"] for e in events} == {"validate_tool_names"}
    assert all(e.attributes["loopwright.guard.acted"] and e.attributes["loopwright.guard.reason"] for e in events)
    assert "unknown_tool" not in {span.attributes.get("error.type") for span in spans}
