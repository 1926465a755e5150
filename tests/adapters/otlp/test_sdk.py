from __future__ import annotations

import json

import pytest

from loopwright import wiring
from loopwright.adapters.otlp.sdk import moment


def ask(memory, seed=None, **resource):
    tracer = memory.provider("airline", "v1", seed=seed, resource=resource).get_tracer("test")
    said = [{"role": "user", "parts": [{"type": "text", "content": "Where is my bag?"}]}]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "In Oslo."}]}]
    with tracer.start_as_current_span(
        "invoke_agent desk", attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "s1"}
    ):
        with tracer.start_as_current_span("execute_tool find_bag", attributes={"gen_ai.tool.name": "find_bag"}):
            pass
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.input.messages": json.dumps(said),
            "gen_ai.output.messages": json.dumps(answer),
            "gen_ai.usage.input_tokens": 7,
        }
        with tracer.start_as_current_span("chat", attributes=attributes):
            pass


def test_an_agent_in_this_process_gives_traces():
    memory = wiring.span_memory()
    ask(memory)
    (trace,) = memory.traces()
    assert [(m.role, m.text) for m in trace.messages] == [("user", "Where is my bag?"), ("assistant", "In Oslo.")]
    assert [(s.kind, s.name) for s in trace.steps] == [
        ("agent", "invoke_agent desk"),
        ("tool", "find_bag"),
        ("model", "chat"),
    ]
    assert (trace.session_id, trace.agent, trace.version, trace.usage.input_tokens) == ("s1", "airline", "v1", 7)
    assert trace.ended_at >= trace.started_at


def test_taking_forgets_and_clearing_too():
    memory = wiring.span_memory()
    ask(memory)
    assert len(memory.take_traces()) == 1
    assert memory.traces() == []
    ask(memory)
    memory.clear()
    assert memory.spans() == []


def test_ids_repeat_with_a_seed():
    def ids(seed):
        memory = wiring.span_memory()
        ask(memory, seed)
        return [(span.trace_id, span.span_id) for span in memory.spans()]

    assert ids(1) == ids(1) != ids(2)


def test_many_attributes_are_kept():
    memory = wiring.span_memory()
    tracer = memory.provider("airline").get_tracer("test")
    with tracer.start_as_current_span("wide") as span:
        for number in range(300):
            span.set_attribute(f"llm.input_messages.{number}.message.content", "x")
    assert len(memory.spans()[0].attributes) == 300


def test_an_exception_is_an_error():
    memory = wiring.span_memory()
    tracer = memory.provider("airline").get_tracer("test")
    with pytest.raises(KeyError), tracer.start_as_current_span("execute_tool x", attributes={"gen_ai.tool.name": "x"}):
        raise KeyError("no such bag")
    (trace,) = memory.traces()
    assert trace.error == trace.steps[0].error == "KeyError: 'no such bag'"


def test_no_calendar_holds_every_number():
    assert moment(10**30) is None
    assert moment(None) is None
    assert moment(1_544_712_660_000_000_000).isoformat() == "2018-12-13T14:51:00+00:00"
