from __future__ import annotations

from builders import assistant, tool_call, tool_result, trace, user
from loopwright.collect.trace import Message
from loopwright.judge.transcript import PART, WHOLE, transcript


def test_a_conversation_is_told_with_its_calls_and_its_error() -> None:
    told = transcript(
        trace(
            user("Refund 17"),
            assistant(None, tool_call("refund", order="17")),
            tool_result("not found", name="refund"),
            error="boom",
        )
    )
    assert told == (
        '[0] user:\nRefund 17\n\n[1] assistant:\ncalls refund({"order": "17"})\n\n[2] tool (refund):\nnot found\n\n'
        "[the trace ended with an error] boom"
    )


def test_what_is_too_long_keeps_its_beginning_and_its_end_and_says_so() -> None:
    told = transcript(trace(user("a" * 9000 + "END"), *(assistant("x" * PART) for _ in range(20)), user("last word")))
    assert len(told) <= WHOLE + 100
    assert told.startswith("[0] user:\naaa")
    assert told.endswith("last word")
    assert "characters are left out" in told
    assert transcript(trace()) == ""


def test_the_agents_instructions_are_shown_whole() -> None:
    told = transcript(trace(Message("system", "policy " * 2000), user("hi")))
    assert "left out" not in told
