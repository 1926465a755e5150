from __future__ import annotations

import json

import pytest

from loopwright.collect.formats import catalogue
from loopwright.collect.spans import assemble
from loopwright.errors import RecordError

T, S = "a" * 32, "b" * 16
MESSAGES = [{"message.role": "user", "message.content": "Where is my order?"}]
SPAN = {
    "id": "U3Bhbjox", "name": "answer", "span_kind": "LLM", "parent_id": None, "start_time": "2026-01-01T00:00:00+00:00",
    "end_time": "2026-01-01T00:00:01+00:00", "status_code": "OK", "status_message": "", "events": [],
    "context": {"trace_id": T, "span_id": S},
    "attributes": {
        "llm.model_name": "gpt-4o", "session.id": "s1", "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Where is my order?", "output.value": "On its way.",
        "llm.token_count.prompt": 7, "llm.invocation_parameters": '{"temperature": 0}',
    },
}  # fmt: skip
NESTED = {
    **SPAN,
    "attributes": {
        "llm": {
            "model_name": "gpt-4o", "token_count": {"prompt": 7}, "invocation_parameters": {"temperature": 0},
            "input_messages": [{"message": {"role": "user", "content": "Where is my order?"}}],
        },
        "session": {"id": "s1"}, "output": {"value": "On its way."},
    },
}  # fmt: skip
COLUMNS = {
    "name": "answer", "span_kind": "LLM", "parent_id": None, "start_time": 1767225600000, "end_time": 1767225601000,
    "status_code": "OK", "context.trace_id": T, "context.span_id": S, "attributes.llm.model_name": "gpt-4o",
    "attributes.session.id": "s1", "attributes.llm.input_messages": MESSAGES, "attributes.output.value": "On its way.",
    "attributes.llm.token_count.prompt": 7.0,
}  # fmt: skip
AS_TEXT = {**COLUMNS, "attributes.llm.input_messages": json.dumps(MESSAGES), "attributes.llm.token_count.prompt": "7"}


@pytest.mark.parametrize(
    "record",
    [SPAN, NESTED, COLUMNS, AS_TEXT, {"data": [SPAN], "next_cursor": None}, {"traceId": T, "spans": [SPAN]}],
    ids=["flat", "nested", "dataframe", "csv", "page", "trace"],
)
def test_spans_in_their_shapes(record):
    (trace,) = assemble(catalogue.read(record)[0].spans)
    assert (trace.trace_id, trace.session_id, trace.usage.input_tokens) == (T, "s1", 7)
    assert [(m.role, m.text) for m in trace.messages] == [("user", "Where is my order?"), ("assistant", "On its way.")]
    assert (trace.steps[0].span_id, trace.steps[0].kind, trace.steps[0].model) == (S, "model", "gpt-4o")


def test_what_the_sdks_print():
    record = {
        "name": "chat", "context": {"trace_id": f"0x{T.upper()}", "span_id": f"0x{S}"}, "kind": "SpanKind.CLIENT",
        "parent_id": "0x" + "c" * 16, "start_time": "2026-01-01T00:00:00Z", "end_time": None,
        "status": {"status_code": "ERROR", "description": "boom"}, "resource": {"attributes": {"service.name": "desk"}},
        "attributes": {"gen_ai.operation.name": "chat"},
        "events": [{"name": "exception", "timestamp": "2026-01-01T00:00:00Z", "attributes": {"exception.type": "E"}}],
    }  # fmt: skip
    (span,) = catalogue.read(record)[0].spans
    assert (span.trace_id, span.span_id, span.parent_id, span.kind) == (T, S, "c" * 16, "client")
    assert (span.status, span.status_message, span.resource) == ("error", "boom", {"service.name": "desk"})
    assert span.events[0]["attributes"] == {"exception.type": "E"}


def test_annotations_are_feedback():
    record = {"id": "a", "span_id": S, "name": "quality", "annotator_kind": "HUMAN", "result": {"label": "bad", "score": 0}}
    (given,) = catalogue.read(record)[0].feedback
    assert (given.span_id, given.verdicts[0].value, given.verdicts[0].negative) == (S, "bad", True)


def test_a_span_without_a_trace_is_named():
    with pytest.raises(RecordError, match="there is no trace_id"):
        catalogue.read({**COLUMNS, "context.trace_id": ""})
