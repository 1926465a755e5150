"""Formats of which a record is a whole conversation: ATIF, Inspect, logs of calls, rows."""

from __future__ import annotations

import json

import pytest

from loopwright.collect.formats import catalogue, managed
from loopwright.errors import RecordError

ATIF = {
    "schema_version": "ATIF-v1.6", "session_id": "s1", "agent": {"name": "desk", "version": "v3", "model_name": "gpt-4o"},
    "steps": [
        {"step_id": 1, "source": "system", "message": "Be kind."},
        {"step_id": 2, "source": "user", "message": "Where is my order?", "timestamp": "2026-01-01T00:00:00Z"},
        {"step_id": 3, "source": "agent", "message": "Looking.", "reasoning_content": "hm",
         "tool_calls": [{"tool_call_id": "c1", "function_name": "look_up", "arguments": {"order": 7}}],
         "observation": {"results": [{"source_call_id": "c1", "content": "shipped"}]},
         "metrics": {"prompt_tokens": 7, "completion_tokens": 3, "cost_usd": 0.5}, "timestamp": "2026-01-01T00:00:02Z"},
        {"step_id": 4, "source": "agent", "message": "On its way."},
    ],
}  # fmt: skip


def test_a_trajectory():
    (trace,) = catalogue.read(ATIF)[0].traces
    assert [(m.role, m.text) for m in trace.messages] == [
        ("system", "Be kind."), ("user", "Where is my order?"), ("assistant", "Looking."), ("tool", "shipped"),
        ("assistant", "On its way."),
    ]  # fmt: skip
    assert (trace.trace_id, trace.agent, trace.version, trace.usage.cost_usd, trace.usage.latency_ms) == (
        "s1",
        "desk",
        "v3",
        0.5,
        2000,
    )
    assert [(s.kind, s.input, s.output) for s in trace.steps if s.kind == "tool"] == [("tool", {"order": 7}, "shipped")]
    assert trace.attributes["atif.steps"]["2"]["reasoning_content"] == "hm"


def test_trajectories_within_one_are_traces_of_their_own():
    inner = {**ATIF, "trajectory_id": "inner"}
    traces = catalogue.read({**ATIF, "trajectory_id": "outer", "subagent_trajectories": [inner]})[0].traces
    assert [trace.trace_id for trace in traces] == ["outer", "inner"]
    assert traces[1].attributes["atif.within"] == "outer"


def test_a_result_that_names_no_call_answers_the_one_in_its_place():
    steps = json.loads(json.dumps(ATIF["steps"]))
    del steps[2]["observation"]["results"][0]["source_call_id"]
    (trace,) = catalogue.read({**ATIF, "steps": steps})[0].traces
    assert trace.messages[3].tool_call_id == "c1"


def test_a_trajectory_that_cannot_be_read_is_named():
    with pytest.raises(RecordError, match=r"steps\[0\].source"):
        catalogue.read({**ATIF, "steps": [{"source": "robot"}]})


LOG = {
    "version": 2, "status": "success",
    "eval": {"task": "desk", "run_id": "run1", "model": "gpt-4o", "revision": {"commit": "abc"}},
    "samples": [
        {"id": 1, "epoch": 2, "input": "attachment://x", "target": "shipped", "attachments": {"x": "Where is my order?"},
         "messages": [
             {"role": "user", "content": "attachment://x"},
             {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "function": "look_up", "arguments": {"order": 7}}]},
             {"role": "tool", "content": "", "tool_call_id": "c1", "function": "look_up",
              "error": {"type": "timeout", "message": "slow"}},
             {"role": "assistant", "content": "On its way."}],
         "scores": {"match": {"value": "I", "explanation": "no"}, "f1": {"value": 0.4}, "odd": {"value": None}},
         "model_usage": {"gpt-4o": {"input_tokens": 7, "output_tokens": 3}}, "total_time": 1.5, "metadata": {"tier": "gold"}}],
}  # fmt: skip


def test_a_sample_of_inspect():
    (trace,) = catalogue.read(LOG)[0].traces
    assert (trace.trace_id, trace.agent, trace.version) == ("run1-1-2", "desk", "abc")
    assert [(m.role, m.text) for m in trace.messages][:2] == [("user", "Where is my order?"), ("assistant", "")]
    assert trace.messages[2].text == "Error: slow"
    assert [step.error for step in trace.steps if step.kind == "tool"] == ["timeout: slow"]
    assert [(v.kind, v.value, v.negative) for v in trace.feedback] == [("evaluation", "I", True), ("evaluation", 0.4, None)]
    assert (trace.usage.input_tokens, trace.usage.latency_ms, trace.attributes["tier"]) == (7, 1500, "gold")


def test_a_sample_that_was_not_run_has_its_input():
    (trace,) = catalogue.read({**LOG, "samples": [{"id": "a", "epoch": 1, "input": "hi", "error": {"message": "boom"}}]})[
        0
    ].traces
    assert (trace.messages[0].text, trace.error) == ("hi", "boom")


ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
CHOICES = {
    "model": "m-1", "choices": [{"message": {"role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2},
}  # fmt: skip
ANTHROPIC = {
    "id": "r1", "model": "m-1", "role": "assistant", "type": "message", "content": [{"type": "text", "text": "hello"}],
    "usage": {"input_tokens": 1, "output_tokens": 2},
}  # fmt: skip
RESPONSE = {
    "id": "r1", "model": "m-1", "object": "response", "usage": {"input_tokens": 1, "output_tokens": 2},
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hello"}]}],
}  # fmt: skip


@pytest.mark.parametrize(
    "record",
    [
        {"request": ASKED, "response": {"id": "r1", **CHOICES}},
        {"custom_id": "r1", "body": ASKED, "response": {"status_code": 200, "body": CHOICES}},
        {"request": {**ASKED, "system": ""}, "response": ANTHROPIC},
        {"request": {"model": "m", "input": "hi"}, "response": RESPONSE},
    ],
    ids=["chat", "batch", "anthropic", "responses"],
)
def test_calls_of_a_model(record):
    found, name = catalogue.read(record)
    (trace,) = found.traces
    assert name == "exchange"
    assert [(m.role, m.text) for m in trace.messages] == [("user", "hi"), ("assistant", "hello")]
    assert (trace.trace_id, trace.usage.input_tokens, trace.usage.output_tokens) == ("r1", 1, 2)
    assert trace.steps[-1].model == "m-1"


def test_calls_of_tools_in_anthropics_blocks():
    record = {
        "request": {"system": "Be kind.", "messages": [
            {"role": "user", "content": "Where?"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look_up", "input": {"order": 7}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "shipped"}]}]},
        "response": {"role": "assistant", "content": [{"type": "text", "text": "On its way."}]},
    }  # fmt: skip
    (trace,) = catalogue.read(record)[0].traces
    assert [m.role for m in trace.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert [(s.name, s.input, s.output) for s in trace.steps if s.kind == "tool"] == [("look_up", {"order": 7}, "shipped")]


@pytest.mark.parametrize(
    ("row", "kind", "value", "negative"),
    [
        ({"input": "hi", "output": "hello", "feedback": "down"}, "thumb", False, True),
        ({"Question": "hi", "Answer": "hello", "Rating": "2", "comment": "slow"}, "rating", 2.0, True),
        ({"prompt": "hi", "response": "hello", "score": 0.4}, "evaluation", 0.4, None),
        ({"input": "hi", "output": "hello", "feedback": "not what I asked"}, "comment", None, None),
        ({"input": "hi", "output": "hello", "feedback": '{"thumb": "up"}'}, "thumb", True, False),
    ],
)
def test_rows_of_input_output_and_feedback(row, kind, value, negative):
    found, name = catalogue.read(row)
    (trace,) = found.traces
    assert name == "table"
    assert [(m.role, m.text) for m in trace.messages] == [("user", "hi"), ("assistant", "hello")]
    assert (trace.feedback[0].kind, trace.feedback[0].value, trace.feedback[0].negative) == (kind, value, negative)
    assert trace.feedback[0].comment == {"rating": "slow", "comment": "not what I asked"}.get(kind, "")


def test_a_row_without_an_id_is_named_by_what_it_says():
    first, again = (catalogue.read({"input": "hi", "output": "hello", "feedback": word})[0].traces[0] for word in ("up", "down"))
    other = catalogue.read({"input": "hi", "output": "hello!"})[0].traces[0]
    assert first.trace_id == again.trace_id != other.trace_id


def test_the_calls_of_a_hosted_agent_make_a_conversation():
    said = [{"type": "text", "text": "hi"}]
    calls = managed.Calls()
    for line in (
        [
            "client.beta.sessions.create",
            {"id": "s1", "type": "session", "agent": {"name": "desk", "system": "Be kind.", "version": 2}},
        ],
        ["client.beta.sessions.events.send", ["s1", {"events": [{"type": "user.message", "content": said}]}]],
        ["client.beta.sessions.events.stream", {"type": "user.message", "content": said, "processed_at": "2026-01-01T00:00:00Z"}],
        [
            "client.beta.sessions.events.stream",
            {"type": "agent.tool_use", "id": "c1", "name": "bash", "input": {"command": "date"}},
        ],
        ["client.beta.sessions.events.stream", {"type": "agent.tool_result", "tool_use_id": "c1", "content": said}],
        [
            "client.beta.sessions.events.stream",
            {"type": "agent.message", "content": said, "processed_at": "2026-01-01T00:00:01Z"},
        ],
    ):
        assert managed.tells(line)
        calls.take(*line)
    trace = calls.trace()
    assert [m.role for m in trace.messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert (trace.trace_id, trace.agent, trace.version, trace.usage.latency_ms) == ("s1", "desk", "2", 1000)
