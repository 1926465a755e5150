# ruff: noqa: E501 - spans are wide
from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.collect.dialects.reading import unflattened
from loopwright.collect.pricing import priced
from loopwright.collect.record import trace_object
from loopwright.collect.spans import SpanEvent, assemble, attach
from loopwright.collect.spans_reading import DIALECTS
from loopwright.collect.trace import Span

START = datetime(2026, 1, 1, tzinfo=UTC)


def span(id: str, parent: str | None = None, at: float = 0, lasts: float = 1, trace: str = "t", **fields) -> Span:
    attributes = {name.replace("__", "."): value for name, value in fields.pop("attributes", {}).items()}
    begun = START + timedelta(seconds=at)
    return Span(trace, id, fields.pop("name", id), parent, started_at=begun, ended_at=begun + timedelta(seconds=lasts),
                attributes=attributes, **fields)  # fmt: skip


def text(role: str, content: str) -> dict:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def calls(*names: str, **arguments) -> dict:
    return {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": f"id-{n}", "name": n, "arguments": arguments} for n in names],
    }


def result(name: str, content) -> dict:
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": f"id-{name}", "result": content}]}


def chat(id: str, given: list, gave: list, at: float = 0, parent: str | None = None, **more) -> Span:
    content = {"gen_ai.input.messages": json.dumps(given), "gen_ai.output.messages": json.dumps(gave), **more}
    return span(id, parent, at, attributes={"gen_ai.operation.name": "chat", **content})


def execute(id: str, name: str, at: float = 0, parent: str | None = None, **fields) -> Span:
    more = fields.pop("attributes", {})
    return span(id, parent, at, attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, **more}, **fields)


def one(*spans: Span):
    (trace,) = assemble(spans)
    return trace


def said(trace) -> list[tuple[str, str]]:
    return [(m.role, m.text or ",".join(c.name for c in m.tool_calls)) for m in trace.messages]


ASK, FIND, FOUND, TELL = (
    text("user", "Where is A1?"),
    calls("find", order="A1"),
    result("find", {"days": 12}),
    text("assistant", "12 days"),
)
AGAIN, BYE = text("user", "And B1?"), text("assistant", "Unknown.")
CONVERSATION = [("user", "Where is A1?"), ("assistant", "find"), ("tool", '{"days":12}'), ("assistant", "12 days")]


def a_turn() -> list[Span]:
    """An agent that is sent the whole history with each call of its model."""
    return [
        span("root", lasts=9, attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "desk",
                                          "gen_ai.conversation.id": "s1", "user.id": "u7"}),
        chat("m1", [ASK], [FIND], 1, "root", **{"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2}),
        execute("x1", "find", 2, "root", attributes={"gen_ai.tool.call.id": "id-find", "gen_ai.tool.call.arguments": '{"order":"A1"}',
                                                     "gen_ai.tool.call.result": '{"days": 12}'}),
        chat("m2", [ASK, FIND, FOUND], [TELL], 3, "root", **{"gen_ai.usage.input_tokens": 9}),
        chat("m3", [ASK, FIND, FOUND, TELL, AGAIN], [BYE], 4, "root"),
    ]  # fmt: skip


def test_histories_that_repeat_are_one_conversation():
    trace = one(*a_turn())
    assert said(trace) == [*CONVERSATION, ("user", "And B1?"), ("assistant", "Unknown.")]
    assert (trace.session_id, trace.agent, trace.usage.input_tokens, trace.usage.output_tokens) == ("s1", "desk", 14, 2)
    assert trace.usage.latency_ms == 9000
    assert (trace.user_id, trace.attributes) == ("u7", {})
    assert [(s.kind, s.name) for s in trace.steps] == [
        ("agent", "desk"), ("model", "m1"), ("tool", "find"), ("model", "m2"), ("model", "m3"),
    ]  # fmt: skip
    assert (trace.steps[2].input, trace.steps[2].output) == ({"order": "A1"}, {"days": 12})
    assert trace.steps[1].input == [{"role": "user", "content": "Where is A1?", "tool_calls": []}]


def test_a_result_that_no_history_holds_follows_its_call():
    trace = one(*a_turn()[:3])
    assert said(trace) == CONVERSATION[:3]
    assert trace.messages[-1].tool_call_id == "id-find"


def test_a_failed_call_of_the_model_is_not_a_second_conversation():
    failed = replace(chat("m0", [ASK], [], 0.5, "root"), status="error", status_message="overloaded")
    trace = one(*a_turn(), failed)
    assert said(trace)[:4] == CONVERSATION
    assert trace.steps[1].error == "overloaded"
    assert trace.error is None


def test_a_router_a_judge_and_a_sub_agent_are_not_the_conversation():
    routed = chat("r", [text("system", "Classify."), ASK], [text("assistant", "orders")], 0.5, "root")
    judged = chat("j", [text("system", "Safe?"), text("user", "12 days")], [text("assistant", "yes")], 5, "root")
    inner = chat("i", [text("user", "look up A1 in the archive")], [text("assistant", "12")], 2.5, "x1")
    assert said(one(*a_turn()[:4], routed, judged, inner)) == CONVERSATION


def test_turns_that_are_sent_alone_are_one_conversation():
    system = text("system", "You are a desk.")
    trace = one(chat("m1", [system, ASK], [TELL], 1), chat("m2", [system, AGAIN], [BYE], 2))
    assert said(trace) == [
        ("system", "You are a desk."),
        *[CONVERSATION[0], CONVERSATION[3]],
        ("user", "And B1?"),
        ("assistant", "Unknown."),
    ]


def test_a_history_that_was_shortened_is_followed():
    summary = text("system", "So far: A1 was found.")
    trace = one(*a_turn()[:4], chat("m3", [summary, TELL, AGAIN], [BYE], 5, "root"))
    assert said(trace) == [*CONVERSATION, ("user", "And B1?"), ("assistant", "Unknown.")]


def test_an_agent_without_model_spans_tells_its_tools_as_calls():
    root = span("root", lasts=5, attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.input.messages": json.dumps([ASK]),
                                             "gen_ai.output.messages": json.dumps([TELL])})  # fmt: skip
    tool = a_turn()[2]
    nested = execute("x2", "inner", 2.2, "x1")
    assert said(one(root, tool, nested)) == CONVERSATION


def test_a_span_that_came_twice_counts_once_and_the_finished_one_wins():
    spans = a_turn()
    begun = replace(spans[0], ended_at=None, attributes={})
    assert one(*spans, begun, *spans) == one(*spans)


def test_an_orphan_is_kept_and_a_circle_is_cut():
    trace = one(execute("x", "find", parent="gone", status="error", status_message="no"), span("a", "b"), span("b", "a"))
    assert {s.span_id: s.parent_id for s in trace.steps} == {"x": "gone", "a": "b", "b": "a"}
    assert trace.error == "no"


def test_a_thousand_spans_within_each_other():
    spans = [span(str(n), str(n - 1) if n else None, n) for n in range(1500)]
    assert len(one(*spans).steps) == 1500


OPERATIONS = st.sampled_from(["chat", "execute_tool", "invoke_agent", "plan", ""])
WORDS = st.sampled_from(["hello", "again", "12 days", ""])
MESSAGES = st.lists(
    st.one_of(st.builds(text, st.sampled_from(["user", "assistant", "system", "odd"]), WORDS), st.just(FIND), st.just(FOUND)),
    max_size=4,
)


@st.composite
def many(draw) -> list[Span]:
    count = draw(st.integers(1, 9))
    ids = [f"s{n}" for n in range(count)]
    return [
        span(
            id, draw(st.sampled_from([None, "gone", *ids])), draw(st.integers(0, 3)), draw(st.integers(0, 3)),
            draw(st.sampled_from(["t1", "t2"])),
            attributes={"gen_ai.operation.name": draw(OPERATIONS), "gen_ai.tool.name": "find",
                        "gen_ai.input.messages": json.dumps(draw(MESSAGES)), "gen_ai.output.messages": json.dumps(draw(MESSAGES))},
            status=draw(st.sampled_from(["unset", "error"])),
        )
        for id in ids
    ]  # fmt: skip


@given(many(), st.randoms(use_true_random=False))
@settings(max_examples=60, derandomize=True, deadline=None)
def test_the_order_of_spans_and_repeats_change_nothing(spans, random):
    expected = assemble(spans)
    mixed = [*spans, *random.sample(spans, len(spans) // 2)]
    random.shuffle(mixed)
    assert assemble(mixed) == expected
    assert sum(len(trace.steps) for trace in expected) == len(spans)
    for trace in expected:
        json.dumps(trace_object(trace))


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just("[{"), st.just('{"role": 3}'),
              st.sampled_from(["text", "tool_use", "tool-result", "function_call", "message", "human", "system-prompt", "reasoning", "[]"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["role", "parts", "type", "content", "id", "name",
        "tool_calls", "message", "data", "arguments", "result", "function", "messages", "choices", "contents", "candidates", "generations",
        "prompt", "input", "output", "system", "config", "kwargs", "lc", "blocks", "toolUse", "toolResult", "functionCall", "text", "toolName",
        "args", "inputs", "total", "tools"]), inner, max_size=4)),
    max_leaves=8,
)  # fmt: skip
NAMES = st.sampled_from(
    [
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.operation.name",
        "gen_ai.usage.input_tokens",
        "gen_ai.prompt.0.role",
        "gen_ai.prompt.0",
        "gen_ai.completion.0.content",
        "openinference.span.kind",
        "llm.input_messages.0.message.role",
        "llm.input_messages.0",
        "llm.input_messages.x.message",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
        "input.value",
        "output.value",
        "metadata",
        "session.id",
        "llm.tools.0.tool.json_schema",
        "annotations.0.annotation.score",
        "trace.evaluations.0.evaluation.label",
        "error.type",
        *sorted(name for dialect in DIALECTS for names in dialect.NAMES.values() for name in names),
        "langsmith.metadata.x",
        "langfuse.observation.metadata.x",
        "langfuse.observation.level",
        "traceloop.association.properties.x",
        "llm.request.functions.0.name",
    ]
)
EVENT = st.sampled_from([
    "gen_ai.user.message", "gen_ai.choice", "gen_ai.tool.message", "gen_ai.client.inference.operation.details", "gen_ai.evaluation.result",
    "exception", "mine",
])  # fmt: skip


VALUES = st.one_of(ANYTHING, ANYTHING.map(json.dumps))
EVENTS = st.builds(
    lambda name, attributes, body: {"name": name, "at": None, "attributes": attributes, "body": body},
    EVENT, st.dictionaries(st.sampled_from(["content", "message", "role", "id", "tool_calls", "gen_ai.event.content", "gen_ai.input.messages"]), VALUES, max_size=3), ANYTHING,
)  # fmt: skip


@given(st.dictionaries(NAMES, VALUES, max_size=8), st.lists(EVENTS, max_size=2))
@settings(max_examples=400, derandomize=True, deadline=None)
def test_whatever_stands_in_a_span_it_is_read(attributes, events):
    trace = one(span("a", attributes=attributes, events=tuple(events)))
    assert len(trace.steps) == 1
    json.dumps(trace_object(trace))


OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.contents.0.message_content.type": "text",
    "llm.input_messages.0.message.contents.0.message_content.text": "Where is A1?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "find",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"order": "A1"}',
    "llm.token_count.prompt": 5, "llm.token_count.completion": 2, "llm.cost.total": 0.5, "llm.model_name": "m",
    "llm.tools.0.tool.json_schema": '{"type": "function", "function": {"name": "find"}}',
    "session.id": "s9", "metadata": '{"tenant": "t7", "reward": 1}',
    "annotations.0.annotation.name": "quality", "annotations.0.annotation.label": "fail",
    "annotations.0.annotation.annotator_kind": "LLM", "annotations.0.annotation.explanation": "too short",
    "trace.annotations.0.annotation.name": "thumb", "trace.annotations.0.annotation.label": "down",
    "trace.annotations.0.annotation.annotator_kind": "HUMAN",
}  # fmt: skip


def test_openinference():
    wide = {name: value for name, value in OPENINFERENCE.items() if name.startswith("trace.")}
    tool = {"openinference.span.kind": "TOOL", "tool.name": "find", "input.value": "A1", **wide,
            "output.value": json.dumps({"type": "tool", "data": {"content": "12 days", "tool_call_id": "c1"}})}  # fmt: skip
    trace = one(span("a", attributes=OPENINFERENCE), span("b", at=1, attributes=tool))
    assert said(trace) == [("user", "Where is A1?"), ("assistant", "find"), ("tool", "12 days")]
    assert trace.steps[1].input == {"order": "A1"}
    assert (trace.session_id, trace.usage.input_tokens, trace.usage.cost_usd) == ("s9", 5, 0.5)
    assert trace.attributes == {"tenant": "t7", "models": ["m"], "tools": ["find"]}
    assert [(f.kind, f.value, f.negative, f.source, f.comment) for f in trace.feedback] == [
        ("evaluation", "fail", True, "model", "quality: too short"),
        ("thumb", False, True, "user", ""),
    ]


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Where is A1?", "gen_ai.completion.0.role": "assistant",
         "gen_ai.completion.0.content": "12 days", "gen_ai.usage.prompt_tokens": "5"},
        {"gen_ai.prompt": '[{"role": "user", "content": "Where is A1?"}]', "gen_ai.completion": "12 days", "gen_ai.usage.prompt_tokens": 5},
        {"gen_ai.input.messages": [ASK], "gen_ai.output.messages": [TELL], "gen_ai.usage.input_tokens": 5},
        {"gen_ai.input.messages": "Where is A1?", "gen_ai.output.messages": "12 days", "gen_ai.usage.input_tokens": 5},
    ],
    ids=["flattened", "text", "structured", "plain"],
)  # fmt: skip
def test_older_generations(attributes):
    trace = one(span("a", attributes={"gen_ai.request.model": "m", **attributes}))
    assert said(trace) == [("user", "Where is A1?"), ("assistant", "12 days")]
    assert trace.usage.input_tokens == 5
    assert not [name for name in trace.attributes if name.startswith(("gen_ai.prompt", "gen_ai.completion"))]


def test_content_in_events_and_events_that_came_as_logs():
    asked = {"name": "gen_ai.user.message", "at": None, "attributes": {"content": "Where is A1?"}}
    chosen = SpanEvent("t", "a", {"name": "gen_ai.choice", "at": None, "attributes": {},
                                  "body": {"index": 0, "message": {"role": "assistant", "content": "12 days"}}})  # fmt: skip
    stray = SpanEvent("t", "other", {"name": "x", "at": None, "attributes": {}, "body": None})
    spans, left = attach([span("a", attributes={"gen_ai.operation.name": "chat"}, events=(asked,))], [chosen, stray])
    assert said(one(*spans)) == [("user", "Where is A1?"), ("assistant", "12 days")]
    assert left == [stray]


def test_an_evaluation_event_is_feedback_on_any_span():
    event = {"name": "gen_ai.evaluation.result", "at": "2026-01-01T00:00:05+00:00",
             "attributes": {"gen_ai.evaluation.name": "correctness", "gen_ai.evaluation.score.label": "fail"}}  # fmt: skip
    (verdict,) = one(span("a", events=(event,))).feedback
    assert (verdict.value, verdict.negative, verdict.at.second) == ("fail", True, 5)


def test_the_version_falls_back_to_the_service():
    resource = {"service.name": "airline", "service.version": "v3"}
    assert (one(span("a", resource=resource)).agent, one(span("a", resource=resource)).version) == ("airline", "v3")
    assert one(span("a", resource={"service.name": "unknown_service:python"})).agent is None


def test_a_plain_span_makes_a_trace():
    trace = one(span("a", attributes={"http.route": "/x", "reward": 1}))
    assert (trace.messages, trace.steps[0].kind, trace.attributes) == ((), "other", {"http.route": "/x"})


def test_flattened_lists_keep_their_order_and_have_no_gaps():
    flat = {f"a.{n}.b": n for n in (10, 2, 0)}
    assert unflattened(flat, "a") == [{"b": 0}, {"b": 2}, {"b": 10}]
    assert unflattened({"a.9999999999.b": 1}, "a") == {"9999999999": {"b": 1}}
    assert unflattened({}, "a") is None


def test_what_the_models_do_not_tell_is_taken_from_the_agent():
    """An agent's cost of the whole is the trace's, where its model tells the tokens alone."""
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.cost": 0.01, "gen_ai.usage.input_tokens": 99}
    tokens = {"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}
    trace = one(span("a", attributes=agent), chat("b", [text("user", "Hi")], [text("assistant", "Hello")], parent="a", **tokens))
    assert (trace.usage.input_tokens, trace.usage.output_tokens, trace.usage.cost_usd) == (10, 5, 0.01)
    assert priced(trace, lambda *_: 0.5).usage.cost_usd == 0.01
