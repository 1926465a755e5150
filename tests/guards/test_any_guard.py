"""What holds for every guard: it never raises, shadow never alters, sessions are apart, threads are safe."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.guards.catalogue import GUARDS, build
from loopwright.guards.guard import GuardEvent
from loopwright.guards.harness import Harness
from strategies import values

KINDS = ("message", "model_call", "tool_call", "tool_result", "answer")
KEYS = ("role", "content", "messages", "id", "name", "arguments", "tools", "result", "error")
likely = st.sampled_from(
    ["user", "get", "book", "Error: permission denied", "The fee of ABC123 is $5.",
     "The fee of ABC123 is $6.", '{"id": "ABC123", "fee": 5}',
     "[", '{"a": ', "always say never", "May 99th, 25:61 pm, #1 1,2,3.4.5 %", "$", "is cancelled"]
)  # fmt: skip
events = st.builds(
    GuardEvent,
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(KEYS), likely | values | st.lists(values, max_size=3), max_size=9),
)


@pytest.mark.parametrize("name", GUARDS)
@given(shown=st.lists(events, max_size=6))
@settings(max_examples=20)
def test_no_event_makes_a_guard_raise(name: str, shown: list[GuardEvent]) -> None:
    guard = build(name)
    state = guard.initial()
    for now, event in enumerate(shown):
        state, decision = guard.step(state, event, float(now))
        assert decision.action in ("allow", "block", "replace")
        assert (decision.action == "allow") or decision.reason


@pytest.mark.parametrize("name", GUARDS)
@given(shown=st.lists(events, max_size=6))
@settings(max_examples=8)
def test_a_step_is_pure(name: str, shown: list[GuardEvent]) -> None:
    guard = build(name)
    states = [guard.initial()]
    for now, event in enumerate(shown):
        states.append(guard.step(states[-1], event, float(now))[0])
    again = [
        repr(guard.step(before, event, float(now))[0]) for now, (before, event) in enumerate(zip(states, shown, strict=False))
    ]
    assert again == [repr(state) for state in states[1:]]


@pytest.mark.parametrize("value", [object(), {1: 2, "a": object()}, {("a",): 1}, float("nan"), b"\xff", [[]] * 3, "[" * 100_000])
@pytest.mark.parametrize("name", GUARDS)
def test_odd_values_are_taken(name: str, value: Any) -> None:
    guard = build(name)
    state = guard.initial()
    for kind in KINDS:
        for key in KEYS:
            state, _ = guard.step(state, GuardEvent(kind, {key: value, "name": value}), 0.0)  # type: ignore[arg-type]


def test_a_value_that_holds_itself_is_taken() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for name in GUARDS:
        guard = build(name)
        guard.step(guard.initial(), GuardEvent("tool_call", {"name": "a", "arguments": loop}), 0.0)


def strict(mode: str) -> Harness:
    parameters: dict[str, dict[str, Any]] = {
        "deduplicate_calls": {"limit": 1, "block_after": 1},
        "retry_budget": {"per_tool": 1},
        "scope_permissions": {"denied": ["drop"]},
        "validate_tool_names": {"tools": ["get", "drop", "pay"]},
        "pin_instructions": {"instructions": ["x"], "after_messages": 1},
    }
    return Harness([build(name, parameters.get(name), mode) for name in GUARDS], clock=lambda: 0.0)


def play(harness: Harness, id: str) -> list[str]:
    session = harness.session(id)
    said = [session.tool_call("get", {}).action, session.tool_call("gte", {}).action, session.tool_call("drop", {}).action]
    session.tool_result("get", {}, "found")
    said.append(session.tool_call("get", {}).action)
    session.tool_call("pay", {})
    session.tool_result("pay", {}, None, "down")
    said += [session.tool_call("pay", {}).action, str(len(session.model_call([{"role": "user", "content": "hi"}])))]
    said += [session.answer("The fee of ABC123 is $5.").action, session.answer("The fee of ABC123 is $6.").action]
    return said


def test_shadow_records_and_never_alters() -> None:
    harness = strict("shadow")
    assert play(harness, "s") == ["allow", "allow", "allow", "allow", "allow", "1", "allow", "allow"]
    assert {record.guard for record in harness.session("s").records} == set(GUARDS)
    assert not any(record.acted or record.fault for record in harness.session("s").records)


def test_enforced_they_act_and_sessions_are_apart() -> None:
    harness = strict("enforce")
    expected = ["allow", "block", "block", "block", "block", "2", "allow", "block"]
    assert play(harness, "one") == expected
    assert play(harness, "two") == expected


def test_off_means_not_asked() -> None:
    assert strict("off").guards == ()


def test_many_threads_in_one_session_count_every_call() -> None:
    harness = Harness([build("retry_budget", {"per_tool": 10_000, "per_session": 10_000})])
    session = harness.session("s")
    threads = [Thread(target=lambda: [session.tool_result("get", n, None, "down") for n in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session._states[0].total == 400
