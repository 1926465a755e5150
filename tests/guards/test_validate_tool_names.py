from __future__ import annotations

from loopwright.guards.validate_tool_names import ValidateToolNames
from shown_guard import Shown


def test_an_unknown_name_is_stopped_with_the_nearest() -> None:
    decision = Shown(ValidateToolNames()).call("get_bookings", tools=("get_booking", "search"))
    assert decision.action == "block"
    assert decision.reason == "not run by the harness: there is no tool 'get_bookings'; did you mean get_booking?"


def test_where_none_is_near_all_are_named() -> None:
    assert Shown(ValidateToolNames(tools=("b", "a"))).call("frobnicate").reason.endswith("the tools are: a, b")


def test_an_alias_names_the_tool_to_call_instead() -> None:
    guard = ValidateToolNames(tools=("get_booking",), aliases={"fetch": "get_booking"})
    assert Shown(guard).call("fetch").instead == "get_booking"
    assert Shown(guard).call("fetch", tools=("other",)).instead == ""


def test_what_is_offered_stands_above_what_was_fitted() -> None:
    session = Shown(ValidateToolNames(tools=("old",)))
    assert session.call("new", tools=("new",)).action == "allow"
    assert session.call("old", tools=("new",)).action == "block"


def test_where_nothing_is_known_only_aliases_are_stopped() -> None:
    session = Shown(ValidateToolNames(aliases={"wrong": "right"}))
    assert session.call("anything").action == "allow"
    assert session.call("wrong").action == "block"
