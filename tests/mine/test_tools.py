from __future__ import annotations

from builders import assistant, tool_call, tool_result, trace, user
from loopwright.collect.trace import Step, ToolCall
from loopwright.mine.signal import FailureSignal
from mining import found

HARD = FailureSignal.HARD_ERROR


def lookup(call: str, result: str, tool: str = "lookup", **arguments: object):
    return assistant(None, ToolCall(call, tool, arguments)), tool_result(result, call)


def test_a_tool_error_points_at_the_result_and_its_span():
    messages = (user("refund me"), *lookup("a", "Error: no such order", order=7), assistant("I could not find it."))
    step = Step("span-1", "tool", "lookup", input={"order": 7}, output="Error: no such order")
    (signal,) = found("tool_error", trace(*messages, steps=(step,)))
    assert signal.type is HARD
    assert signal.where.message_index == 2
    assert signal.where.span_ids == ("span-1",)
    assert "no such order" in signal.reason
    assert signal.summary == "lookup: Error: no such order"


def test_an_error_that_is_recovered_from_is_less_severe_than_the_last_word():
    failed, worked = lookup("a", "Error: locked", order=1), lookup("b", "found", order=1)
    (recovered,) = found("tool_error", trace(user("go"), *failed, *worked))
    (last,) = found("tool_error", trace(user("go"), *worked, *failed))
    assert recovered.severity < last.severity


def test_the_tracers_word_is_taken_where_the_text_says_nothing():
    step = Step("s", "tool", "lookup", output="", error="connection reset")
    (signal,) = found("tool_error", trace(user("go"), steps=(step,)))
    assert signal.where.message_index is None
    assert signal.where.span_ids == ("s",)


def test_messages_and_spans_of_one_call_are_counted_once():
    messages = (user("go"), *lookup("a", "Error: locked", order=1), *lookup("b", "Error: locked", order=2))
    steps = tuple(Step(f"s{n}", "tool", "lookup", input={"order": n}, output="Error: locked") for n in (2, 1))
    signals = found("tool_error", trace(*messages, steps=steps))
    assert [s.where.span_ids for s in signals] == [("s1",), ("s2",)]


def test_a_document_about_errors_is_no_error():
    page = "Common errors. " + "When a request failed, the page was not found or the token invalid. " * 30
    assert not found("tool_error", trace(user("read it"), *lookup("a", page)))


def test_a_tool_that_was_not_offered_does_not_exist():
    called = trace(
        user("fax it"), *lookup("a", "ok", tool="send_fax"), attributes={"tools": [{"function": {"name": "send_mail"}}]}
    )
    (signal,) = found("unknown_tool", called)
    assert "send_fax" in signal.reason
    offered = trace(user("fax it"), *lookup("a", "ok", tool="send_fax"), attributes={"tools": ["send_fax"]})
    assert not found("unknown_tool", offered)
    assert not found("unknown_tool", trace(user("fax it"), *lookup("a", "ok", tool="send_fax")))


def test_an_answer_that_the_tool_does_not_exist_counts_once():
    called = trace(user("fax it"), *lookup("a", "Error: unknown tool send_fax", tool="send_fax"))
    assert found("unknown_tool", called)
    assert not found("tool_error", called)


def test_broken_arguments_are_told_from_a_tool_that_takes_text():
    broken = assistant(None, ToolCall("a", "lookup", '{"order": 7'))
    assert found("malformed_arguments", trace(user("go"), broken, tool_result("ok", "a")))
    plain = assistant(None, ToolCall("a", "search", "cheap flights"))
    assert not found("malformed_arguments", trace(user("go"), plain, tool_result("ok", "a")))
    mixed = trace(
        user("go"), *lookup("a", "ok", order=1), assistant(None, ToolCall("b", "lookup", "order 7")), tool_result("ok", "b")
    )
    assert found("malformed_arguments", mixed)


def test_the_same_call_with_the_same_result_is_a_repeat():
    calls = [message for id in "abc" for message in lookup(id, "no seats", day=4)]
    signals = found("repeated_call", trace(user("go"), *calls))
    assert [s.where.message_index for s in signals] == [4, 6]
    assert signals[0].confidence < signals[1].confidence


def test_polling_and_other_arguments_are_no_repeat():
    polling = (*lookup("a", "pending", job=1), *lookup("b", "running", job=1), *lookup("c", "done", job=1))
    assert not found("repeated_call", trace(user("go"), *polling))
    different = (*lookup("a", "none", day=1), *lookup("b", "none", day=2), *lookup("c", "none", day=3))
    assert not found("repeated_call", trace(user("go"), *different))


def test_a_tool_that_fails_again_and_again_is_a_repeat_though_arguments_differ():
    tries = [message for n, id in enumerate("abc") for message in lookup(id, f"Error: bad day {n}", day=n)]
    (signal,) = found("repeated_call", trace(user("go"), *tries))
    assert signal.where.message_index == 6


def test_silence_counts_where_the_tool_speaks_at_other_times():
    assert found("unanswered_call", trace(user("go"), *lookup("a", "Anna", id=1), *lookup("b", "", id=2)))
    assert not found("unanswered_call", trace(user("go"), *lookup("a", "", note="remember"), *lookup("b", "", note="this")))
    assert found("unanswered_call", trace(user("go"), *lookup("a", "[]", id=1)))


def test_a_call_without_a_result_counts_where_results_are_recorded():
    unanswered = assistant(None, tool_call("refund", "z"))
    assert found("unanswered_call", trace(user("go"), *lookup("a", "Anna"), unanswered, assistant("Done.")))
    assert not found("unanswered_call", trace(user("go"), unanswered, assistant("Done.")))


def test_failed_traces_and_validators_are_hard_errors():
    step = Step("g", "guardrail", "no_secrets", error="output holds a card number")
    whole, validator = found("trace_error", trace(user("go"), error="killed after 60 s", steps=(step,)))
    assert {whole.type, validator.type} == {HARD}
    assert {
        "the trace ended with an error: “killed after 60 s”",
        "the validator no_secrets failed: “output holds a card number”",
    } == {
        whole.reason,
        validator.reason,
    }
    assert not found("trace_error", trace(user("go")))


def test_code_that_failed_is_found_in_a_message_but_not_in_the_users_question():
    crash = 'exitcode: 1 (execution failed)\nCode output: Traceback (most recent call last):\n  File "a.py"\nNameError: x'
    assert found("execution_error", trace(user("compute it"), assistant("```print(x)```"), user(crash)))
    assert not found(
        "execution_error", trace(user('Traceback (most recent call last):\n  File "a.py"\nNameError: x'), assistant("Ah."))
    )
