from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from loopwright.effects import CallTarget, TargetReply
from loopwright.workflows.turns import TurnByTurn

TURNS = [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}, {"role": "user", "content": "three"}]


class Agent:
    """Answers with what `reply` makes of the input."""

    name = "agent"

    def __init__(self, reply: Callable[[Any], TargetReply]) -> None:
        self.inputs: list[Any] = []
        self.reply = reply
        self.open_ = 0

    async def open(self) -> None:
        self.open_ += 1

    async def call(self, request: CallTarget) -> TargetReply:
        self.inputs.append(request.input)
        return self.reply(request.input)

    async def close(self) -> None:
        self.open_ -= 1


def ask(agent: Agent, input: Any = TURNS, case_id: str = "talk", times: int = 1) -> list[TargetReply]:
    async def go() -> list[TargetReply]:
        played = TurnByTurn(agent, ["talk"])
        await played.open()
        replies = [await played.call(CallTarget(input, case_id, trial, 5)) for trial in range(times)]
        await played.close()
        return replies

    return asyncio.run(go())


def last_turn(input: Any) -> TargetReply:
    """An agent that answers the last message, and tells the messages that it added."""
    text = f"about {input[-1]['content']}"
    return TargetReply(text, ({"role": "assistant", "content": text},), latency_ms=5, cost_usd=0.5, tokens=3)


def whole(input: Any) -> TargetReply:
    """An agent that plays all that the user says."""
    said = [m for turn in input for m in (turn, {"role": "assistant", "content": f"about {turn['content']}"})]
    return TargetReply(said[-1]["content"], tuple(said), latency_ms=15)


def test_an_agent_of_single_turns_is_asked_turn_by_turn_with_what_it_said() -> None:
    agent = Agent(last_turn)
    (reply,) = ask(agent)
    assert [m["content"] for m in reply.messages] == ["one", "about one", "two", "about two", "three", "about three"]
    assert (reply.output, reply.latency_ms, reply.cost_usd, reply.tokens) == ("about three", 15, 1.5, 9)
    assert [len(given) for given in agent.inputs] == [3, 1, 3, 5]  # the first asks whether it plays them itself
    assert agent.open_ == 0


def test_an_agent_that_repeats_its_input_adds_its_own_only() -> None:
    agent = Agent(lambda given: TargetReply("yes", (*given, {"role": "assistant", "content": "yes"})))
    (reply,) = ask(agent)
    assert [m["content"] for m in reply.messages] == ["one", "yes", "two", "yes", "three", "yes"]
    assert reply.cost_usd is None


def test_an_agent_that_plays_conversations_is_given_the_whole_once() -> None:
    agent = Agent(whole)
    replies = ask(agent, times=3)
    assert agent.inputs == [TURNS] * 3
    assert replies[2].latency_ms == 15


def test_an_agent_without_messages_is_told_its_answers() -> None:
    agent = Agent(lambda given: TargetReply(f"answer {len(given)}"))
    (reply,) = ask(agent)
    assert agent.inputs[-1][1] == {"role": "assistant", "content": "answer 1"}
    assert (reply.output, reply.messages) == ("answer 5", ())


def test_a_turn_that_fails_ends_the_conversation() -> None:
    agent = Agent(lambda given: TargetReply(error="down") if len(given) == 3 and len(agent.inputs) > 1 else last_turn(given))
    (reply,) = ask(agent)
    assert reply.error == "down"
    assert len(agent.inputs) == 3


@pytest.mark.parametrize(("input", "case_id"), [("hello", "talk"), (TURNS[:1], "talk"), (TURNS, "other")])
def test_anything_else_is_passed_on(input: Any, case_id: str) -> None:
    agent = Agent(lambda _: TargetReply("fine"))
    ask(agent, input, case_id)
    assert agent.inputs == [input]


@pytest.mark.parametrize(
    ("told", "latency"), [(2.5, 2500.0), (0, 0.0), (None, 7), (True, 7), (float("nan"), 7), (-1, 7), ("5", 7)]
)
def test_a_runtime_that_the_target_tells_itself_counts(told: Any, latency: float) -> None:
    (reply,) = ask(Agent(lambda _: TargetReply("fine", latency_ms=7, extra={"runtime": told})), "hello")
    assert reply.latency_ms == latency
