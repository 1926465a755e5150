from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from builders import failure, result, trace
from loopwright.adapters.store.store import SqlStore
from loopwright.errors import StoreError
from loopwright.evaluate.queue import Queued
from loopwright.release.record import Release
from loopwright.workflows.queueing import queue_failures, queued, take
from strategies import record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_releases_come_oldest_first_and_the_same_again_changes_nothing(store: SqlStore) -> None:
    later, earlier = Release("v2", NOW + timedelta(days=1), "Ann"), Release("v1", NOW, "Ann", proposal_ids=("p",))
    for release in (later, earlier, later):
        store.put_release(release)
    assert store.releases() == [earlier, later]


def test_a_release_is_rolled_back_once_and_changes_in_no_other_way(store: SqlStore) -> None:
    release = Release("v1", NOW, "Ann")
    back = replace(release, rolled_back_at=NOW + timedelta(hours=1), rolled_back_by="Ben", rollback_why="refunds rose")
    store.put_release(release)
    with pytest.raises(StoreError, match="other content"):
        store.put_release(replace(release, released_by="Eve"))
    with pytest.raises(StoreError, match="other content"):
        store.put_release(replace(back, released_by="Eve"))
    store.put_release(back)
    assert store.releases() == [back]
    with pytest.raises(StoreError, match="other content"):
        store.put_release(release)
    with pytest.raises(StoreError, match="other content"):
        store.put_release(replace(back, rollback_why="no reason"))


def test_a_failure_waits_once_and_is_taken_once(store: SqlStore) -> None:
    rows = [
        result("a", False, case_digest="d"),
        result("a", False, trial=1, case_digest="d"),
        result("b", None, error="timed out"),
        result("c", True),
        result("s", False, sealed=True),
        result("d", False),
    ]
    assert queue_failures(store, rows, NOW, "decision-1") == 2
    assert queue_failures(store, rows, NOW + timedelta(days=1)) == 0
    assert [(q.result.eval_id, q.decision_id) for q in queued(store)] == [("a", "decision-1"), ("d", "decision-1")]

    first = queued(store)[0]
    (taken,) = take(store, [first], "draft", NOW)
    assert (taken.taken_at, taken.taken_by) == (NOW, "draft")
    assert [q.result.eval_id for q in queued(store)] == ["d"]
    with pytest.raises(StoreError, match="taken by somebody else"):
        take(store, [first], "draft", NOW)
    assert queue_failures(store, rows, NOW) == 0
    assert [q.taken_by for q in store.queue()] == ["draft", None]


def test_taking_several_is_all_or_nothing(store: SqlStore) -> None:
    queue_failures(store, [result("a", False)], NOW)
    with pytest.raises(StoreError, match="not queued"):
        take(store, [*queued(store), Queued(result("b", False), NOW)], "draft", NOW)
    assert len(queued(store)) == 1


def test_traces_that_came_since_the_last_mining_are_counted(store: SqlStore) -> None:
    assert store.count_unmined() == 0
    store.put_traces([trace(id="t1"), trace(id="t2")])
    assert store.count_unmined() == 2
    store.replace_failures([failure("t1")])
    assert store.count_unmined() == 0
    store.put_traces([trace(id="t3")])
    assert store.count_unmined() == 1


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(Release))
def test_any_release_comes_back_exactly(store: SqlStore, one: Release) -> None:
    if one.release_id not in {r.release_id for r in store.releases()}:
        store.put_release(one)
        assert repr([r for r in store.releases() if r.release_id == one.release_id]) == repr([one])
