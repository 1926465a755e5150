"""An agent that was not approved is not run again until chance lets it pass: its earlier runs count."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from builders import result
from loopwright import wiring
from loopwright.evaluate.result import Run
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.policy import Policy
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.workflows.establishing import Signed, establish_run
from loopwright.workflows.gating import gate_store
from loopwright.workflows.overriding import OverrideRequest, override_decision
from loopwright.workflows.repeating import wanted_repeats

NOW = datetime(2026, 3, 2, tzinfo=UTC)
OLD, NEW, CASES = "a" * 40, "b" * 40, 40


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    """Five runs of the released version, in which every case passed."""
    with wiring.store(load(start=project, environ={})) as opened:
        for day in range(5):
            put(opened, f"old-{day}", OLD, day - 9)
            how = "extend" if day else "first"
            asyncio.run(establish_run(opened, Signed("Ada Lovelace", NOW), run_id=f"old-{day}", change=how))
        yield opened


def put(
    store: Store, run_id: str, version: str, day: int, failing: Collection[int] = (), suite: str = "s", trials: int = 1
) -> None:
    at = NOW + timedelta(days=day)
    store.put_run(Run(run_id, version, suite, "agent", at, at, planned=CASES * trials))
    for n in range(CASES):
        for trial in range(trials):
            store.put_result(
                result(f"c{n}", n not in failing, trial, run_id=run_id, version=version, suite_digest=suite, case_digest=f"d{n}")
            )


def gate(store: Store, minutes: int = 0) -> GateDecision:
    return asyncio.run(gate_store(store, Policy(), NOW + timedelta(days=30, minutes=minutes)))


def test_a_blocked_version_is_not_approved_by_a_run_that_happens_to_pass(store: Store) -> None:
    put(store, "first", NEW, 1, failing=range(12))
    assert gate(store).decision is Outcome.BLOCKED
    put(store, "lucky", NEW, 2)
    decision = gate(store, 1)
    assert decision.decision is Outcome.BLOCKED
    assert decision.statistics["earlier"] == ["first"]
    assert decision.candidate is not None
    assert decision.candidate.run_id == "lucky"
    assert any("1 earlier run of the same agent not approved (first)" in note for note in decision.notes)


def test_runs_that_the_gate_was_not_asked_about_count_too(store: Store) -> None:
    put(store, "first", NEW, 1, failing=range(12))
    put(store, "lucky", NEW, 2)
    assert gate(store).decision is Outcome.BLOCKED


def test_a_false_alarm_is_outweighed_by_more_runs(store: Store) -> None:
    put(store, "first", NEW, 1, failing=[0])
    assert gate(store).decision is Outcome.UNDECIDED
    for day in range(2, 5):
        put(store, f"again-{day}", NEW, day)
    decision = gate(store, 1)
    assert decision.decision is Outcome.APPROVED
    put(store, "later", NEW, 6)
    assert "earlier" not in gate(store, 2).statistics


def test_repeats_are_asked_for_by_all_of_its_runs(store: Store) -> None:
    put(store, "first", NEW, 1, failing=[0])
    put(store, "second", NEW, 2, failing=[0])
    run = store.run("second")
    assert run is not None
    assert asyncio.run(wanted_repeats(store, Policy(), run)) == {"c0": 2}


def test_an_override_lets_a_version_begin_anew(store: Store) -> None:
    put(store, "first", NEW, 1, failing=range(12))
    blocked = gate(store)
    until = NOW + timedelta(days=40)
    assert blocked.decision_id is not None
    asked = OverrideRequest(blocked.decision_id, "Ada Lovelace", "the search service was down", until)
    made = asyncio.run(override_decision(store, asked, NOW + timedelta(days=30)))
    assert made.ships
    put(store, "second", NEW, 2)
    decision = gate(store, 1)
    assert decision.decision is Outcome.APPROVED
    assert "earlier" not in decision.statistics


def test_what_is_of_another_agent_suite_or_mostly_errors_does_not_count(store: Store) -> None:
    put(store, "another", "c" * 40, 1, failing=range(12))
    put(store, "older suite", NEW, 1, failing=range(12), suite="t")
    at = NOW + timedelta(days=1)
    store.put_run(Run("no key", NEW, "s", "agent", at, at, planned=CASES))
    for n in range(CASES):
        store.put_result(result(f"c{n}", None, run_id="no key", error="401", suite_digest="s", case_digest=f"d{n}"))
    put(store, "run", NEW, 2)
    decision = gate(store)
    assert decision.decision is Outcome.APPROVED
    assert "earlier" not in decision.statistics


def test_a_part_of_the_override_is_held_against_all_runs(store: Store) -> None:
    put(store, "first", NEW, 1, failing=range(12))
    gate(store)
    put(store, "lucky", NEW, 2, failing=[0])
    blocked = gate(store, 1)
    assert blocked.decision_id is not None
    asked = OverrideRequest(blocked.decision_id, "Ada Lovelace", "c0 is known", NOW + timedelta(days=40), ("c0",))
    made = asyncio.run(override_decision(store, asked, NOW + timedelta(days=30)))
    assert not made.ships
