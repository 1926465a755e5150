from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.collect.record import FORMATS, LABELS, read_trace, sniff, trace_object
from loopwright.collect.trace import Feedback, FeedbackKind, Message, Step, StepKind, ToolCall, Trace, Usage
from loopwright.errors import RecordError

CHAT = {
    "id": "c1",
    "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}],
    "session_id": "s1",
    "version": 2.1,
    "timestamp": "2026-02-03T04:05:06+01:00",
    "feedback": "down",
    "metadata": {"region": "eu"},
    "channel": "web",
}


def read(record, format=None):
    return read_trace(record, format)[0]


def test_a_chat_record_becomes_a_trace():
    trace = read(CHAT)
    assert (trace.trace_id, trace.session_id, trace.version) == ("c1", "s1", "2.1")
    assert trace.started_at == datetime(2026, 2, 3, 3, 5, 6, tzinfo=UTC)
    assert trace.attributes == {"region": "eu", "channel": "web"}
    assert trace.feedback == (Feedback("thumb", False, True),)
    assert [step.kind for step in trace.steps] == ["model"]


def test_the_order_of_keys_changes_nothing():
    shuffled = {key: CHAT[key] for key in reversed(CHAT)}
    assert read(shuffled) == read(CHAT)
    nameless = {k: v for k, v in CHAT.items() if k != "id"}
    assert read(dict(reversed(nameless.items()))).trace_id == read(nameless).trace_id


def test_a_record_without_an_id_gets_one_from_its_content():
    nameless = {k: v for k, v in CHAT.items() if k != "id"}
    first = read(nameless).trace_id
    assert first.startswith("trace-")
    assert read({**nameless, "feedback": "up"}).trace_id == first
    assert read({**nameless, "version": "3"}).trace_id != first


def test_a_tau_bench_record_is_named_by_its_task_and_trial():
    trace = read({"task_id": 12, "trial": 3, "traj": CHAT["messages"]})
    assert trace.trace_id == "12-3"
    assert len(trace.messages) == 2


@pytest.mark.parametrize(
    "record", [CHAT, {k: v for k, v in CHAT.items() if k != "id"}, {"task_id": 1, "trial": 0, "traj": CHAT["messages"]}]
)
@pytest.mark.parametrize("labels", [{"reward": 1.0}, {"reward": 0.0, "info": {"task": {"instruction": "secret"}}}])
def test_labels_change_nothing(record, labels):
    assert read({**record, **labels}) == read(record)
    assert read({**labels, **record}) == read(record)


def test_labels_in_metadata_and_in_normalised_attributes_are_left_out():
    assert read({**CHAT, "metadata": {"region": "eu", "reward": 1, "info": {}}}) == read(CHAT)
    normalised = trace_object(read(CHAT))
    assert read({**normalised, "reward": 1, "attributes": {**normalised["attributes"], "info": "x"}}) == read(CHAT)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({**CHAT, "id": ""}, 'id is ""'),
        ({**CHAT, "id": "a\x1b[31m"}, 'id is "a\\u001b[31m"'),
        ({**CHAT, "id": ["x"]}, 'id is ["x"]'),
        ({**CHAT, "id": "x" * 501}, "id is"),
        ({**CHAT, "timestamp": "yesterday"}, 'timestamp is "yesterday", which is not a time; give ISO 8601'),
        ({**CHAT, "session_id": {}}, "session_id is {}"),
        ({**CHAT, "messages": None}, "messages is null; give a list"),
        ({"id": "x", "turns": []}, "unknown format: the record's keys are id, turns; known formats: chat"),
        ({"role": "user", "content": "hi"}, "this is one message"),
        ({"task_id": 1, "trial": 0, "traj": 5}, "traj is 5"),
    ],
)
def test_a_record_that_is_not_of_its_format_is_refused(record, said):
    with pytest.raises(RecordError) as error:
        read(record)
    assert said in str(error.value)
    assert error.value.cure


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trace_id": 5}, "trace_id: expected str, got int, found 5"),
        ({"messages": [{"content": "x"}]}, "messages[0]: object missing required field role"),
        (
            {"steps": [{"span_id": "s", "kind": "thought", "name": "n"}]},
            "steps[0].kind: invalid enum value 'thought', found \"thought\"",
        ),
        ({"started_at": "noon"}, 'started_at: invalid RFC3339 encoded datetime, found "noon"'),
    ],
)
def test_a_normalised_record_is_read_strictly(change, said):
    with pytest.raises(RecordError) as error:
        read({**trace_object(read(CHAT)), **change})
    assert said in str(error.value)


def test_what_a_normalised_record_leaves_open_has_its_default():
    assert read({"trace_id": "x", "steps": None, "usage": None, "messages": None}) == Trace("x")


def test_a_chat_record_may_call_its_id_trace_id():
    assert read({"trace_id": "x", "messages": []}) == Trace("x")


def test_the_format_can_be_given():
    both = {"id": "x", "messages": CHAT["messages"], "traj": []}
    assert sniff(both) == "tau-bench"
    assert len(read(both, "chat").messages) == 2
    assert set(FORMATS) == {"chat", "tau-bench", "normalised"}


def test_the_normalised_record_has_the_documented_keys():
    record = trace_object(read(CHAT))
    assert list(record) == [
        "trace_id", "session_id", "agent", "version", "started_at", "ended_at", "messages", "steps", "usage", "error", "feedback",
        "attributes",
    ]  # fmt: skip
    assert list(record["messages"][0]) == ["role", "content", "tool_calls"]
    assert list(record["steps"][0]) == ["span_id", "parent_id", "kind", "name", "input", "output", "error"]


text = st.text(max_size=12)
optional = st.none() | text
number = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
value = st.recursive(
    st.none() | st.booleans() | number | text,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(text, v, max_size=3),
    max_leaves=6,
)
moments = st.none() | st.datetimes(timezones=st.just(UTC))
messages = st.builds(
    Message,
    text,
    optional | st.lists(text | st.dictionaries(text, value, max_size=2), max_size=2),
    st.lists(st.builds(ToolCall, text, text, value), max_size=2).map(tuple),
    optional,
    optional,
)
ids = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=20)
traces = st.builds(
    Trace,
    trace_id=ids,
    messages=st.lists(messages, max_size=3).map(tuple),
    steps=st.lists(
        st.builds(Step, text, st.sampled_from(get_args(StepKind)), text, optional, value, value, optional), max_size=3
    ).map(tuple),
    session_id=optional,
    agent=optional,
    version=optional,
    started_at=moments,
    ended_at=moments,
    usage=st.builds(
        Usage,
        st.none() | st.integers(0, 2**60),
        st.none() | st.integers(0),
        *[st.none() | st.floats(0, allow_infinity=False)] * 2,
    ),
    error=optional,
    feedback=st.lists(
        st.builds(
            Feedback,
            st.sampled_from(get_args(FeedbackKind)),
            st.none() | st.booleans() | text | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.booleans(),
            text,
            text,
            st.none() | st.integers(0, 99),
            moments,
        ),
        max_size=2,
    ).map(tuple),
    attributes=st.dictionaries(text.filter(lambda key: key not in LABELS), value, max_size=3),
)


@settings(max_examples=150)
@given(traces)
def test_what_import_writes_reads_back_to_the_same_trace(trace):
    line = msgspec.json.encode(trace_object(trace))
    again, format = read_trace(msgspec.json.decode(line))
    assert format == "normalised"
    assert again == trace
    assert msgspec.json.encode(trace_object(again)) == line


def test_a_chat_record_reads_the_same_from_the_normalised_form():
    record = {
        "feedback": [2, 10**30, 10**400, {"score": 1}, {"rating": "3"}],
        "id": "tools",
        "messages": [
            {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '"5"'}}]},
            {"role": "tool", "tool_call_id": "1", "content": "ok"},
        ],
    }
    trace = read(record)
    assert trace.messages[0].tool_calls[0].arguments == "5"
    written = msgspec.json.encode(trace_object(trace))
    assert read(json.loads(written)) == trace
    assert msgspec.json.encode(trace_object(read(json.loads(written)))) == written
    assert replace(trace, steps=()) != trace


def test_labels_are_kept_as_they_are_and_ids_are_strict() -> None:
    odd = "2.1\u200d\n" + "x" * 600
    trace = read({**CHAT, "version": odd, "agent": odd, "session_id": odd})
    assert (trace.version, trace.agent, trace.session_id) == (odd, odd, odd)
    assert read({**CHAT, "version": ""}).version is None
    with pytest.raises(RecordError, match="version is true"):
        read({**CHAT, "version": True})
    with pytest.raises(RecordError, match="id is"):
        read({**CHAT, "id": "a\u200d"})
