from __future__ import annotations

from typing import Any

import pytest

from loopwright.guards.outcome import call_key, denied, failure
from loopwright.guards.tool_names import changes_something, nearest, words_of


@pytest.mark.parametrize(
    "result",
    ["Error: no", "  error: x", "Traceback (most recent call last): ...", "503 Service Unavailable", "ValueError: x",
     '{"error": "x"}',
     '{"success": false, "message": "x"}', "You are not authorized to do that.", {"ok": False}, {"status": "denied"}],
)  # fmt: skip
def test_a_failure_is_read_from_the_result(result: Any) -> None:
    assert failure({"result": result, "error": None})


@pytest.mark.parametrize(
    "result",
    [
        "",
        "done",
        None,
        3,
        [1],
        '{"error": null, "x": 1}',
        "{not json",
        "No errors were found",
        {"status": "ok"},
        "The fare is 500 dollars",
    ],
)
def test_what_went_well_is_none(result: Any) -> None:
    assert failure({"result": result}) is None


@pytest.mark.parametrize(
    "text",
    ["permission denied", "403 Forbidden", "insufficient_scope", "token lacks scope x:write", "supervisor approval is required",
     "user must be verified before this", "this account does not have the rights to do that", "You are not authorized", "EACCES",
     "requires the admin role permissions", "Access denied: not yours", "denied: supervisor must look"],
)  # fmt: skip
def test_a_denial_is_told(text: str) -> None:
    assert denied(text)


@pytest.mark.parametrize(
    "text",
    ["not found", "timed out", "gift card balance is not enough", "payment declined", "extra fields are not permitted",
     "invalid date",
     "flight not available", "certificate cannot be used to update reservation"],
)  # fmt: skip
def test_from_other_errors(text: str) -> None:
    assert not denied(text)


def test_a_call_is_known_by_its_content() -> None:
    assert call_key("a", {"x": 1, "y": [2]}) == call_key("a", '{"y": [2], "x": 1}')
    assert call_key("a", {"x": 1}) != call_key("a", {"x": 2})
    assert call_key("a", "{broken") == "a {broken"


def test_names_are_read_by_their_words() -> None:
    assert words_of("getHTTPBooking_now-2") == ("get", "http", "booking", "now", "2")
    assert changes_something("database_update")
    assert not changes_something("get_update_status")
    assert not changes_something("")
    assert nearest("find_bookings", ["get_weather", "find_booking"]) == ("find_booking",)
