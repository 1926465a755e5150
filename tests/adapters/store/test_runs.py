from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from builders import result
from loopwright.adapters.store.store import SqlStore
from loopwright.errors import StoreError
from loopwright.evaluate.result import EvalResult, Run
from strategies import record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run(id: str = "run-1", **fields: Any) -> Run:
    defaults: dict[str, Any] = {"version": "v1", "suite_digest": "d", "target": "python:shop:answer", "started_at": NOW}
    return Run(id, **{**defaults, **fields})


def test_a_run_takes_its_end(store: SqlStore) -> None:
    store.put_run(run())
    ended = run(finished_at=NOW + timedelta(minutes=1))
    store.put_run(ended)
    assert store.run("run-1") == ended
    assert store.runs() == [ended]
    assert store.run("run-2") is None


def test_runs_come_oldest_first(store: SqlStore) -> None:
    later, earlier = run("a", started_at=NOW + timedelta(days=1)), run("b")
    store.put_run(later)
    store.put_run(earlier)
    assert store.runs() == [earlier, later]


@pytest.mark.parametrize("field", ["version", "suite_digest", "target"])
def test_a_run_never_becomes_one_of_something_else(store: SqlStore, field: str) -> None:
    store.put_run(run())
    with pytest.raises(StoreError, match=f"run run-1 is of {field} .*, not 'other'; start a new run"):
        store.put_run(replace(run(), **{field: "other"}))
    assert store.run("run-1") == run()


def test_a_result_is_never_replaced(store: SqlStore) -> None:
    first = result(run_id="run-1", passed=True)
    store.put_result(first)
    store.put_result(replace(first, passed=False))
    assert store.results("run-1") == [first]


def test_results_come_as_they_came_and_by_run(store: SqlStore) -> None:
    late = result("a", run_id="r", trial=1, passed=None, error="late")
    given_results = [result("b", run_id="r"), result("a", run_id="r"), late]
    for one in [*given_results, result("a", run_id="other")]:
        store.put_result(one)
    assert store.results("r") == given_results
    assert store.results("nothing") == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(EvalResult))
def test_any_result_comes_back_exactly(store: SqlStore, one: EvalResult) -> None:
    already = {(r.eval_id, r.trial) for r in store.results(one.run_id)}
    store.put_result(one)
    found = [r for r in store.results(one.run_id) if (r.eval_id, r.trial) == (one.eval_id, one.trial)]
    assert len(found) == 1
    if (one.eval_id, one.trial) not in already:
        assert repr(found) == repr([one])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(Run))
def test_any_run_comes_back_exactly(store: SqlStore, one: Run) -> None:
    if store.run(one.run_id) is None:
        store.put_run(one)
        assert repr(store.run(one.run_id)) == repr(one)


def test_a_number_that_no_database_holds_is_refused(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="give smaller numbers"):
        store.put_result(result(run_id="r", trial=2**70))
