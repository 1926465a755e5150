from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loopwright.examples.conversations.files import conversations
from loopwright.surfaces.cli.main import main

KEYS = ["trace_id", "input_payload", "context_snapshot", "score", "severity", "signal_type", "failure_reason", "signals"]
SAD = {
    "id": "sad",
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Refund order 7"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "function": {"name": "refund", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "Error: locked"},
        {"role": "assistant", "content": "It is refunded."},
        {"role": "user", "content": "No, that's wrong"},
        {"role": "assistant", "content": "Let me see."},
    ],
}
CALM = {"id": "calm", "messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "Hello."}]}


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def mined(capfdbinary: Any, *args: str | Path) -> list[dict[str, Any]]:
    assert main(["mine", "--traces", *map(str, args), "--format", "json"]) == 0
    return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]


def test_every_trace_is_a_line_best_first(project, capfdbinary):
    rows = mined(capfdbinary, write(project / "t.jsonl", CALM, SAD))
    assert [list(row) for row in rows] == [KEYS, KEYS]
    assert [row["trace_id"] for row in rows] == ["sad", "calm"]
    sad, calm = rows
    assert (calm["score"], calm["severity"], calm["signal_type"], calm["signals"]) == (0, 0, None, [])
    assert calm["input_payload"]["input"] == "hello"
    assert 0 < sad["score"] <= 1
    by_detector = {s["detector"]: s for s in sad["signals"]}
    assert by_detector["tool_error"]["where"] == {"span_ids": ["message-2-call-0"], "message_index": 3}
    assert by_detector["user_correction"]["where"]["message_index"] == 5
    assert by_detector["user_correction"].keys() == {"type", "detector", "severity", "confidence", "reason", "where"}
    assert len(sad["context_snapshot"]["messages"]) == 7


def test_file_mode_leaves_nothing_behind(project, capfdbinary):
    file = write(project / "t.jsonl", SAD)
    mined(capfdbinary, file)
    assert [p.name for p in project.iterdir()] == ["t.jsonl"]


def test_labels_change_no_byte(project):
    with conversations() as path, gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines][:40]
    outputs = set()
    for name, labels in {
        "none": [{} for _ in records],
        "right": [{"reward": n % 2, "info": {"reward": n % 2, "task": "cancel"}} for n in range(len(records))],
        "wrong": [{"reward": 1 - n % 2, "info": {"error": "Error: failed", "note": "that's wrong"}} for n in range(len(records))],
    }.items():
        file = write(project / f"{name}.jsonl", *({**r, **label} for r, label in zip(records, labels, strict=True)))
        done = subprocess.run(
            [sys.executable, "-m", "loopwright", "mine", "--traces", str(file), "--format", "json"],
            capture_output=True,
            check=True,
            timeout=120,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert outputs.pop().count(b"\n") == 40


def test_a_record_without_an_id_keeps_its_derived_id_whatever_the_labels(project, capfdbinary):
    bare = {"messages": SAD["messages"]}
    one = mined(capfdbinary, write(project / "a.jsonl", bare))
    other = mined(capfdbinary, write(project / "b.jsonl", {**bare, "reward": 1, "info": {}}))
    assert one == other


@pytest.mark.parametrize("bad", ['{"id": "b", "messages": [}', "[]x", '{"id": "b", "turns": []}'])
def test_a_bad_line_ends_with_64_and_nothing_written(project, capfdbinary, bad):
    file = project / "t.jsonl"
    file.write_text(json.dumps(CALM) + "\n" + bad + "\n", encoding="utf-8")
    assert main(["mine", "--traces", str(file), "--format", "json"]) == 64
    told = capfdbinary.readouterr()
    assert told.out == b""
    (line,) = told.err.decode().splitlines()
    assert f"{file}:2: " in line


def test_a_missing_file_is_64(project, capfd):
    assert main(["mine", "--traces", "nowhere.jsonl"]) == 64
    assert "nowhere.jsonl" in capfd.readouterr().err


def test_an_empty_file_is_no_failure(project, capfdbinary):
    assert mined(capfdbinary, write(project / "t.jsonl")) == []


def test_standard_input_is_read(project):
    done = subprocess.run(
        [sys.executable, "-m", "loopwright", "mine", "--traces", "-", "--format", "json"],
        input=json.dumps(SAD).encode(), capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    assert json.loads(done.stdout)["trace_id"] == "sad"


def test_the_text_format_lists_failures_and_rates(project, capfd):
    assert main(["mine", "--traces", str(write(project / "t.jsonl", CALM, SAD))]) == 0
    told = capfd.readouterr().out
    assert "sad" in told
    assert "1 of 2 traces" in told
    assert "hard_error" in told
    assert "50.0 %" in told


def test_production_text_is_never_markup(project, capfd):
    loud = {
        **SAD,
        "id": "[bold]x[/bold]",
        "messages": [*SAD["messages"][:3], {**SAD["messages"][3], "content": "Error: [red]no[/red]"}],
    }
    assert main(["mine", "--traces", str(write(project / "t.jsonl", loud))]) == 0
    told = capfd.readouterr().out
    assert "[bold]x[/bold]" in told
    assert "[red]no[/red]" in told


def test_without_files_the_store_is_mined_and_keeps_the_failures(project, capfd):
    assert main(["import", str(write(project / "t.jsonl", CALM, SAD))]) == 0
    assert main(["mine"]) == 0
    assert "sad" in capfd.readouterr().out
    assert main(["mine", "--format", "json"]) == 0
    assert [json.loads(line)["trace_id"] for line in capfd.readouterr().out.splitlines()] == ["sad", "calm"]


def test_without_a_store_it_says_what_to_do(project, capfd):
    assert main(["mine"]) == 64
    assert capfd.readouterr().err.startswith("loopwright: ")
