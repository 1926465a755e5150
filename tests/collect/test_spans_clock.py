from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.collect.spans import assemble
from loopwright.collect.spans_clock import NOTE, in_order
from loopwright.collect.spans_tree import depths_of
from loopwright.collect.trace import Span

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def span(id: str, parent: str | None, begun: float | None, ended: float | None, service: str = "web", **fields) -> Span:
    at = [None if s is None else NOON + timedelta(seconds=s) for s in (begun, ended)]
    return Span("t", id, id, parent, started_at=at[0], ended_at=at[1], resource={"service.name": service}, **fields)


def ordered(*spans: Span):
    return in_order(spans, depths_of({s.span_id: s.parent_id for s in spans}))


def times(made) -> dict[str, tuple[float, float]]:
    return {s.span_id: ((s.started_at - NOON).total_seconds(), (s.ended_at - NOON).total_seconds()) for s in made.spans}


def test_a_service_whose_clock_is_behind_is_moved_as_a_whole():
    made = ordered(
        span("web", None, 0, 10), span("call", "web", 1, 9), span("tool", "call", -59, -53, "tools"),
        span("db", "tool", -58, -54, "tools"),
        span("later", "web", -50, -49, "tools"),
    )  # fmt: skip
    assert made.moved == {"tools": 60.0}
    assert times(made) == {"web": (0, 10), "call": (1, 9), "tool": (1, 7), "db": (2, 6), "later": (10, 11)}


def test_a_server_that_answered_after_its_caller_had_the_answer_is_moved_back():
    made = ordered(span("call", None, 0, 2, kind="client"), span("serve", "call", 30, 31, "tools", kind="server"))
    assert times(made)["serve"] == (1, 2)
    assert made.moved == {"tools": -29.0}


def test_work_that_goes_on_after_its_caller_is_left():
    made = ordered(span("send", None, 0, 2, kind="producer"), span("take", "send", 30, 31, "worker", kind="consumer"))
    assert (times(made)["take"], made.moved) == ((30, 31), {})


def test_the_clocks_of_two_services_are_mended_from_the_outside_in():
    made = ordered(
        span("web", None, 0, 10),
        span("a", "web", -5, -1, "agent"),
        span("b", "a", -20, -19, "tools"),
        span("c", "b", -20, -19, "db"),
    )
    assert made.moved == {"agent": 5.0, "db": 20.0, "tools": 20.0}


def test_what_ended_before_it_began_lasted_no_time_and_is_noted():
    made = ordered(span("a", None, 5, 2))
    assert (times(made), made.notes) == ({"a": (5, 5)}, {"a": "ended 3 s before it began; taken as having lasted no time"})


def test_a_cause_comes_before_its_effect_on_one_clock_too():
    (trace,) = assemble([span("child", "root", 0, 1), span("root", None, 0.5, 3), span("other", "root", 0.2, 0.3)])
    assert [step.span_id for step in trace.steps] == ["root", "other", "child"]
    (trace,) = assemble([span("a", "b", 0, 1), span("b", None, 0, 9)])
    assert [step.span_id for step in trace.steps] == ["b", "a"]


def test_a_trace_tells_what_was_done_about_its_times():
    (trace,) = assemble([span("web", None, 0, 10), span("tool", "web", -59, -58, "tools"), span("odd", "web", 4, 3)])
    assert trace.attributes[NOTE] == {"tools": 59.0}
    assert trace.steps[-1].attributes[NOTE].startswith("ended 1 s before it began")
    assert (trace.started_at, trace.usage.latency_ms) == (NOON, 10_000)


def test_spans_without_times_stand_with_what_they_lie_within():
    (trace,) = assemble([span("root", None, 5, 9), span("b", "root", 6, 7), span("untimed", "root", None, None)])
    assert [step.span_id for step in trace.steps] == ["root", "untimed", "b"]


SECONDS = st.one_of(st.none(), st.integers(-9, 9))


@given(
    st.lists(st.tuples(st.sampled_from([None, "gone", "0", "1", "2", "3"]), SECONDS, SECONDS, st.sampled_from("abc"),
                       st.sampled_from(["client", "server", "internal"])), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)  # fmt: skip
@settings(max_examples=100, derandomize=True, deadline=None)
def test_whatever_the_clocks_say_parents_come_first_and_the_order_given_changes_nothing(drawn, random):
    spans = [span(str(n), parent, *at, service, kind=kind) for n, (parent, *at, service, kind) in enumerate(drawn)]
    made = ordered(*spans)
    assert ordered(*random.sample(spans, len(spans))) == made
    place = {s.span_id: n for n, s in enumerate(made.spans)}
    depths = depths_of({s.span_id: s.parent_id for s in spans})
    for s in made.spans:
        if s.parent_id in place and depths[s.span_id] > depths[s.parent_id]:
            assert place[s.parent_id] < place[s.span_id]
        assert s.started_at is None or s.ended_at is None or s.started_at <= s.ended_at
    moved = [
        replace(s, started_at=o.started_at, ended_at=o.ended_at) for s in spans for o in made.spans if o.span_id == s.span_id
    ]
    assert len(moved) == len(spans)
