"""Spans as the tracing SDKs wrote them, reduced to what they tell: langfuse 5.0.4 and langsmith 0.15.1 over OTLP."""

from __future__ import annotations

import json
from typing import Any

from loopwright.collect.spans import assemble
from loopwright.collect.trace import Span, Trace


def one(*given: tuple[str, str | None, dict[str, Any]], resource: dict[str, Any] | None = None) -> Trace:
    spans = [Span("t", name, name, parent, attributes=attributes, resource=resource or {}) for name, parent, attributes in given]
    (trace,) = assemble(spans)
    return trace


def said(trace: Trace) -> list[tuple[str, str]]:
    return [(m.role, m.text or ",".join(c.name for c in m.tool_calls)) for m in trace.messages]


FIND = {"id": "f1", "type": "function_call", "call_id": "c1", "name": "find_order", "arguments": '{"order": "A1"}'}
ANSWER = {"id": "m1", "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "In 12 days."}]}


def responses(asked: Any, output: list[Any]) -> dict[str, Any]:
    """A run of the Responses API, as `wrap_openai` writes it: the request, and the response with the request's instructions."""
    used = {"input_tokens": 40, "input_token_details": {"cache_read": 4}, "output_token_details": {"reasoning": 2}}
    gave = {"object": "response", "instructions": "You are a desk.", "output": output, "usage_metadata": used}
    return {
        "langsmith.span.kind": "llm", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 40,
        "gen_ai.prompt": json.dumps({"input": asked, "instructions": "You are a desk.", "model": "gpt-4o-mini"}),
        "gen_ai.completion": json.dumps(gave),
    }  # fmt: skip


def test_langsmith_responses_of_a_text():
    trace = one(("a", None, responses("find A1", [FIND])))
    assert said(trace) == [("system", "You are a desk."), ("user", "find A1"), ("assistant", "find_order")]
    assert (trace.usage.input_tokens, trace.usage.cache_read_tokens, trace.usage.reasoning_tokens) == (40, 4, 2)


def test_langsmith_responses_of_a_history():
    result = {"type": "function_call_output", "call_id": "c1", "output": "12 days"}
    trace = one(("a", None, responses([{"role": "user", "content": "find A1"}, FIND, result], [ANSWER])))
    assert said(trace) == [
        ("system", "You are a desk."), ("user", "find A1"), ("assistant", "find_order"), ("tool", "12 days"),
        ("assistant", "In 12 days."),
    ]  # fmt: skip


def test_langsmith_a_call_that_failed_says_nothing():
    attributes = {
        "langsmith.span.kind": "llm", "gen_ai.prompt": '{"messages":[{"role":"user","content":"boom"}],"model":"m"}',
        "gen_ai.completion": '{"output":null}',
    }  # fmt: skip
    assert said(one(("a", None, attributes))) == [("user", "boom")]


def test_langsmith_names_the_agent_of_langchain():
    attributes = {"langsmith.span.kind": "chain", "langsmith.metadata.lc_agent_name": "desk"}
    assert one(("a", None, attributes), resource={"service.name": "svc"}).agent == "desk"


def observation(type: str, **sides: Any) -> dict[str, Any]:
    return {"langfuse.observation.type": type} | {f"langfuse.observation.{name}": json.dumps(v) for name, v in sides.items()}


def test_langfuse_an_agent_without_messages_speaks_in_its_values():
    trace = one(("desk", None, observation("agent", input={"q": "hi"}, output={"a": "hello"})))
    assert said(trace) == [("user", "hi"), ("assistant", "hello")]
    assert trace.agent == "desk"
    named = one(("desk", None, observation("agent")), resource={"service.name": "svc"})
    assert named.agent == "svc"


def test_values_of_several_fields_stay_whole_and_messages_go_before_them():
    given = {"order": "A1", "days": 3}
    trace = one(("desk", None, observation("span", input=given, output={"done": True})))
    assert [message.text for message in trace.messages] == ['{"days":3,"order":"A1"}', '{"done":true}']
    model = observation(
        "generation", input=[{"role": "user", "content": "Find A1"}], output={"role": "assistant", "content": "Yes"}
    )
    trace = one(("desk", None, observation("span", input=given, output={"done": True})), ("m", "desk", model))
    assert said(trace) == [("user", "Find A1"), ("assistant", "Yes")]


def test_nothing_given_says_nothing():
    for nothing in ({}, [], "", {"q": None}, {"q": ""}):
        assert one(("desk", None, observation("span", input=nothing, output=nothing))).messages == ()
