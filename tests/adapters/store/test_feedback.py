from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from builders import trace, user
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Feedback

DOWN, UP = Feedback("thumb", False, True), Feedback("thumb", True, False)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def on(verdict=DOWN, **place):
    return GivenFeedback((verdict,), **place)


def turn(id: str, hour: int, session: str | None = "s1"):
    return trace(user("hello"), id=id, session_id=session, started_at=NOON.replace(hour=hour))


def test_feedback_comes_after_its_trace(store):
    store.put_traces([turn("a", 9)])
    counts = store.put_feedback([on(trace_id="a")])
    assert (counts.new, store.trace("a").feedback, store.waiting_feedback()) == (1, (DOWN,), [])


def test_feedback_comes_before_its_trace(store):
    given = on(trace_id="a")
    store.put_feedback([given])
    assert store.waiting_feedback() == [given]
    store.put_traces([turn("b", 9)])
    assert store.waiting_feedback() == [given]
    store.put_traces([turn("a", 9)])
    assert (store.trace("a").feedback, store.trace("b").feedback, store.waiting_feedback()) == ((DOWN,), (), [])


def test_the_same_again_changes_nothing(store):
    store.put_traces([turn("a", 9)])
    store.put_feedback([on(trace_id="a"), on(trace_id="a")])
    assert store.put_feedback([on(trace_id="a")]).unchanged == 1
    counts = store.put_traces([turn("a", 9)])
    assert (counts.new, counts.unchanged, counts.conflicts) == (0, 1, ())
    assert store.trace("a").feedback == (DOWN,)


def test_another_trace_under_the_id_is_still_a_conflict(store):
    store.put_traces([turn("a", 9)])
    store.put_feedback([on(trace_id="a")])
    assert store.put_traces([replace(turn("a", 9), version="v2")]).conflicts == ("a",)


def test_feedback_on_a_session_goes_to_the_trace_before_it(store):
    store.put_traces([turn("late", 15), turn("early", 9), turn("other", 10, "s2")])
    store.put_feedback([GivenFeedback((DOWN,), session_id="s1", at=NOON), on(UP, session_id="s1"), on(session_id="s3")])
    told = {t.trace_id: t.feedback for t in store.traces()}
    assert told == {"late": (UP,), "early": (DOWN,), "other": ()}
    assert [item.session_id for item in store.waiting_feedback()] == ["s3"]


def test_what_a_trace_brought_is_kept(store):
    store.put_traces([replace(turn("a", 9), feedback=(UP,))])
    store.put_feedback([on(trace_id="a"), on(UP, trace_id="a")])
    assert store.trace("a").feedback == (UP, DOWN)
