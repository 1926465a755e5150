from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from builders import assistant, trace, user
from loopwright.adapters.store.store import SqlStore
from loopwright.adapters.store.tables import forms
from loopwright.collect.trace import Trace
from loopwright.errors import StoreError
from loopwright.ports import PutCounts
from strategies import record


def test_the_same_trace_twice_changes_nothing(store: SqlStore) -> None:
    one = trace(user("hi"), id="t1")
    assert store.put_traces([one, one]) == PutCounts(new=1, unchanged=1)
    assert store.put_traces([one]) == PutCounts(unchanged=1)
    assert list(store.traces()) == [one]


def test_other_content_under_an_id_is_reported_and_the_stored_one_is_kept(store: SqlStore) -> None:
    first, other = trace(user("hi"), id="t1"), trace(user("bye"), id="t1")
    assert store.put_traces([first, other, trace(id="t2")]) == PutCounts(new=2, conflicts=("t1",))
    assert store.put_traces([other]) == PutCounts(conflicts=("t1",))
    assert store.trace("t1") == first


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(Trace))
def test_any_trace_comes_back_exactly(store: SqlStore, one: Trace) -> None:
    counts = store.put_traces([one])
    assert counts.new + counts.unchanged + len(counts.conflicts) == 1
    if not counts.conflicts:
        assert repr(store.trace(one.trace_id)) == repr(one)


def test_traces_come_in_the_order_in_which_they_arrived(store: SqlStore) -> None:
    ids = [f"t{number}" for number in range(700, 0, -1)]
    store.put_traces([trace(id=id) for id in ids])
    assert [one.trace_id for one in store.traces()] == ids
    assert store.count_traces() == 700


def test_the_newest_traces_are_read_and_no_other(store: SqlStore) -> None:
    store.put_traces([trace(id=f"t{number}") for number in range(9, 0, -1)])
    with store.database.write() as connection:
        connection.execute(forms.update().where(forms.c.trace < 7).values(payload=b"\0"))
    assert [one.trace_id for one in store.newest_traces(3)] == ["t3", "t2", "t1"]
    assert store.newest_traces(0) == []
    with pytest.raises(StoreError, match="damaged"):
        store.newest_traces(100)


def test_reading_goes_on_while_traces_are_written(store: SqlStore) -> None:
    store.put_traces([trace(id=f"t{number}") for number in range(300)])
    seen = 0
    for _ in store.traces():
        seen += 1
        if seen == 1:
            store.put_traces([trace(id="late")])
    assert seen == 301


def test_an_unknown_id_is_none(store: SqlStore) -> None:
    assert store.trace("t1") is None
    assert list(store.traces()) == []


def test_a_batch_that_cannot_be_stored_leaves_nothing(store: SqlStore) -> None:
    store.put_traces([trace(id="t0")])
    with pytest.raises(StoreError, match="cannot be stored"):
        store.put_traces([trace(id="t1"), trace(id="t2", attributes={"x": object()})])
    assert store.count_traces() == 1


def test_nothing_is_written_for_an_empty_batch(store: SqlStore, tmp_path: Path) -> None:
    assert store.put_traces([]) == PutCounts()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("id", ["", "\ud800", "a\x00b", "\\u0000", "'; DROP TABLE traces; --", "é" * 3000], ids=repr)
def test_any_text_is_an_id(store: SqlStore, id: str) -> None:
    one: Any = trace(user("hi"), assistant("hello"), id=id, session_id=id, version=id, agent=id)
    store.put_traces([one])
    assert store.trace(id) == one
