from __future__ import annotations

from typing import Any

from builders import assistant, case, result, tool_call, tool_result, trace, user
from loopwright.collect.trace import Message, Trace
from loopwright.improve.proposal import ProposalKind
from loopwright.improve.trials import Surroundings, failing, surroundings, trial_trace

KNOWN = Surroundings((Message("system", "be brief"),), {"tools": ["find"]})


def made(input: Any, *messages: dict[str, Any]) -> Trace | None:
    return trial_trace(case(input=input), result(messages=messages), "t", KNOWN)


ANSWER = {"role": "assistant", "content": "fine"}


def test_the_input_is_put_before_an_answer_that_does_not_repeat_it() -> None:
    found = made("hello", ANSWER)
    assert found is not None
    assert [m.text for m in found.messages] == ["be brief", "hello", "fine"]
    assert found.attributes == {"tools": ["find"]}


def test_a_whole_conversation_is_taken_as_it_is() -> None:
    turns = [{"role": "user", "content": "hello"}, {"role": "user", "content": "bye"}]
    found = made(turns, turns[0], ANSWER, turns[1], ANSWER)
    assert found is not None
    assert [m.text for m in found.messages] == ["be brief", "hello", "fine", "bye", "fine"]
    own = made("hello", {"role": "system", "content": "own"}, {"role": "user", "content": "hello"}, ANSWER)
    assert own is not None
    assert [m.text for m in own.messages] == ["own", "hello", "fine"]


def test_an_answer_without_messages_is_no_trace() -> None:
    assert made("hello") is None
    assert made("hello", {"content": 5}) is None


def test_what_most_traces_tell_is_known_of_the_agent() -> None:
    prompt = Message("system", "be brief")
    traces = [
        trace(prompt, user("a"), id="1"),
        trace(prompt, user("b"), id="2", attributes={"tools": ["find"]}),
        trace(user("c")),
    ]
    assert surroundings(traces) == KNOWN
    assert surroundings([]) == Surroundings()


def test_failing_trials_are_told_among_the_reference() -> None:
    def calling(times: int, id: str) -> Trace:
        turns = [
            m for n in range(times) for m in (assistant(None, tool_call("find", f"c{n}", item=1)), tool_result("red", f"c{n}"))
        ]
        return trace(user("which colour?"), *turns, assistant("red"), id=id)

    trials = [calling(5, "bad"), calling(1, "good")]
    assert failing(ProposalKind.DEDUPLICATE_CALLS, trials, [calling(5, "recorded")]) == {"bad": True, "good": False}
