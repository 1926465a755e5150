"""`loopwright gate` with margins and with cases that may never fail, through files, toml and flags."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from loopwright.surfaces.cli.main import main


def write(name: str, times: float = 1.0, *, failing: Sequence[str] = (), tags: Sequence[str] = (), **fields: Any) -> str:
    rows = [
        {
            "eval_id": f"case-{i}",
            "trial": t,
            "passed": not (f"case-{i}" in failing and t == 0),
            "run_id": name,
            "cost_usd": times * 0.01 * (1 + (7 * i + 3 * t + len(name)) % 5 / 20),
            "tags": list(tags) if i == 7 else [],
            **fields,
        }
        for i in range(30)
        for t in range(3)
    ]
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return name


def gated(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code = main(["gate", "--baseline", "b.jsonl", "--candidate", "c.jsonl", *args, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_margin_is_a_flag(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl")
    write("c.jsonl", 1.4)
    assert gated(capsys)[0] == 0
    code, said = gated(capsys, "--cost-margin", "0.2")
    assert (code, [r["level"] for r in said["regressions"]]) == (1, ["cost"])
    assert said["statistics"]["margins"]["measured"][0]["margin"] == 0.2
    assert said["statistics"]["policy"]["cost_margin"] == 0.2
    assert gated(capsys, "--cost-margin", "0.6")[0] == 0


def test_a_margin_without_figures_is_exit_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl")
    write("c.jsonl")
    code, said = gated(capsys, "--latency-margin", "0.2")
    assert code == 2
    assert "have no latency_ms" in said["message"]


def test_a_figure_that_is_no_amount_is_no_pass(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl")
    write("c.jsonl", cost_usd=-1.0)
    code, said = gated(capsys, "--cost-margin", "0.2")
    assert code == 2
    assert "is no amount" in said["message"]


def test_a_flag_that_is_wider_than_the_file_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl")
    write("c.jsonl", 1.4)
    Path("loopwright.toml").write_text('[gate]\ncost_margin = 0.2\nzero_tolerance = "safety, pii"\n', encoding="utf-8")
    assert gated(capsys, "--config", "loopwright.toml")[0] == 1
    code, said = gated(capsys, "--config", "loopwright.toml", "--cost-margin", "0", "--zero-tolerance", "pii")
    assert code == 0
    assert any("cost_margin from 0.2 to 0, zero_tolerance from safety, pii to pii" in note for note in said["notes"])


@pytest.mark.parametrize("wrong", ["-0.1", "much", "1000"])
def test_a_margin_that_is_none_is_refused(project: Path, capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    write("b.jsonl")
    write("c.jsonl")
    assert main(["gate", "--baseline", "b.jsonl", "--candidate", "c.jsonl", f"--cost-margin={wrong}"]) == 64
    assert "margin" in capsys.readouterr().err


def test_a_tagged_case_may_never_fail(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl", failing=["case-7"], tags=["pii", "safety"])
    write("c.jsonl", failing=["case-7"])
    code, said = gated(capsys)
    assert (code, said["regressions"][0]["level"], said["regressions"][0]["eval_id"]) == (1, "safety", "case-7")
    assert gated(capsys, "--zero-tolerance", "pii")[0] == 1
    assert gated(capsys, "--zero-tolerance", "")[0] == 0


def test_explain_takes_margins_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("b.jsonl")
    write("c.jsonl", 1.4)
    files = ["--baseline", "b.jsonl", "--candidate", "c.jsonl"]
    assert main(["gate", "explain", "cost", *files, "--cost-margin", "0.2"]) == 0
    told = capsys.readouterr().out
    assert "The margin allows 1.2 times as much" in told
    assert "above its margin" in told
