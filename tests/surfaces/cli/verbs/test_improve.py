from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from colour_agent import recorded
from loopwright import wiring
from loopwright.settings import Settings
from loopwright.surfaces.cli.main import main

AGENT = """
import json
import sys
from random import Random
from loopwright.guards.harness_file import load_harness

sys.path.insert(0, {tests!r})
from colour_agent import converse


def answer(value):
    turns = [m["content"] for m in value] if isinstance(value, list) else [value]
    messages = converse(turns, Random(repr(value)), 0.6, load_harness())
    return {{"output": messages[-1]["content"], "messages": messages, "cost_usd": 0.001 * len(messages)}}


if __name__ == "__main__":
    print(json.dumps(answer(json.load(sys.stdin))))
"""


@pytest.fixture
def traces(project: Path) -> Path:
    file = project / "traces.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in recorded(24, turns=1)), encoding="utf-8")
    return file


@pytest.fixture
def proposal(traces: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A proposal in the store of the project, and the agent beside it."""
    (project / "shop.py").write_text(AGENT.format(tests=str(Path(__file__).parents[3])), encoding="utf-8")
    assert main(["import", str(traces)]) == 0
    assert main(["improve", "detect"]) == 0
    capsys.readouterr()
    assert main(["improve", "list", "--format", "json"]) == 0
    (row,) = rows(capsys)
    return str(row["proposal_id"])


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]


def test_files_in_proposals_out_and_nothing_left_behind(traces: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["improve", "detect", "--traces", str(traces), "--format", "json"]) == 0
    (found,) = rows(capsys)
    assert found["kind"] == "deduplicate_calls"
    assert set(found["evidence"]) <= {f"s{n}" for n in range(24)}
    assert isinstance(found["change"], dict)
    assert found["replay"]["caught"] == len(found["evidence"])
    assert [p.name for p in project.iterdir()] == ["traces.jsonl"]


def test_detect_is_the_same_each_time(traces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for _ in range(2):
        main(["improve", "detect", "--traces", str(traces), "--format", "json"])
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]


def test_a_bad_line_is_named_and_nothing_written(traces: Path, capsys: pytest.CaptureFixture[str]) -> None:
    traces.write_text(traces.read_text(encoding="utf-8") + "{no\n", encoding="utf-8")
    assert main(["improve", "detect", "--traces", str(traces), "--format", "json"]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert "traces.jsonl:25" in err


def test_nothing_found_is_fine(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project / "calm.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in recorded(5, repeats=0)), encoding="utf-8")
    assert main(["improve", "detect", "--traces", str(file), "--format", "json"]) == 0
    assert capsys.readouterr().out == ""
    file.write_text("", encoding="utf-8")
    assert main(["improve", "detect", "--traces", str(file)]) == 0
    assert "no traces to look at" in capsys.readouterr().err


def test_the_whole_way_from_traces_to_an_enforced_guard_and_back(
    proposal: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["improve", "approve", proposal, "--by", "Ann"]) == 1
    assert "refused by the rule verified-first" in capsys.readouterr().err
    verify = ["improve", "verify", "--all", "--target", "python:shop:answer", "--trials", "8", "--success-margin", "0.2"]
    assert main([*verify, "--runtime-margin", "1000", "--format", "json"]) == 0
    (found,) = rows(capsys)
    assert found["verdict"] == "helping", found
    assert found["failure"]["with"] == 0 < found["failure"]["without"]
    assert main(["improve", "show", proposal[:14]]) == 0
    shown = capsys.readouterr().out
    assert "helping: " in shown
    assert "failure rate" in shown
    assert main(["improve", "apply", proposal, "--by", "Ann"]) == 1
    assert "refused by the rule in-order" in capsys.readouterr().err
    assert not (project / "harness.toml").exists()
    assert main(["improve", "approve", proposal, "--by", "Ann", "--why", "fewer calls"]) == 0
    assert main(["improve", "apply", proposal, "--by", "Ann"]) == 0
    table = tomllib.loads((project / "harness.toml").read_text(encoding="utf-8"))["guards"]["deduplicate_calls"]
    assert table["mode"] == "enforce"
    assert main(["improve", "rollback", proposal, "--by", "Ben"]) == 64
    assert main(["improve", "rollback", proposal, "--by", "Ben", "--why", "too strict"]) == 0
    assert "guards" not in tomllib.loads((project / "harness.toml").read_text(encoding="utf-8"))
    capsys.readouterr()
    assert main(["audit", "--subject", proposal, "--format", "json"]) == 0
    assert [row["action"] for row in rows(capsys)] == ["proposal approved", "proposal applied", "proposal rolled back"]
    assert main(["audit", "verify"]) == 0


def test_a_program_is_verified_too(proposal: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--trials", "1", "--evidence", "2", "--others", "0", "--format", "json"]
    assert main(["improve", "verify", proposal, "--target", f"command:{sys.executable} shop.py", *options]) == 2
    (found,) = rows(capsys)
    assert (found["verdict"], found["trials"]) == ("undecided", 4)
    assert "only more cases can tell" in found["reason"]
    assert found["failure"]["without"] is not None


def test_an_agent_elsewhere_cannot_be_given_a_harness(proposal: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["improve", "verify", proposal, "--target", "http://127.0.0.1:9/agent"]) == 64
    assert "cannot be given a harness" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["verify", "--target", "python:shop:answer"], "name the proposals to verify, or give --all"),
        (["verify", "x", "--all", "--target", "python:shop:answer"], "name the proposals to verify, or give --all"),
        (["verify", "proposal-x", "--target", "python:shop:answer"], "unknown proposal"),
        (["approve", "proposal-x", "--by", "Ann"], "unknown proposal"),
        (["approve", "PROPOSAL", "--by", " "], "--by is empty"),
        (["apply", "PROPOSAL", "--by", "Ann", "--mode", "off"], "in-order"),
        (["reject", "PROPOSAL", "--by", "Ann"], "say-why"),
        (["detect", "--from", "chat"], "--from names the format of --traces"),
    ],
)
def test_what_cannot_be_done_is_said_on_one_line(
    proposal: str, command: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["improve", *[proposal if word == "PROPOSAL" else word for word in command]]) in (1, 64)
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_production_text_is_shown_as_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = json.dumps(recorded(12, repeats=1, turns=1)[0])
    lines = [text.replace("order 0-0", f"[bold]\\u001b[31m order {n}").replace('"s0"', f'"s{n}"') for n in range(5)]
    (project / "odd.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert main(["import", "odd.jsonl"]) == 0
    assert main(["improve", "detect"]) == 0
    with wiring.store(Settings(folder=project), create=False) as store:
        (record,) = store.proposals()
    capsys.readouterr()
    assert main(["improve", "show", record.proposal.proposal_id]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "[bold]" in out


def test_without_a_store_it_says_what_to_do(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["detect"], ["list"], ["show", "x"], ["approve", "x", "--by", "Ann"]):
        assert main(["improve", *command]) == 64
        assert "import traces first" in capsys.readouterr().err
    assert list(project.iterdir()) == []
