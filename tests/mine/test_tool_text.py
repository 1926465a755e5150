from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.mine.tool_text import error_in, unavailable

ERRORS = [
    "Error: payment amount does not add up, total price is 305, but paid 255",
    "ERROR - could not reach the ledger",
    "An unexpected error occurred while saving the draft.",
    "ValueError: could not convert string to float: 'abc'",
    "requests.exceptions.HTTPError: 404 Client Error",
    "404 Not Found",
    "HTTP 503 Service Unavailable",
    "HTTP/1.1 500 Internal Server Error",
    "Failed to open the page",
    "Unable to find a booking with that number",
    "Permission denied",
    "Invalid date format; use YYYY-MM-DD",
    "bash: frobnicate: command not found",
    "cat: notes.txt: No such file or directory",
    "The request timed out after 30 seconds",
    "Customer not found",
    "The coupon does not exist.",
    "order must be in pending state",
    "Payment failed. Try again if you have another card.",
    "Error: the request failed. Read how to fix this in the manual.",
    json.dumps({"error": "no such user"}),
    json.dumps({"error": {"code": "E12", "message": "quota exceeded"}}),
    json.dumps({"success": False, "message": "card declined"}),
    json.dumps({"status": "failed", "detail": "upstream is down"}),
    json.dumps({"statusCode": 502, "body": "bad gateway"}),
    json.dumps({"isError": True, "content": "boom"}),
    json.dumps({"result": {"error": "locked"}}),
    json.dumps({"result": "Error: no such table: orders"}),
    json.dumps([{"error": "row 1 is bad"}, {"error": "row 2 is bad"}]),
    "status: failed\nmessage: the printer is on fire",
    "error: quota exceeded\nretry_after: 30",
    "Traceback (most recent call last):\n  File \"run.py\", line 3, in <module>\n    main()\nKeyError: 'total'",
    "collected 4 items\n..FF\nexit code: 1",
    "exitcode: 1 (execution failed)\nCode output: Traceback (most recent call last):\n  File \"a.py\"\nNameError: 'x'",
]
FINE = [
    "",
    "   ",
    "255.0",
    "Transfer successful",
    "Booked. Reference ABC123.",
    "No errors found.",
    "0 errors, 0 warnings",
    "12 passed, 0 failed",
    "All 12 tests passed without errors",
    "exit code: 0",
    "exitcode: 0 (execution succeeded)\nCode output: 42",
    json.dumps({"error": None, "balance": 12}),
    json.dumps({"errors": [], "data": {"id": 4}}),
    json.dumps({"error": "", "ok": True}),
    json.dumps({"success": True, "message": "error handling was updated"}),
    json.dumps({"status": "ok", "code": 200}),
    json.dumps({"status": "available", "seats": 404}),
    json.dumps({"failure_reason": "null", "state": "done"}),
    json.dumps([{"id": 1}, {"error": "bad", "id": 2}]),
    json.dumps({"title": "How to handle errors", "body": "Error: the classic message. It failed, invalid, not found."}),
    "status: shipped\nfailure_reason: null\nerror: none",
    "How to fix Error 404: page not found. Clear your browser's cache, and load the page again.",
    "1. How to fix Error 404: page not found\n2. Reset your password",
    "Error 404: page not found - how to fix it\nClear the cache.",
    "Troubleshooting: access denied on the shared drive",
    "If your payment failed, wait a day and try again.",
    "Title: Error 404\nError: page not found\nSolution: clear the cache",
    json.dumps({"title": "Fix a 404", "error": "404 page not found", "solution": "clear the cache"}),
    json.dumps({"result": "How to fix Error 404: page not found"}),
    "Error handling in Python\n" + "A long guide to exceptions, failures and what went wrong. " * 40,
    "The history of the 404 page. " + "A server answers Not Found when a page is missing; an error, but a kind one. " * 20,
    "The invoice is due on 4 May. " * 30 + "If payment failed, call us.",
]


@pytest.mark.parametrize("text", ERRORS)
def test_a_result_that_says_it_is_an_error_is_one(text):
    found = error_in(text)
    assert found is not None
    assert 0.5 <= found.confidence <= 1


@pytest.mark.parametrize("text", FINE)
def test_a_result_that_mentions_errors_is_none(text):
    assert error_in(text) is None


def test_the_message_is_the_one_that_tells_most():
    assert error_in(json.dumps({"error": {"code": 7, "message": "quota exceeded"}})).message == "quota exceeded"
    assert error_in(json.dumps({"success": False, "message": "card declined"})).message == "card declined"
    assert error_in('Traceback (most recent call last):\n  File "x"\nKeyError: 1').message == "KeyError: 1"


@pytest.mark.parametrize(
    "text",
    [
        "Unknown tool: send_fax",
        "Error: tool 'send_fax' not found",
        "function send_fax does not exist",
        "No such tool: x",
        '{"error": "unknown_tool", "message": "there is no tool \'send_fax\'"}',
        '{"error": "unknown_tool", "message": "send_fax"}',
        '{"error": "Sorry, there is no function called send_fax"}',
    ],
)
def test_a_tool_that_does_not_exist_is_told_apart(text):
    assert error_in(text).unknown_tool


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("upstream timeout", True),
        ("HTTP 503 Service Unavailable", True),
        ("status_code 502", True),
        ("rate limit exceeded", True),
        ("openai.APIConnectionError: no route to host", True),
        ("The request timed out after 30 seconds", True),
        ("404 Not Found", False),
        ("order 500 not found", False),
        ("seat 12A is unavailable", False),
        ("ValueError: invalid date", False),
    ],
)
def test_a_backend_that_does_not_answer_is_told_apart_from_wrong_arguments(message, expected):
    assert unavailable(message) is expected


def test_a_missing_customer_is_not_a_missing_tool():
    assert not error_in("Error: user not found").unknown_tool


@given(
    st.text()
    | st.recursive(st.none() | st.booleans() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(json.dumps)
)
@settings(max_examples=50)
def test_any_text_is_read(text):
    found = error_in(text)
    assert found is None or (0 < found.confidence <= 1 and len(found.message) <= 300)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    ["{" * 200_000, "[" * 200_000 + "]" * 200_000, "Error " * 300_000, "a:" * 500_000, "\n" * 10**6 + "x", "error\t " * 10**5],
)
def test_hostile_text_is_read_in_linear_time(text):
    error_in(text)
