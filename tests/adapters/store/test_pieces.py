"""However spans are cut into parts, and however often they come, the store counts and gives back the same."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopwright.adapters.store.store import SqlStore
from loopwright.ports import SpanPart, TraceFilter
from span_parts import NOON, part

TRACES = st.dictionaries(st.sampled_from("pqrs"), st.sets(st.integers(0, 9), min_size=1, max_size=8), min_size=1, max_size=4)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[dict[str, set[str]], list[list[SpanPart]]]:
    """Spans by trace, and batches of parts in which each of them comes, some more than once."""
    prefix = f"{draw(st.integers(0, 10**9)):x}"
    spans = {f"{prefix}{name}": {f"{number:016x}" for number in numbers} for name, numbers in draw(TRACES).items()}
    parts = []
    for trace_id, ids in spans.items():
        left = draw(st.permutations(sorted(ids)))
        again = draw(st.lists(st.sampled_from(left), max_size=4))
        pieces = [*left, *again]
        while pieces:
            size = draw(st.integers(1, len(pieces)))
            some, pieces = tuple(dict.fromkeys(pieces[:size])), pieces[size:]
            parts.append(part(trace_id, *some, data=" ".join(some).encode()))
    parts = draw(st.permutations(parts))
    batches = []
    while parts:
        size = draw(st.integers(1, len(parts)))
        batches.append(parts[:size])
        parts = parts[size:]
    return spans, batches


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(arrivals())
def test_any_cut_and_any_repeat_give_the_same(store: SqlStore, drawn: tuple[dict[str, set[str]], list[list[SpanPart]]]) -> None:
    spans, batches = drawn
    before = store.count_spans()
    held = {id: set(b" ".join(store.spans_of(id)).decode().split()) for id in spans}
    counts = [store.put_spans(batch, NOON + timedelta(seconds=n)) for n, batch in enumerate(batches)]
    new = sum(len(ids - held[id]) for id, ids in spans.items())
    assert sum(count.new for count in counts) == new
    assert sum(count.new + count.repeated for count in counts) == sum(len(one.spans) for batch in batches for one in batch)
    assert store.count_spans() == before + new
    for id, ids in spans.items():
        assert set(b" ".join(store.spans_of(id)).decode().split()) == ids | held[id]
    again = [store.put_spans(batch, NOON) for batch in batches]
    assert sum(count.new for count in again) == 0
    assert store.count_spans() == before + new
    lines = {line.trace_id: line.spans for line in store.find(TraceFilter(), 10_000)}
    assert {id: lines[id] for id in spans} == {id: len(ids | held[id]) for id, ids in spans.items()}
    assert {one.trace_id for one in store.pending(NOON + timedelta(days=1), 10_000)} >= set(spans)


def test_a_trace_is_complete_when_its_root_has_ended_and_no_parent_is_missing(store: SqlStore) -> None:
    def complete() -> Any:
        return {one.trace_id: one.complete for one in store.pending(NOON + timedelta(days=1), 9)}["t"]

    store.put_spans([part("t", "leaf", parents=("middle",))], NOON)
    assert not complete()
    store.put_spans([part("t", "root", root_ended=True)], NOON)
    assert not complete()
    store.put_spans([part("t", "middle", parents=("root",))], NOON)
    assert complete()
    store.put_spans([part("t", "late", parents=("lost",))], NOON)
    assert not complete()


def test_any_ids_and_any_bytes_are_kept(store: SqlStore) -> None:
    odd = ["", "ABCDEF0123456789", "é" * 16, "\ud800", "a\x00b", "0123456789abcde ", "0123456789abcdef"]
    store.put_spans([part(f"\ud800{n}\x00", *odd[n:], data=bytes(range(256)) * n + b"!") for n in range(3)], NOON)
    assert store.put_spans([part(f"\ud800{n}\x00", *odd[n:]) for n in range(3)], NOON).new == 0
    assert store.spans_of("\ud8002\x00") == [bytes(range(256)) * 2 + b"!"]
    assert store.count_spans() == 7 + 6 + 5


def test_what_was_undone_is_not_remembered(store: SqlStore) -> None:
    text = b"the customer asks for a refund of order %d and the tool says that it is not found %d "

    def put(prefix: str) -> None:
        for n in range(20):
            data = b"".join(text % (n * i, i) for i in range(200))
            store.put_spans([part(f"{prefix}{n}", "a", data=prefix.encode() + data)], NOON)
            assert store.spans_of(f"{prefix}{n}")[0].startswith(prefix.encode())

    with suppress(ZeroDivisionError), store.transaction():
        put("undone")
        raise ZeroDivisionError
    assert (store.count_spans(), store.spans_of("undone1")) == (0, [])
    put("kept")
    assert all(data.startswith(b"kept") for _, data in store.all_parts())


def test_blocks_large_and_small_come_back_whole(store: SqlStore) -> None:
    """Enough small batches alike that a dictionary is made, then one too large for one block."""
    text = b"the customer asks for a refund of order %d and the tool says that it is not found %d "
    small = {f"s{n}": b"".join(text % (n * i, i) for i in range(40)) for n in range(90)}
    for id, data in small.items():
        store.put_spans([part(id, "a", data=data)], NOON)
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM dictionaries").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM blocks WHERE dictionary > 0").scalar()
    large = {f"l{n}": bytes([n]) * 300_000 for n in range(4)}
    store.put_spans([part(id, "a", data=data) for id, data in large.items()], NOON)
    assert {id: store.spans_of(id) for id in [*small, *large]} == {id: [data] for id, data in [*small.items(), *large.items()]}
    assert dict(store.all_parts()) == {**small, **large}
