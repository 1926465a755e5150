"""The harness held against what was decided on record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loopwright import wiring
from loopwright.improve.proposal import Proposal, ProposalKind, ProposalStatus
from loopwright.ports import HarnessFile, Store
from loopwright.settings import Settings
from loopwright.workflows.hand_edits import hand_edits
from loopwright.workflows.improving import apply_proposal, find_proposal, roll_back

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with wiring.store(Settings(folder=tmp_path)) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> HarnessFile:
    return wiring.harness_file(Settings(folder=tmp_path))


def apply(store: Store, file: HarnessFile, proposal: Proposal, mode: str = "enforce") -> None:
    store.put_proposals([proposal])
    store.set_proposal_status(proposal.proposal_id, ProposalStatus.APPROVED, "Ann", NOW)
    record = find_proposal(store, proposal.proposal_id)
    asyncio.run(apply_proposal(store, record, file, "Ann", NOW, mode=mode, protected={}))


def undo(store: Store, file: HarnessFile, proposal: Proposal) -> None:
    record = find_proposal(store, proposal.proposal_id)
    asyncio.run(roll_back(store, record, file, "Ann", NOW, why="it blocks", protected={}))


STRICT = Proposal(ProposalKind.RETRY_BUDGET, ("t1",), {"per_tool": 2})
LAX = Proposal(ProposalKind.RETRY_BUDGET, ("t2",), {"per_tool": 5})
ONCE = Proposal(ProposalKind.DEDUPLICATE_CALLS, ("t1",))


def test_what_was_decided_is_no_edit_whatever_came_after_what(store: Store, file: HarnessFile) -> None:
    assert hand_edits(store, file) == ()
    apply(store, file, STRICT)
    assert hand_edits(store, file) == ()
    apply(store, file, ONCE, "shadow")
    apply(store, file, LAX)
    assert hand_edits(store, file) == ()
    undo(store, file, LAX)
    assert file.tables()["retry_budget"]["per_tool"] == 2
    assert hand_edits(store, file) == ()
    undo(store, file, ONCE)
    undo(store, file, STRICT)
    assert hand_edits(store, file) == ()


def test_each_table_that_differs_is_named_with_what_differs_alone(store: Store, file: HarnessFile) -> None:
    apply(store, file, STRICT)
    apply(store, file, ONCE)
    file.put("retry_budget", {"mode": "shadow", "per_tool": 9})
    file.put("deduplicate_calls", None)
    gone, changed = hand_edits(store, file)
    assert (gone.guard, changed.guard) == ("deduplicate_calls", "retry_budget")
    assert str(gone) == (
        f"[guards.deduplicate_calls] is not what {ONCE.proposal_id} put there: it is gone; "
        f"put it back: loopwright improve apply {ONCE.proposal_id} --mode enforce"
    )
    assert "mode is 'shadow', and was 'enforce', per_tool is 9, and was 2; put it back" in str(changed)
    assert not gone.harmless
    file.put("retry_budget", {"mode": "enforce"})
    assert "per_tool is 3, and was 2; put it back" in str(hand_edits(store, file)[1])
    assert not changed.harmless
    apply(store, file, ONCE)
    assert [edit.guard for edit in hand_edits(store, file)] == ["retry_budget"]


def test_what_a_rollback_left_counts_as_decided(store: Store, file: HarnessFile) -> None:
    file.put("retry_budget", {"mode": "shadow", "per_tool": 7})
    apply(store, file, STRICT)
    undo(store, file, STRICT)
    assert hand_edits(store, file) == ()
    file.put("retry_budget", {"mode": "enforce", "per_tool": 7})
    (edit,) = hand_edits(store, file)
    assert edit.problem == "[guards.retry_budget] is not what a rollback left: mode is 'enforce', and was 'shadow'"
    assert edit.cure == "write it again: mode = 'shadow', per_tool = 7"


def test_by_hand_nothing_is_enforced(store: Store, file: HarnessFile) -> None:
    file.put("retry_budget", {"mode": "enforce"})
    assert [edit.harmless for edit in hand_edits(store, file)] == [True]  # a store that knows of nothing
    apply(store, file, ONCE)
    assert [(edit.guard, edit.harmless) for edit in hand_edits(store, file)] == [("retry_budget", False)]
    for mode in ("shadow", "off"):
        file.put("retry_budget", {"mode": mode})
        assert [(edit.guard, edit.harmless) for edit in hand_edits(store, file)] == [("retry_budget", True)]


def test_a_file_that_cannot_be_taken_is_told(store: Store, file: HarnessFile) -> None:
    Path(file.path).write_text("[guards.retry_budget\n", encoding="utf-8")
    (edit,) = hand_edits(store, file)
    assert edit.guard == ""
    assert "harness.toml: is not TOML" in str(edit)
    assert not edit.harmless
