from __future__ import annotations

import pytest

from loopwright.guards.retry_budget import RetryBudget
from shown_guard import Shown


def test_the_circuit_opens_after_so_many_failures_in_a_row() -> None:
    session = Shown(RetryBudget(per_tool=2))
    assert [session.both("pay", None, n, error="timeout").action for n in range(3)] == ["allow", "allow", "block"]
    assert "timeout" in session.call("pay").reason
    assert session.call("search").action == "allow"


def test_success_closes_it_and_errors_in_text_count() -> None:
    session = Shown(RetryBudget(per_tool=2))
    session.both("pay", "Error: declined")
    session.both("pay", "paid")
    session.both("pay", '{"success": false}')
    assert session.call("pay").action == "allow"


def test_after_the_cooldown_one_probe_passes() -> None:
    session = Shown(RetryBudget(per_tool=1, cooldown_seconds=30))
    session.both("pay", None, error="down")
    session.now += 30
    assert [session.call("pay").action, session.call("pay").action] == ["allow", "block"]
    session.result("pay", None, error="down")
    assert session.call("pay").action == "block"
    session.now += 30
    assert session.both("pay", "paid").action == "allow"
    assert session.call("pay").action == "allow"


def test_a_probe_whose_result_is_lost_does_not_block_for_ever() -> None:
    session = Shown(RetryBudget(per_tool=1, cooldown_seconds=30))
    session.both("pay", None, error="down")
    session.now += 30
    session.call("pay")
    session.now += 30
    assert session.call("pay").action == "allow"


def test_the_budget_of_the_session_stops_failing_tools_and_no_others() -> None:
    session = Shown(RetryBudget(per_tool=9, per_session=3))
    for tool in ("a", "b", "c"):
        session.both(tool, None, error="down")
    assert session.call("a").action == "block"
    assert session.call("fresh").action == "allow"


def test_a_user_who_speaks_starts_the_row_anew() -> None:
    session = Shown(RetryBudget(per_tool=2))
    for _ in range(4):
        assert session.both("find", None, error="not found").action == "allow"
        session.user("Try R2D2 then")


def test_exempt_tools_are_not_counted() -> None:
    session = Shown(RetryBudget(per_tool=1, exempt=("poll",)))
    assert [session.both("poll", None, error="not yet").action for _ in range(3)] == ["allow"] * 3


@pytest.mark.parametrize(
    "bad", [{"per_tool": 0}, {"per_session": 0}, {"cooldown_seconds": -1.0}, {"cooldown_seconds": float("nan")}]
)
def test_senseless_parameters_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="; give"):
        RetryBudget(**bad)  # type: ignore[arg-type]


def test_denials_are_another_guards_matter() -> None:
    session = Shown(RetryBudget(per_tool=2, per_session=2))
    for _ in range(4):
        session.both("refund", None, error="permission denied")
    assert session.call("refund").action == "allow"
