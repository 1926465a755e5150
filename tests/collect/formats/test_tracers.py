"""Traces of MLflow, as mlflow 3.17.2 wrote them and as 2.x does; spans of Weave, Opik and Braintrust, as their APIs give them."""

from __future__ import annotations

from typing import Any

import pytest

from loopwright.collect.formats import catalogue
from loopwright.collect.formats.found import Found
from loopwright.collect.spans import assemble

MESSAGES = '{"messages": [{"role": "user", "content": "hi"}]}'
CHOICES = '{"choices": [{"message": {"role": "assistant", "content": "hello"}}]}'
TRACE = "c522e2de9bd6f17ca13717b49b00fcc7"


def read(*records: dict[str, Any]) -> list[Found]:
    found = [catalogue.read(record) for record in records]
    assert {name for _, name in found} == {"tracer"}
    return [one for one, _ in found]


def assembled(*records: dict[str, Any]):
    [trace] = assemble([span for found in read(*records) for span in found.spans])
    return trace


def chatted(trace: Any) -> bool:
    return [(m.role, m.content) for m in trace.messages] == [("user", "hi"), ("assistant", "hello")]


def attributes(kind: str, **more: str) -> dict[str, str]:
    return {"mlflow.traceRequestId": f'"tr-{TRACE}"', "mlflow.spanType": f'"{kind}"',
            **{f"mlflow.{name.replace('_', '.')}": value for name, value in more.items()}}  # fmt: skip


MLFLOW: dict[str, Any] = {
    "info": {
        "trace_id": f"tr-{TRACE}", "state": "OK", "tags": {"mlflow.traceName": "agent", "k": "v"},
        "trace_metadata": {"mlflow.trace.session": "s1", "mlflow.trace.user": "u1"},
        "assessments": [
            {"assessment_name": "correct", "trace_id": f"tr-{TRACE}", "source": {"source_type": "LLM_JUDGE", "source_id": "x"},
             "create_time": "2026-01-02T11:25:03.827Z", "feedback": {"value": "no"}, "rationale": "bad", "valid": True},
            {"assessment_name": "answer", "source": {"source_type": "HUMAN"}, "expectation": {"value": "hey"}},
        ],
    },
    "data": {"spans": [
        {"trace_id": "xSLi3pvW8XyhNxe0mwD8xw==", "span_id": "ptipHekujaU=", "parent_span_id": "", "name": "agent",
         "start_time_unix_nano": 1795519501792039000, "end_time_unix_nano": 1795519501819402000, "events": [],
         "status": {"code": "STATUS_CODE_OK", "message": ""},
         "attributes": attributes("AGENT", spanInputs='{"question": "hi"}', spanOutputs='"hello"')},
        {"trace_id": "xSLi3pvW8XyhNxe0mwD8xw==", "span_id": "4fvjGdv2cCI=", "parent_span_id": "ptipHekujaU=", "name": "chat",
         "start_time_unix_nano": 1795519501818047833, "end_time_unix_nano": 1795519501818302223, "events": [],
         "status": {"code": "STATUS_CODE_OK", "message": ""},
         "attributes": attributes("CHAT_MODEL", spanInputs=MESSAGES, spanOutputs=CHOICES, llm_model='"gpt-4o"',
                                  chat_tokenUsage='{"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}')},
        {"trace_id": "xSLi3pvW8XyhNxe0mwD8xw==", "span_id": "UrKaA0G4hWc=", "parent_span_id": "ptipHekujaU=", "name": "search",
         "start_time_unix_nano": 1795519501818404756, "end_time_unix_nano": 1795519501819312460,
         "events": [{"name": "exception", "time_unix_nano": 1795519501819228672,
                     "attributes": {"exception.message": "nope", "exception.type": "ValueError"}}],
         "status": {"code": "STATUS_CODE_ERROR", "message": "ValueError: nope"},
         "attributes": attributes("TOOL", spanInputs='{"q": "x"}')},
    ]},
}  # fmt: skip


def test_a_trace_of_mlflow():
    trace = assembled(MLFLOW)
    assert (trace.trace_id, trace.session_id, trace.user_id, trace.attributes["mlflow.k"]) == (TRACE, "s1", "u1", "v")
    assert chatted(trace)
    assert [(step.kind, step.span_id, step.model, step.error) for step in trace.steps] == [
        ("agent", "a6d8a91de92e8da5", None, None),
        ("model", "e1fbe319dbf67022", "gpt-4o", None),
        ("tool", "52b29a0341b88567", None, "ValueError: nope"),
    ]
    assert (trace.usage.input_tokens, trace.usage.output_tokens) == (5, 2)


def test_what_was_said_of_a_trace_of_mlflow_and_not_what_was_expected():
    [found] = read(MLFLOW)
    [given] = found.feedback
    assert (given.trace_id, given.span_id, given.verdicts[0].value) == (TRACE, None, "no")
    assert (given.verdicts[0].comment, given.verdicts[0].source) == ("correct: bad", "model")


def test_a_trace_of_mlflow_2():
    span = {
        "name": "chat", "context": {"span_id": "0xe1fbe319dbf67022", "trace_id": f"0x{TRACE}"}, "parent_id": None,
        "start_time": 1735689600000000000, "end_time": 1735689601000000000, "status_code": "ERROR", "status_message": "slow",
        "attributes": attributes("CHAT_MODEL", spanInputs=MESSAGES, spanOutputs=CHOICES), "events": [],
    }  # fmt: skip
    info = {"request_id": "d9a3", "timestamp_ms": 1735689600000, "request_metadata": {"mlflow.trace.session": "s"}, "tags": {}}
    trace = assembled({"info": info, "data": {"spans": [span], "request": "{}", "response": "{}"}})
    assert (trace.trace_id, trace.session_id, trace.usage.latency_ms, trace.steps[0].error) == ("d9a3", "s", 1000, "slow")
    assert chatted(trace)


ASKED = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {"id": "x", "choices": [{"message": {"role": "assistant", "content": "hello"}}]}
USED = {"usage": {"gpt-4o": {"prompt_tokens": 5, "completion_tokens": 2, "requests": 1}}}
WEAVE: list[dict[str, Any]] = [
    {"id": "c1", "op_name": "weave:///e/p/op/agent:abc", "trace_id": "T", "parent_id": None, "thread_id": "th", "wb_user_id": "w",
     "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:02Z", "attributes": {}, "inputs": {"question": "hi"},
     "output": "hello", "exception": None, "summary": USED, "project_id": "e/p"},
    {"id": "c2", "op_name": "weave:///e/p/op/openai.chat.completions.create:abc", "trace_id": "T", "parent_id": "c1",
     "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:01Z", "inputs": ASKED, "output": ANSWER,
     "summary": USED},
    {"id": "c3", "op_name": "weave:///e/p/op/check:abc", "trace_id": "T", "parent_id": "c1", "started_at": "2026-01-01T00:00:01Z",
     "inputs": {}, "output": None, "exception": "boom"},
]  # fmt: skip
OPIK: list[dict[str, Any]] = [
    {"id": "T", "project_id": "p", "name": "agent", "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:02Z",
     "input": {"question": "hi"}, "output": {"answer": "hello"}, "thread_id": "th", "usage": {"prompt_tokens": 5},
     "feedback_scores": [{"name": "correct", "value": 0.0, "reason": "bad", "source": "ui"}]},
    {"id": "c2", "project_id": "p", "trace_id": "T", "parent_span_id": None, "name": "llm", "type": "llm", "model": "gpt-4o",
     "start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:01Z", "input": ASKED, "output": ANSWER,
     "usage": {"prompt_tokens": 5, "completion_tokens": 2}, "total_estimated_cost": 0.25},
    {"id": "c3", "project_id": "p", "trace_id": "T", "parent_span_id": None, "name": "check", "type": "general", "input": {},
     "start_time": "2026-01-01T00:00:01Z", "error_info": {"exception_type": "E", "message": "boom", "traceback": "..."}},
]  # fmt: skip
BRAINTRUST: list[dict[str, Any]] = [
    {"id": "e1", "span_id": "T", "root_span_id": "T", "span_parents": None, "created": "2026-01-01T00:00:00Z", "is_root": True,
     "input": "hi", "output": "hello", "expected": "hey", "scores": {"Factuality": 0.5}, "metadata": {"thread_id": "th"},
     "metrics": {"start": 1767225600.0, "end": 1767225602.0}, "span_attributes": {"name": "agent", "type": "task"}},
    {"id": "e2", "span_id": "c2", "root_span_id": "T", "span_parents": ["T"], "created": "2026-01-01T00:00:00Z",
     "input": ASKED["messages"], "output": ANSWER["choices"], "metadata": {"model": "gpt-4o"},
     "metrics": {"start": 1767225600.0, "end": 1767225601.0, "prompt_tokens": 5, "completion_tokens": 2},
     "span_attributes": {"name": "Chat Completion", "type": "llm"}},
    {"id": "e3", "span_id": "c3", "root_span_id": "T", "span_parents": ["T"], "created": "2026-01-01T00:00:01Z", "error": "boom",
     "span_attributes": {"name": "check", "type": "function"}, "metrics": {"start": 1767225601.0}},
]  # fmt: skip


@pytest.mark.parametrize("spans", [WEAVE, OPIK, BRAINTRUST], ids=["weave", "opik", "braintrust"])
def test_spans_of_other_tracers(spans: list[dict[str, Any]]):
    trace = assembled(*spans)
    assert (trace.trace_id, trace.session_id, trace.usage.input_tokens, trace.usage.output_tokens) == ("T", "th", 5, 2)
    assert chatted(trace)
    assert [(step.kind, step.model, step.error) for step in trace.steps] == [
        ("other", None, None),
        ("model", "gpt-4o", None),
        ("other", None, "boom"),
    ]
    assert trace.usage.latency_ms == 2000
    assert "hey" not in str(trace)


@pytest.mark.parametrize(("record", "value", "comment"), [(OPIK[0], 0.0, "correct: bad"), (BRAINTRUST[0], 0.5, "Factuality")])
def test_their_scores(record: dict[str, Any], value: float, comment: str):
    [found] = read(record)
    [given] = found.feedback
    assert (given.trace_id, given.span_id, given.verdicts[0].value, given.verdicts[0].comment) == ("T", "T", value, comment)
