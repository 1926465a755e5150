from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from builders import result
from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.store import SqlStore
from loopwright.audit.trail import breaks
from loopwright.errors import StoreError, UsageError
from loopwright.evaluate.result import Run
from loopwright.improve.proposal import (
    Effect,
    HarnessChange,
    Proposal,
    ProposalKind,
    ProposalRecord,
    ProposalStatus,
    Replay,
    Verification,
)
from loopwright.ports import PutCounts
from strategies import record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE = Proposal(
    ProposalKind.RETRY_BUDGET, ("t1", "t2"), {"per_tool": 2}, quotes=("t1: again",), traces=9, replay=Replay(2, 2, 0, 7)
)
TWO = Proposal(ProposalKind.VALIDATE_TOOL_NAMES, ("t3",), {"aliases": {"look": "find"}})
FOUND = Verification(
    "helping", 60, Effect("failure", 0.5, 0.0, -0.5, -0.6, -0.4, 1e-9), Effect("success", 0.8, 0.9),
    Effect("runtime_ms", 1.0, 2.0), Effect("cost_usd", None, None), "why", "abc", NOW, 20, 0.00625, 1, ("run-1", "run-2"),
)  # fmt: skip


def test_proposals_come_back_as_they_were_in_their_order(store: SqlStore) -> None:
    assert store.put_proposals([ONE, TWO]) == PutCounts(new=2)
    assert store.put_proposals([ONE, TWO]) == PutCounts(unchanged=2)
    assert store.proposals() == [ProposalRecord(ONE), ProposalRecord(TWO)]
    assert store.proposals(ProposalStatus.APPROVED) == []


def test_new_evidence_is_taken_until_a_person_decided(store: SqlStore) -> None:
    store.put_proposals([ONE])
    more = replace(ONE, evidence=("t1", "t2", "t9"))
    assert store.put_proposals([more]) == PutCounts(new=1)
    assert store.proposals()[0].proposal == more
    store.set_proposal_status(ONE.proposal_id, ProposalStatus.REJECTED, "Ann", NOW, "polling")
    assert store.put_proposals([ONE]) == PutCounts(conflicts=(ONE.proposal_id,))
    assert store.proposals() == [ProposalRecord(more, ProposalStatus.REJECTED, "Ann", NOW, "polling")]
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM proposal_versions").scalar_one() == 2


def test_verifications_add_up_and_only_the_first_moves_the_status(store: SqlStore) -> None:
    store.put_proposals([ONE])
    store.put_verification(ONE.proposal_id, FOUND)
    assert store.proposals()[0].status is ProposalStatus.VERIFIED
    store.set_proposal_status(ONE.proposal_id, ProposalStatus.APPROVED, "Ann", NOW)
    again = replace(FOUND, verdict="undecided", look=2, at=NOW + timedelta(days=1))
    store.put_verification(ONE.proposal_id, again)
    (kept,) = store.proposals()
    assert (kept.status, kept.verifications, kept.verification) == (ProposalStatus.APPROVED, (FOUND, again), again)


def test_a_persons_decision_is_in_the_audit_trail(store: SqlStore) -> None:
    store.put_proposals([ONE])
    store.set_proposal_status(ONE.proposal_id, ProposalStatus.APPROVED, "Ann", NOW, "it helps", verdict="helping")
    store.set_proposal_status(ONE.proposal_id, ProposalStatus.ROLLED_BACK, "Ben", NOW, "too strict")
    entries = store.audit()
    assert [(e.actor, e.action, e.subject) for e in entries] == [
        ("Ann", "proposal approved", ONE.proposal_id),
        ("Ben", "proposal rolled back", ONE.proposal_id),
    ]
    assert entries[0].details["verdict"] == "helping"
    assert (entries[1].details["before"], entries[1].details["why"]) == ("approved", "too strict")
    assert breaks(store.trail()) == ()


def test_a_decision_is_not_kept_where_its_entry_cannot_be(store: SqlStore) -> None:
    store.put_proposals([ONE])
    with store.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM audit_head")
    with pytest.raises(StoreError, match="the audit trail is damaged"):
        store.set_proposal_status(ONE.proposal_id, ProposalStatus.APPROVED, "Ann", NOW)
    assert store.proposals() == [ProposalRecord(ONE)]


def test_an_unknown_proposal_is_named(store: SqlStore) -> None:
    change = HarnessChange("proposal-x", "apply", ONE.kind, "Ann", NOW, None, {"mode": "shadow"}, "a", "b")
    for write in (
        lambda: store.set_proposal_status("proposal-x", ProposalStatus.APPROVED, "Ann", NOW),
        lambda: store.put_verification("proposal-x", FOUND),
        lambda: store.put_harness_change(change),
    ):
        with pytest.raises(UsageError, match="unknown proposal 'proposal-x'; there are none"):
            write()
    assert store.audit() == []


def test_every_write_of_the_harness_is_kept(store: SqlStore) -> None:
    store.put_proposals([ONE])
    table = {"mode": "enforce", "per_tool": 2}
    applied = HarnessChange(ONE.proposal_id, "apply", ONE.kind, "Ann", NOW, None, table, "a", "b")
    undone = HarnessChange(ONE.proposal_id, "roll back", ONE.kind, "Ben", NOW, table, None, "b", "a", "too strict")
    store.put_harness_change(applied)
    store.put_harness_change(undone)
    assert store.harness_changes() == [applied, undone]


def test_trials_of_a_verification_are_no_runs_of_the_suite(store: SqlStore) -> None:
    log = store.verification_log()
    run = Run("run-1", "1.0 with", "abc", "agent", NOW, planned=2)
    log.put_run(run)
    log.put_result(result("a", run_id="run-1", trial=0))
    log.put_result(result("a", run_id="run-1", trial=0, passed=False))
    log.put_result(result("a", run_id="run-1", trial=1))
    done = replace(run, finished_at=NOW)
    log.put_run(done)
    assert store.verification_log().runs() == [done]
    assert [(r.trial, r.passed) for r in log.results("run-1")] == [(0, True), (1, True)]
    assert store.runs() == []
    assert store.results("run-1") == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(Proposal), record(Verification))
def test_any_proposal_and_verification_come_back(store: SqlStore, proposal: Proposal, found: Verification) -> None:
    assert encode(decode(encode(proposal), Proposal)) == encode(proposal)
    assert encode(decode(encode(found), Verification)) == encode(found)
