"""The judge end to end: a real client, a real server on this machine, a real store."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from builders import assistant, trace, user
from loopwright import wiring
from loopwright.settings import Settings
from loopwright.surfaces.cli.main import main
from openai_server import Fault, OpenAIServer

MODEL = "openai:gpt-4.1-mini"


def verdict(prompt: str) -> dict[str, Any]:
    """A judge that fails what is rude, and passes the rest."""
    rude = "go away" in prompt
    count = len(re.findall(r"^\d+\. ", prompt.split("Criteria:")[1], flags=re.MULTILINE))
    return {"criteria": [{"number": n + 1, "reason": "as it is said", "passed": not rude} for n in range(count)]}


@pytest.fixture
def judge_server(openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    monkeypatch.setenv("LOOPWRIGHT_MODEL_BASE_URL", openai_server.url)
    monkeypatch.setenv("LOOPWRIGHT_MODEL_RETRIES", "0")
    openai_server.script(verdict)
    return openai_server


@pytest.fixture
def stored(project: Path) -> Path:
    """Forty conversations, of which every fourth is rude."""
    made = [trace(user("help"), assistant("go away" if i % 4 == 0 else "gladly"), id=f"t{i}") for i in range(40)]
    with wiring.store(Settings(folder=project)) as store:
        store.put_traces(made)
    return project


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def run(*args: str) -> int:
    return main(["judge", *args])


def test_a_sample_is_judged_labelled_and_compared(
    stored: Path, judge_server: OpenAIServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", "--model", MODEL, "--sample", "1") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "40 of 40 traces in the sample, 0 judged before; now 30 passed, 10 failed; 0.0029 USD" in told.err
    assert run("calibrate") == 2
    assert "undecided: too few labels: 0 labelled items" in capsys.readouterr().out

    assert run("label", "--format", "json") == 0
    rows = lines(capsys.readouterr().out)
    assert len(rows) == 40
    assert all(row["human"] is None and "judge" not in row for row in rows)
    Path("labels.jsonl").write_text(
        "".join(json.dumps({"item_id": r["item_id"], "human": "go away" not in r["transcript"]}) + "\n" for r in rows)
    )
    assert run("label", "--labels", "labels.jsonl", "--by", "Ada") == 0
    assert run("calibrate", "--format", "json") == 0
    found = lines(capsys.readouterr().out)[0]
    assert (found["n"], found["usable"], found["pass_rate_corrected"]["value"]) == (40, True, 0.75)
    with wiring.store(Settings(folder=stored)) as store:
        assert [(e.actor, e.details) for e in store.audit()] == [("Ada", {"passed": 30, "failed": 10})]

    assert run("--format", "json") == 0
    (standing,) = lines(capsys.readouterr().out)
    assert (standing["model"], standing["judged"], standing["usable"]) == (MODEL, 40, True)
    assert run() == 0
    assert "usable" in capsys.readouterr().out


def test_what_was_judged_is_not_judged_again_and_what_failed_is(
    stored: Path, judge_server: OpenAIServer, capsys: pytest.CaptureFixture[str]
) -> None:
    judge_server.script(Fault.status(500), "not a verdict", verdict)
    assert run("run", "--model", MODEL, "--sample", "1") == 2
    assert "without a verdict: 2; the first: t0: openai:gpt-4.1-mini: status 500" in capsys.readouterr().err
    asked = len(judge_server.received)
    assert run("run", "--model", MODEL, "--sample", "1") == 0
    assert len(judge_server.received) == asked + 2


def test_a_model_that_does_nothing_but_fail_is_given_up(
    stored: Path, judge_server: OpenAIServer, capsys: pytest.CaptureFixture[str]
) -> None:
    judge_server.script(Fault.status(401, "no such key"))
    assert run("run", "--model", MODEL, "--sample", "1") == 2
    assert 10 <= len(judge_server.received) < 20
    assert "10 requests in a row gave no verdict" in capsys.readouterr().err


def test_other_criteria_are_another_question(stored: Path, judge_server: OpenAIServer) -> None:
    run("run", "--model", MODEL, "--sample", "0.2")
    asked = len(judge_server.received)
    assert run("run", "--model", MODEL, "--sample", "0.2", "--criterion", "Is kind.", "--criterion", "Is short.") == 0
    assert len(judge_server.received) == 2 * asked > 0
    assert "1. Is kind.\n2. Is short." in judge_server.prompts[-1]


def test_the_budget_is_kept_and_the_same_command_goes_on(
    stored: Path, judge_server: OpenAIServer, capsys: pytest.CaptureFixture[str]
) -> None:
    one = 0.000072  # 100 tokens in and 20 out, by the price list
    assert run("run", "--model", MODEL, "--sample", "1", "--budget-usd", str(10.5 * one)) == 2
    assert len(judge_server.received) == 10
    assert "30 are left: the budget of 0.000756 USD is spent" in capsys.readouterr().err
    assert run("run", "--model", MODEL, "--sample", "1", "--budget-usd", "1") == 0
    assert len(judge_server.received) == 40


def test_a_judge_without_a_price_is_said_to_keep_no_budget(
    stored: Path, judge_server: OpenAIServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("run", "--model", "openai:my-own", "--sample", "1") == 0
    assert "no price is known for openai:my-own: 40 verdicts not in the cost, so that the budget" in capsys.readouterr().err


def test_verdicts_are_signals_in_the_store_and_in_files(
    stored: Path, judge_server: OpenAIServer, capsys: pytest.CaptureFixture[str]
) -> None:
    run("run", "--model", MODEL, "--sample", "1")
    capsys.readouterr()
    assert main(["mine", "--format", "json"]) == 0
    mined = {row["trace_id"]: row for row in lines(capsys.readouterr().out)}
    signals = [s for s in mined["t0"]["signals"] if s["type"] == "llm_judge_fail"]
    assert [(s["detector"], s["confidence"], s["where"]["message_index"]) for s in signals] == [("judge_verdict", 0.3, 1)]
    assert "uncalibrated" in signals[0]["reason"]
    assert not any(s["type"] == "llm_judge_fail" for s in mined["t1"]["signals"])


def test_file_mode_leaves_no_trace(project: Path, judge_server: OpenAIServer, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        {"id": f"t{i}", "messages": [{"role": "user", "content": "help"}, {"role": "assistant", "content": said}]}
        for i, said in enumerate(["go away", "gladly"])
    ]
    Path("traces.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    assert run("run", "--traces", "traces.jsonl", "--model", MODEL, "--sample", "1") == 0
    out = capsys.readouterr().out
    assert [(row["item_id"], row["judge"]) for row in lines(out)] == [("t0", False), ("t1", True)]
    Path("verdicts.jsonl").write_text(out)
    assert main(["mine", "--traces", "traces.jsonl", "--verdicts", "verdicts.jsonl", "--format", "json"]) == 0
    best = lines(capsys.readouterr().out)[0]
    assert (best["trace_id"], best["signal_type"]) == ("t0", "llm_judge_fail")
    assert run("calibrate", "--labels", "verdicts.jsonl", "--format", "json") == 2
    assert lines(capsys.readouterr().out)[0]["pass_rate_raw"]["value"] == 0.5
    assert not Path(".loopwright").exists()


def write_labels(*rows: tuple[bool, bool | None]) -> None:
    made = [
        {"item_id": str(i), "judge": judge} | ({} if human is None else {"human": human}) for i, (judge, human) in enumerate(rows)
    ]
    Path("labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))


@pytest.mark.parametrize(
    ("rows", "code", "usable"),
    [
        ([(True, True)] * 40 + [(False, False)] * 20 + [(True, None)] * 50, 0, True),
        ([(True, True), (False, True), (True, False), (False, False)] * 20, 1, False),
        ([(True, True)] * 4, 2, False),
        ([], 2, False),
    ],
)
def test_calibrate_says_by_its_exit_code_what_it_found(
    project: Path, rows: list[tuple[bool, bool | None]], code: int, usable: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    write_labels(*rows)
    assert run("calibrate", "--labels", "labels.jsonl", "--format", "json") == code
    (found,) = lines(capsys.readouterr().out)
    assert found["usable"] is usable
    assert found["n"] == sum(human is not None for _, human in rows)
    assert not Path(".loopwright").exists()
    assert run("calibrate", "--labels", "labels.jsonl") == code
    assert found["why"] in capsys.readouterr().out


def test_a_malformed_label_is_one_line_with_its_place(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("labels.jsonl").write_text('{"item_id": "a", "judge": true}\n{"item_id": "b", "judge": "yes"}\n')
    assert run("calibrate", "--labels", "labels.jsonl", "--format", "json") == 64
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == 'loopwright: labels.jsonl:2: judge is "yes"; give true, false, or null\n'
    Path("labels.jsonl").write_text('{"item_id": "a", "judge": true}\n{"item_id"\n')
    assert run("calibrate", "--labels", "labels.jsonl") == 64
    assert "labels.jsonl:2: malformed JSON" in capsys.readouterr().err
    assert run("calibrate", "--labels", "absent.jsonl") == 64


def test_what_cannot_be_is_refused_with_the_cure(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for args, told in (
        (["run"], "no judge is named; give --model"),
        (["run", "--model", "gpt"], "names no provider"),
        (["calibrate"], "the store has no verdicts; begin with: loopwright judge run"),
        (["label", "--by", "Ada"], "there is no terminal to ask in"),
        (["calibrate", "--labels", "x", "--judge", "y"], "--judge names one of the store's judges"),
    ):
        assert run(*args) == 64
        assert told in capsys.readouterr().err
    assert run() == 0
    assert "nothing is judged yet" in capsys.readouterr().err
