"""The six kinds of guard, each as small as can be: they are honoured, and stop the harm that they are for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.defects import ALL, GUARD_FOR, NONE
from loopwright.examples.airline.production import Visit, simulate
from loopwright.examples.airline.setup import Setup, open_agent
from loopwright.guards.guard import ALLOW, GuardDecision, GuardEvent, GuardMode
from loopwright.guards.harness import Harness

START = datetime(2026, 5, 4, tzinfo=UTC)


@dataclass
class Tiny:
    """A guard with a list of what it saw as its state."""

    name: str = "tiny"
    mode: GuardMode = "enforce"

    def initial(self) -> tuple[Any, ...]:
        return ()

    def step(self, state: tuple[Any, ...], event: GuardEvent, now: float) -> tuple[tuple[Any, ...], GuardDecision]:
        decision = self.decide(state, event, now)
        return (*state, (event, now)), decision

    def decide(self, seen: Sequence[tuple[GuardEvent, float]], event: GuardEvent, now: float) -> GuardDecision:
        raise NotImplementedError


_INSTRUCTS = re.compile(r"\b(never|always|only|no|don't|nothing|use my|pay with)\b", re.IGNORECASE)


def _same(one: GuardEvent, other: GuardEvent) -> bool:
    return one.payload["name"] == other.payload["name"] and one.payload["arguments"] == other.payload["arguments"]


class Deduplicate(Tiny):
    """The second identical call is answered with the first one's result."""

    def decide(self, seen, event, now):
        if event.kind != "tool_call":
            return ALLOW
        for past, _ in reversed(seen):
            if past.kind == "tool_result" and _same(past, event) and past.payload["error"] is None:
                return GuardDecision("replace", "the same call was answered before", past.payload["result"])
        return ALLOW


class DeduplicateByBlocking(Tiny):
    def decide(self, seen, event, now):
        if event.kind != "tool_call":
            return ALLOW
        done = any(p.kind == "tool_result" and _same(p, event) and not p.payload["error"] for p, _ in seen)
        return GuardDecision("block", "you have the result of this call already") if done else ALLOW


class Consistent(Tiny):
    """The total, the refund and the certificate told last must be what was told last before."""

    def decide(self, seen, event, now):
        if event.kind != "answer":
            return ALLOW
        facts = _facts(event.payload["content"])
        for past, _ in reversed(seen):
            if past.kind != "message":
                continue
            if past.payload["role"] == "user" and re.search(r"LW\d|[A-Z]{4}\d\d|one,", past.payload["content"]):
                return ALLOW
            before = _facts(past.payload["content"]) if past.payload["role"] == "assistant" else {}
            differ = [key for key in facts if before.get(key, facts[key]) != facts[key]]
            if differ:
                return GuardDecision("block", f"{differ[0]} was {before[differ[0]]} before")
        return ALLOW


def _facts(text: str) -> dict[str, str]:
    found = {}
    for word in ("refund", "total", "certificate"):
        for sentence in re.split(r"(?<=[.?])\s", text):
            match = re.search(r"\$(\d+)", sentence)
            if word in sentence and match:
                found[word] = match[1]
    quoted = re.search(r"LW\d{3} on (\d{4}-\d\d-\d\d)", text)
    return found | ({"date": quoted[1]} if quoted else {})


class Pin(Tiny):
    """Sentences that instruct are said again at the end, once the conversation is long."""

    def decide(self, seen, event, now):
        if event.kind != "model_call" or len(event.payload["messages"]) < 16:
            return ALLOW
        said = [p.payload for p, _ in seen if p.kind == "message" and p.payload["role"] in ("system", "user")]
        sentences = [s for m in said for s in re.split(r"(?<=[.!?])\s+", m["content"]) if _INSTRUCTS.search(s)]
        pinned = {"role": "system", "content": "Keep to these instructions: " + " ".join(sentences)}
        return GuardDecision("replace", "the context is long", [*event.payload["messages"], pinned])


class Scoped(Tiny):
    """After one permission error, a tool waits until something else has succeeded that grants a scope."""

    def decide(self, seen, event, now):
        if event.kind != "tool_call":
            return ALLOW
        for past, _ in reversed(seen):
            if past.kind != "tool_result":
                continue
            if past.payload["name"] in ("verify_identity", "request_approval") and not past.payload["error"]:
                return ALLOW
            if past.payload["name"] == event.payload["name"] and "permission" in (past.payload["error"] or ""):
                return GuardDecision("block", f"{event.payload['name']} needs a scope that this session does not have")
        return ALLOW


class Names(Tiny):
    def decide(self, seen, event, now):
        if event.kind != "tool_call" or event.payload["name"] in event.payload["tools"]:
            return ALLOW
        return GuardDecision("block", f"there is no such tool; there are {', '.join(event.payload['tools'])}")


class RetryBudget(Tiny):
    """Three failures in a row open the circuit for twenty seconds."""

    def decide(self, seen, event, now):
        if event.kind != "tool_call":
            return ALLOW
        failures: list[float] = []
        for past, at in seen:
            if past.kind == "tool_result" and past.payload["name"] == event.payload["name"]:
                failures = [*failures, at] if "timeout" in (past.payload["error"] or "") else []
        if len(failures) >= 3 and now - failures[-1] < 20:
            return GuardDecision("block", "this service fails; leave it alone for a while")
        return ALLOW


GUARDS = {
    "repeats_calls": Deduplicate(),
    "contradicts_itself": Consistent(),
    "forgets_instructions": Pin(),
    "skips_identity_check": Scoped(),
    "invents_tool_names": Names(),
    "retries_without_end": RetryBudget(),
}


def _visits(defect: str, guard: Tiny | None, sessions: int = 170) -> list[Visit]:
    harness = Harness([guard]) if guard else None
    return list(simulate(5, sessions, START, defects=ALL.only(defect), version="1.0", harness=harness))


@pytest.mark.parametrize("defect", GUARDS)
def test_a_guard_of_its_kind_stops_the_harm_of_a_defect(defect: str) -> None:
    assert defect in GUARD_FOR
    bare, guarded = _visits(defect, None), _visits(defect, GUARDS[defect])
    hit = [(a, b) for a, b in zip(bare, guarded, strict=True) if defect in a.fired]
    assert len(hit) >= 5
    before, after = (sum(v.success for v in side) / len(hit) for side in zip(*hit, strict=True))
    if defect == "repeats_calls":
        assert after >= before
    else:
        assert after > before + 0.1
    if defect in ("repeats_calls", "skips_identity_check", "retries_without_end"):
        assert sum(b.cost for _, b in hit) < 0.8 * sum(a.cost for a, _ in hit)
        assert sum(b.runtime for _, b in hit) < 0.8 * sum(a.runtime for a, _ in hit)


def test_where_nothing_is_wrong_the_guards_change_next_to_nothing() -> None:
    bare = list(simulate(5, 200, START, defects=NONE, version="1.0"))
    guarded = list(simulate(5, 200, START, defects=NONE, version="1.0", harness=Harness(list(GUARDS.values()))))
    assert abs(sum(v.success for v in bare) - sum(v.success for v in guarded)) <= 4


def test_in_shadow_mode_everything_stays_as_it_is() -> None:
    shadow = Harness([Names(mode="shadow")])
    watched = list(simulate(5, 60, START, defects=ALL, version="1.0", harness=shadow))
    bare = list(simulate(5, 60, START, defects=ALL, version="1.0"))
    assert [v.messages for v in watched] == [v.messages for v in bare]


def _conversation(guard: Tiny, *texts: str, defects=NONE) -> tuple[list[str], list[dict[str, Any]]]:
    agent = open_agent(Setup(defects=defects, harness=Harness([guard])), "s1", SimulatedClock(1000.0), "chance 3")
    agent.toolbox.faults.down, agent.toolbox.faults.blip = "", 0.0
    return [agent.turn(text) for text in texts], agent.messages


class NoTools(Tiny):
    def decide(self, seen, event, now):
        return GuardDecision("block", "not now") if event.kind == "tool_call" else ALLOW


class Fixed(Tiny):
    def decide(self, seen, event, now):
        if event.kind == "tool_call":
            return GuardDecision("replace", "from the cache", {"topic": "check-in", "article": "..."})
        return ALLOW


class Silence(Tiny):
    def decide(self, seen, event, now):
        return GuardDecision("block", "no answers today") if event.kind == "answer" else ALLOW


class Canned(Tiny):
    def decide(self, seen, event, now):
        return GuardDecision("replace", "", "Please call us.") if event.kind == "answer" else ALLOW


class Deaf(Tiny):
    def decide(self, seen, event, now):
        return GuardDecision("replace", "", []) if event.kind == "model_call" else ALLOW


def test_a_blocked_call_is_not_run_and_the_planner_is_told_why() -> None:
    (answer,), messages = _conversation(NoTools(), "When does check-in open?")
    results = [m["content"] for m in messages if m["role"] == "tool"]
    assert results
    assert all(r == '{"blocked": "not now"}' for r in results)
    assert "24 hours" not in answer


def test_a_replaced_call_is_answered_without_being_run() -> None:
    (answer,), messages = _conversation(Fixed(), "When does check-in open?")
    assert "24 hours" in answer or "36 hours" in answer
    assert '"note": "from the cache"' in next(m["content"] for m in messages if m["role"] == "tool")


def test_an_answer_blocked_twice_goes_to_a_colleague() -> None:
    (answer,), _ = _conversation(Silence(), "When does check-in open?")
    assert "colleague" in answer


def test_a_replaced_answer_is_what_the_customer_gets() -> None:
    (answer,), messages = _conversation(Canned(), "When does check-in open?")
    assert answer == "Please call us."
    assert messages[-1]["content"] == "Please call us."


def test_the_planner_sees_the_messages_that_the_guards_give_it_and_no_others() -> None:
    (answer,), _ = _conversation(Deaf(), "When does check-in open?")
    assert "check" not in answer.lower() or "help" in answer.lower()


def test_a_tool_of_an_unknown_name_gives_an_error_where_no_guard_stops_it() -> None:
    agent = open_agent(Setup(), "s1", SimulatedClock(1000.0))
    from loopwright.examples.airline.faults import ToolError

    with pytest.raises(ToolError, match="there is no tool 'cancel_booking'") as caught:
        agent.toolbox.call("cancel_booking", {})
    assert caught.value.kind == "unknown_tool"


def test_guards_keep_simulated_time() -> None:
    times: list[float] = []

    class Watch(Tiny):
        def decide(self, seen, event, now):
            times.append(now)
            return ALLOW

    _conversation(Watch(), "When does check-in open?")
    assert times == sorted(times)
    assert 1000.0 <= times[0] < times[-1] < 1200.0
