from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import assistant, tool_call, tool_result, user
from loopwright.collect.conversation import deeper_than, message_object, read_messages, read_steps
from loopwright.collect.trace import Message, ToolCall
from loopwright.errors import RecordError


def one(**message):
    (made,) = read_messages([message])
    return made


def test_a_plain_message_keeps_its_text():
    assert one(role="user", content="hello") == user("hello")


@pytest.mark.parametrize(
    ("given_role", "role"), [("developer", "system"), ("function", "tool"), ("Assistant", "assistant"), ("tool", "tool")]
)
def test_roles_are_named_in_one_way(given_role, role):
    assert one(role=given_role, content="x").role == role


def test_content_parts_are_kept_and_read_as_text():
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "here"}]
    message = one(role="user", content=parts)
    assert message.content == parts
    assert message.text == "look\nhere"


def test_a_refusal_is_the_content_of_a_message_without_one():
    assert one(role="assistant", content=None, refusal="I cannot").text == "I cannot"


def test_a_tool_result_that_is_an_object_becomes_its_json():
    assert one(role="tool", tool_call_id="a", content={"error": "no such user"}).text == '{"error":"no such user"}'


@pytest.mark.parametrize(
    ("arguments", "decoded"),
    [
        ('{"a": 1}', {"a": 1}),
        ({"a": 1}, {"a": 1}),
        ("not json", "not json"),
        ('{"a": NaN}', '{"a": NaN}'),
        ("", ""),
        (None, None),
        ("[" * 500 + "]" * 500, "[" * 500 + "]" * 500),
    ],
)
def test_arguments_are_decoded_where_they_are_json(arguments, decoded):
    message = one(
        role="assistant", tool_calls=[{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    )
    assert message.tool_calls == (ToolCall("c", "f", decoded),)


def test_a_function_call_of_the_old_shape_is_a_tool_call():
    messages = read_messages(
        [
            {"role": "assistant", "content": None, "function_call": {"name": "find", "arguments": '{"id": 3}'}},
            {"role": "function", "name": "find", "content": "found"},
        ]
    )
    assert messages[0].tool_calls == (ToolCall("call-0-0", "find", {"id": 3}),)
    assert [(s.kind, s.name, s.input, s.output) for s in read_steps(messages)][1] == ("tool", "find", {"id": 3}, "found")


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ("hello", 'messages is "hello"; give a list'),
        ({"role": "user"}, 'messages is {"role": "user"}'),
        (["hi"], 'messages[0] is "hi"'),
        ([{"content": "hi"}], "messages[0] has no role; give it one of system"),
        ([{"role": "user", "content": "a"}, {"role": "asistant"}], "messages[1].role is \"asistant\"; did you mean 'assistant'?"),
        ([{"role": 3}], "messages[0].role is 3; use one of"),
        ([{"role": "user", "content": 5}], "messages[0].content is 5; give text"),
        ([{"role": "user", "content": [5]}], "messages[0].content is [5]"),
        ([{"role": "assistant", "tool_calls": "f"}], 'messages[0].tool_calls is "f"'),
        ([{"role": "assistant", "tool_calls": ["f"]}], 'messages[0].tool_calls[0] is "f"'),
        (
            [{"role": "assistant", "tool_calls": [{"function": {}}]}],
            "messages[0].tool_calls[0] names no function: its name is null",
        ),
        ([{"role": "tool", "tool_call_id": []}], "messages[0].tool_call_id is []"),
    ],
)
def test_what_is_not_a_message_is_refused_with_its_place_value_and_cure(messages, said):
    with pytest.raises(RecordError) as error:
        read_messages(messages)
    assert said in str(error.value)


def outputs(*messages: Message):
    return [(step.span_id, step.name, step.output) for step in read_steps(messages) if step.kind == "tool"]


def test_results_find_their_calls_by_id_in_any_order():
    calls = (tool_call("a", "1"), tool_call("b", "2"))
    found = outputs(assistant(None, *calls), tool_result("B", "2"), tool_result("A", "1"))
    assert found == [("message-0-call-0", "a", "A"), ("message-0-call-1", "b", "B")]


def test_an_id_used_again_belongs_to_the_newer_call():
    call = assistant(None, tool_call("a", "1"))
    found = outputs(call, tool_result("first", "1"), call, tool_result("second", "1"))
    assert [output for _, _, output in found] == ["first", "second"]


def test_an_id_repeated_within_a_message_is_answered_in_order():
    found = outputs(assistant(None, tool_call("a", "1"), tool_call("b", "1")), tool_result("A", "1"), tool_result("B", "1"))
    assert [output for _, _, output in found] == ["A", "B"]


def test_results_without_ids_go_by_name_and_then_by_order():
    calls = assistant(None, tool_call("a", "1"), tool_call("b", "2"))
    assert [o for *_, o in outputs(calls, Message("tool", "B", name="b"), Message("tool", "A"))] == ["A", "B"]


def test_a_result_without_a_call_is_a_step_of_its_own():
    assert outputs(user("x"), tool_result("late", "9", name="f")) == [("message-1", "f", "late")]


def test_an_unanswered_call_has_no_output():
    assert outputs(assistant(None, tool_call("a")), user("hello?")) == [("message-0-call-0", "a", None)]


def test_a_model_step_is_given_the_messages_since_the_one_before():
    messages = [Message("system", "s"), user("one"), assistant("two"), user("three"), assistant("four")]
    first, second = read_steps(messages)
    assert [m["content"] for m in first.input] == ["s", "one"]
    assert [m["content"] for m in first.output] == ["two"]
    assert [m["content"] for m in second.input] == ["three"]
    assert second.span_id == "message-4"


roles = st.sampled_from(["system", "user", "assistant", "tool"])
calls = st.builds(ToolCall, st.sampled_from(["1", "2", ""]), st.sampled_from(["f", "g"]), st.none())
messages = st.builds(
    Message,
    roles,
    st.none() | st.sampled_from(["a", "b"]),
    st.lists(calls, max_size=3).map(tuple),
    st.none() | st.sampled_from(["1", "2", "3"]),
    st.none() | st.sampled_from(["f", "g"]),
)


@given(st.lists(messages, max_size=12))
def test_no_call_and_no_result_is_lost(conversation):
    steps = read_steps(conversation)
    asked = sum(len(m.tool_calls) for m in conversation if m.role == "assistant")
    answered = [m.content for m in conversation if m.role == "tool" and m.content is not None]
    tools = [step for step in steps if step.kind == "tool"]
    assert len({step.span_id for step in steps}) == len(steps)
    assert len([s for s in tools if s.parent_id is not None]) == asked
    assert sorted(step.output for step in tools if step.output is not None) == sorted(answered)
    assert [message_object(m) for m in conversation if m.role == "assistant"] == [s.output[0] for s in steps if s.kind == "model"]


def test_depth_counts_lists_and_objects():
    assert not deeper_than({"a": [1]}, 2)
    assert deeper_than({"a": [1]}, 1)
