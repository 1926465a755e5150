"""Margins and zero tolerance through the store: what rows keep, what an override lets ship, and what it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
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
from loopwright.workflows.overriding import Made, OverrideRequest, override_decision

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    """A baseline of thirty cases that pass and cost a cent; the first may never fail, and did once."""
    with wiring.store(load(start=project, environ={})) as opened:
        put_run(opened, "v0", unsafe=True)
        asyncio.run(establish_run(opened, Signed("Ann", NOW)))
        yield opened


def put_run(store: Store, version: str, *, times: float = 1.0, unsafe: bool = False, day: int = 0) -> None:
    at = NOW + day * DAY
    store.put_run(Run(version, version, "s", "agent", at, at, planned=90))
    for n in range(30):
        for t in range(3):
            passed = not (unsafe and n == 0 and t == 0)
            cost = times * 0.01 * (1 + (7 * n + 3 * t + len(version)) % 5 / 20)
            row = result(
                f"c{n}", passed, t, run_id=version, case_digest=f"d{n}", tags=("safety",) if n == 0 else (), cost_usd=cost
            )
            store.put_result(row)


def gate(store: Store, version: str, policy: Policy | None = None, *, day: float = 1) -> GateDecision:
    return asyncio.run(gate_store(store, policy or Policy(cost_margin=0.2), NOW + day * DAY, run_id=version))


def override(store: Store, decision_id: str | None, *cases: str) -> Made:
    request = OverrideRequest(decision_id or "", "Ada", "the customer waits for it", NOW + 8 * DAY, cases)
    return asyncio.run(override_decision(store, request, NOW + 1.5 * DAY))


def test_what_is_stored_is_held_against_margins(store: Store) -> None:
    put_run(store, "v1", times=1.5, day=1)
    assert [r.level for r in gate(store, "v1").regressions] == ["cost"]
    put_run(store, "v2", day=2)
    assert gate(store, "v2", day=2).approved


def test_another_margin_is_another_decision(store: Store) -> None:
    put_run(store, "v1", times=1.5, day=1)
    assert gate(store, "v1").decision is Outcome.BLOCKED
    assert gate(store, "v1", Policy(cost_margin=0.9), day=2).approved
    assert any("cost_margin from 0.2 to 0.9" in note for note in gate(store, "v1", Policy(cost_margin=0.9), day=3).notes)


def test_a_case_that_may_never_fail_ships_only_by_a_person_and_for_a_while(store: Store) -> None:
    put_run(store, "v1", unsafe=True, day=1)
    blocked = gate(store, "v1")
    assert [(r.level, r.eval_id) for r in blocked.regressions] == [("safety", "c0")]
    assert "c0 failed before too" in blocked.reasons[0]
    assert override(store, blocked.decision_id, "c0").ships
    put_run(store, "v2", unsafe=True, day=2)
    assert gate(store, "v2", day=3).ships
    assert not gate(store, "v2", day=9).ships


def test_an_override_of_the_decision_lets_that_run_ship_alone(store: Store) -> None:
    put_run(store, "v1", unsafe=True, day=1)
    assert override(store, gate(store, "v1").decision_id).ships
    put_run(store, "v2", unsafe=True, day=2)
    assert not gate(store, "v2", day=2).ships


def test_an_override_of_a_case_does_not_cover_what_the_rest_costs(store: Store) -> None:
    put_run(store, "v1", unsafe=True, times=1.5, day=1)
    blocked = gate(store, "v1")
    assert {r.level for r in blocked.regressions} == {"safety", "cost"}
    made = override(store, blocked.decision_id, "c0")
    assert not made.ships
    assert "it costs more" in made.against
