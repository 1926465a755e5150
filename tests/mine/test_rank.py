from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import assistant, signal, tool_call, tool_result, trace, user
from loopwright.collect.trace import Feedback, Message, Step, ToolCall, Trace
from loopwright.mine.detector import Detection, Detector
from loopwright.mine.detectors import SHIPPED
from loopwright.mine.policy import POLICIES, WEIGHTS, combined_severity, score
from loopwright.mine.rank import failure_of, mine
from loopwright.mine.reading import read
from loopwright.mine.record import failure_object, sound_object
from loopwright.mine.signal import FailureSignal, Signal, Where

SAD = trace(
    user("Refund order 4411, please"),
    assistant(None, tool_call("refund", "a", order=4411)),
    tool_result("Error: order 4411 is locked", "a"),
    assistant("I could not refund it."),
    user("That's wrong, it is not locked"),
    id="sad",
    attributes={"tools": ["refund"], "memory": {"tier": "gold"}},
)
CALM = trace(user("Hello"), assistant("Hello! It is noon."), user("Thanks, bye"), id="calm")

words = st.sampled_from(["No.", "that's wrong", "thanks", "Error: bad", "", "ok", "human please", "日本", "cancel my order", "?"])
contents = words | st.none() | st.lists(words.map(lambda t: {"type": "text", "text": t}) | st.just({"type": "image"}), max_size=2)
calls = st.lists(
    st.builds(ToolCall, st.sampled_from("abc"), st.sampled_from(["find", "book"]), st.none() | words | st.just({"n": 1})),
    max_size=2,
)
messages = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool", "other"]),
    contents,
    calls.map(tuple),
    st.none() | st.sampled_from("abc"),
    st.none() | st.sampled_from(["find", "book"]),
)
steps = st.builds(
    Step,
    st.sampled_from("xyz"),
    st.sampled_from(["tool", "model", "guardrail"]),
    st.just("find"),
    output=words,
    error=st.none() | words,
)
verdicts = st.builds(Feedback, st.sampled_from(["thumb", "evaluation", "correction"]), negative=st.none() | st.booleans())
traces = st.builds(
    Trace,
    st.uuids().map(str),
    st.lists(messages, max_size=8).map(tuple),
    st.lists(steps, max_size=2).map(tuple),
    error=st.none() | words,
    feedback=st.lists(verdicts, max_size=1).map(tuple),
)
batches = st.lists(traces, max_size=6, unique_by=lambda t: t.trace_id)
signals = st.builds(
    Signal,
    st.sampled_from(FailureSignal),
    st.just("d"),
    st.floats(0, 1),
    st.floats(0, 1),
    st.just("r"),
    st.builds(Where, message_index=st.integers(0, 9)),
)


@given(batches, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_the_input_does_not_matter(batch, random):
    shuffled = list(batch)
    random.shuffle(shuffled)
    assert mine(batch, SHIPPED) == mine(shuffled, SHIPPED) == mine(batch, SHIPPED)


@given(batches)
@settings(max_examples=30)
def test_every_trace_is_accounted_for_and_every_number_is_in_range(batch):
    mined = mine(batch, SHIPPED)
    assert not mined.faults
    assert sorted([f.trace_id for f in mined.failures] + [t.trace_id for t in mined.sound]) == sorted(t.trace_id for t in batch)
    assert [f.score for f in mined.failures] == sorted((f.score for f in mined.failures), reverse=True)
    count = {t.trace_id: len(t.messages) for t in batch}
    for failure in mined.failures:
        assert 0 < failure.score <= 1
        assert failure.score - 1e-12 <= failure.severity <= 1
        assert failure.failure_reason
        for each in failure.signals:
            assert 0 <= each.severity <= 1
            assert 0 <= each.confidence <= 1
            assert each.where.message_index is None or each.where.message_index < count[failure.trace_id]
        msgspec.json.encode(failure_object(failure))


@given(st.lists(signals, max_size=8), signals)
def test_one_more_signal_never_lowers_the_score(given_, more):
    before, after = score(given_), score([*given_, more])
    assert 0 <= before <= after <= 1
    assert combined_severity(given_) <= combined_severity([*given_, more]) <= 1
    assert score(given_) == score(reversed(given_))


def test_the_score_is_the_documented_formula():
    both = [signal(severity=0.5, confidence=0.8), signal(type=FailureSignal.ABANDONMENT, severity=0.5, confidence=0.4)]
    assert score(both) == pytest.approx(1 - (1 - 0.4) * (1 - 0.6 * 0.2))
    assert score(both, dict.fromkeys(FailureSignal, 0.0)) == 0


def test_weights_follow_the_reliability_of_each_type():
    assert {row.type for row in POLICIES} == set(FailureSignal)
    assert WEIGHTS[FailureSignal.HARD_ERROR] == WEIGHTS[FailureSignal.USER_CORRECTION] == 1
    assert (
        WEIGHTS[FailureSignal.ABANDONMENT] == WEIGHTS[FailureSignal.LLM_JUDGE_FAIL] > WEIGHTS[FailureSignal.BUSINESS_METRIC] > 0
    )


def test_a_failure_holds_all_that_is_needed_to_understand_it():
    (failure,) = mine([SAD], SHIPPED).failures
    assert failure.signal_type is FailureSignal.HARD_ERROR or failure.signal_type is FailureSignal.USER_CORRECTION
    assert failure.input_payload["request"] == "Refund order 4411, please"
    assert failure.final_output == "I could not refund it."
    (step,) = failure.reasoning_steps
    assert (step["name"], step["arguments"], step["error"]) == ("refund", {"order": 4411}, "Error: order 4411 is locked")
    snapshot = failure.context_snapshot
    assert [m["role"] for m in snapshot["messages"]] == ["user", "assistant", "tool", "assistant", "user"]
    assert snapshot["tools"] == {"offered": ["refund"], "used": ["refund"]}
    assert snapshot["attributes"]["memory"] == {"tier": "gold"}


def test_the_input_is_what_the_user_said_at_the_place_of_the_strongest_signal():
    tools_only = [d for d in SHIPPED if d.name == "tool_error"]
    users_only = [d for d in SHIPPED if d.name == "user_correction"]
    assert mine([SAD], tools_only).failures[0].input_payload["input"] == "Refund order 4411, please"
    assert mine([SAD], users_only).failures[0].input_payload["input"] == "That's wrong, it is not locked"


def test_reasons_of_the_same_failure_read_alike_whatever_the_ids():
    def one(order: int, id: str) -> Trace:
        call = assistant(None, tool_call("refund", "a", order=order))
        return trace(
            user("Refund it"), call, tool_result(f"Error: order {order} of user_{id} is locked", "a"), assistant("Sorry."), id=id
        )

    reasons = {f.failure_reason for f in mine([one(4411, "mia_77"), one(9, "omar_1")], SHIPPED).failures}
    assert len(reasons) == 1
    assert not any(c.isdigit() for c in reasons.pop())


def test_a_trace_in_which_nothing_is_found_is_sound():
    mined = mine([CALM, SAD], SHIPPED)
    assert [t.trace_id for t in mined.sound] == ["calm"]
    assert sound_object(CALM)["score"] == 0
    assert sound_object(CALM)["signal_type"] is None
    assert sound_object(CALM).keys() == failure_object(mined.failures[0]).keys()


def test_signals_without_weight_or_confidence_make_no_failure():
    detection = Detection(read(CALM), (signal(confidence=0.0),))
    assert failure_of(CALM, detection) is None


def test_a_detector_that_fails_is_a_row_and_all_others_stand():
    def breaks(trace: Trace, context: Any) -> list[Signal]:
        raise RuntimeError("no dictionary")

    def exceeds(trace: Trace, context: Any) -> list[Signal]:
        return [signal(severity=1.5)]

    bad = [Detector(name, FailureSignal.HARD_ERROR, "", d) for name, d in (("breaks", breaks), ("exceeds", exceeds))]
    mined = mine([SAD, CALM], [*bad, *SHIPPED])
    assert mined.failures == mine([SAD, CALM], SHIPPED).failures
    assert [(f.detector, f.trace_id) for f in mined.faults] == [(d, t) for d in ("breaks", "exceeds") for t in ("calm", "sad")]
    assert mined.faults[0].problem == "RuntimeError: no dictionary"
    assert "1.5" in mined.faults[-1].problem


@pytest.mark.parametrize(
    "content", [None, "", [], [{"type": "image_url"}], 7, {"a": 1}, ["x", {"text": None}], "x" * 2_000_000, "\u202e\ud800"]
)
@pytest.mark.parametrize("role", ["user", "assistant", "tool"])
def test_odd_content_is_read(role, content):
    mined = mine([Trace("odd", (user("hi"), Message(role, content), user("no, wrong")))], SHIPPED)
    assert not mined.faults


def test_an_empty_conversation_is_sound():
    assert mine([Trace("empty")], SHIPPED).sound[0].trace_id == "empty"


def test_labels_are_not_part_of_a_trace_that_is_mined():
    with_label = dataclasses.replace(SAD, attributes={**SAD.attributes, "task": 4})
    assert mine([SAD], SHIPPED).failures[0].signals == mine([with_label], SHIPPED).failures[0].signals


def test_a_severe_hard_error_surfaces_at_once_and_implicit_signs_only_as_a_pattern():
    broken = trace(user("Cancel my order"), error="the order service crashed", id="broken")
    left = [trace(user("Cancel my order"), assistant("Which one do you mean?"), id=f"left{i}") for i in range(5)]
    failures = mine([*left, broken], SHIPPED).failures
    assert failures[0].trace_id == "broken"
    assert failures[0].score > 2 * max(f.score for f in failures[1:])
    surfaces = {row.type: row.surfaces for row in POLICIES}
    assert surfaces[FailureSignal.HARD_ERROR] == "at once"
    assert surfaces[FailureSignal.ABANDONMENT] == "pattern"
