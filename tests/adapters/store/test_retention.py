from __future__ import annotations

from datetime import timedelta

import pytest

from builders import case, failure, trace, user
from loopwright.adapters.store.store import SqlStore
from loopwright.cluster.mode import FailureMode, Membership
from loopwright.collect.joining import GivenFeedback
from loopwright.collect.trace import Feedback
from loopwright.judge.verdict import Label
from loopwright.ports import TraceFilter
from span_parts import NOON, part

LATER = NOON + timedelta(days=1)
START = int(NOON.timestamp()) * 10**9


def fill(store: SqlStore, *ids: str) -> None:
    store.put_spans(
        [part(id, f"{id}-a", f"{id}-b", root_ended=True, started_ns=START, data=id.encode() * 50) for id in ids], NOON
    )
    store.settle({id: (trace(user(f"about {id}"), id=id), 1) for id in ids})


def test_what_is_old_goes_with_all_that_was_written_for_it(store: SqlStore) -> None:
    fill(store, "t1", "t2")
    store.put_spans([part("t3", "a", started_ns=START)], NOON)
    store.put_spans([part("t4", "a", started_ns=START + 86400 * 10**9, root_ended=True)], NOON)
    store.settle({"t4": (trace(user("about t4"), id="t4"), 1)})
    assert store.prune(LATER, dry_run=True) == 2
    assert store.count_spans() == 6
    assert store.prune(LATER) == 2
    assert store.count_spans() == 2
    assert [line.trace_id for line in store.find(TraceFilter(), 9)] == ["t4", "t3"]
    assert [line.trace_id for line in store.find(TraceFilter(text="about"), 9)] == ["t4"]
    assert (store.trace("t1"), store.spans_of("t1")) == (None, [])
    with store.database.read() as connection:
        left = {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in ("blocks", "trace_forms")}
    assert left == {"blocks": 2, "trace_forms": 1}
    assert store.prune(LATER) == 0


def test_what_shares_a_block_with_it_stays_as_it_came(store: SqlStore) -> None:
    fill(store, *(f"t{n}" for n in range(20)))
    kept = [f"t{n}" for n in range(0, 20, 3)]
    before = {id: (store.spans_of(id), store.trace(id)) for id in kept}
    store.replace_failures([failure(id) for id in kept])
    assert store.prune(LATER) == 20 - len(kept)
    assert {id: (store.spans_of(id), store.trace(id)) for id in kept} == before
    store.put_spans([part("t1", "t1-a", started_ns=START)], NOON)
    assert store.count_spans() == 2 * len(kept) + 1


REFERENCES = {
    "a failure": lambda store: store.replace_failures([failure("t1")]),
    "a member of a mode": lambda store: store.put_modes([FailureMode("m1", "it fails")], [Membership("t1", "m1", 1.0)]),
    "the source of a case": lambda store: store.put_cases([case("c1", source_trace_ids=("t1",))]),
    "feedback": lambda store: store.put_feedback([GivenFeedback((Feedback("thumb", False, True),), trace_id="t1")]),
    "a label": lambda store: store.put_labels([Label("t1", True, "Ann", NOON)]),
    "the trail": lambda store: store.append_audit(NOON, "Ann", "looked", "a trace", {"traces": ["t1"]}),
}


@pytest.mark.parametrize("refer", REFERENCES.values(), ids=REFERENCES)
def test_what_something_refers_to_is_never_removed(store: SqlStore, refer) -> None:
    fill(store, "t1", "t2")
    refer(store)
    assert store.prune(LATER) == 1
    assert store.trace("t1") is not None
    assert len(store.spans_of("t1")) == 1
    assert store.trace("t2") is None
