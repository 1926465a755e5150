"""Batches and stored answers of OpenAI and Anthropic, and rows of Helicone, in the shapes that their references show."""

from __future__ import annotations

from typing import Any

import pytest

from loopwright.collect.formats import catalogue
from loopwright.collect.trace import Trace, Usage
from loopwright.errors import RecordError

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1711475054, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 24, "completion_tokens": 15, "total_tokens": 39,
              "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": {"reasoning_tokens": 5}},
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-sonnet-4", "stop_reason": "tool_use",
    "content": [{"type": "text", "text": "Hello!"}, {"type": "tool_use", "id": "tu1", "name": "f", "input": {"a": 1}}],
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 36},
}  # fmt: skip


def trace_of(record: dict[str, Any]) -> Trace:
    found, name = catalogue.read(record)
    assert name == "exchange"
    [trace] = found.traces
    return trace


def test_an_answer_in_a_batch_of_openai():
    trace = trace_of(
        {
            "id": "batch_req_1",
            "custom_id": "r-1",
            "response": {"status_code": 200, "request_id": "q", "body": COMPLETION},
            "error": None,
        }
    )
    assert (trace.trace_id, trace.attributes["custom_id"], trace.error) == ("batch_req_1", "r-1", None)
    assert [(m.role, m.content) for m in trace.messages] == [("assistant", "Hello.")]
    assert trace.usage == Usage(24, 15, cache_read_tokens=8, reasoning_tokens=5)
    asked = trace_of({"custom_id": "r-1", "method": "POST", "url": "/v1/chat/completions",
                      "body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "hi"}]}})  # fmt: skip
    assert asked.trace_id == "r-1"


@pytest.mark.parametrize(
    ("record", "id", "error"),
    [
        ({"id": "b2", "custom_id": "r-2", "error": None,
          "response": {"status_code": 400, "body": {"error": {"message": "bad model", "type": "invalid_request_error"}}}},
         "b2", "bad model"),
        ({"id": "b3", "custom_id": "r-3", "response": None, "error": {"code": "batch_expired", "message": "too late"}},
         "b3", "too late"),
        ({"custom_id": "my-2", "result": {"type": "errored", "error": {"type": "error", "error": {"message": "too few"}}}},
         "my-2", "too few"),
        ({"custom_id": "my-3", "result": {"type": "expired"}}, "my-3", "the request was expired"),
    ],
)  # fmt: skip
def test_what_failed_in_a_batch(record: dict[str, Any], id: str, error: str):
    trace = trace_of(record)
    assert (trace.trace_id, trace.error, trace.messages) == (id, error, ())


def test_an_answer_in_a_batch_of_anthropic():
    trace = trace_of({"custom_id": "my-1", "result": {"type": "succeeded", "message": MESSAGE}})
    assert (trace.trace_id, trace.attributes["custom_id"]) == ("msg_01", "my-1")
    assert [(m.content, [(call.id, call.arguments) for call in m.tool_calls]) for m in trace.messages] == [
        ("Hello!", [("tu1", {"a": 1})])
    ]
    assert trace.usage == Usage(17, 36, cache_read_tokens=5, cache_write_tokens=2)


def test_a_page_of_stored_completions():
    page = {
        "object": "list",
        "data": [COMPLETION, {**COMPLETION, "id": "chatcmpl-2"}],
        "first_id": "a",
        "last_id": "b",
        "has_more": False,
    }
    assert [trace.trace_id for trace in catalogue.read(page)[0].traces] == ["chatcmpl-1", "chatcmpl-2"]


def test_a_response_by_itself_has_its_instructions_and_its_user():
    trace = trace_of(
        {"id": "resp_1", "object": "response", "created_at": 1741476542, "model": "gpt-4.1", "instructions": "Be nice",
         "user": "u1",
         "output": [{"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Once"}]}],
         "usage": {"input_tokens": 36, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 87}}
    )  # fmt: skip
    assert [(m.role, m.content) for m in trace.messages] == [("system", "Be nice"), ("assistant", "Once")]
    assert (trace.user_id, trace.usage.cache_read_tokens) == ("u1", 4)


def test_a_row_of_helicone():
    trace = trace_of(
        {"request_id": "q1", "request_created_at": "2026-01-01T00:00:00Z", "response_created_at": "2026-01-01T00:00:02Z",
         "request_body": {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]},
         "request_user_id": "u1", "cost": 0.001,
         "response_body": {"choices": [{"message": {"role": "assistant", "content": "hi"}}], "usage": {"prompt_tokens": 5}}}
    )  # fmt: skip
    assert (trace.trace_id, trace.user_id, trace.usage.cost_usd, trace.steps[0].model) == ("q1", "u1", 0.001, "gpt-4o")
    assert trace.started_at is not None
    assert trace.ended_at is not None


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "Q", "chosen": [{"role": "user", "content": "Q"}], "rejected": [{"role": "user", "content": "Q"}]},
        {"input": {"messages": [{"role": "user", "content": "Q"}]}, "preferred_output": [], "non_preferred_output": []},
    ],
)
def test_preferences_are_refused_by_name(record: dict[str, Any]):
    with pytest.raises(RecordError, match="preference data"):
        catalogue.read(record)
