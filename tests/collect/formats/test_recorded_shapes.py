"""Exports of Phoenix, Langfuse and LangSmith, and of datasets, in the shapes that their packages write, reduced.

Phoenix: arize-phoenix 20.26.1, arize-phoenix-client 3.5.0 and pandas 3.1. Langfuse: langfuse 5.0.4 and 3.8.1. LangSmith:
langsmith 0.15.0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loopwright.adapters.importers.reader import FileTraceReader
from loopwright.collect.formats import catalogue
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Trace
from loopwright.errors import RecordError
from loopwright.ports import Imported, ImportedFeedback
from loopwright.workflows.importing import strictly

TRACE, AGENT, MODEL = "622991323c2acb518a8e3f9d62c2bf4f", "fef650e998b47986", "7592dd287885f430"
CALL = [{"tool_call.function.arguments": '{"q":1}', "tool_call.id": "c1", "tool_call.function.name": "find"}]
ROW: dict[str, Any] = {
    "name": "ChatCompletion",
    "span_kind": "LLM",
    "parent_id": None,
    "start_time": "2026-01-02 10:53:10.991513+00:00",
    "end_time": "2026-01-02 10:53:10.991572+00:00",
    "status_code": "UNSET",
    "events": [],
    "context.span_id": MODEL,
    "context.trace_id": TRACE,
    "attributes.metadata": {"tier": "gold"},
    "attributes.session.id": "sess-1",
    "attributes.llm.model_name": "gpt-4o",
    "attributes.llm.token_count.prompt": 10.0,
    "attributes.llm.input_messages": [{"message.role": "user", "message.content": 'it\'s "where" 1'}],
    "attributes.llm.output_messages": [{"message.role": "assistant", "message.tool_calls": CALL}],
}


def read(tmp_path: Path, name: str, text: str) -> tuple[list[Trace], list[GivenFeedback]]:
    path = tmp_path / name
    path.write_text(text)
    found = list(strictly(FileTraceReader(1_000_000).read([str(path)])))
    return (
        [one.trace for one in found if isinstance(one, Imported)],
        [one.given for one in found if isinstance(one, ImportedFeedback)],
    )


def cell(value: Any) -> str:
    """A value as pandas writes it into CSV."""
    shown = "" if value is None else str(value)
    return '"' + shown.replace('"', '""') + '"'


def frame(how: str) -> str:
    """The dataframe of `Client.spans.get_spans_dataframe`, as pandas writes it."""
    if how == "csv":
        return "\n".join(",".join(map(cell, line)) for line in (("context.span_id", *ROW), (MODEL, *ROW.values()))) + "\n"
    whole: dict[str, Any] = {
        "records": [ROW],
        "columns": {name: {MODEL: value} for name, value in ROW.items()},
        "index": {MODEL: ROW},
        "split": {"columns": list(ROW), "index": [MODEL], "data": [list(ROW.values())]},
    }
    return json.dumps(whole[how])


@pytest.mark.parametrize("how", ["csv", "records", "columns", "index", "split"])
def test_a_dataframe_of_spans(tmp_path: Path, how: str):
    [trace], _ = read(tmp_path, "spans", frame(how))
    assert (trace.trace_id, trace.session_id, trace.usage.input_tokens, trace.attributes["tier"]) == (TRACE, "sess-1", 10, "gold")
    assert [(m.role, m.content) for m in trace.messages] == [("user", 'it\'s "where" 1'), ("assistant", None)]
    assert [(call.id, call.name, call.arguments) for call in trace.messages[1].tool_calls] == [("c1", "find", {"q": 1})]


def test_times_in_a_cell_are_read_as_python_prints_them(tmp_path: Path):
    event = "[{'name': 'exception', 'timestamp': datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)}]"
    text = f"name,context.trace_id,context.span_id,start_time,span_kind,events\na,t,s,2026-01-02T03:04:05Z,LLM,{cell(event)}\n"
    [trace], _ = read(tmp_path, "spans.csv", text)
    assert trace.steps[0].name == "a"


def test_a_cell_that_only_looks_like_a_printed_value_stays_text(tmp_path: Path):
    [trace], _ = read(tmp_path, "rows.csv", "input,output\n\"{'a': __import__('os')}\",done\n")
    assert trace.messages[0].content == "{'a': __import__('os')}"


def pair(key: str, **value: Any) -> dict[str, Any]:
    """An attribute as `GET /v1/projects/{id}/spans/otlpv1` answers it."""
    names = ("array_value", "bool_value", "bytes_value", "double_value", "int_value", "kvlist_value", "string_value")
    return {"key": key, "value": {name: value.get(name) for name in names}}


def test_spans_of_phoenix_in_the_names_of_otlp(tmp_path: Path):
    span = {
        "attributes": [
            pair("openinference.span.kind", string_value="TOOL"),
            pair("tool.name", string_value="find"),
            pair("input.value", string_value='{"q":1}'),
            pair("tag.tags", array_value={"values": [{"string_value": "a"}, {"string_value": "b"}]}),
            pair("llm.token_count.prompt", int_value="7"),
        ],
        "end_time_unix_nano": 1767351190996024000,
        "events": [{"attributes": [pair("exception.message", string_value="nope")],
                    "name": "exception", "time_unix_nano": 1767351190995000000}],
        "kind": 1, "name": "find", "parent_span_id": None, "span_id": MODEL, "trace_id": TRACE,
        "start_time_unix_nano": 1767351190991384000, "status": {"code": 2, "message": "nope"},
    }  # fmt: skip
    [trace], _ = read(tmp_path, "spans.json", json.dumps({"data": [span], "next_cursor": None}))
    [step] = trace.steps
    assert (step.kind, step.name, step.input, step.error) == ("tool", "find", {"q": 1}, "nope")
    assert trace.usage.latency_ms == pytest.approx(4.64)
    assert trace.attributes["tag.tags"] == ["a", "b"]


ANNOTATION = {
    "id": "x", "created_at": "2026-01-02T10:53:15+00:00", "source": "API", "annotation_name": "correctness",
    "annotator_kind": "HUMAN", "result.label": "incorrect", "result.score": 0.5, "result.explanation": "bad",
}  # fmt: skip


def test_a_dataframe_of_annotations(tmp_path: Path):
    row = {"span_id": MODEL, **ANNOTATION}
    for text in (json.dumps(row), "\n".join((",".join(row), ",".join(map(cell, row.values()))))):
        _, [given] = read(tmp_path, "annotations", text)
        assert (given.span_id, given.verdicts[0].value, given.verdicts[0].negative) == (MODEL, "incorrect", True)
        assert (given.verdicts[0].comment, given.verdicts[0].source) == ("correctness: bad", "user")


def test_annotations_without_their_index_are_refused_by_name(tmp_path: Path):
    with pytest.raises(RecordError, match="names no span"):
        catalogue.read(ANNOTATION)


def test_columns_of_objects(tmp_path: Path):
    [trace], _ = read(tmp_path, "dataset.csv", "id,node_id,input.question,output.answer,metadata.m\nA,A,q1,a1,1\n")
    assert [(m.role, m.content) for m in trace.messages] == [("user", "q1"), ("assistant", "a1")]
    assert (trace.trace_id, trace.attributes["m"]) == ("A", "1")


def score(kind: str, value: Any, subject: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"id": "s1", "projectId": "p", "name": "quality", "value": value, "dataType": kind, "source": "API",
            "timestamp": "2026-01-02T10:00:00Z", "environment": "prod", "subject": subject, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kind", "value", "place"),
    [
        (score("BOOLEAN", False, {"kind": "trace", "id": "t5"}), "evaluation", False, ("t5", None, None)),
        (score("CATEGORICAL", "bad", {"kind": "observation", "id": "a2", "traceId": "t5"}), "evaluation", "bad",
         ("t5", "a2", None)),
        (score("NUMERIC", 1, {"kind": "session", "id": "s9"}), "evaluation", 1, (None, None, "s9")),
        (score("CORRECTION", "better", {"kind": "trace", "id": "t5"}), "correction", "better", ("t5", None, None)),
        ({"id": "s", "name": "ok", "traceId": "t1", "value": 0.0, "stringValue": "False", "configId": None}, "evaluation", False,
         ("t1", None, None)),
    ],
)  # fmt: skip
def test_scores_of_langfuse(given: dict[str, Any], kind: str, value: Any, place: tuple[str | None, ...]):
    found, name = catalogue.read({"data": [given], "meta": {"limit": 50, "cursor": None}})
    assert name == "langfuse"
    [one] = found.feedback
    assert (one.verdicts[0].kind, one.verdicts[0].value) == (kind, value)
    assert (one.trace_id, one.span_id, one.session_id) == place


def test_a_session_of_langfuse_with_its_traces(tmp_path: Path):
    inner = {"id": "t1", "timestamp": "2026-01-02T10:00:00Z", "name": "chat", "input": "hi", "output": "hello", "tags": ["x"]}
    session = {"id": "s9", "createdAt": "2026-01-02T10:00:00Z", "projectId": "p", "environment": "prod", "traces": [inner]}
    [trace], _ = read(tmp_path, "session.json", json.dumps(session))
    assert (trace.trace_id, trace.session_id) == ("t1", "s9")
    assert [(m.role, m.content) for m in trace.messages] == [("user", "hi"), ("assistant", "hello")]


def test_the_comments_in_the_statistics_of_a_run():
    run = {"id": "r1", "name": "agent", "run_type": "chain", "inputs": {}, "start_time": "2026-01-02T10:00:00",
           "feedback_stats": {"user_score": {"n": 1, "avg": 0.0, "values": {}, "comments": ["bad"]}}}  # fmt: skip
    [given] = catalogue.read(run)[0].feedback
    assert given.verdicts[0].comment == "user_score: bad"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": "i", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]},
         [("user", "hi"), ("assistant", "hello")]),
        ({"system": "Be brief", "conversations": [{"from": "human", "value": "sun?"},
          {"from": "function_call", "value": '{"name": "w", "arguments": {"c": 1}}'}, {"from": "observation", "value": "yes"},
          {"from": "gpt", "value": "It shines"}]},
         [("system", "Be brief"), ("user", "sun?"), ("assistant", None), ("tool", "yes"), ("assistant", "It shines")]),
        ({"instruction": "Add", "input": "1 2", "output": "3"}, [("user", "Add\n\n1 2"), ("assistant", "3")]),
        ({"instruction": "Sing", "input": "", "output": "la"}, [("user", "Sing"), ("assistant", "la")]),
        ({"question": "and now?", "answer": "rain", "chat_history": [["weather?", "sun"]]},
         [("user", "weather?"), ("assistant", "sun"), ("user", "and now?"), ("assistant", "rain")]),
        ({"question": "and now?", "answer": "rain", "history": [{"role": "user", "content": "weather?"}]},
         [("user", "weather?"), ("user", "and now?"), ("assistant", "rain")]),
    ],
    ids=["turns", "turns with tools", "instruction and input", "instruction", "history of pairs", "history of messages"],
)  # fmt: skip
def test_rows_as_datasets_have_them(row: dict[str, Any], said: list[tuple[str, str | None]]):
    found, name = catalogue.read(row)
    assert name == "table"
    assert [(m.role, m.content) for m in found.traces[0].messages] == said


def test_a_turn_of_nobody_known_is_refused():
    with pytest.raises(RecordError, match='from is "alien"'):
        catalogue.read({"conversations": [{"from": "alien", "value": "hi"}]})
