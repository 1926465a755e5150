from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from loopwright.adapters.store.store import SqlStore
from loopwright.errors import StoreError, UsageError
from loopwright.evaluate.result import Run
from loopwright.gate.decision import GateDecision
from loopwright.ports import StoredDecision
from strategies import record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def put_runs(store: SqlStore, *ids: str) -> None:
    for age, id in enumerate(reversed(ids)):
        store.put_run(Run(id, "v1", "d", "python:shop:answer", NOW - timedelta(days=age)))


def decision(id: str = "decision-1", at: datetime = NOW, **fields: Any) -> StoredDecision:
    return StoredDecision(id, GateDecision(**{"approved": True, **fields}), at)


def test_there_is_no_baseline_at_first(store: SqlStore) -> None:
    assert store.baseline() == []


def test_the_last_baseline_counts_and_names_runs_oldest_first(store: SqlStore) -> None:
    put_runs(store, "r1", "r2", "r3")
    store.set_baseline(["r1"], "Ann", NOW)
    store.set_baseline(["r3", "r2"], "Ben", NOW)
    assert store.baseline() == ["r2", "r3"]
    assert [(e.actor, e.action, e.details) for e in store.audit()] == [
        ("Ann", "baseline set", {"run_ids": ["r1"]}),
        ("Ben", "baseline set", {"run_ids": ["r3", "r2"]}),
    ]


def test_a_baseline_of_unknown_runs_is_refused_whole(store: SqlStore) -> None:
    put_runs(store, "run-1")
    store.set_baseline(["run-1"], "Ann", NOW)
    with pytest.raises(UsageError, match="unknown run 'run-2'; did you mean 'run-1'"):
        store.set_baseline(["run-1", "run-2"], "Ann", NOW)
    assert store.baseline() == ["run-1"]
    assert len(store.audit()) == 1


def test_a_decision_is_recorded_once(store: SqlStore) -> None:
    store.put_decision(decision())
    store.put_decision(decision())
    assert store.decisions() == [decision()]


def test_a_decision_never_changes(store: SqlStore) -> None:
    store.put_decision(decision())
    with pytest.raises(StoreError, match="decision-1 is recorded with other content"):
        store.put_decision(decision(approved=False))
    assert store.decisions() == [decision()]


def test_decisions_come_oldest_first(store: SqlStore) -> None:
    later, earlier = decision("a", NOW + timedelta(days=1)), decision("b")
    store.put_decision(later)
    store.put_decision(earlier)
    assert store.decisions() == [earlier, later]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(StoredDecision))
def test_any_decision_comes_back_exactly(store: SqlStore, one: StoredDecision) -> None:
    if one.decision_id not in {d.decision_id for d in store.decisions()}:
        store.put_decision(one)
        found = [d for d in store.decisions() if d.decision_id == one.decision_id]
        assert repr(found) == repr([one])
