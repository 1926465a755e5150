from __future__ import annotations

import pytest

from builders import assistant, tool_call, tool_result, trace, user
from loopwright.collect.trace import Message, Step
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.rank import mine
from loopwright.mine.reading import plain, read, roles


def test_what_was_said_knows_what_was_said_before():
    reading = read(trace(Message("system", "Be kind."), user("Hi"), assistant("Hello. And you?"), user("Fine")))
    assert [(u.index, u.before) for u in reading.users] == [(1, ""), (3, "hello. and you?")]
    assert [(a.index, a.before) for a in reading.agents] == [(2, "hi")]


def test_plain_text_has_plain_quotes_single_blanks_and_no_marks_of_simulation():
    assert plain("  It\u2019s \u201cdone\u201d,\n ###STOP###  ") == 'it\'s "done",'


def test_a_simulated_users_mark_is_no_message():
    reading = read(trace(user("Hi"), assistant("Bye."), user("###STOP###")))
    assert (reading.last_role, reading.last_index) == ("agent", 1)


def test_results_find_their_calls_by_id_or_by_name():
    calls = assistant(None, tool_call("find", "a", n=1), tool_call("book", "b"))
    by_id = read(trace(user("go"), calls, tool_result("booked", "b"), tool_result("found", "a")))
    assert [(u.name, u.result, u.result_index) for u in by_id.tools] == [("find", "found", 3), ("book", "booked", 2)]
    bare = [Message("tool", "booked", name="book"), Message("tool", "found", name="find")]
    by_name = read(trace(user("go"), calls, *bare))
    assert [u.result for u in by_name.tools] == ["found", "booked"]


@pytest.mark.parametrize("id", ["call-1", ""])
def test_a_reused_id_is_of_the_turn_that_called_last(id):
    given_up, asked = (assistant(None, tool_call("search", id=id, q=q)) for q in ("a", "b"))
    uses = read(trace(given_up, user("Never mind, look for b."), asked, tool_result("b found", id=id))).tools
    assert [(use.arguments["q"], use.result) for use in uses] == [("a", None), ("b", "b found")]


@pytest.mark.parametrize("apart", [True, False])
def test_reused_ids_within_a_turn_are_answered_in_order(apart):
    calls = [tool_call("search", q=q) for q in "ab"]
    asked = [assistant(None, call) for call in calls] if apart else [assistant(None, *calls)]
    uses = read(trace(*asked, tool_result("a found"), tool_result("b found"))).tools
    assert [(use.arguments["q"], use.result) for use in uses] == [("a", "a found"), ("b", "b found")]
    late = read(trace(*asked, tool_result("a found"), user("And?"), tool_result("b found"))).tools
    assert [use.result for use in late] == ["a found", "b found"]


def test_a_result_without_a_call_is_a_use_of_its_own():
    (use,) = read(trace(user("go"), Message("tool", "Error: gone", name="find"))).tools
    assert (use.name, use.index, use.result_index) == ("find", None, 1)
    assert use.failure is not None


def test_spans_without_messages_are_uses():
    (use,) = read(trace(steps=(Step("s", "tool", "find", input={"n": 1}, output={"error": "gone"}),))).tools
    assert (use.span_ids, use.place) == (("s",), None)
    assert use.failure is not None
    assert use.failure.message == "gone"


@pytest.mark.parametrize(
    "attributes",
    [
        {"tools": ["find", "book"]},
        {"available_tools": [{"name": "find"}, {"name": "book"}]},
        {"functions": [{"type": "function", "function": {"name": "find"}}, {"function": {"name": "book"}}, 7, {}]},
    ],
)
def test_offered_tools_are_read_from_the_attributes(attributes):
    assert read(trace(attributes=attributes)).offered == {"find", "book"}


def test_agents_that_speak_in_the_users_role_are_agents():
    team = [
        Message("user", "Solve it", name="chat_manager"),
        Message("assistant", "x = 2", name="solver"),
        Message("user", "That's wrong", name="checker"),
        Message("user", "Are you done?", name="user"),
    ]
    assert roles(team) == ["user", "agent", "agent", "user"]


def test_people_with_names_are_people():
    chat = [Message("user", "Hi", name="anna"), Message("assistant", "Hello"), Message("user", "Me too", name="omar")]
    assert roles(chat) == ["user", "agent", "user"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["not " * 50_000, "a" * 500_000, "no " * 50_000, "i want " * 50_000, "not a:b " * 20_000, "'" * 90_000]
)
def test_hostile_wording_is_read(text):
    assert not mine([trace(user("hi"), assistant(text), user(text), assistant("ok"))], SHIPPED).faults
