"""Parquet files: LangSmith's bulk export, dataframes of spans, datasets of conversations."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from loopwright.adapters.importers.reader import FileTraceReader
from loopwright.collect.intake import Rejected
from loopwright.ports import Imported

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export"


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return str(path)


def traces(file: str) -> list[Any]:
    found = list(FileTraceReader(1_000_000).read([file]))
    assert all(isinstance(one, Imported) for one in found), found
    return [one.trace for one in found if isinstance(one, Imported)]


def test_runs_of_langsmiths_bulk_export(path: Path):
    extra = '{"metadata": {"thread_id": "th1", "ls_model_name": "gpt-4o"}}'
    rows = [
        {"id": f"r{n}", "run_type": "llm" if n else "chain", "trace_id": "r0", "parent_run_id": "r0" if n else None, "name": "x",
         "inputs": '{"input": "hi"}', "outputs": '{"output": "hello"}', "extra": extra, "start_time": AT, "end_time": AT,
         "total_cost": Decimal("0.25") if n == 1 else None, "prompt_tokens": 5 if n == 1 else None,
         "feedback_stats": None, "tags": ["prod"]}
        for n in range(200)
    ]  # fmt: skip
    [trace] = traces(written(path, rows))
    assert (trace.trace_id, trace.session_id, len(trace.steps), trace.started_at) == ("r0", "th1", 200, AT)
    assert (trace.usage.cost_usd, trace.usage.input_tokens) == (0.25, 5)


def test_a_dataframe_of_spans(path: Path):
    row = {
        "name": "ChatCompletion", "span_kind": "LLM", "parent_id": None, "start_time": AT, "end_time": AT, "status_code": "ERROR",
        "status_message": "", "context.span_id": "s1", "context.trace_id": "t1",
        "attributes.llm.token_count.prompt": float("nan"),
        "events": [{"name": "exception", "timestamp": AT, "attributes": {"exception.message": "nope"}}],
        "attributes.llm.input_messages": [{"message.role": "user", "message.content": "hi"}],
        "attributes.llm.output_messages": [{"message.role": "assistant", "message.content": "hello"}],
    }  # fmt: skip
    [trace] = traces(written(path, [row]))
    assert [(m.role, m.content) for m in trace.messages] == [("user", "hi"), ("assistant", "hello")]
    assert (trace.usage.input_tokens, trace.steps[0].error) == (None, "nope")


def test_a_dataset_of_conversations(path: Path):
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": calls}]
    turns = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
    [said] = traces(written(path, [{"prompt_id": "p1", "messages": messages}]))
    assert [(m.content, [call.arguments for call in m.tool_calls]) for m in said.messages] == [("hi", []), (None, [{"a": 1}])]
    [turned] = traces(written(path, [{"conversations": turns}]))
    assert [m.content for m in turned.messages] == ["hi", "hello"]


def test_a_file_goes_on_where_it_was(path: Path):
    file = written(path, [{"id": f"c{n}", "input": f"q{n}", "output": "a"} for n in range(150)])
    rest = list(FileTraceReader(1_000_000).read_parts([file], after={file: 147}))
    assert [one.trace.trace_id for one in rest if isinstance(one, Imported)] == ["c147", "c148", "c149"]


def test_a_file_that_breaks_off_is_refused(path: Path):
    written(path, [{"input": "hi", "output": "hello"}])
    path.write_bytes(path.read_bytes()[:-20])
    [found] = FileTraceReader(1_000_000).read([str(path)])
    assert isinstance(found, Rejected)
    assert found.reason == "corrupt Parquet"


def test_without_pyarrow_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch):
    file = written(path, [{"input": "hi", "output": "hello"}])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    [found] = FileTraceReader(1_000_000).read([file])
    assert "pip install 'loopwright[parquet]'" in str(found)
