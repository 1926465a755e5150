"""Text made to be slow: the time grows with its length, no faster."""
# ruff: noqa: E501

from __future__ import annotations

import time

import pytest

from loopwright.collect.redaction.redactor import Redactor
from loopwright.collect.redaction.rules import PERSONAL, RedactionRules

PIECES = (
    "1", "1-", "1 ", "0.", "1.1.1.1.", "(1", "+1 ", "a@", "@", "a.@", "a@a.", "%40", ":", "::", "1:", "a:a:", "password=", "password is ", 'password":"',
    '"password": "\\', "token token=", "Bearer ", "Bearer aaaaaaaaaaaa ", "sk-", "sk-aaaaaaaaaaaaaaaaa.", "eyJaaaaaaaaaaaaaaaaa.", "eyJ", "aeyJ", "asksk-", "A", "AKIA", "w" * 20 + " ", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN ", "\\", "\\n", "\\u0022", "://", "://a:", "://a:b", "DE89", "DE89 3704 ", "AA00", "4111 ", "4", "é", "\u2011", "http://a:@", "%41", "--password ", "<password:", "api_key=[", "[1,",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.timeout(60)
def test_the_time_grows_with_the_length(piece: str) -> None:
    redactor = Redactor(RedactionRules(personal=frozenset(PERSONAL), key=b"k" * 16))

    def seconds(length: int) -> float:
        text = piece * (length // len(piece))
        began = time.process_time()
        redactor.text(text)
        redactor.may_hold(text.encode())
        return time.process_time() - began

    short = min(seconds(20_000) for _ in range(2))
    long = min(seconds(160_000) for _ in range(2))
    assert long < 24 * max(short, 0.004)  # eight times the length; quadratic would be 64 times
