from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.adapters.otlp.wire import decode_object, encode_line
from loopwright.collect.completing import Pieces, arrived, settled, state
from loopwright.collect.spans import assemble
from loopwright.collect.trace import Span, Trace
from loopwright.errors import RecordError
from loopwright.ports import PendingTrace
from loopwright.workflows.settling import UNREAD, settle_some

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Kept:
    pieces: Pieces = field(default_factory=Pieces)
    parts: list[bytes] = field(default_factory=list)
    trace: Trace | None = None


class Memory:
    """Parts of traces in memory, by the rules of `collect.completing`."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.now = NOON

    def put(self, spans: list[Span], at: datetime) -> None:
        for id in {span.trace_id for span in spans}:
            own = [span for span in spans if span.trace_id == id]
            kept = self.kept.setdefault(id, Kept())
            ended = any(span.parent_id is None and span.ended_at is not None for span in own)
            kept.pieces = arrived(kept.pieces, [s.span_id for s in own], [s.parent_id for s in own if s.parent_id], ended, at)
            kept.parts.append(encode_line(own))

    def pending(self, before: datetime, limit: int) -> list[PendingTrace]:
        due = [(id, k) for id, k in self.kept.items() if state(k.pieces, before, timedelta(0)) == "due"]
        return [PendingTrace(id, k.pieces.arrived or NOON, k.pieces.complete, len(k.parts)) for id, k in due][:limit]

    def spans_of(self, trace_id: str) -> list[bytes]:
        return list(self.kept[trace_id].parts)

    def settle(self, traces: dict[str, tuple[Trace, int]]) -> None:
        for id, (trace, parts) in traces.items():
            kept = self.kept[id]
            kept.trace = trace
            if len(kept.parts) == parts:
                kept.pieces = settled(kept.pieces)


def read_part(data: bytes):
    batch = decode_object(json.loads(data))
    return batch.spans, batch.events


def settle(store: Memory, at: datetime, limit: int = 100, read=read_part, **options) -> int:
    return asyncio.run(settle_some(store, read, at, limit, 180, **options))


def span(n: int, parent: int | None = None, trace: int = 1, **fields) -> Span:
    begun = NOON + timedelta(seconds=n)
    fields.setdefault("attributes", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": f"tool-{n}"})
    return Span(f"{trace:032x}", f"{n:016x}", f"span {n}", None if parent is None else f"{parent:016x}",
                started_at=begun, ended_at=begun + timedelta(seconds=1), **fields)  # fmt: skip


TREE = [span(1), span(2, 1), span(3, 1), span(4, 3)]


def only(store: Memory) -> Trace:
    (kept,) = store.kept.values()
    assert kept.trace is not None
    return kept.trace


def test_a_complete_trace_settles_at_once_and_only_once():
    store = Memory()
    store.put(TREE, NOON)
    assert settle(store, NOON) == 1
    assert only(store) == assemble(TREE)[0]
    assert settle(store, NOON + timedelta(days=1)) == 0


def test_a_trace_without_its_root_waits_until_it_is_quiet():
    store = Memory()
    store.put(TREE[1:], NOON)
    assert settle(store, NOON + timedelta(seconds=179)) == 0
    assert settle(store, NOON + timedelta(seconds=180)) == 1
    assert len(only(store).steps) == 3


def test_late_spans_open_a_trace_again():
    store = Memory()
    store.put(TREE[:3], NOON)
    settle(store, NOON)
    store.put(TREE[3:], NOON + timedelta(hours=2))
    assert settle(store, NOON + timedelta(hours=2)) == 1
    assert only(store) == assemble(TREE)[0]


def test_a_later_whole_span_takes_the_place_of_its_beginning():
    store = Memory()
    store.put([replace(TREE[0], ended_at=None, attributes={})], NOON)
    store.put(TREE, NOON)
    settle(store, NOON)
    assert only(store) == assemble(TREE)[0]


def test_no_more_than_asked_for_and_the_rest_the_next_time():
    store = Memory()
    store.put([span(1, trace=n) for n in range(1, 131)], NOON)
    assert [settle(store, NOON, 60), settle(store, NOON, 60), settle(store, NOON, 60), settle(store, NOON, 60)] == [60, 60, 10, 0]


def test_spans_that_come_while_a_trace_is_read_leave_it_pending():
    store = Memory()
    store.put(TREE[:3], NOON)

    def read(data: bytes):
        if len(store.spans_of(TREE[0].trace_id)) == 1:
            store.put(TREE[3:], NOON)
        return read_part(data)

    assert settle(store, NOON, 1, read) == 1
    assert len(only(store).steps) == 3
    assert settle(store, NOON) == 1
    assert len(only(store).steps) == 4


def test_a_part_that_cannot_be_read_is_named_and_stops_nothing():
    store = Memory()
    store.put(TREE[:2], NOON)
    store.put(TREE[2:], NOON)
    store.put([span(1, trace=2)], NOON)

    def read(data: bytes):
        if b"tool-4" in data:
            raise RecordError("values are nested too deep")
        return read_part(data)

    assert settle(store, NOON, read=read) == 2
    first, second = (kept.trace for kept in store.kept.values())
    assert len(first.steps) == 2
    assert first.attributes[UNREAD] == ["values are nested too deep"]
    assert UNREAD not in second.attributes


@pytest.mark.parametrize("text", ["short", "x" * 1_200_000], ids=["small", "big"])
def test_what_breaks_the_reading_of_one_trace_is_told_and_holds_up_no_other(text):
    store = Memory()
    store.put([span(1, attributes={"text": text}), span(1, trace=2)], NOON)

    def finish(trace: Trace) -> Trace:
        if text in trace.steps[0].attributes.values() or "text" in trace.attributes:
            raise ValueError("no price")
        return trace

    assert settle(store, NOON, finish=finish) == 2
    found = {id: kept.trace for id, kept in store.kept.items()}
    assert found[f"{1:032x}"].attributes == {UNREAD: ["ValueError: no price"]}
    assert len(found[f"{2:032x}"].steps) == 1


@st.composite
def arrivals(draw):
    count = draw(st.integers(1, 7))
    said = st.sampled_from(["hi", "and B1?", "12"])
    spans = [
        span(n, draw(st.sampled_from([None, 99, *range(1, count + 1)])), draw(st.integers(1, 2)),
             attributes={"gen_ai.operation.name": draw(st.sampled_from(["chat", "execute_tool", "invoke_agent"])),
                         "gen_ai.input.messages": json.dumps([{"role": "user", "content": draw(said)}]),
                         "gen_ai.output.messages": json.dumps([{"role": "assistant", "content": draw(said)}])})
        for n in range(1, count + 1)
    ]  # fmt: skip
    sent = draw(st.permutations([*spans, *draw(st.lists(st.sampled_from(spans), max_size=4))]))
    cuts = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=4)))
    batches = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    return spans, [(batch, draw(st.integers(0, 600)), draw(st.booleans())) for batch in batches]


@given(arrivals())
@settings(max_examples=80, derandomize=True, deadline=None)
def test_any_split_order_repeat_and_time_settle_to_the_trace_of_one_batch(sent):
    spans, batches = sent
    store, now = Memory(), NOON
    for batch, wait, settle_now in batches:
        now += timedelta(seconds=wait)
        store.put(batch, now)
        if settle_now:
            settle(store, now)
    settle(store, now + timedelta(seconds=180))
    whole = {trace.trace_id: trace for trace in assemble(spans)}
    assert {id: kept.trace for id, kept in store.kept.items()} == whole
    assert settle(store, now + timedelta(days=1)) == 0
