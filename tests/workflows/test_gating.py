"""The gate on a real store: a baseline under a name, decisions that are recorded, and runs that can be neither."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from builders import result
from loopwright import wiring
from loopwright.errors import UsageError
from loopwright.evaluate.result import Run
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.policy import Policy
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.workflows.gating import Change, Established, establish_run, gate_store

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    with wiring.store(load(start=project, environ={})) as opened:
        yield opened


def put_run(
    store: Store, run_id: str, verdicts: Sequence[bool | None], *, day: int = 0, suite: str = "s1", finished: bool = True
) -> None:
    """A run with a case per verdict."""
    at = NOW + timedelta(days=day)
    store.put_run(Run(run_id, "v1", suite, "python:shop:answer", at, at if finished else None, planned=len(verdicts)))
    for i, passed in enumerate(verdicts):
        store.put_result(
            result(f"case-{i}", passed, run_id=run_id, suite_digest=suite, error=None if passed is not None else "x")
        )


def establish(store: Store, run_id: str | None = None, change: Change = "first") -> Established:
    return asyncio.run(establish_run(store, "Ada Lovelace", NOW, run_id=run_id, change=change))


def gate(store: Store, run_id: str | None = None, version: str | None = None) -> GateDecision:
    return asyncio.run(gate_store(store, Policy(), NOW, run_id=run_id, version=version))


def trail(store: Store) -> list[tuple[str, str]]:
    return [(e.actor, e.action) for e in store.audit()]


def test_an_empty_store_is_undecided_and_stays_empty(store: Store, project: Path) -> None:
    assert gate(store).decision is Outcome.UNDECIDED
    assert not (project / ".loopwright").exists()


def test_the_latest_run_against_the_baseline(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    assert establish(store).run_ids == ("monday",)
    put_run(store, "tuesday", [True] * 29 + [False], day=1)
    decision = gate(store)
    assert decision.decision is Outcome.APPROVED
    assert decision.new_evals_queued == 1
    put_run(store, "wednesday", [False] * 20 + [True] * 10, day=2)
    assert gate(store).decision is Outcome.BLOCKED
    assert gate(store, "tuesday").decision is Outcome.APPROVED
    assert [d.decision.decision for d in store.decisions()][:2] == [Outcome.APPROVED, Outcome.BLOCKED]
    assert store.decisions()[0].decision == decision


def test_what_happened_is_in_the_trail(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    put_run(store, "tuesday", [True] * 29 + [False], day=1)
    gate(store)
    assert trail(store) == [
        ("Ada Lovelace", "baseline set"),
        ("loopwright gate", "gate approved"),
        ("loopwright gate", "evals queued"),
    ]
    assert store.audit()[-1].details["eval_ids"] == ["case-29"]


def test_without_a_baseline_nothing_is_approved(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert "--establish" in decision.message


def test_the_baseline_is_not_its_own_candidate(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert "monday is in the baseline itself" in decision.message


def test_a_run_that_was_cut_short_is_neither_candidate_nor_baseline(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, finished=False)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert "cut short (30 of 30 trials)" in decision.message
    with pytest.raises(UsageError, match="cut short"):
        establish(store, change="replace")


@pytest.mark.parametrize(("verdicts", "why"), [([], "has no results"), ([None] * 5, "has a verdict")])
def test_an_unfit_run_is_no_baseline(store: Store, verdicts: list[bool | None], why: str) -> None:
    put_run(store, "monday", verdicts)
    with pytest.raises(UsageError, match=why):
        establish(store)
    assert store.baseline() == []


def test_a_baseline_is_not_overwritten_by_accident(store: Store) -> None:
    for day, name in enumerate(("monday", "tuesday", "wednesday")):
        put_run(store, name, [True] * 30, day=day)
    establish(store, "monday")
    with pytest.raises(UsageError, match="--extend"):
        establish(store, "tuesday")
    assert establish(store, "tuesday", "extend").run_ids == ("monday", "tuesday")
    with pytest.raises(UsageError, match="in the baseline already"):
        establish(store, "tuesday", "extend")
    assert establish(store, "wednesday", "replace").replaced == ("monday", "tuesday")
    assert store.baseline() == ["wednesday"]


def test_the_history_starts_anew_with_another_suite(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store, change="extend")
    put_run(store, "tuesday", [True] * 31, day=1, suite="s2")
    assert gate(store).decision is Outcome.UNDECIDED
    assert establish(store, change="extend") == Established(("tuesday",), 31, "Ada Lovelace", ("monday",))


def test_unknown_runs_and_other_versions(store: Store) -> None:
    with pytest.raises(UsageError, match="no run 'friday'"):
        gate(store, "friday")
    with pytest.raises(UsageError, match="no run to establish"):
        establish(store)
