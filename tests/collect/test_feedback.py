from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.collect.feedback import check_ratings, read_feedback
from loopwright.collect.trace import Feedback
from loopwright.errors import RecordError

UP, DOWN = Feedback("thumb", True, False), Feedback("thumb", False, True)


@pytest.mark.parametrize(
    "up", [True, 1, 1.0, "up", "thumbs_up", "Thumbs Up", "thumbs-up", "👍", "+1", {"thumb": "up"}, {"kind": "thumbs_up"}]
)
def test_thumbs_up(up):
    assert read_feedback(up) == (UP,)


@pytest.mark.parametrize(
    "down", [False, -1, "down", "thumbs_down", "👎", "-1", {"thumbs": False}, {"type": "thumb", "value": -1}, {"value": False}]
)
def test_thumbs_down(down):
    assert read_feedback(down) == (DOWN,)


@pytest.mark.parametrize(
    ("rating", "value", "negative"),
    [
        (5, 5, False),
        (3, 3, None),
        (2, 2, True),
        (7, 7, None),
        ({"rating": 1}, 1, True),
        ({"rating": "4"}, 4, False),
        ({"rating": 3, "max": 10}, 3, True),
        ({"kind": "rating", "value": 9, "max": 10}, 9, False),
    ],
)
def test_ratings(rating, value, negative):
    assert read_feedback(rating) == (Feedback("rating", value, negative),)


def test_a_correction_keeps_its_text():
    assert read_feedback({"correction": "the flight is on May 20"}) == (Feedback("correction", "the flight is on May 20", True),)


def test_an_escalation():
    assert read_feedback("escalated") == (Feedback("escalation", True, True),)
    assert read_feedback({"escalated": True}) == (Feedback("escalation", True, True),)
    assert read_feedback({"escalated": False}) == (Feedback("escalation", False, False),)
    assert read_feedback({"escalation": "asked for a person"}) == (Feedback("escalation", True, True, "asked for a person"),)


def test_an_evaluation_says_what_its_label_says():
    assert read_feedback({"label": "fail", "explanation": "wrong fare"}) == (Feedback("evaluation", "fail", True, "wrong fare"),)
    assert read_feedback({"score": 0.4}) == (Feedback("evaluation", 0.4),)


def test_other_text_is_a_comment():
    assert read_feedback("it was slow") == (Feedback("comment", comment="it was slow"),)


def test_lists_and_several_keys_make_several_verdicts():
    verdicts = read_feedback([{"thumb": "down", "correction": "B", "comment": "wrong", "message_index": 3}, "up"])
    found = [(v.kind, v.comment, v.message_index) for v in verdicts]
    assert found == [("thumb", "wrong", 3), ("correction", "wrong", 3), ("thumb", "", None)]


def test_source_and_time_are_kept():
    (verdict,) = read_feedback({"thumb": -1, "source": "support", "at": "2026-01-02T03:04:05Z"})
    assert (verdict.source, verdict.at) == ("support", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def test_what_is_not_understood_is_kept_as_a_comment():
    (verdict,) = read_feedback({"mood": "sour"})
    assert (verdict.kind, json.loads(verdict.comment)) == ("comment", {"mood": "sour"})
    (thumb,) = read_feedback({"thumb": "down", "category": "billing"})
    assert (thumb.kind, json.loads(thumb.comment)) == ("thumb", {"category": "billing"})
    (unfit,) = read_feedback({"thumb": "sideways"})
    assert (unfit.kind, json.loads(unfit.comment)) == ("comment", {"thumb": "sideways"})
    (late,) = read_feedback({"thumb": "down", "at": "yesterday"})
    assert (late.kind, json.loads(late.comment)) == ("comment", {"thumb": "down", "at": "yesterday"})


keys = st.sampled_from(["kind", "value", "thumb", "rating", "max", "escalated", "score", "comment", "at", "x"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)


@given(anything)
def test_every_word_of_feedback_survives(value):
    verdicts = read_feedback(value)
    kept = json.dumps([[v.kind, v.value, v.comment] for v in verdicts], ensure_ascii=False)
    if isinstance(value, str) and len(value) > 3:
        assert json.dumps(value, ensure_ascii=False)[1:-1] in kept or verdicts[0].kind != "comment"
    if value is not None and not isinstance(value, list):
        assert verdicts


def test_a_key_without_a_name_is_kept_with_what_is_not_understood() -> None:
    (verdict,) = read_feedback({"": 28825, "z": 1})

    assert verdict.kind == "comment"
    assert verdict.comment == '{"": 28825, "z": 1}'


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"rating": -1.0, "max": 5}, "the rating is -1, of 5; give 0 to 5"),
        ({"rating": 1e308, "max": 1}, r"the rating is 1e\+308, of 1; give 0 to 1"),
        ({"kind": "rating", "value": 6, "max": 5}, "the rating is 6, of 5"),
        ([{"thumb": "up"}, {"stars": float("nan")}], "the rating is nan; give a finite number"),
        (float("inf"), "the rating is inf"),
        ({"rating": 3, "max": 0}, "the rating's max is 0; give the best rating"),
    ],
)
def test_a_rating_that_is_not_on_its_scale_is_told_with_the_cure(said, problem):
    with pytest.raises(RecordError, match=problem):
        check_ratings(said)


@pytest.mark.parametrize(
    "said", [3, -2, 1e308, {"rating": 0, "max": 1}, {"rating": 42}, {"rating": "4", "max": 5}, "up", True, None]
)
def test_a_rating_on_its_scale_or_on_none_is_taken(said):
    check_ratings(said)
