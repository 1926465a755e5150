from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from builders import failure
from cluster_requests import ALONE, KINDS
from loopwright import settings, wiring
from loopwright.surfaces.cli.main import main

TEXTS = [text for kind in KINDS for text in kind] + list(ALONE)
STATIC = ("--embedder", "static")


def rows(**fields: Any) -> list[dict[str, Any]]:
    return [
        {"trace_id": f"t{i}", "input_payload": {"input": text}, "failure_reason": "", **fields} for i, text in enumerate(TEXTS)
    ]


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records), encoding="utf-8")
    return path


def clustered(capfd: Any, file: Path, *flags: str) -> list[dict[str, Any]]:
    assert main(["cluster", "--failures", str(file), "--format", "json", *(flags or STATIC)]) == 0
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_a_line_a_failure_in_the_order_given(project, capfd):
    found = clustered(capfd, write(project / "f.jsonl", *rows()))
    assert [list(row) for row in found] == [["trace_id", "mode_id", "strength"]] * len(TEXTS)
    assert [row["trace_id"] for row in found] == [f"t{i}" for i in range(len(TEXTS))]
    assert len({row["mode_id"] for row in found if row["mode_id"]}) >= 3
    assert all(0 < row["strength"] <= 1 if row["mode_id"] else row["strength"] == 0 for row in found)
    assert found[-1]["mode_id"] is None
    assert [p.name for p in project.iterdir()] == ["f.jsonl"]


def test_nothing_but_json_goes_to_stdout(project):
    file = write(project / "f.jsonl", *rows())
    command = [sys.executable, "-m", "loopwright", "cluster", "--failures", str(file), "--format", "json", *STATIC]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=project)
    assert [json.loads(line)["trace_id"] for line in done.stdout.splitlines()] == [f"t{i}" for i in range(len(TEXTS))]
    assert "modes" in done.stderr


def test_rows_without_a_score_above_zero_are_left_out(project, capfd):
    found = clustered(capfd, write(project / "f.jsonl", *rows(score=0)))
    assert all(row["mode_id"] is None and row["strength"] == 0 for row in found)
    assert clustered(capfd, write(project / "f.jsonl")) == []


def test_what_mine_writes_is_read(project, capfd):
    traces = [
        {"id": f"c{i}", "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "Done."},
                                      {"role": "user", "content": "No, that's wrong"}]}
        for i, text in enumerate(TEXTS)
    ]  # fmt: skip
    traces.append({"id": "calm", "messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "Hello."}]})
    assert main(["mine", "--traces", str(write(project / "t.jsonl", *traces)), "--format", "json"]) == 0
    mined = capfd.readouterr().out
    (project / "f.jsonl").write_text(mined)
    found = clustered(capfd, project / "f.jsonl")
    assert [row["trace_id"] for row in found] == [json.loads(line)["trace_id"] for line in mined.splitlines()]
    assert {"trace_id": "calm", "mode_id": None, "strength": 0.0} in found


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{not json", "f.jsonl:2: "),
        ("[1, 2]", "f.jsonl:2: "),
        ({"input_payload": {}}, "f.jsonl:2: trace_id is missing"),
        ({"trace_id": 7}, "f.jsonl:2: trace_id is 7, which is not text"),
        ({"trace_id": ""}, "f.jsonl:2: trace_id is empty"),
        ({"trace_id": "t0"}, "f.jsonl:2: trace_id 't0' was on line 1 before"),
        ({"trace_id": "x", "score": "high"}, "f.jsonl:2: score is 'high'"),
        ({"trace_id": "x", "severity": 7}, "f.jsonl:2: severity is 7"),
        ({"trace_id": "x", "failure_reason": [1]}, "f.jsonl:2: failure_reason is [1]"),
        ({"trace_id": "x", "signal_type": "hard_eror"}, "did you mean 'hard_error'?"),
        ({"trace_id": "x", "timestamp": "yesterday"}, "f.jsonl:2: timestamp is 'yesterday'"),
    ],
)
def test_a_line_that_cannot_be_taken_ends_it(project, capfd, bad, says):
    file = write(project / "f.jsonl", {"trace_id": "t0"}, bad, {"trace_id": "t2"})
    assert main(["cluster", "--failures", str(file), "--format", "json", *STATIC]) == 64
    said = capfd.readouterr()
    assert said.out == ""
    assert says in said.err
    assert len(said.err.splitlines()) == 1


def test_the_least_and_the_oddest_lines_are_taken(project, capfd):
    odd = [
        {"trace_id": "a"},
        {"trace_id": "b", "input_payload": "plain text", "context_snapshot": ["x"]},
        {"trace_id": "c", "input_payload": {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}},
        {"trace_id": "d", "input_payload": None, "failure_reason": None, "score": None, "signals": "none", "reasoning_steps": 3},
        {"trace_id": "e", "signals": [{"type": "hard_error", "detector": "tool_error", "severity": 1, "confidence": 1}, 7]},
        *({"trace_id": f"f{i}", "timestamp": at} for i, at in enumerate(("2024-05-01", "2024-05-01T10:00Z", "2024-05-01T09:00"))),
        {"trace_id": "g", "timestamp": "2024-05-01T10:00:00+00:00", "input_payload": {"input": "\ud83d\ude42 <b>[red]x[/red]"}},
    ]
    assert len(clustered(capfd, write(project / "f.jsonl", *odd))) == len(odd)
    assert main(["cluster", "--failures", str(project / "f.jsonl"), *STATIC]) == 0


def test_flags_are_checked(project, capfd):
    file = write(project / "f.jsonl", *rows())
    for flags in (["--granularity", "-1"], ["--min-size", "1"], ["--embedder", "other"], ["--method", "kmeans"]):
        assert main(["cluster", "--failures", str(file), *flags]) == 64
        assert len(capfd.readouterr().err.splitlines()) == 1
    assert main(["cluster", "--failures", str(project / "nowhere.jsonl")]) == 64


def test_min_size_and_method_are_obeyed(project, capfd):
    file = write(project / "f.jsonl", *rows())
    assert not any(row["mode_id"] for row in clustered(capfd, file, *STATIC, "--min-size", "30"))
    assert clustered(capfd, file, *STATIC, "--method", "dbscan")


def test_the_store_keeps_modes_their_ids_and_status(project, capfd):
    loaded = settings.load(start=project)
    kept = [failure(f"t{i}", text, "") for i, text in enumerate(TEXTS)]
    with wiring.store(loaded) as store:
        store.replace_failures(kept)
    assert main(["cluster", *STATIC]) == 0
    assert main(["modes", "--format", "json"]) == 0
    before = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    with wiring.store(loaded) as store:
        store.set_mode_status(before[0]["mode_id"], "accepted")
        store.replace_failures([*kept, failure("new", TEXTS[0] + " now", "")])
    assert main(["cluster", "--format", "json", *STATIC]) == 0
    assert len(capfd.readouterr().out.splitlines()) == len(TEXTS) + 1
    assert main(["modes", "--format", "json"]) == 0
    after = {row["mode_id"]: row for row in map(json.loads, capfd.readouterr().out.splitlines())}
    assert {row["mode_id"] for row in before} <= after.keys()
    assert after[before[0]["mode_id"]]["status"] == "accepted"


def test_the_cut_of_the_last_time_holds_until_another_is_asked_for(project, capfd):
    loaded = settings.load(start=project)
    with wiring.store(loaded) as store:
        store.replace_failures([failure(f"t{i}", text, "") for i, text in enumerate(TEXTS)])

    def cut(*flags: str) -> float | None:
        assert main(["cluster", *STATIC, *flags]) == 0
        with wiring.store(loaded) as store:
            recipe = store.recipe()
        assert recipe is not None
        assert (recipe.method, recipe.embedder != "", recipe.distinct) == ("average", True, len(TEXTS))
        assert recipe.made_at is not None
        return recipe.granularity

    chosen = cut()
    assert "as last time" not in capfd.readouterr().err
    assert cut() == chosen
    assert "as last time; --granularity 0 chooses anew" in capfd.readouterr().err
    assert cut("--granularity", "1.25") == 1.25
    assert cut() == 1.25
    assert cut("--granularity", "0") == chosen


def test_a_mode_is_shown_with_its_failures(project, capfd):
    with wiring.store(settings.load(start=project)) as store:
        store.replace_failures([failure(f"t{i}", text, "") for i, text in enumerate(TEXTS)])
    assert main(["cluster", *STATIC]) == 0
    assert main(["modes"]) == 0
    capfd.readouterr()
    assert main(["modes", "--format", "json"]) == 0
    first = json.loads(capfd.readouterr().out.splitlines()[0])
    assert main(["modes", "show", first["mode_id"][:12], "--format", "json"]) == 0
    shown = json.loads(capfd.readouterr().out)
    assert len(shown["failures"]) == first["size"]
    assert shown["failures"][0]["trace_id"] == first["representatives"][0]
    assert main(["modes", "show", first["mode_id"]]) == 0
    assert first["name"] in capfd.readouterr().out
    assert main(["modes", "show", "mode-nothing"]) == 64
    assert main(["modes", "show", "mode-"]) == 64


def test_without_a_store_it_says_what_to_do(project, capfd):
    assert main(["cluster"]) == 64
    assert len(capfd.readouterr().err.splitlines()) == 1
    assert not (project / ".loopwright").exists()


def test_standard_input_has_one_name(project, capfd, monkeypatch):
    for command in (["cluster", "--failures", "-"], ["import", "-"], ["mine", "--traces", "-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"trace_id": 7}\n')))
        assert main([*command, "--format", "json"]) == 64
        assert capfd.readouterr().err.startswith("loopwright: <stdin>:1: ")
