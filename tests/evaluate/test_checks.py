from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import case
from loopwright.effects import TargetReply
from loopwright.evaluate.case import Check
from loopwright.evaluate.json_path import find, is_path
from loopwright.evaluate.trial import examine


def outcome(
    type: str, output: str = "", *, messages: list[dict[str, Any]] | None = None, given: Any = "hello", **options: Any
) -> Any:
    reply = TargetReply(output, tuple(messages or ()))
    (found,) = examine(case(input=given, checks=(Check(type, options),)), reply)
    assert found.reason
    return found


def passes(type: str, output: str = "", **options: Any) -> bool | None:
    return outcome(type, output, **options).passed


def call(name: str, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]}


def result(text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "c1", "content": text}


SAID = {"role": "assistant", "content": "done"}
USER = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    ("type", "output", "options", "expected"),
    [
        ("exact", " Paris\n", {"value": "Paris"}, True),
        ("exact", "paris", {"value": "Paris"}, False),
        ("exact", "STRASSE", {"value": "straße", "ignore_case": True}, True),
        ("contains", "a window seat", {"value": "window"}, True),
        ("contains", "a Window seat", {"value": "window"}, False),
        ("contains", "a Window seat", {"value": "window", "ignore_case": True}, True),
        ("not_contains", "a seat", {"value": "window"}, True),
        ("not_contains", "a window", {"value": "window"}, False),
        ("regex", "order 17 is late", {"pattern": r"order \d+"}, True),
        ("regex", "no order", {"pattern": r"order \d+"}, False),
        ("not_regex", "no order", {"pattern": r"order \d+"}, True),
        ("json_valid", '{"a": 1}', {}, True),
        ("json_valid", '```json\n{"a": 1}\n```', {}, False),
        ("json_valid", "NaN", {}, False),
        ("json_valid", "", {}, False),
        ("json_valid", "[" * 100_000, {}, False),
        ("json_path", '{"a": [{"b": 1}, {"b": 2}]}', {"path": "$.a[1].b", "equals": 2}, True),
        ("json_path", '{"a": [{"b": 1}, {"b": 2}]}', {"path": "$.a[*].b", "equals": 2.0}, True),
        ("json_path", '{"a": true}', {"path": "$.a", "equals": 1}, False),
        ("json_path", '{"a": null}', {"path": "$.a", "equals": None}, True),
        ("json_path", '{"a": {"x": 1, "y": 2}}', {"path": "$.a", "equals": {"y": 2, "x": 1}}, True),
        ("json_path", '{"a": "order 17"}', {"path": "$.a", "pattern": r"\d+"}, True),
        ("json_path", '{"a": 17}', {"path": "$.a", "pattern": r"\d+"}, False),
        ("json_path", "{}", {"path": "$.a", "exists": False}, True),
        ("json_path", "{}", {"path": "$.a", "equals": None}, False),
        ("json_path", "not json", {"path": "$.a", "exists": False}, False),
        ("numeric", "That is $1,234.50 in total.", {"expected": 1234.5}, True),
        ("numeric", "From 3 to 7", {"expected": 3}, False),
        ("numeric", "From 3 to 7", {"expected": 3, "which": "first"}, True),
        ("numeric", "From 3 to 7", {"expected": 3, "which": "any"}, True),
        ("numeric", "about 98", {"expected": 100, "rel": 0.05}, True),
        ("numeric", "about 98", {"expected": 100, "abs": 1}, False),
        ("numeric", "about 98", {"expected": 100, "abs": 1, "rel": 0.02}, True),
        ("numeric", "\u22125 degrees", {"expected": -5}, True),
        ("numeric", "0.1 + 0.2 = 0.30000000000000004", {"expected": 0.3}, True),
        ("numeric", "none", {"expected": 0}, False),
        ("numeric", "flight A320", {"expected": 320}, False),
        ("numeric", "1" * 400, {"expected": 1}, False),
        ("numeric", '{"total": 12}', {"expected": 12, "path": "$.total"}, True),
        ("numeric", '{"total": "12"}', {"expected": 12, "path": "$.total"}, False),
        ("numeric", '{"total": true}', {"expected": 1, "path": "$.total"}, False),
    ],
)
def test_checks_of_the_output(type: str, output: str, options: dict[str, Any], expected: bool) -> None:
    assert passes(type, output, **options) is expected


def test_tools_cannot_be_told_of_without_messages() -> None:
    for type, options in (
        ("tool_called", {"name": "a"}),
        ("tool_not_called", {"name": "a"}),
        ("no_repeated_calls", {}),
        ("exact_calls", {"calls": ({"name": "a"},)}),
    ):
        found = outcome(type, "done", **options)
        assert found.passed is None
        assert "messages" in found.reason


def test_a_check_that_looks_at_tool_results_needs_messages() -> None:
    assert passes("not_contains", "ok", value="Error", **{"in": "tool_results"}) is None
    assert (
        passes("not_contains", "ok", value="Error", messages=[call("a"), result("Error: no"), SAID], **{"in": "tool_results"})
        is False
    )
    assert passes("contains", "ok", value="done", messages=[SAID], **{"in": "messages"}) is True


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"count": 2}, True),
        ({"count": 1}, False),
        ({"min": 3}, False),
        ({"max": 1}, False),
        ({"arguments": {"order": 17}}, True),
        ({"arguments": {"order": 17.0}, "count": 1}, True),
        ({"arguments": {"order": True}}, False),
        ({"arguments": {"items": [{"sku": "x"}]}}, False),
        ({"arguments": {"to": {"city": "Oslo"}}}, True),
    ],
)
def test_tool_called_counts_calls_with_these_arguments(options: dict[str, Any], expected: bool) -> None:
    messages = [call("refund", order=17, to={"city": "Oslo", "zip": 1}), call("refund", order=18), call("other"), SAID]
    assert passes("tool_called", messages=messages, name="refund", **options) is expected
    if "count" not in options and "min" not in options and "max" not in options:
        assert passes("tool_not_called", messages=messages, name="refund", **options) is not expected


def test_a_tool_that_may_be_called_at_most_n_times_need_not_be_called() -> None:
    assert passes("tool_called", messages=[SAID], name="refund", max=0) is True
    assert passes("tool_called", messages=[SAID], name="refund", max=2) is False


@pytest.mark.parametrize("own", [[], [{"role": "system", "content": "You are kind."}]])
def test_calls_that_the_input_holds_are_not_the_answers(own: list[dict[str, Any]]) -> None:
    given = [USER, call("refund", order=17), result("ok"), USER]
    assert passes("tool_not_called", messages=[*own, *given, SAID], given=given, name="refund") is True
    assert passes("tool_called", messages=[SAID], given=given, name="refund") is False
    assert passes("tool_not_called", messages=[*own, *given, call("refund", order=1), SAID], given=given, name="refund") is False


def test_a_call_that_repeats_one_of_the_input_counts_as_a_repeat() -> None:
    given = [USER, call("search", q="x"), result("none"), USER]
    assert passes("no_repeated_calls", messages=[call("search", q="x"), SAID], given=given) is False
    assert passes("no_repeated_calls", messages=[call("search", q="y"), SAID], given=given) is True
    assert passes("no_repeated_calls", messages=[call("search", q="x"), SAID], given=given, max=2) is True
    assert passes("no_repeated_calls", messages=[call("search", q="x"), SAID], given=given, name="other") is True
    assert passes("no_repeated_calls", messages=[call("a"), call("a"), SAID]) is False


def test_a_call_that_failed_does_not_count_where_only_success_does() -> None:
    failed = [call("refund", order=1), result("Error: order not found"), SAID]
    assert passes("tool_called", messages=failed, name="refund") is True
    assert passes("tool_called", messages=failed, name="refund", succeeded=True) is False
    assert passes("tool_not_called", messages=failed, name="refund", succeeded=True) is True


def test_exact_calls_are_these_and_no_others_of_the_tools() -> None:
    wanted = ({"name": "refund", "arguments": {"order": 1}}, {"name": "refund"})
    both = [call("refund", order=2), call("look", order=9), call("refund", order=1, note="x"), SAID]
    assert passes("exact_calls", messages=both, calls=wanted) is True
    assert passes("not_exact_calls", messages=both, calls=wanted) is False
    assert passes("exact_calls", messages=both, calls=wanted, tools=("look",)) is False
    assert passes("exact_calls", messages=[*both, call("refund", order=1)], calls=wanted) is False
    assert passes("exact_calls", messages=[call("refund", order=2), call("refund", order=3), SAID], calls=wanted) is False
    failed = [call("refund", order=1), result("Error: not found"), SAID]
    assert passes("exact_calls", messages=failed, calls=(), tools=("refund",)) is True
    assert passes("not_exact_calls", messages=failed, calls=(), tools=("refund",)) is False


def test_a_detector_of_mining_is_a_check() -> None:
    failing = [call("refund", order=1), result("Error: order not found"), SAID]
    assert passes("no_signal", messages=failing, detector="tool_error") is False
    assert passes("no_signal", messages=[call("refund"), result("refunded 3.50"), SAID], detector="tool_error") is True
    assert passes("no_signal", messages=[SAID], given=[USER, *failing, USER], detector="tool_error") is True


def test_messages_that_cannot_be_read_leave_the_check_undecided() -> None:
    found = outcome("tool_called", messages=[{"role": "robot"}], name="a")
    assert found.passed is None
    assert "cannot be read" in found.reason


@given(st.text(max_size=40), st.text(max_size=40))
def test_not_contains_is_the_opposite_of_contains(text: str, value: str) -> None:
    assert passes("contains", text, value=value) is not passes("not_contains", text, value=value)


@pytest.mark.parametrize("path", ["$", "$.a", "$.a-b", "$['a b'][0]", '$["x"].y', "$[-1]", "$[*].*", "$.ä"])
def test_paths(path: str) -> None:
    assert is_path(path)


@pytest.mark.parametrize("path", ["", "a", "$.", "$..a", "$[a]", "$[1:2]", "$[?(@.a)]", "$.a b", "$[01]", "$.a\n"])
def test_not_paths(path: str) -> None:
    assert not is_path(path)
    with pytest.raises(ValueError, match="not a JSON path"):
        find(path, {})


JSON = st.recursive(
    st.none() | st.integers(), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text("ab_", min_size=1), x, max_size=3)
)


@given(JSON)
def test_every_place_of_a_value_has_a_path(value: Any) -> None:
    def walk(path: str, here: Any) -> None:
        assert find(path, value) == [here]
        for key, inner in here.items() if isinstance(here, dict) else enumerate(here) if isinstance(here, list) else ():
            walk(f"{path}['{key}']" if isinstance(key, str) else f"{path}[{key}]", inner)

    walk("$", value)
