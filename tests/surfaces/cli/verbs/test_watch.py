from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main

OLD = ("where is my bag", "change my seat please", "cancel my flight", "print the boarding pass")


def inputs(path: Path, count: int, seed: int, new: int = 0) -> Path:
    draw = random.Random(seed)
    rows = [
        {"embedding": [draw.gauss(0, 1), draw.gauss(0, 1)], "attributes": {"lang": draw.choice(["en", "de"])}}
        for _ in range(count)
    ]
    rows += [{"embedding": [9 + draw.random(), 9.0], "attributes": {"lang": "en"}} for _ in range(new)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def series(path: Path, jump: float) -> Path:
    draw = random.Random(3)
    rows = [f"{1930 + year},{draw.gauss(0, 1) + jump * (year >= 25)}\n" for year in range(50)]
    path.write_bytes(gzip.compress("".join(["Year,Level\n", *rows]).encode()))
    return path


def run(capfd: Any, *args: object) -> tuple[int, str, str]:
    code = main(["watch", *map(str, args)])
    said = capfd.readouterr()
    return code, said.out, said.err


def test_a_shift_ends_with_one_and_names_the_new_inputs(project: Path, capfd: Any) -> None:
    before, same, after = inputs(project / "a", 200, 1), inputs(project / "b", 80, 2), inputs(project / "c", 80, 2, new=12)
    code, out, _ = run(capfd, "drift", "--reference", before, "--current", same, "--format", "json")
    assert code == 0
    assert json.loads(out)["shifted"] is False
    code, out, err = run(capfd, "drift", "--reference", before, "--current", after, "--format", "json")
    found = json.loads(out)
    assert code == 1
    assert err == ""
    assert {"shifted", "p_value", "effect", "by_attribute", "novel"} <= found.keys()
    assert found["shifted"] is True
    assert set(range(80, 92)) <= set(found["novel"])
    assert run(capfd, "drift", "--reference", before, "--current", after, "--format", "json")[1] == out
    assert run(capfd, "drift", "--reference", before, "--current", after, "--alpha", 0.0005, "--format", "json")[0] == 0
    code, out, _ = run(capfd, "drift", "--reference", before, "--current", after)
    assert "shifted: p 0.002" in out
    assert not (project / ".loopwright").exists()


def test_texts_are_embedded(project: Path, capfd: Any) -> None:
    rows = [json.dumps({"text": OLD[i % 4]}) + "\n" for i in range(60)]
    (project / "a").write_text("".join(rows), encoding="utf-8")
    (project / "b").write_text("".join([*rows[:30], *['{"text": "may I bring a drone"}\n'] * 20]), encoding="utf-8")
    code, out, _ = run(capfd, "drift", "--reference", "a", "--current", "b", "--embedder", "static", "--format", "json")
    assert code == 1
    assert set(range(30, 50)) == set(json.loads(out)["novel"])


def test_too_few_inputs_are_undecided(project: Path, capfd: Any) -> None:
    (project / "none").write_text("", encoding="utf-8")
    code, out, err = run(capfd, "drift", "--reference", inputs(project / "a", 9, 1), "--current", "none", "--format", "json")
    assert code == 2
    assert json.loads(out)["shifted"] is None
    assert "0 current inputs" in err


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "malformed"),
        ("[1]", ""),
        ('{"text": 1}', "text is of type int"),
        ('{"text": "hi"}', "compared by text, where the first row is compared by embedding"),
        ('{"embedding": [1, 2, 3]}', "an embedding of length 3, where the first has 2"),
        ('{"embedding": [1, "x"]}', "not a list of finite numbers"),
        ('{"id": 3}', "nothing to compare"),
    ],
)
def test_a_row_that_cannot_be_compared_ends_with_64_and_its_line(project: Path, capfd: Any, line: str, problem: str) -> None:
    bad = inputs(project / "bad", 6, 1)
    bad.write_text(bad.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    code, out, err = run(capfd, "drift", "--reference", inputs(project / "a", 9, 1), "--current", bad, "--format", "json")
    assert (code, out) == (64, "")
    assert "bad:7: " in err
    assert problem.lower() in err.lower()
    assert err.count("\n") == 1


def test_change_points_of_a_metric(project: Path, capfd: Any) -> None:
    code, out, _ = run(capfd, "metric", "--series", series(project / "m.csv.gz", 5), "--format", "json")
    (change,) = json.loads(out)["change_points"]
    assert code == 1
    assert {"index", "time", "size", "interval"} <= change.keys()
    assert abs(change["index"] - 25) <= 1
    assert change["time"] == str(1930 + change["index"])
    assert change["interval"][0] <= change["index"] <= change["interval"][1]
    code, out, _ = run(capfd, "metric", "--series", project / "m.csv.gz")
    assert "1 change of level" in out
    code, out, _ = run(capfd, "metric", "--series", series(project / "m.csv.gz", 0), "--format", "json")
    assert (code, json.loads(out)["change_points"]) == (0, [])
    (project / "short.csv").write_text("t,v\n1,2\n2,3\n", encoding="utf-8")
    assert run(capfd, "metric", "--series", "short.csv")[0] == 2
    (project / "bad.csv").write_text("t,v\n1,2\n2,x\n", encoding="utf-8")
    code, out, err = run(capfd, "metric", "--series", "bad.csv", "--format", "json")
    assert (code, out) == (64, "")
    assert "bad.csv:3: value 'x' is not a number" in err


def records(count: int, new: int) -> list[dict[str, Any]]:
    asked = [OLD[i % 4] for i in range(count)] + ["may I bring a drone on board"] * new
    days = [1 + 30 * i / count for i in range(count)] + [28 + 3 * i / max(new, 1) for i in range(new)]
    return [
        {
            "id": f"t{i}",
            "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "ok"}],
            "timestamp": f"2026-01-{int(day):02}T{i % 24:02}:00:00Z",
        }
        for i, (text, day) in enumerate(zip(asked, days, strict=True))
    ]


def test_the_store_is_watched_and_each_drift_is_answered(project: Path, capfd: Any) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records(240, 40))
    (project / "traces.jsonl").write_text(lines, encoding="utf-8")
    assert main(["import", "traces.jsonl"]) == 0
    capfd.readouterr()
    code, out, _ = run(capfd, "--embedder", "static", "--format", "json")
    found = json.loads(out)
    assert code == 1
    assert [drift["kind"] for drift in found["drifts"]] == ["distribution_shift", "edge_cases", "regression", "business_metric"]
    assert len(found["new"]) == 1
    code, out, _ = run(capfd, "--embedder", "static")
    assert code == 1
    assert "recorded before" in out
    assert "loopwright watch sample" in out
    assert "distribution_shift" in run(capfd, "findings")[1]
    assert run(capfd, "sample", "--out", "new.jsonl", "--most", 5)[0] == 0
    assert run(capfd, "sample", "--out", "new.jsonl")[0] == 64
    assert run(capfd, "extend", "--labelled", "new.jsonl", "--by", "Ada")[0] == 64
    rows = [json.loads(line) for line in (project / "new.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["messages"][0]["content"] for row in rows} == {"may I bring a drone on board"}
    labelled = [{**row, "metadata": {"label": "drone"}} for row in rows]
    (project / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labelled), encoding="utf-8")
    code, out, _ = run(capfd, "extend", "--labelled", "new.jsonl", "--by", "Ada", "--why", "drones are sold now")
    assert code == 0
    assert "(drone 5)" in out
    assert run(capfd, "--embedder", "static")[0] == 2
    capfd.readouterr()
    assert main(["audit", "verify"]) == 0


def test_most_checks_undecided_is_no_pass_and_the_first_line_says_what_would_decide(project: Path, capfd: Any) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in records(240, 0))
    (project / "traces.jsonl").write_text(lines, encoding="utf-8")
    assert main(["import", "traces.jsonl"]) == 0
    capfd.readouterr()
    code, out, _ = run(capfd, "--embedder", "static")
    assert code == 2
    first = out.splitlines()[0]
    assert first.startswith("1 of 4 checks decided, no drift found. 3 undecided (edge-case accumulation: no failures are mined")
    assert "run: loopwright mine" in first
    assert "business metrics: no business events; record some: loopwright watch events FILE" in first


def test_business_events_are_kept_once_and_mined(project: Path, capfd: Any) -> None:
    rows = records(240, 0)
    (project / "traces.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    outcomes = [
        {"session_id": r["id"], "timestamp": r["timestamp"], "metric": "resolved", "value": int(i < 160 or i % 3 == 0)}
        for i, r in enumerate(rows)
    ]
    (project / "outcomes.jsonl").write_text("".join(json.dumps(o) + "\n" for o in outcomes), encoding="utf-8")
    code = main(["mine", "--traces", "traces.jsonl", "--events", "outcomes.jsonl", "--format", "json"])
    mined = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert code == 0
    assert len(mined) == 240
    behind = {m["trace_id"] for m in mined if "business_metric" in {s["type"] for s in m["signals"]}}
    assert behind == {o["session_id"] for o in outcomes if not o["value"]}
    assert not (project / ".loopwright").exists()
    assert run(capfd, "events", "outcomes.jsonl")[1].startswith("240 events kept")
    assert json.loads(run(capfd, "events", "outcomes.jsonl", "--format", "json")[1]) == {"new": 0, "unchanged": 240}
    (project / "bad.csv").write_text("session_id,timestamp,metric,value\ns,2026-01-01,paid,no idea\n", encoding="utf-8")
    code, _, err = run(capfd, "events", "bad.csv")
    assert code == 64
    assert "bad.csv:2: value is 'no idea'" in err


def test_options_stand_after_the_name_of_what_they_are_for(project: Path, capfd: Any) -> None:
    code, _, err = run(capfd, "--alpha", 0.01, "drift", "--reference", "a", "--current", "b")
    assert code == 64
    assert "stand after its name" in err
    assert run(capfd)[0] == 64
