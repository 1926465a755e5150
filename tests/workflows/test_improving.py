from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from colour_agent import traces
from loopwright import wiring
from loopwright.adapters.store.harness_toml import HarnessToml
from loopwright.audit.trail import breaks
from loopwright.errors import InputError, RuleError, UsageError
from loopwright.improve.proposal import Effect, Proposal, ProposalKind, ProposalRecord, ProposalStatus, Verification
from loopwright.ports import Store
from loopwright.settings import Settings
from loopwright.workflows.improving import (
    Decision,
    apply_proposal,
    current,
    decide_proposal,
    detect_store,
    detect_traces,
    find_proposal,
    roll_back,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NONE = Effect("failure", None, None)
STRICT = Proposal(ProposalKind.RETRY_BUDGET, ("t1", "t2", "t3"), {"per_tool": 2})
LAX = Proposal(ProposalKind.RETRY_BUDGET, ("t1", "t2", "t3", "t4"), {"per_tool": 4})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with wiring.store(Settings(folder=tmp_path)) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> HarnessToml:
    return HarnessToml(tmp_path / "harness.toml")


def put(store: Store, proposal: Proposal = STRICT, verdict: str | None = "helping") -> ProposalRecord:
    store.put_proposals([proposal])
    if verdict is not None:
        store.put_verification(proposal.proposal_id, Verification(verdict, 9, NONE, NONE, NONE, NONE, at=NOW))
    return find_proposal(store, proposal.proposal_id)


def approve(store: Store, record: ProposalRecord, **said: Any) -> ProposalRecord:
    return asyncio.run(decide_proposal(store, record, Decision(ProposalStatus.APPROVED, "Ann", NOW, **said)))


def approved(store: Store, proposal: Proposal = STRICT) -> ProposalRecord:
    return approve(store, put(store, proposal))


def apply(store: Store, record: ProposalRecord, file: HarnessToml, mode: str = "enforce", by: str = "Ann") -> Any:
    return asyncio.run(apply_proposal(store, record, file, by, NOW, mode=mode, protected={"evals": ["/shop/evals"]}))


def undo(store: Store, proposal: Proposal, file: HarnessToml, why: str = "too strict") -> Any:
    record = find_proposal(store, proposal.proposal_id)
    return asyncio.run(roll_back(store, record, file, "Ben", NOW, why=why, protected={}))


def test_what_recurs_is_proposed_with_its_evidence_and_replay() -> None:
    found = asyncio.run(detect_traces(traces(30)))
    (proposal,) = found.proposals
    assert proposal.kind is ProposalKind.DEDUPLICATE_CALLS
    assert proposal.replay is not None
    assert (proposal.replay.caught, proposal.replay.false_alarms) == (len(proposal.evidence), 0)
    assert found.traces == 30
    assert asyncio.run(detect_traces([])).proposals == ()


def test_proposals_are_kept_once(store: Store) -> None:
    store.put_traces(traces(30))
    assert asyncio.run(detect_store(store)).counts.new == 1
    again = asyncio.run(detect_store(store))
    assert (again.counts.new, again.counts.unchanged) == (0, 1)
    assert len(store.proposals()) == 1


def test_a_proposal_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    record = put(store)
    assert find_proposal(store, record.proposal.proposal_id[9:14]) == record
    with pytest.raises(UsageError, match="unknown proposal"):
        find_proposal(store, "proposal-x")


def test_of_undecided_proposals_the_last_of_each_kind_is_current(store: Store) -> None:
    put(store, STRICT)
    put(store, LAX)
    assert [r.proposal for r in current(store.proposals())] == [LAX]
    approved(store, STRICT)
    assert [r.proposal for r in current(store.proposals())] == [STRICT, LAX]


def test_a_person_approves_and_the_trail_says_on_what_grounds(store: Store) -> None:
    record = approve(store, put(store), why="fewer calls")
    assert (record.status, record.decided_by, record.why) == (ProposalStatus.APPROVED, "Ann", "fewer calls")
    (entry,) = store.audit()
    assert (entry.actor, entry.action, entry.subject) == ("Ann", "proposal approved", STRICT.proposal_id)
    assert (entry.details["verdict"], entry.details["change"], entry.details["kind"]) == (
        "helping",
        {"per_tool": 2},
        "retry_budget",
    )


def test_what_is_not_shown_to_help_needs_a_reason_that_the_trail_keeps(store: Store) -> None:
    unverified = put(store, verdict=None)
    with pytest.raises(RuleError, match="verified-first"):
        approve(store, unverified)
    harmful = put(store, LAX, "harmful")
    with pytest.raises(RuleError, match="no-harm"):
        approve(store, harmful, unverified="I know better")
    assert store.audit() == []
    approve(store, unverified, unverified="the agent cannot be run here")
    approve(store, harmful, despite="success is measured wrongly")
    assert [e.details["unverified"] or e.details["despite"] for e in store.audit()] == [
        "the agent cannot be run here",
        "success is measured wrongly",
    ]


def test_what_is_approved_and_applied_already_is_not_recorded_again(store: Store, file: HarnessToml) -> None:
    first = approved(store)
    entries = store.audit()
    again = Decision(ProposalStatus.APPROVED, "Ben", NOW + timedelta(days=1), why="me too")
    assert asyncio.run(decide_proposal(store, first, again)) == first
    assert store.audit() == entries

    change = apply(store, first, file)
    entries, changes = store.audit(), store.harness_changes()
    later = NOW + timedelta(days=1)
    told = asyncio.run(apply_proposal(store, first, file, "Ben", later, mode="enforce", protected={}))
    assert told == change
    assert (store.audit(), store.harness_changes()) == (entries, changes)
    assert apply(store, first, file, "shadow").table == {"mode": "shadow", "per_tool": 2}
    file.put("retry_budget", {"mode": "off", "per_tool": 2})
    assert apply(store, first, file, "shadow") == store.harness_changes()[-1] != changes[-1]
    assert file.tables()["retry_budget"]["mode"] == "shadow"


def test_a_rejection_needs_a_reason(store: Store) -> None:
    record = put(store)
    with pytest.raises(RuleError, match="say-why"):
        asyncio.run(decide_proposal(store, record, Decision(ProposalStatus.REJECTED, "Ann", NOW)))
    done = asyncio.run(decide_proposal(store, record, Decision(ProposalStatus.REJECTED, "Ann", NOW, why="polling")))
    assert (done.status, done.why) == (ProposalStatus.REJECTED, "polling")


def test_only_what_is_approved_is_applied_and_in_no_mode_else(store: Store, file: HarnessToml) -> None:
    record = put(store)
    for mode in ("enforce", "shadow"):
        with pytest.raises(RuleError, match="in-order"):
            apply(store, record, file, mode)
    assert file.tables() == {}
    assert store.harness_changes() == []


def test_an_approved_proposal_is_written_and_rolled_back(store: Store, file: HarnessToml) -> None:
    file.put("deduplicate_calls", {"mode": "shadow", "limit": 3})
    before = Path(file.path).read_text(encoding="utf-8")
    change = apply(store, approved(store), file)
    assert file.tables()["retry_budget"] == {"mode": "enforce", "per_tool": 2}
    assert (change.former, change.table) == (None, {"mode": "enforce", "per_tool": 2})
    assert find_proposal(store, STRICT.proposal_id).status is ProposalStatus.APPLIED
    back = undo(store, STRICT, file)
    assert Path(file.path).read_text(encoding="utf-8") == before
    assert (back.before, back.after) == (change.after, change.before)
    assert find_proposal(store, STRICT.proposal_id).status is ProposalStatus.ROLLED_BACK
    assert [e.action for e in store.audit()] == ["proposal approved", "proposal applied", "proposal rolled back"]
    assert store.audit()[1].details["harness_after"] == change.after
    assert breaks(store.trail()) == ()
    assert store.harness_changes() == [change, back]


def test_from_shadow_to_enforce_and_back_to_what_was_before_both(store: Store, file: HarnessToml) -> None:
    file.put("retry_budget", {"mode": "shadow", "per_tool": 9})
    apply(store, approved(store), file, "shadow")
    apply(store, find_proposal(store, STRICT.proposal_id), file, "enforce")
    assert file.tables()["retry_budget"] == {"mode": "enforce", "per_tool": 2}
    undo(store, STRICT, file)
    assert file.tables()["retry_budget"] == {"mode": "shadow", "per_tool": 9}


def test_one_proposal_of_a_kind_replaces_another_until_it_is_rolled_back(store: Store, file: HarnessToml) -> None:
    apply(store, approved(store, STRICT), file)
    apply(store, approved(store, LAX), file)
    assert find_proposal(store, STRICT.proposal_id).status is ProposalStatus.ROLLED_BACK
    assert file.tables()["retry_budget"]["per_tool"] == 4
    undo(store, LAX, file)
    assert find_proposal(store, STRICT.proposal_id).status is ProposalStatus.APPLIED
    assert file.tables()["retry_budget"] == {"mode": "enforce", "per_tool": 2}
    undo(store, STRICT, file)
    assert file.tables() == {}


def test_a_table_changed_by_hand_is_not_rolled_back_over(store: Store, file: HarnessToml) -> None:
    apply(store, approved(store), file)
    file.put("retry_budget", {"mode": "enforce", "per_tool": 7})
    with pytest.raises(UsageError, match="was changed since it was applied"):
        undo(store, STRICT, file)
    assert file.tables()["retry_budget"]["per_tool"] == 7
    assert find_proposal(store, STRICT.proposal_id).status is ProposalStatus.APPLIED


def test_what_cannot_be_written_is_not_recorded(store: Store, file: HarnessToml) -> None:
    Path(file.path).write_text('guards = {retry_budget = {mode = "shadow"}}\n', encoding="utf-8")
    record = approved(store)
    with pytest.raises(InputError, match=r"harness\.toml"):
        apply(store, record, file)
    assert find_proposal(store, STRICT.proposal_id).status is ProposalStatus.APPROVED
    assert store.harness_changes() == []
    assert len(store.audit()) == 1


def test_a_write_cut_short_before_the_store_knew_is_done_again(store: Store, file: HarnessToml) -> None:
    record = approved(store)
    file.put("retry_budget", {"mode": "enforce", "per_tool": 2})  # what a kill between the file and the store leaves
    change = apply(store, record, file)
    assert change.former is None
    undo(store, STRICT, file)
    assert file.tables() == {}


def test_a_harness_within_the_evals_is_refused(store: Store) -> None:
    with pytest.raises(RuleError, match="leave-evals-alone"):
        apply(store, approved(store), HarnessToml(Path("/shop/evals/harness.toml")))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"per_tool": 0}, "sound-parameters"),
        ({"mode": "enforce"}, "own-parameters-only"),
        ({"gate.alpha": 0.5}, "leave-policy-alone"),
        ({"evals": []}, "leave-evals-alone"),
        ({"audit": "off"}, "leave-audit-alone"),
        ({"detector": "none"}, "leave-own-check-alone"),
    ],
)
def test_a_smuggled_change_is_refused_wherever_it_turns_up(
    store: Store, file: HarnessToml, change: dict[str, Any], rule: str
) -> None:
    record = put(store, replace(STRICT, change=change))
    with pytest.raises(RuleError, match=rule):
        approve(store, record)
    store.set_proposal_status(record.proposal.proposal_id, ProposalStatus.APPROVED, "Eve", NOW)
    with pytest.raises(RuleError, match=rule):
        apply(store, find_proposal(store, record.proposal.proposal_id), file)
    assert file.tables() == {}


def test_what_turned_out_harmful_since_its_approval_is_not_applied_until_approved_again(store: Store, file: HarnessToml) -> None:
    record = approved(store)
    later = NOW + timedelta(days=1)
    store.put_verification(STRICT.proposal_id, Verification("harmful", 9, NONE, NONE, NONE, NONE, at=later, look=2))
    with pytest.raises(RuleError, match="no-harm"):
        apply(store, record, file)
    again = Decision(ProposalStatus.APPROVED, "Ann", later + timedelta(hours=1), despite="success is measured wrongly")
    apply(store, asyncio.run(decide_proposal(store, record, again)), file)
    assert file.tables()["retry_budget"]["mode"] == "enforce"


def test_a_decision_rests_on_what_stands_now_and_not_on_what_was_read(store: Store, file: HarnessToml) -> None:
    stale = put(store)
    approve(store, stale)
    apply(store, stale, file)
    with pytest.raises(RuleError, match="in-order"):
        approve(store, stale)
