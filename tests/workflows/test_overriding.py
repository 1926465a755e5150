"""Overrides on a real store: what they let ship, for how long, and that nothing else ships by them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import result
from loopwright import wiring
from loopwright.audit.trail import breaks
from loopwright.errors import RuleError, UsageError
from loopwright.evaluate.result import Run
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.explain import explain
from loopwright.gate.policy import Policy
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.workflows.establishing import Signed, establish_run
from loopwright.workflows.gating import gate_store
from loopwright.workflows.overriding import Made, OverrideRequest, override_decision, rate_of, withdraw_override
from loopwright.workflows.releasing import ReleaseRequest, record_release

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
WHY = "the customer waits for it"


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    """A baseline of thirty deterministic cases that pass."""
    with wiring.store(load(start=project, environ={})) as opened:
        put_run(opened, "v0", ())
        asyncio.run(establish_run(opened, Signed("Ann", NOW)))
        yield opened


def put_run(store: Store, version: str, failing: Sequence[int], *, day: int = 0) -> None:
    at = NOW + day * DAY
    store.put_run(Run(version, version, "s", "agent", at, at, planned=30))
    for n in range(30):
        store.put_result(result(f"c{n}", n not in failing, run_id=version, case_digest=f"d{n}", deterministic=True))


def gate(store: Store, version: str, day: float = 1, policy: Policy | None = None) -> GateDecision:
    return asyncio.run(gate_store(store, policy or Policy(), NOW + day * DAY, run_id=version))


def override(store: Store, decision_id: str | None, *cases: str, day: float = 1.5, **fields: Any) -> Made:
    given = {"by": "Ada", "why": WHY, "until": NOW + 8 * DAY, **fields}
    request = OverrideRequest(decision_id or "", eval_ids=cases, **given)
    return asyncio.run(override_decision(store, request, NOW + day * DAY))


def release(store: Store, version: str, day: float) -> None:
    asyncio.run(record_release(store, ReleaseRequest(version, "Ann", NOW + day * DAY), NOW + day * DAY))


def test_a_decision_is_overridden_and_ships_while_that_lasts(store: Store) -> None:
    put_run(store, "v1", [1], day=1)
    blocked = gate(store, "v1")
    assert (blocked.decision, blocked.ships) == (Outcome.BLOCKED, False)
    made = override(store, blocked.decision_id)
    assert (made.ships, made.queued) == (True, 1)
    again = gate(store, "v1", 2)
    assert (again.decision, again.approved, again.ships) == (Outcome.BLOCKED, False, True)
    assert again.override is not None
    assert (again.override.by, again.override.why) == (("Ada",), (WHY,))
    assert "OVERRIDDEN by Ada until 2026-03-10" in explain(again)
    assert len(store.decisions()) == 1
    assert not gate(store, "v1", 9).ships
    release(store, "v1", 3)
    assert [(e.actor, e.action) for e in store.audit()][-4:] == [
        ("loopwright gate", "gate blocked"),
        ("Ada", "gate overridden"),
        ("Ada", "evals queued"),
        ("Ann", "released"),
    ]
    assert store.audit()[-1].details["overrides"] == list(again.override.override_ids)
    assert not breaks(store.trail())


def test_an_override_that_ended_releases_nothing(store: Store) -> None:
    put_run(store, "v1", [1], day=1)
    override(store, gate(store, "v1").decision_id)
    with pytest.raises(RuleError, match="does not approve"):
        release(store, "v1", 9)
    with pytest.raises(RuleError, match="does not approve"):
        release(store, "v1", 1.25)


def test_without_cases_only_that_decision_is_overridden(store: Store) -> None:
    put_run(store, "v1", [1], day=1)
    override(store, gate(store, "v1").decision_id)
    put_run(store, "v2", [1], day=2)
    assert not gate(store, "v2", 2).ships


def test_what_more_is_found_on_the_same_run_blocks(store: Store) -> None:
    put_run(store, "v1", [1], day=1)
    override(store, gate(store, "v1").decision_id)
    store.put_result(result("c2", False, 1, run_id="v1", case_digest="d2", deterministic=True, repeat=True))
    assert {r.eval_id for r in gate(store, "v1", 2).regressions} == {"c1", "c2"}
    assert not gate(store, "v1", 2).ships


def test_cases_are_set_aside_in_later_decisions_too_and_no_other_case_is(store: Store) -> None:
    put_run(store, "v1", [1], day=1)
    assert override(store, gate(store, "v1").decision_id, "c1").ships
    put_run(store, "v2", [1], day=2)
    later = gate(store, "v2", 2)
    assert (later.decision, later.ships, later.new_evals_queued) == (Outcome.BLOCKED, True, 0)
    put_run(store, "v3", [1, 2], day=3)
    assert not gate(store, "v3", 3).ships
    put_run(store, "v4", [1], day=4)
    assert not gate(store, "v4", 9).ships
    assert "overrides" in next(e for e in store.audit() if e.subject == later.decision_id).details


def test_an_override_of_one_of_two_lost_cases_says_that_it_does_not_suffice(store: Store) -> None:
    put_run(store, "v1", [1, 2], day=1)
    made = override(store, gate(store, "v1").decision_id, "c1")
    assert (made.ships, made.queued) == (False, 0)
    assert made.against.startswith("Blocked")
    assert override(store, gate(store, "v1").decision_id, "c2", day=2).ships


def test_an_override_can_be_withdrawn(store: Store) -> None:
    put_run(store, "v1", [1], day=1)
    made = override(store, gate(store, "v1").decision_id)
    asyncio.run(withdraw_override(store, made.override.override_id, "Ben", NOW + 2 * DAY))
    assert not gate(store, "v1", 3).ships
    with pytest.raises(UsageError, match="no longer"):
        asyncio.run(withdraw_override(store, made.override.override_id, "Ben", NOW + 3 * DAY))


@pytest.mark.parametrize(
    ("fields", "cases", "problem"),
    [
        ({"why": "because"}, (), "no reason that somebody can weigh"),
        ({"why": " "}, (), "say with --why"),
        ({"until": NOW}, (), "over already"),
        ({"until": NOW + 99 * DAY}, (), "too far ahead"),
        ({}, ("c99",), "unknown case"),
    ],
)
def test_what_is_no_override_is_refused_and_leaves_no_trace(
    store: Store, fields: dict[str, Any], cases: tuple[str, ...], problem: str
) -> None:
    put_run(store, "v1", [1], day=1)
    id, entries = gate(store, "v1").decision_id, len(store.audit())
    with pytest.raises(UsageError, match=problem):
        override(store, id, *cases, **fields)
    assert (store.overrides(), len(store.audit())) == ([], entries)


def test_an_approval_and_an_unknown_decision_are_not_overridden(store: Store) -> None:
    put_run(store, "v1", [], day=1)
    approved = gate(store, "v1")
    with pytest.raises(UsageError, match="nothing to override"):
        override(store, approved.decision_id)
    with pytest.raises(UsageError, match="unknown decision"):
        override(store, "decision-none")


def test_a_run_that_was_cut_short_does_not_ship_by_cases_set_aside(store: Store) -> None:
    put_run(store, "v1", [1], day=1)
    store.put_run(Run("v1", "v1", "s", "agent", NOW + DAY, None, planned=30))
    undecided = gate(store, "v1")
    assert undecided.decision is Outcome.UNDECIDED
    assert not override(store, undecided.decision_id, "c1").ships
    assert override(store, undecided.decision_id, day=2).ships


def test_the_rate_of_overrides_stands_beside_decisions(store: Store) -> None:
    for day in range(1, 5):
        put_run(store, f"v{day}", [1] if day == 1 else [], day=day)
        decision = gate(store, f"v{day}", day)
        if day == 1:
            override(store, decision.decision_id)
    assert rate_of(store)[:2] == (1, 4)
    assert decision.statistics["overrides"]["overridden"] == 1
    assert decision.statistics["overrides"]["decisions"] == 3
    assert "1 of 3 decisions overridden so far (33.3 %, 95 % interval 0.8 % to 90.6 %)" in explain(decision)


def test_a_run_that_ships_by_an_override_becomes_the_baseline_without_another_reason(store: Store) -> None:
    put_run(store, "v1", [1], day=1)
    made = override(store, gate(store, "v1").decision_id)
    asyncio.run(establish_run(store, Signed("Ann", NOW + 2 * DAY), run_id="v1", change="extend"))
    assert store.audit()[-1].details["overrides"] == [made.override.override_id]
