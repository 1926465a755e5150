"""Logs of Inspect, in the shapes that inspect_ai 0.3.285 and 0.3.150 write."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from loopwright.adapters.importers.reader import FileTraceReader
from loopwright.collect.formats import catalogue
from loopwright.collect.trace import Trace
from loopwright.ports import Imported

EVAL = {"run_id": "r1", "task": "unscored", "created": "2026-01-02T03:04:05+00:00", "model": "mockllm/model"}
SAMPLE: dict[str, Any] = {
    "id": "one",
    "epoch": 1,
    "input": "What is 1+1?",
    "messages": [
        {"id": "m1", "content": "What is 1+1?", "source": "input", "role": "user"},
        {"id": "m2", "content": "", "source": "generate", "role": "assistant", "model": "mockllm/model",
         "tool_calls": [{"id": "c1", "function": "add", "arguments": {"x": "zz"}, "type": "function"}]},
        {"id": "m3", "content": "", "role": "tool", "tool_call_id": "c1", "function": "add",
         "error": {"type": "parsing", "message": "'zz' is not of type 'integer'"}},
        {"id": "m4", "content": "2", "source": "generate", "role": "assistant"},
    ],
    "scores": {"noscore": {"value": float("nan")}, "speed": {"value": float("inf")}, "match": {"value": "C", "answer": "2"}},
    "model_usage": {"mockllm/model": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}},
}  # fmt: skip


def of_usage(usage: dict[str, Any]) -> Trace:
    log = {"status": "success", "eval": EVAL, "samples": [{**SAMPLE, "scores": {}, "model_usage": {"m": usage}}]}
    found, name = catalogue.read(log)
    assert name == "inspect"
    return found.traces[0]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_score_that_is_no_number_is_left_out_and_the_sample_taken(tmp_path: Path, indent: int | None):
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"version": 2, "status": "success", "eval": EVAL, "samples": [SAMPLE]}, indent=indent))
    [found] = FileTraceReader(1_000_000).read([str(path)])
    assert isinstance(found, Imported)
    assert [(verdict.value, verdict.negative) for verdict in found.trace.feedback] == [("Infinity", None), ("C", False)]


def test_so_it_is_in_an_archive(tmp_path: Path):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "header.json", json.dumps({"version": 2, "status": "success", "eval": EVAL, "results": {"x": float("nan")}})
        )
        archive.writestr("samples/one_epoch_1.json", json.dumps(SAMPLE))
    [found] = FileTraceReader(1_000_000).read([str(path)])
    assert isinstance(found, Imported)
    assert [verdict.value for verdict in found.trace.feedback] == ["Infinity", "C"]


def test_steps_tell_their_model_and_what_went_wrong():
    steps = of_usage({}).steps
    assert [(step.kind, step.model, step.error) for step in steps] == [
        ("model", "mockllm/model", None),
        ("tool", None, "parsing: 'zz' is not of type 'integer'"),
        ("model", "mockllm/model", None),
    ]


@pytest.mark.parametrize(
    ("total", "input_tokens"),
    [(155, 140), (115, 100), (None, 100)],
    ids=["the cache comes on top", "the cache is among them", "not told"],
)
def test_input_tokens_are_those_of_the_cache_too(total: int | None, input_tokens: int):
    usage = of_usage(
        {"input_tokens": 100, "output_tokens": 15, "total_tokens": total, "input_tokens_cache_read": 30,
         "input_tokens_cache_write": 10, "reasoning_tokens": 5}
    ).usage  # fmt: skip
    assert (usage.input_tokens, usage.output_tokens) == (input_tokens, 15)
    assert (usage.cache_read_tokens, usage.cache_write_tokens, usage.reasoning_tokens) == (30, 10, 5)
