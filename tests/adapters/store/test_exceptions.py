"""Quarantines and overrides, in every dialect: kept for good, and in the audit trail in the same transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from loopwright.adapters.store.store import SqlStore
from loopwright.audit.trail import breaks
from loopwright.errors import StoreError, UsageError
from loopwright.gate.decision import GateDecision
from loopwright.gate.override import Override
from loopwright.gate.quarantine import Quarantine
from loopwright.ports import StoredDecision

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
ENTRY = Quarantine("refund", "Ben", "the clock decides it", NOW + WEEK, "Ada Lovelace", NOW)
OVERRIDE = Override("decision-1", "Ada Lovelace", "the customer waits for it", NOW, NOW + WEEK, ("refund",))


def decided(store: SqlStore) -> None:
    store.put_decision(StoredDecision("decision-1", GateDecision(False, message="Blocked"), NOW))


def test_every_entry_of_a_quarantine_is_kept_and_audited(store: SqlStore) -> None:
    lifted = replace(ENTRY, lifted=True, why="the case was mended", at=NOW + timedelta(hours=1))
    store.put_quarantine(ENTRY)
    store.put_quarantine(lifted)
    assert store.quarantines() == [ENTRY, lifted]
    assert [(e.actor, e.action, e.subject) for e in store.audit()] == [
        ("Ada Lovelace", "case quarantined", "refund"),
        ("Ada Lovelace", "quarantine lifted", "refund"),
    ]
    assert store.audit()[0].details["until"] == "2026-03-09T00:00:00+00:00"
    assert not breaks(store.trail())


def test_an_override_is_of_a_decision_that_there_is(store: SqlStore) -> None:
    with pytest.raises(UsageError, match="unknown decision"):
        store.put_override(OVERRIDE)
    decided(store)
    store.put_override(OVERRIDE)
    store.put_override(OVERRIDE)
    assert store.overrides() == [OVERRIDE]
    assert [(e.action, e.subject, e.details["cases"]) for e in store.audit()] == [("gate overridden", "decision-1", ["refund"])]


def test_an_override_can_be_withdrawn_once_and_changed_in_no_other_way(store: SqlStore) -> None:
    decided(store)
    store.put_override(OVERRIDE)
    withdrawn = replace(OVERRIDE, withdrawn_at=NOW + timedelta(days=1), withdrawn_by="Ben")
    with pytest.raises(StoreError, match="only be withdrawn"):
        store.put_override(replace(withdrawn, until=NOW + 2 * WEEK))
    with pytest.raises(StoreError, match="only be withdrawn"):
        store.put_override(replace(OVERRIDE, eval_ids=()))
    store.put_override(withdrawn)
    assert store.overrides() == [withdrawn]
    with pytest.raises(StoreError, match="only be withdrawn"):
        store.put_override(OVERRIDE)
    assert [e.action for e in store.audit()] == ["gate overridden", "override withdrawn"]


def test_what_fails_half_way_leaves_neither_row_nor_entry(store: SqlStore) -> None:
    decided(store)

    def half_way() -> None:
        with store.transaction():
            store.put_quarantine(ENTRY)
            store.put_override(OVERRIDE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()
    assert (store.quarantines(), store.overrides(), store.audit()) == ([], [], [])
