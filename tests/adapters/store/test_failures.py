from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import failure
from loopwright.adapters.store.store import SqlStore
from loopwright.mine.signal import FailureTrace
from strategies import record

positive = st.floats(min_value=0, max_value=1, exclude_min=True)


def test_failures_come_best_first(store: SqlStore) -> None:
    worst, best, same = failure("a", score=0.2), failure("c", score=0.9), failure("b", score=0.9)
    store.replace_failures([worst, best, same, failure("none", score=0.0)])
    assert store.failures() == [same, best, worst]


def test_a_failure_no_longer_found_keeps_its_row_and_leaves_the_ranking(store: SqlStore) -> None:
    store.replace_failures([failure("a"), failure("b")])
    store.replace_failures([failure("b", score=0.5)])
    assert store.failures() == [failure("b", score=0.5)]
    store.replace_failures([failure("a"), failure("b")])
    assert store.failures() == [failure("a"), failure("b")]


def test_mining_again_changes_what_changed(store: SqlStore) -> None:
    store.replace_failures([failure("a", reason="one")])
    store.replace_failures([failure("a", reason="two")])
    assert [f.failure_reason for f in store.failures()] == ["two"]


def test_mining_that_finds_nothing_empties_the_ranking(store: SqlStore) -> None:
    store.replace_failures([failure("a")])
    store.replace_failures([])
    assert store.failures() == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(FailureTrace, score=positive))
def test_any_failure_comes_back_exactly(store: SqlStore, one: FailureTrace) -> None:
    store.replace_failures([one])
    assert repr(store.failures()) == repr([one])
