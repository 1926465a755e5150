from __future__ import annotations

from dataclasses import replace

import pytest

from builders import assistant, failure, mode, signal, tool_call, tool_result, user
from loopwright.collect.trace import Message, Trace
from loopwright.errors import UsageError
from loopwright.evaluate.case import CaseStatus, Check, EvalCase, Layer
from loopwright.evaluate.draft import admits, draft
from loopwright.evaluate.suite import parse
from loopwright.evaluate.surroundings import Surroundings
from loopwright.evaluate.writing import render
from loopwright.mine.detector import Context
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.reading import read
from loopwright.mine.signal import FailureSignal, FailureTrace, Where

SYSTEM = Message("system", "You are an agent.")


def mined(*messages: Message, id: str = "t1") -> FailureTrace:
    trace = Trace(id, messages=messages)
    found = tuple(s for d in SHIPPED for s in d.detect(trace, Context(reading=read(trace))))
    assert found
    return failure(id, signal_type=found[0].type, signals=found, reason=found[0].reason)


def drafted(*messages: Message, **fields: object) -> EvalCase:
    case = draft([mined(*messages)], {"t1": messages}, mode(severity=0.7, **fields))
    (again,) = parse(render([case]), "x")
    assert replace(again, file="", line=0) == case
    if case.checks:
        assert case.fails_on_source is True
        assert admits(case, messages) is True
    return case


TOOL_ERROR = (
    SYSTEM,
    user("Refund order 17 to ada@example.com"),
    assistant(None, tool_call("refund", order="17")),
    tool_result("Error: order 17 not found"),
    assistant("I could not do that."),
    user("Why?"),
    assistant("I do not know."),
)


def test_a_tool_error_becomes_a_case_that_fails_on_it() -> None:
    case = drafted(*TOOL_ERROR)

    assert case.input == "Refund order 17 to [email]"
    assert case.checks[0].type == "not_regex"
    assert case.checks[0].options["in"] == "tool_results"
    assert (case.layer, case.status, case.severity, case.mode_id) == (Layer.DETERMINISTIC, CaseStatus.DRAFT, 4, "mode-1")
    assert case.source_trace_ids == ("t1",)
    assert "hard_error" in case.tags
    other = (*TOOL_ERROR[:3], tool_result("Error: order 99 not found"), *TOOL_ERROR[4:])
    fine = (*TOOL_ERROR[:3], tool_result('{"refunded": 3.5}'), assistant("Refunded."))
    assert admits(case, other) is True
    assert admits(case, fine) is False


def test_the_conversation_before_the_failure_is_the_input_without_the_system_message() -> None:
    case = drafted(SYSTEM, user("Hi"), assistant("Hello"), *TOOL_ERROR[1:])
    assert [m["role"] for m in case.input] == ["user", "assistant", "user"]


def test_a_repeated_call_becomes_a_case_against_repeats() -> None:
    again = [m for _ in range(3) for m in (assistant(None, tool_call("search", q="x")), tool_result("[]"))]
    case = drafted(user("Find x"), *again, assistant("Nothing."))
    assert case.checks == (Check("no_repeated_calls", {"name": "search"}),)


def test_a_correction_becomes_a_case_for_a_judge_that_ends_before_the_correction() -> None:
    messages = (
        user("Book a seat to Oslo"),
        assistant("Booked to Rome."),
        user("No, that's wrong, I said Oslo, my password is hunter2"),
    )
    found = signal(
        type=FailureSignal.USER_CORRECTION,
        detector="user_correction",
        where=Where(message_index=2),
        reason="the user corrects: wrong",
    )
    case = draft([failure(signal_type=FailureSignal.USER_CORRECTION, signals=(found,))], {"t1": messages}, mode())

    assert (case.layer, case.checks, case.fails_on_source) == (Layer.SEMANTIC, (), None)
    assert case.input == "Book a seat to Oslo"
    assert any("I said Oslo" in criterion for criterion in case.scoring_rubric)
    assert "hunter2" not in render([case])
    assert admits(case, messages) is None


def test_the_id_comes_from_the_mode_and_stays() -> None:
    assert drafted(*TOOL_ERROR).id == drafted(*TOOL_ERROR, name="another name").id
    assert drafted(*TOOL_ERROR, id="mode-2").id != drafted(*TOOL_ERROR).id
    one_off = draft([mined(*TOOL_ERROR)], {"t1": TOOL_ERROR})
    assert one_off.mode_id is None
    assert one_off.id not in (drafted(*TOOL_ERROR).id, draft([mined(*TOOL_ERROR, id="t2")], {"t2": TOOL_ERROR}).id)


def test_the_source_is_the_first_representative_that_shows_the_failure() -> None:
    silent = (user("Refund order 18"), assistant("Done."))
    failures = [replace(mined(*TOOL_ERROR), trace_id="quiet"), mined(*TOOL_ERROR, id="loud")]
    case = draft(failures, {"quiet": silent, "loud": TOOL_ERROR}, mode(representatives=("quiet", "loud")))
    assert case.source_trace_ids == ("loud", "quiet")


def test_without_the_conversation_the_failures_own_record_is_the_input() -> None:
    case = draft([failure(text="Where is my order? ada@example.com", signals=(signal(),))], {}, mode())
    assert case.input == "Where is my order? [email]"
    assert case.layer is Layer.SEMANTIC
    assert draft([replace(failure(), input_payload={"order": 17})], {}, mode()).input == '{"order": 17}'


def test_nothing_to_draft_from_is_told() -> None:
    with pytest.raises(UsageError, match="no failure to draft"):
        draft([], {}, mode())


def left(*messages: Message, detector: str = "unresolved_end", at: int | None = None, reason: str = "it breaks off") -> EvalCase:
    place = len(messages) - 1 if at is None else at
    found = signal(type=FailureSignal.ABANDONMENT, detector=detector, where=Where(message_index=place), reason=reason)
    failed = failure(signal_type=FailureSignal.ABANDONMENT, signals=(found,))
    advice = mode(possible_fix="Say in the instructions what to do here.")
    case = draft([failed], {"t1": messages}, advice)
    assert advice.possible_fix not in render([case])
    return case


def test_no_draft_is_about_thanks_or_a_mark_of_the_end() -> None:
    messages = (
        user("Hi"), assistant("Hello, what can I do?"), user("Move my flight to Friday"), assistant("I was unable to."),
        user("Thank you for your help! ###STOP###"), user("###STOP###"),
    )  # fmt: skip
    case = left(*messages, at=4, reason="the conversation ends politely after the agent could not help")
    assert case.input[-1]["content"] == "Move my flight to Friday"
    assert case.expected_behaviour.startswith('Answers the request "Move my flight to Friday"; does not end before')
    assert case.failure_indicator == "The conversation ends politely after the agent could not help"
    assert "STOP" not in render([case])
    assert "Thank" not in render([case])


def test_a_message_that_is_only_a_mark_of_the_end_is_no_part_of_the_input() -> None:
    marked = (user("Refund order 17"), assistant("Gladly."), assistant("TERMINATE"), *TOOL_ERROR[1:])
    case = drafted(*marked)
    assert [m["content"] for m in case.input] == ["Refund order 17", "Gladly.", "Refund order 17 to [email]"]


def test_effort_becomes_a_case_about_the_first_request() -> None:
    turns = [m for n in range(5) for m in (assistant(None, tool_call("find", n=n)), tool_result(str(n)))]
    messages = (
        user("Hi"),
        assistant("Hello"),
        user("Move my flight to Friday"),
        *turns,
        assistant("Done. Anything else?"),
        user("no"),
    )
    case = left(*messages, detector="unusual_effort", reason="the conversation took 12 tool calls, where 4 are usual")
    assert [m["content"] for m in case.input] == ["Hi", "Hello", "Move my flight to Friday"]
    assert "without detours" in case.expected_behaviour
    assert case.failure_indicator == "The conversation took 12 tool calls, where 4 are usual"
    assert not any("12 tool calls" in criterion for criterion in case.scoring_rubric)


def test_what_says_more_than_effort_is_what_the_draft_is_about() -> None:
    effort = signal(type=FailureSignal.ABANDONMENT, detector="unusual_effort", severity=0.3, confidence=0.8)
    stuck = signal(
        type=FailureSignal.ABANDONMENT, detector="agent_loop", severity=0.25, confidence=0.6, where=Where(message_index=3)
    )
    messages = (user("Return my hat"), assistant("Your number?"), user("N41"), assistant("Your number?"), user("bye"))
    case = draft([failure(signals=(effort, stuck))], {"t1": messages}, mode())
    assert case.tags == ("hard_error", "agent_loop")
    assert case.checks == (Check("no_signal", {"detector": "agent_loop"}),)
    assert case.fails_on_source is True
    assert case.expected_behaviour.startswith('Goes on with "Return my hat": takes up what the user answered')


def test_the_request_is_what_was_asked_and_not_what_was_answered() -> None:
    messages = (
        user("Cancel my order"), assistant("What is its number?"), user("It's N4100"), assistant("Shall I cancel N4100?"),
        user("Yes"), assistant("I could not."),
    )  # fmt: skip
    case = left(*messages)
    assert case.input[-1]["content"] == "Yes"
    assert case.scoring_rubric[0] == 'Answers what the user asked: "Cancel my order"'
    agreed = (*messages[:4], user("Everything looks right. Yes, please proceed with it."), assistant("I could not."))
    assert left(*agreed).scoring_rubric[0] == 'Answers what the user asked: "Cancel my order"'
    offered = (
        user("Upgrade me"),
        assistant("No. Let me know if a person may help"),
        user("Yes, please, that would be helpful. Thank you!"),
    )
    assert left(*offered, assistant("")).scoring_rubric[0] == 'Answers what the user asked: "Upgrade me"'
    wider = (*messages[:4], user("Yes, and I'd also like a refund."), assistant("I could not."))
    assert left(*wider).scoring_rubric[0] == 'Answers what the user asked: "Yes, and I\'d also like a refund."'
    more = (*messages[:5], assistant("Done. Anything else?"), user("Send my invoice"), assistant("I could not."))
    assert left(*more).scoring_rubric[0] == 'Answers what the user asked: "Send my invoice"'


def quotes(calls: int) -> tuple[Message, ...]:
    tried = [m for _ in range(calls) for m in (assistant(None, tool_call("quote", zone=1)), tool_result("upstream timeout"))]
    return (user("What is shipping to zone 1?"), *tried, assistant("It is 4 euros."))


def backend_draft(calls: int) -> EvalCase:
    found = signal(reason="quote answered with an error: “upstream timeout”", where=Where(message_index=2))
    return draft([failure(signals=(found,))], {"t1": quotes(calls)}, mode())


def test_a_backend_that_does_not_answer_is_checked_by_what_the_agent_makes_of_it() -> None:
    case = backend_draft(1)
    assert (case.checks, case.layer) == ((), Layer.SEMANTIC)
    assert case.failure_indicator.startswith("quote answered with an error")
    assert any("Claims no success that quote did not report" in criterion for criterion in case.scoring_rubric)
    assert "says plainly that quote did not work" in case.expected_behaviour

    again = backend_draft(5)
    assert again.checks == (Check("no_repeated_calls", {"name": "quote", "max": 3}),)
    assert again.fails_on_source is True
    assert admits(again, quotes(2)) is False


def test_a_tool_that_finds_nothing_is_no_fault_of_the_agent() -> None:
    messages = (
        user("Find a flight"),
        assistant(None, tool_call("search")),
        tool_result("[]"),
        assistant("There is one at nine."),
    )
    case = left(*messages, detector="unanswered_call", at=2, reason="search found nothing")
    assert case.scoring_rubric[1].endswith("claims nothing that search did not return.")


def test_without_the_conversation_thanks_are_no_input() -> None:
    record = replace(failure(), input_payload={"input": "Thanks, bye! ###STOP###", "request": "Where is my parcel?"})
    case = draft([record], {}, mode())
    assert case.input == "Where is my parcel?"
    assert '"Where is my parcel?"' in case.expected_behaviour


CANCEL = ("Cancel reservation HX4411", "my user id is ada_l_17")


def cancelled(id: str, order: str, **fields: object) -> Trace:
    """A conversation about the same request that ends with the cancellation of an order."""
    messages = (user(CANCEL[0]), assistant("Your id?"), user(CANCEL[1]), assistant(None, tool_call("cancel", order=order)),
                tool_result("done"), assistant("Cancelled."))  # fmt: skip
    return Trace(id, messages=messages, **fields)


def test_without_a_check_of_the_turn_the_outcome_is_drafted_from_conversations_with_the_same_request() -> None:
    messages = (*cancelled("t1", "ZZ0000").messages, user("No, that is the wrong one! HX4411"))
    around = Surroundings([Trace("t1", messages=messages), cancelled("o1", "HX4411"), cancelled("o2", "HX4411")])
    found = signal(
        type=FailureSignal.USER_CORRECTION, detector="user_correction", where=Where(message_index=6), reason="it is wrong"
    )

    case = draft([failure(signals=(found,))], {"t1": messages}, mode(), around)

    assert (case.layer, case.fails_on_source, case.not_admitted) == (Layer.BEHAVIORAL, True, "")
    assert [m["content"] for m in case.input] == list(CANCEL)
    assert [(c.type, c.options["arguments"]) for c in case.checks] == [
        ("tool_called", {"order": "HX4411"}),
        ("tool_not_called", {"order": "ZZ0000"}),
    ]
    assert case.expected_behaviour.endswith("calls cancel (order: HX4411); does not call cancel (order: ZZ0000).")
    assert case.failure_indicator.startswith("The conversation lacks cancel (order: HX4411), which 2 of 2 conversations")
    assert "outcome" in case.tags
    assert admits(case, messages) is True
    assert admits(case, cancelled("o3", "HX4411").messages) is False
    (again,) = parse(render([case]), "x")
    assert replace(again, file="", line=0) == case


def test_a_check_that_fails_in_sound_conversations_too_is_kept_with_the_reason() -> None:
    sound = [Trace(f"o{n}", messages=(user("Refund"), *TOOL_ERROR[2:5])) for n in range(3)]
    case = draft([mined(*TOOL_ERROR)], {"t1": TOOL_ERROR}, mode(), Surroundings(sound))
    assert case.fails_on_source is True
    assert case.not_admitted.startswith("its checks fail in 3 of 3 sound conversations")


def test_a_failure_that_nobody_can_check_says_so() -> None:
    messages = (user("Book a seat"), assistant("Booked."))
    found = signal(type=FailureSignal.USER_CORRECTION, detector="frustration", where=Where(message_index=0), reason="angry")
    case = draft([failure(signals=(found,))], {"t1": messages}, mode())
    assert (case.layer, case.fails_on_source) == (Layer.SEMANTIC, None)
    assert case.not_admitted.startswith("it has no checks")
