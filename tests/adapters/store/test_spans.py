from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from builders import trace, user
from loopwright.adapters.store import finding
from loopwright.adapters.store.store import SqlStore
from loopwright.ports import PutSpans, TraceFilter
from span_parts import NOON, part


def test_parts_come_back_as_they_came_and_in_their_order(store: SqlStore) -> None:
    first, second = part("t1", "a", "b"), part("t1", "c")
    assert store.put_spans([first, part("t2", "a")], NOON) == PutSpans(3, 0)
    assert store.put_spans([second], NOON) == PutSpans(1, 0)
    assert store.spans_of("t1") == [first.data, second.data]
    assert store.spans_of("t3") == []
    assert store.count_spans() == 4
    assert [id for id, _ in store.all_parts()] == ["t1", "t2", "t1"]


def test_repeats_are_left_out(store: SqlStore) -> None:
    store.put_spans([part("t1", "a", "b")], NOON)
    assert store.put_spans([part("t1", "b"), part("t1", "a")], NOON) == PutSpans(0, 2)
    assert store.put_spans([part("t1", "b", "c")], NOON) == PutSpans(1, 1)
    assert store.put_spans([part("t1", "a", content="!")], NOON) == PutSpans(1, 0)
    assert len(store.spans_of("t1")) == 3
    assert store.count_spans() == 3


def test_a_trace_is_pending_until_it_is_settled(store: SqlStore) -> None:
    store.put_spans([part("t1", "a", root_ended=True), part("t2", "a", parents=("x",), root_ended=True), part("t3", "a")], NOON)
    late = NOON + timedelta(minutes=3)
    assert [(one.trace_id, one.complete, one.parts) for one in store.pending(NOON - timedelta(1), 9)] == [("t1", True, 1)]
    assert [one.trace_id for one in store.pending(NOON, 9)] == ["t1", "t2", "t3"]
    store.settle({"t1": (trace(user("where is my refund"), id="t1"), 1)})
    store.put_spans([part("t2", "x")], late)
    assert [one.trace_id for one in store.pending(NOON - timedelta(1), 9)] == ["t2"]
    store.put_spans([part("t1", "b")], late)
    assert [one.trace_id for one in store.pending(late, 9)] == ["t3", "t1", "t2"]
    store.settle({"t1": (trace(user("where is my order"), id="t1"), 1)})
    assert "t1" in [one.trace_id for one in store.pending(late, 9)]
    store.settle({"t1": (trace(user("where is my flight"), id="t1"), 2)})
    assert "t1" not in [one.trace_id for one in store.pending(late, 9)]
    assert store.trace("t1") == trace(user("where is my flight"), id="t1")
    assert store.trace("t2") is None
    found = {text: [line.trace_id for line in store.find(TraceFilter(text=text), 9)] for text in ("Flight where", "order", "?")}
    assert found == {"Flight where": ["t1"], "order": [], "?": []}


def test_what_changed_is_told_once(store: SqlStore) -> None:
    store.put_traces([trace(id="t0")])
    ids, mark = store.changed_since(0)
    assert ids == ["t0"]
    store.put_spans([part("t1", "a", root_ended=True)], NOON)
    assert store.changed_since(mark) == ([], mark)
    store.settle({"t1": (trace(id="t1"), 1)})
    ids, mark = store.changed_since(mark)
    assert ids == ["t1"]
    store.settle({"t1": (trace(id="t1"), 1)})
    assert store.changed_since(mark) == ([], mark)


def test_the_newest_come_first_and_page_by_page(store: SqlStore) -> None:
    hour = 3600 * 10**9
    store.put_spans(
        [part(f"t{n}", "a", started_ns=n * hour, agent="x" if n % 2 else "y", error=n == 3) for n in range(1, 6)], NOON
    )
    assert [line.trace_id for line in store.find(TraceFilter(), 3)] == ["t5", "t4", "t3"]
    assert [line.trace_id for line in store.find(TraceFilter(), 3, before="t3")] == ["t2", "t1"]
    assert [line.trace_id for line in store.find(TraceFilter(agent="x"), 9)] == ["t5", "t3", "t1"]
    assert [line.trace_id for line in store.find(TraceFilter(error=True), 9)] == ["t3"]
    since = datetime(1970, 1, 1, 2, tzinfo=UTC)
    assert [line.trace_id for line in store.find(TraceFilter(since=since, until=since + timedelta(hours=2)), 9)] == ["t3", "t2"]


def test_a_cursor_is_kept_until_it_is_forgotten(store: SqlStore) -> None:
    assert store.cursor("langfuse://p") is None
    store.set_cursor("langfuse://p", "page 3")
    store.set_cursor("langfuse://p", "page 4")
    assert (store.cursor("langfuse://p"), store.cursor("other")) == ("page 4", None)
    store.set_cursor("langfuse://p", "")
    assert store.cursor("langfuse://p") is None


def test_common_words_are_searched_as_rare_ones_are(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "FEW", 3)
    monkeypatch.setattr(finding, "WALK", 2)
    ids = [f"t{n:02}" for n in range(30)]
    start = {id: (n * 7) % 30 + 1 for n, id in enumerate(ids)}
    store.put_spans([part(id, "a", root_ended=True, started_ns=start[id] * 10**9, agent=id[-1]) for id in ids], NOON)
    old = [id for id in ids if start[id] <= 5]
    store.settle({id: (trace(user("hello" + (" fossil" if id in old else "")), id=id), 1) for id in ids})
    newest = sorted(ids, key=start.__getitem__, reverse=True)
    for text, fitting in (("hello", newest), ("fossil hello", [id for id in newest if id in old])):
        assert [line.trace_id for line in store.find(TraceFilter(text=text), 99)] == fitting
        assert [line.trace_id for line in store.find(TraceFilter(text=text), 4)] == fitting[:4]
        assert [line.trace_id for line in store.find(TraceFilter(text=text), 3, before=fitting[1])] == fitting[2:5]
    assert [line.trace_id for line in store.find(TraceFilter(text="hello", agent="3"), 9)] == [
        id for id in newest if id[-1] == "3"
    ]
