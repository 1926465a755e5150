"""A plain agent's tools under a harness."""

from __future__ import annotations

import asyncio

import pytest

from loopwright.agent import guarding
from loopwright.agent.guarding import BlockedError
from loopwright.agent.tracing import agent, session, tool
from loopwright.guards.guard import ALLOW, GuardDecision, GuardEvent
from loopwright.guards.harness import Harness


class Scripted:
    """A guard that counts what it is shown in a session, and says of each kind of event what it was told to say."""

    name = "scripted"

    def __init__(self, mode="enforce", **says: GuardDecision) -> None:
        self.mode, self.says, self.shown = mode, says, []

    def initial(self) -> int:
        return 0

    def step(self, state: int, event: GuardEvent, now: float):
        self.shown.append((state, event.kind, dict(event.payload)))
        return state + 1, self.says.get(event.kind, ALLOW)


@pytest.fixture
def under():
    def using(guard: Scripted) -> Harness:
        made = Harness([guard])
        guarding.use(made)
        return made

    yield using
    guarding.use(None)


ran = []


@tool
def find(order, unit="days"):
    ran.append(order)
    if order == "B1":
        raise KeyError("no such order")
    return 12


@agent
def answer(question, session_id=None):
    return f"{find('A1')} days"


@pytest.fixture(autouse=True)
def fresh():
    ran.clear()


def test_guards_see_the_turn_in_order(under):
    guard = Scripted()
    made = under(guard)
    assert answer("Where?") == "12 days"
    assert [(n, kind) for n, kind, _ in guard.shown] == [
        (0, "message"), (1, "tool_call"), (2, "tool_result"), (3, "answer"), (4, "message"),
    ]  # fmt: skip
    assert guard.shown[1][2] == {"id": "", "name": "find", "arguments": {"order": "A1", "unit": "days"}}
    assert guard.shown[2][2]["result"] == 12
    assert made._sessions == {}


def test_a_session_remembers_and_runs_without_one_do_not(under):
    guard = Scripted()
    under(guard)
    answer("one", session_id="s1")
    answer("two", session_id="s1")
    with session("s1"):
        answer("three")
    answer("four")
    assert [n for n, kind, _ in guard.shown if kind == "tool_call"] == [1, 6, 11, 1]


def test_a_call_that_is_stopped_does_not_run(under):
    under(Scripted(tool_call=GuardDecision("block", "not now")))
    with pytest.raises(BlockedError, match="not now"):
        answer("Where?")
    assert ran == []


def test_a_call_that_is_answered_does_not_run_and_is_no_result(under):
    guard = Scripted(tool_call=GuardDecision("replace", "seen before", 30))
    under(guard)
    assert answer("Where?") == "30 days"
    assert ran == []
    assert "tool_result" not in [kind for _, kind, _ in guard.shown]


def test_in_the_shadow_nothing_changes(under):
    made = under(Scripted("shadow", tool_call=GuardDecision("block", "not now"), answer=GuardDecision("replace", "", "no")))
    assert answer("Where?", session_id="s") == "12 days"
    assert [(r.event.kind, r.acted) for r in made.session("s").records] == [("tool_call", False), ("answer", False)]


def test_an_answer_is_replaced_or_stopped(under):
    under(Scripted(answer=GuardDecision("replace", "unfounded", "I do not know.")))
    assert answer("Where?") == "I do not know."
    assert agent(lambda question: {"output": "x", "n": 1})("?") == {"output": "I do not know.", "n": 1}
    under(Scripted(answer=GuardDecision("block", "unfounded")))
    with pytest.raises(BlockedError, match="unfounded"):
        answer("Where?")


def test_a_failure_is_shown(under):
    guard = Scripted()
    under(guard)
    with pytest.raises(KeyError), guarding.guarded(None):
        find("B1")
    assert guard.shown[-1][2]["error"] == "KeyError: 'no such order'"


def test_async_turns_at_the_same_time_do_not_share(under):
    guard = Scripted()
    under(guard)

    @tool
    async def slow(order):
        await asyncio.sleep(0.01)
        return order

    @agent
    async def turn(question):
        return f"{await slow(question)} {await slow(question)}"

    async def both():
        return await asyncio.gather(turn("a"), turn("b"))

    assert asyncio.run(both()) == ["a a", "b b"]
    assert sorted(n for n, kind, _ in guard.shown if kind == "tool_call") == [1, 1, 3, 3]


def test_without_an_agent_around_it_a_tool_just_runs(under):
    under(Scripted(tool_call=GuardDecision("block", "not now")))
    assert find("A1") == 12


def test_sessions_of_runs_are_forgotten(under, monkeypatch):
    monkeypatch.setattr(guarding, "KEPT_RUNS", 2)
    made = under(Scripted())
    for run in ("a", "b", "a", "c"):
        assert guarding.found(None, run) is not None
    assert set(made._sessions) == {"a", "c"}
    assert guarding.found("s", "x") is made.session("s")
    assert guarding.found(None, None) is not guarding.found(None, None)
