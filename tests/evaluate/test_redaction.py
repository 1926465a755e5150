from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.evaluate.redaction import redact, redact_value


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("mail ada.b+x@example.co.uk now", "mail [email] now"),
        ("call +44 20 7946 0958 or (555) 010-1234 or 555-010-1234", "call [phone] or [phone] or [phone]"),
        ("card 4111 1111 1111 1111, exp 12/30", "card [card], exp 12/30"),
        ("5500-0000-0000-0004", "[card]"),
        ("IBAN DE89 3704 0044 0532 0130 00.", "IBAN [iban]."),
        ("ssn 078-05-1120", "ssn [ssn]"),
        ("from 192.168.10.7:8080", "from [ip]:8080"),
        ("at 2001:db8::8a2e:370:7334 today", "at [ip] today"),
        ("sk-abcdefghijklmnop1234", "[key]"),
        ("ghp_" + "a1" * 18, "[key]"),
        ("AKIAABCDEFGHIJKLMNOP", "[key]"),
        ("xoxb-1234567890-abcdef", "[key]"),
        ("Authorization: Bearer abc.def-ghi_jkl123", "Authorization: Bearer [token]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def", "[jwt]"),
        ("postgres://ada:s3cret@db.local/x", "postgres://ada:[password]@db.local/x"),
        ("password: hunter2", "password: [password]"),
        ('{"api_key": "abc123", "x": 1}', '{"api_key": "[secret]", "x": 1}'),
        ("API_KEY=hunter", "API_KEY=[secret]"),
        ("my password is Tr0ub4dor, thanks", "my password is [password], thanks"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----", "[pem]"),
    ],
)
def test_what_is_secret_or_personal_goes(text: str, clean: str) -> None:
    assert redact(text) == clean
    assert redact(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111112 shipped",  # fails the check digit
        "from 2024-05-12 to 2024-05-20 at 12:30:45",
        "reservation ZFA04Y, flight HAT069, user mia_li_3668",
        "the password is required; the token is missing",
        "version 1.2.3 costs $1,234.50",
        "ids 123456789 and 20240512123045",
        "a@b is not an address, nor is @handle",
        "ratio 3:2:1, IPv4, room 300.400.500.600",
        "sk-short and task-force-planning-one",
        "basic economy or business",
        "the bearer of news",
        "call_oYHDxU9tCZvK72L28iJya8HK",
        "PIN: none",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redact(text) == text


def test_values_are_cleaned_at_any_depth_and_names_tell_secrets() -> None:
    value = {"to": ["ada@example.com", 3, None], "deep": {"password": "x", "pin": 1234, "pinned": True}, "cc": "4111111111111111"}
    assert redact_value(value) == {
        "to": ["[email]", 3, None], "deep": {"password": "[password]", "pin": "[secret]", "pinned": True}, "cc": "[card]",
    }  # fmt: skip


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    ["1" * 50_000, "1-" * 25_000, "a" * 50_000 + "@", "-----BEGIN PRIVATE KEY-----" * 300, "a:" * 20_000, "password is " * 5000],
)
@pytest.mark.timeout(20)
def test_hostile_text_takes_no_time(text: str) -> None:
    redact(text)
