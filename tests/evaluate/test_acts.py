from __future__ import annotations

import pytest

from builders import assistant, tool_call, tool_result, user
from loopwright.evaluate.acts import Act, acts, changes, hands_over


@pytest.mark.parametrize("name", ["get_user", "searchFlights", "list-orders", "user_lookup", "think", "calculate", "OrderStatus"])
def test_tools_that_only_look_change_nothing(name: str) -> None:
    assert not changes(name)


@pytest.mark.parametrize(
    "name", ["cancel_order", "bookFlight", "refund", "update_reservation_flights", "send", "xyzzy", "README"]
)
def test_all_other_tools_change_something(name: str) -> None:
    assert changes(name)


def test_handing_over_is_no_act() -> None:
    assert hands_over("transfer_to_human_agents")
    assert hands_over("handoff")
    assert not hands_over("transfer_money")
    assert changes("transfer_money")
    assert not changes("escalate_to_supervisor")


def test_acts_are_calls_that_did_something() -> None:
    found = acts(
        (
            user("Refund 1 and 2"),
            assistant(None, tool_call("get_order", order=1)),
            tool_result("{}"),
            assistant(None, tool_call("refund", order=1)),
            tool_result("Error: order 1 not found"),
            assistant(None, tool_call("refund", order=2)),
            tool_result("refunded"),
        )
    )
    assert found == (Act("refund", {"order": 2}, 5),)
    assert found[0].like(Act("refund", {"order": 2.0}))
    assert not found[0].like(Act("refund", {"order": True}))
