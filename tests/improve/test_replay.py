from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from builders import assistant, tool_call, tool_result, trace, user
from loopwright.collect.trace import Message, Step, Trace
from loopwright.guards.catalogue import build
from loopwright.guards.guard import ALLOW, GuardDecision, GuardEvent, GuardMode
from loopwright.improve.proposal import Proposal, ProposalKind, Replay
from loopwright.improve.replay import Act, events, measure, replay, replayed

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def looking_up(times: int, id: str = "t1") -> Trace:
    turns = [m for n in range(times) for m in (assistant(None, tool_call("find", f"c{n}", item=1)), tool_result("red", f"c{n}"))]
    return trace(user("which colour?"), *turns, assistant("red"), id=id)


def test_a_conversation_becomes_what_a_harness_would_have_shown() -> None:
    shown = events(
        trace(
            Message("system", "be brief"), user("hi"),
            assistant("looking", tool_call("find", "a", item=1), tool_call("find", "b", item=2)), tool_result("red", "a"),
            tool_result("blue", "b"), assistant("red, blue"), attributes={"tools": ["find", "act"]},
        )
    )  # fmt: skip
    assert [event.kind for event in shown] == [
        "message", "message", "model_call", "answer", "message", "tool_call", "tool_result", "tool_call", "tool_result",
        "model_call", "answer", "message",
    ]  # fmt: skip
    assert [m["role"] for m in shown[2].payload["messages"]] == ["system", "user"]
    assert shown[5].payload["tools"] == ("act", "find")
    assert (shown[6].payload["result"], shown[6].payload["error"]) == ("red", None)
    assert shown[8].payload["arguments"] == {"item": 2}
    assert len(shown[9].payload["messages"]) == 5
    assert shown[10].payload == {"content": "red, blue"}


def test_a_trace_of_spans_becomes_their_order() -> None:
    steps = (
        Step("s1", "model", "gpt", input=[{"role": "user", "content": "hi"}]),
        Step("s2", "tool", "find", "s1", {"id": 1}, None, error="timed out"),
        Step("s3", "tool", "find", "s1", {"id": 1}, "red"),
    )
    shown = events(Trace("t", steps=steps))
    assert [event.kind for event in shown] == ["model_call", "tool_call", "tool_result", "tool_call", "tool_result"]
    assert [shown[2].payload["error"], shown[4].payload["result"]] == ["timed out", "red"]
    assert "tools" not in shown[1].payload


def test_a_trace_without_anything_shows_nothing() -> None:
    assert events(Trace("t")) == ()
    assert replay(build("retry_budget"), Trace("t")).acts == ()


def test_a_real_guard_acts_where_it_would_have() -> None:
    guard = build("deduplicate_calls", {"limit": 2})
    found = replay(guard, looking_up(4))
    assert [act.decision.action for act in found.acts] == ["replace", "replace"]
    assert all(act.event.payload["name"] == "find" for act in found.acts)
    assert replay(guard, looking_up(2)).acts == ()


def test_the_mode_does_not_matter() -> None:
    modes = ("off", "shadow", "enforce")
    assert len({len(replay(build("deduplicate_calls", {"limit": 1}, mode), looking_up(4)).acts) for mode in modes}) == 1


@dataclass(frozen=True)
class Timed:
    """A real guard of the test's own: it notes when it was asked, and breaks or acts as it is told."""

    times: list[float]
    breaks: bool = False
    name: str = "timed"
    mode: GuardMode = "shadow"

    def initial(self) -> int:
        return 0

    def step(self, state: int, event: GuardEvent, now: float) -> tuple[int, GuardDecision]:
        self.times.append(now)
        if self.breaks and event.kind == "answer":
            raise ZeroDivisionError("no")
        return state + 1, GuardDecision("block", "no") if event.kind == "tool_call" else ALLOW


def test_time_runs_over_the_traces_duration() -> None:
    timed = Timed([])
    replay(timed, replace(looking_up(1), started_at=NOW, ended_at=NOW + timedelta(seconds=12)))
    assert timed.times == [0, 2, 4, 6, 8, 10, 12]
    timed.times.clear()
    replay(timed, looking_up(1))
    assert timed.times == [0, 1, 2, 3, 4, 5, 6]
    timed.times.clear()
    replay(timed, replace(looking_up(1), started_at=NOW, ended_at=NOW - timedelta(seconds=9)))
    assert timed.times == sorted(timed.times)


def test_a_guard_that_breaks_is_a_fault_and_keeps_what_it_did() -> None:
    found = replay(Timed([], breaks=True), looking_up(1))
    assert found.fault == "ZeroDivisionError: no"
    assert [act.index for act in found.acts] == [2]
    assert isinstance(found.acts[0], Act)
    assert measure(Timed([], breaks=True), ["t1"], [looking_up(1)]).faults == 1


def test_evidence_and_false_alarms_are_counted_apart() -> None:
    traces = [looking_up(4, "bad"), looking_up(1, "missed"), looking_up(4, "other"), looking_up(1, "good")]
    guard = build("deduplicate_calls", {"limit": 2})
    assert measure(guard, ["bad", "missed", "gone"], traces) == Replay(1, 2, 1, 2)


def test_proposals_are_given_their_replay() -> None:
    change: dict[str, Any] = {"limit": 2}
    proposal = Proposal(ProposalKind.DEDUPLICATE_CALLS, ("bad",), change)
    (done,) = replayed([proposal], [looking_up(4, "bad")], build)
    assert done.replay == Replay(1, 1, 0, 0)
    assert done.proposal_id == proposal.proposal_id
