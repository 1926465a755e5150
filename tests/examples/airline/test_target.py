from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError
from loopwright.examples.airline.agent import answer
from loopwright.examples.airline.database import world
from loopwright.examples.airline.defects import ALL, NONE
from loopwright.examples.airline.scenario import Scenario, read_scenario
from loopwright.examples.airline.setup import Setup, named_defects
from loopwright.examples.airline.target import AirlineTarget, customer_turns
from loopwright.guards.catalogue import build
from loopwright.guards.harness import Harness

ROW = next(r for r in world(7).reservations.values() if r.cabin == "economy" and world(7).users[r.user_id].tier == "standard")
QUESTION = f"How many bags can I check for free on {ROW.reservation_id}? My customer number is {ROW.user_id}."


def call(input: Any, setup: Setup | None = None, trial: int = 0, case_id: str = "case") -> TargetReply:
    return asyncio.run(AirlineTarget(setup).call(CallTarget(input, case_id, trial, 10.0)))


def answers(input: Any, setup: Setup | None = None, trials: int = 12) -> list[str]:
    return [call(input, setup, trial).output for trial in range(trials)]


def test_a_text_is_answered_from_the_tools() -> None:
    right = sum("1 bag free" in text or "1 bag free of charge" in text for text in answers(QUESTION))
    assert right >= 7
    wrong = Setup(defects=ALL.only("wrong_baggage_rule"))
    assert sum("2 bags free" in text for text in answers(QUESTION, wrong)) >= 5


def test_the_turns_of_a_conversation_are_played_in_order() -> None:
    reply = call([
        {"role": "system", "content": "ignored"},
        {"role": "user", "content": f"Please cancel {ROW.reservation_id}."},
        {"role": "assistant", "content": "what another agent said"},
        {"role": "user", "content": ROW.user_id},
        {"role": "user", "content": [{"type": "text", "text": world(7).users[ROW.user_id].born.isoformat()}]},
    ])  # fmt: skip
    said = [m["content"] for m in reply.messages if m["role"] == "user"]
    assert len(said) == 3
    assert "what another agent said" not in json.dumps(reply.messages)
    assert any(c["name"] == "verify_identity" for m in reply.messages for c in m.get("tool_calls", ()))
    assert "refund" in reply.output
    assert reply.cost_usd > 0
    assert reply.tokens > 0
    assert reply.error is None


def test_trials_differ_and_repeat() -> None:
    assert answers(QUESTION) == answers(QUESTION)
    assert len(set(answers(QUESTION))) > 1
    assert [call(QUESTION, case_id="a", trial=t).output for t in range(8)] != [
        call(QUESTION, case_id="b", trial=t).output for t in range(8)
    ]


def test_a_scenario_is_decided_by_what_became_of_it() -> None:
    rows = [json.loads(call(f"airline scenario {n}").output) for n in range(60)]
    assert [row["scenario"] for row in rows] == list(range(60))
    share = sum(row["goal_met"] for row in rows) / 60
    assert 0.7 < share < 1.0
    broken = [json.loads(call(f"airline scenario {n}", Setup(defects=ALL)).output) for n in range(60)]
    assert sum(row["goal_met"] for row in broken) / 60 < share - 0.15


def test_the_harness_is_applied() -> None:
    setup = Setup(defects=ALL.only("invents_tool_names"))
    guarded = setup.with_harness(Harness([build("validate_tool_names", {}, "enforce")]))
    met = {
        name: sum(json.loads(call(f"airline scenario {n}", one).output)["goal_met"] for n in range(80))
        for name, one in (("bare", setup), ("guarded", guarded))
    }
    assert met["guarded"] > met["bare"]
    assert "validate_tool_names" in AirlineTarget(guarded).name


@pytest.mark.parametrize("scenario", [Scenario(17), Scenario(17, 3), Scenario(17, 3, pets=True), Scenario(0)])
def test_a_scenario_is_read_as_it_is_written(scenario: Scenario) -> None:
    assert read_scenario(scenario.text) == scenario


@pytest.mark.parametrize(
    "value", ["airline scenario", "scenario 17", "{", "[]", '{"scenario": -1}', '{"scenario": true}', None, 3, []]
)
def test_anything_else_is_no_scenario(value: Any) -> None:
    assert read_scenario(value) is None


@pytest.mark.parametrize("value", ["", " ", [], {}, None, 5, [{"role": "assistant", "content": "hi"}], [1, 2]])
def test_an_input_without_a_customer_is_an_error_and_no_crash(value: Any) -> None:
    assert customer_turns(value) == []
    assert call(value).error == "the input holds no message of a customer"


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.lists(st.text(min_size=1, max_size=120), min_size=1, max_size=4))
def test_any_text_gets_an_answer(texts: list[str]) -> None:
    reply = call([{"role": "user", "content": text} for text in texts], Setup(defects=ALL))
    assert reply.output or reply.error


def test_the_plain_function_reads_the_environment(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("LOOPWRIGHT_AIRLINE_DEFECTS", "wrong_check_in_time")
    told = [answer("When does check-in open?") for _ in range(12)]
    assert any("48 hours" in row["output"] for row in told)
    assert set(told[0]) == {"output", "messages", "cost_usd", "tokens"}
    (tmp_path / "harness.toml").write_text('[guards.validate_tool_names]\nmode = "enforce"\n')
    monkeypatch.setenv("LOOPWRIGHT_HARNESS", str(tmp_path / "harness.toml"))
    monkeypatch.setenv("LOOPWRIGHT_AIRLINE_DEFECTS", "none")
    assert any("24 hours" in answer("When does check-in open?")["output"] for _ in range(6))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SEED", "x", "whole number"),
        ("VERSION", "7", "no version '7'"),
        ("DEFECTS", "repeats_call", "did you mean 'repeats_calls'"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(name: str, value: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Setup.from_environment({f"LOOPWRIGHT_AIRLINE_{name}": value})


def test_defects_are_named_or_all_or_none() -> None:
    assert named_defects("all") == ALL
    assert named_defects("") == NONE
    assert named_defects("repeats_calls, wrong_check_in_time") == ALL.only("repeats_calls", "wrong_check_in_time")
