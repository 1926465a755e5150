from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from builders import trace, user
from loopwright.adapters.store.tables import feedback
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Feedback, Step
from loopwright.ports import TraceFilter
from span_parts import part

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


def test_feedback_on_a_session_moves_to_the_trace_that_it_was_given_on(store):
    store.put_traces([turn("first", 9)])
    given = GivenFeedback((DOWN,), session_id="s1", at=NOON)
    store.put_feedback([given])
    assert store.trace("first").feedback == (DOWN,)
    _, mark = store.changed_since(0)
    store.put_traces([turn("late", 15), turn("right", 11)])
    assert {t.trace_id: t.feedback for t in store.traces()} == {"first": (), "late": (), "right": (DOWN,)}
    assert set(store.changed_since(mark)[0]) == {"first", "late", "right"}
    store.put_spans([part("best", "a", root_ended=True, session_id="s1")], NOON)
    store.settle({"best": (replace(turn("best", 11), started_at=NOON.replace(hour=11, minute=59)), 1)})
    assert {t.trace_id: t.feedback for t in store.traces()} == {"first": (), "late": (), "right": (), "best": (DOWN,)}


def step(span, response=None):
    return Step(span, "model", "chat", response_id=response)


def test_feedback_names_a_span_or_a_response_before_or_after_it_comes(store):
    traces = [replace(turn(id, 9), steps=(step(f"{id}-span"), step(f"{id}-other", f"{id}-response"))) for id in ("a", "b")]
    before = [on(span_id="a-span"), on(UP, response_id="b-response"), on(response_id="nowhere")]
    assert store.put_feedback(before).waiting == tuple(item.feedback_id for item in before)
    store.put_traces(traces)
    assert store.waiting_feedback() == before[2:]
    assert {t.trace_id: t.feedback for t in store.traces()} == {"a": (DOWN,), "b": (UP,)}
    after = [on(UP, span_id="a-other"), on(response_id="b-response"), on(span_id="a-response")]
    assert store.put_feedback(after).waiting == (after[2].feedback_id,)
    assert {t.trace_id: t.feedback for t in store.traces()} == {"a": (DOWN, UP), "b": (UP, DOWN)}


def test_feedback_waits_for_no_normalised_form(store):
    store.put_spans([part("a", "x")], NOON)
    assert store.put_feedback([on(trace_id="a")]).waiting == ()
    store.settle({"a": (turn("a", 9), 1)})
    assert store.trace("a").feedback == (DOWN,)
    assert [line.settled for line in store.find(TraceFilter(), 9)] == [True]


def test_what_waits_costs_the_others_nothing(store):
    """Feedback that waits for others is not read: here it could not be."""
    store.put_feedback([on(trace_id=f"w{n}") for n in range(300)])
    with store.database.write() as connection:
        connection.execute(feedback.update().values(payload=b"\0"))
    store.put_traces([turn("a", 9)])
    store.put_feedback([on(trace_id="a"), on(UP, session_id="s1")])
    assert store.trace("a").feedback == (DOWN, UP)
