from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.adapters.targets.answer import decode, reply_from, reply_from_text
from loopwright.effects import TargetReply


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("hello\n", TargetReply("hello")),
        ("", TargetReply("")),
        ("{broken", TargetReply("{broken")),
        ('{"total": 3}', TargetReply('{"total": 3}')),
        (
            '{"output": "hi", "cost_usd": 0.5, "tokens": 7, "trace": 1}',
            TargetReply("hi", cost_usd=0.5, tokens=7, extra={"trace": 1}),
        ),
        ('{"output": {"a": 1}}', TargetReply('{"a": 1}')),
        ('{"output": "hi", "messages": [{"role": "user"}]}', TargetReply("hi", ({"role": "user"},))),
        ('{"error": "no"}', TargetReply(error="no")),
        ('{"output": "x", "error": ""}', TargetReply("x", error="the agent reported an error")),
        ('{"output": null}', TargetReply(error="the answer cannot be read: output is null")),
        ('{"output": "x", "messages": ["a"]}', TargetReply(error="the answer cannot be read: messages is not a list of objects")),
        ('{"output": "x", "cost_usd": "free"}', TargetReply(error="the answer cannot be read: cost_usd is 'free', not a number")),
        ('{"output": "x", "tokens": 1.5}', TargetReply(error="the answer cannot be read: tokens is 1.5, not a whole number")),
        ('{"output": "\\ud800 \\ud83d\\ude00"}', TargetReply("\ufffd \U0001f600")),
        ('{"a": ' + "[" * 100_000, TargetReply('{"a": ' + "[" * 100_000)),
    ],
)
def test_text_becomes_a_reply(text: str, reply: TargetReply) -> None:
    assert reply_from_text(text) == reply


@pytest.mark.parametrize(("value", "output"), [("x", "x"), (3, "3"), ([1], "[1]"), (True, "true"), ({"a": 1}, '{"a": 1}')])
def test_a_value_becomes_a_reply(value: Any, output: str) -> None:
    assert reply_from(value) == TargetReply(output)


def test_nothing_is_no_answer() -> None:
    assert "answered None" in str(reply_from(None).error)


@given(st.text())
def test_any_text_is_a_reply(text: str) -> None:
    assert isinstance(reply_from_text(text), TargetReply)


def test_half_surrogate_pairs_never_come_through() -> None:
    assert decode(b'{"\\ud800": ["\\udfff", "\\ud83d\\ude00"]}') == {"\ufffd": ["\ufffd", "\U0001f600"]}
