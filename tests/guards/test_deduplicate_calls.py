from __future__ import annotations

import pytest

from loopwright.guards.deduplicate_calls import MEMORY, DeduplicateCalls
from shown_guard import Shown

FOUND = '{"price": 20}'


def test_the_third_identical_call_gets_the_earlier_result() -> None:
    session = Shown(DeduplicateCalls())
    assert [session.both("get", FOUND, {"a": 1, "b": 2}).action for _ in range(3)] == ["allow", "allow", "replace"]
    decision = session.call("get", {"b": 2, "a": 1})
    assert decision.replacement == FOUND
    assert "4 times" in decision.reason


def test_text_that_nothing_parses_carries_the_note() -> None:
    session = Shown(DeduplicateCalls(limit=1))
    session.both("get", "sunny")
    assert str(session.call("get").replacement).startswith("sunny\n\n[not run by the harness: get was called")


def test_after_so_many_it_is_blocked() -> None:
    session = Shown(DeduplicateCalls(limit=1, block_after=2))
    assert [session.both("get", FOUND).action for _ in range(4)] == ["allow", "replace", "block", "block"]


def test_other_arguments_are_another_call_and_arguments_as_text_the_same() -> None:
    session = Shown(DeduplicateCalls(limit=1))
    session.both("get", FOUND, {"id": 1})
    assert session.both("get", FOUND, {"id": 2}).action == "allow"
    assert session.call("get", '{"id": 1}').action == "replace"


@pytest.mark.parametrize(
    ("guard", "tool"),
    [(DeduplicateCalls(limit=1), "cancel_booking"), (DeduplicateCalls(limit=1, writes=("frobnicate",)), "frobnicate")],
)
def test_a_change_forgets_what_was_found(guard: DeduplicateCalls, tool: str) -> None:
    session = Shown(guard)
    session.both("get", FOUND)
    session.both(tool, "done")
    assert session.both("get", FOUND).action == "allow"


def test_a_change_that_failed_forgets_nothing_and_reads_are_believed() -> None:
    session = Shown(DeduplicateCalls(limit=1, reads=("order_status",)))
    session.both("get", FOUND)
    session.both("cancel_booking", "Error: no such booking")
    session.both("order_status", "sent")
    assert session.call("get").action == "replace"


def test_the_same_change_twice_is_a_repeat() -> None:
    session = Shown(DeduplicateCalls(limit=1))
    session.both("book_seat", '{"ok": true}', {"seat": 1})
    assert session.call("book_seat", {"seat": 1}).action == "replace"


def test_polling_is_let_be() -> None:
    session = Shown(DeduplicateCalls(limit=2))
    assert [session.both("status", f"{n} %").action for n in range(6)] == ["allow"] * 6


def test_failures_are_not_its_matter() -> None:
    session = Shown(DeduplicateCalls(limit=1))
    assert [session.both("get", None, error="timeout").action for _ in range(4)] == ["allow"] * 4


def test_a_user_may_ask_to_look_again_and_results_grow_old() -> None:
    session = Shown(DeduplicateCalls(limit=1, fresh_seconds=60))
    session.both("get", FOUND)
    session.user("Can you check that again?")
    assert session.both("get", FOUND).action == "allow"
    session.now += 61
    assert session.both("get", FOUND).action == "allow"
    assert session.call("get").action == "replace"


def test_exempt_tools_may_repeat() -> None:
    session = Shown(DeduplicateCalls(limit=1, exempt=("think",)))
    assert [session.both("think", "").action for _ in range(5)] == ["allow"] * 5


def test_calls_under_way_are_not_answered_from_nothing() -> None:
    session = Shown(DeduplicateCalls(limit=1, block_after=2))
    assert [session.call("get").action for _ in range(3)] == ["allow", "block", "block"]


def test_memory_is_bounded() -> None:
    session = Shown(DeduplicateCalls())
    for n in range(MEMORY + 20):
        session.both("get", FOUND, {"n": n})
    assert len(session.state.seen) == MEMORY


@pytest.mark.parametrize("bad", [{"limit": 0}, {"limit": 4, "block_after": 3}])
def test_senseless_parameters_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="; give"):
        DeduplicateCalls(**bad)
