from __future__ import annotations

from dataclasses import replace

import pytest

from builders import assistant, failure, mode, signal, tool_call, tool_result, user
from loopwright.collect.trace import Message, Trace
from loopwright.errors import UsageError
from loopwright.evaluate.case import CaseStatus, Check, EvalCase, Layer
from loopwright.evaluate.draft import admits, draft
from loopwright.evaluate.suite import parse
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
