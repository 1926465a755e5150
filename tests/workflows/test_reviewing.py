"""Reviewing on a real store: what waits and in which order, and what a yes, a no and an edit leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builders import assistant, case, failure, mode, result, signal, tool_call, tool_result, trace, user
from loopwright import wiring
from loopwright.cluster.mode import Membership, ModeStatus
from loopwright.errors import RuleError, SuiteError, UsageError
from loopwright.evaluate.case import CaseStatus, Check, EvalCase
from loopwright.evaluate.queue import Queued
from loopwright.evaluate.result import CheckOutcome
from loopwright.evaluate.writing import render
from loopwright.improve.proposal import Proposal, ProposalKind, ProposalStatus
from loopwright.mine.signal import Where
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.workflows.drafting import draft_from_store
from loopwright.workflows.review_items import Item
from loopwright.workflows.reviewing import approve, approved_before, edit, edit_text, find_item, look, reject, waiting
from loopwright.workflows.triage import Desk

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TALK = (
    user("Refund order 17"),
    assistant(None, tool_call("refund", order="17")),
    tool_result("Error: order 17 not found"),
    assistant("Sorry."),
)
PROPOSAL = Proposal(ProposalKind.DEDUPLICATE_CALLS, ("often-0",), {"limit": 2}, "often", "calls come twice", ("refund, refund",))


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    """Two modes, of which one fails more often, their drafts, and a proposal."""
    with wiring.store(load(start=project, environ={})) as opened:
        ids = ["often-0", "often-1", "often-2", "rare-0"]
        found = signal(where=Where(message_index=2))
        opened.put_traces([trace(*TALK, id=id) for id in ids])
        opened.replace_failures([failure(id, signals=(found,)) for id in ids])
        modes = [mode(name, name=f"what {name} is", representatives=(f"{name}-0",)) for name in ("often", "rare")]
        opened.put_modes(modes, [Membership(id, id.split("-")[0], 0.9) for id in ids])
        asyncio.run(draft_from_store(opened, desk(opened).suite, "evals", has_suite=False))
        yield opened


def desk(store: Store) -> Desk:
    folder = Path("evals")
    return Desk(store, wiring.suite_files(load(environ={})), str(folder), folder.is_dir())


def queue(store: Store) -> tuple[Item, ...]:
    return asyncio.run(waiting(desk(store)))


def draft_of(store: Store, mode_id: str) -> Item:
    return next(item for item in queue(store) if item.case is not None and item.case.mode_id == mode_id)


def actions(store: Store) -> list[tuple[str, str]]:
    return [(entry.actor, entry.action) for entry in store.audit()]


def test_what_is_severe_and_frequent_comes_first(store: Store) -> None:
    store.put_proposals([PROPOSAL])
    store.put_cases([case("case-own", status=CaseStatus.DRAFT, severity=1, failure_indicator="it forgets the date")])
    found = queue(store)
    assert [(item.kind, item.count) for item in found] == [("case", 3), ("case", 1), ("proposal", 1), ("case", 1)]
    assert [round(item.urgency, 3) for item in found] == [2.4, 0.8, 0.8, 0.2]
    assert next(item for item in found if item.id == "case-own").title == "it forgets the date"
    assert next(item for item in found if item.kind == "proposal").against == "it was not verified"


def test_a_look_shows_the_evidence_and_what_trying_the_draft_shows_now(store: Store) -> None:
    seen = asyncio.run(look(desk(store), draft_of(store, "often")))
    assert [quote.trace_id for quote in seen.quotes] == ["often-0", "often-1", "often-2"]
    assert seen.quotes[0].said[-1] == ("tool", "Error: order 17 not found")
    assert seen.quotes[0].said[0] == ("user", "Refund order 17")
    assert seen.admission is not None
    assert seen.admission.fails_on_source is True
    assert seen.admission.admitted


def test_an_approved_draft_joins_the_suite_under_a_name(store: Store) -> None:
    item = draft_of(store, "often")
    done = asyncio.run(approve(desk(store), item, "Ada", NOW))

    (approved,) = desk(store).suite.load(["evals"]).cases
    assert (approved.id, approved.approved_by, approved.status) == (item.id, "Ada", CaseStatus.APPROVED)
    assert done.file == str(Path("evals") / f"{item.id}.yaml")
    entry = store.audit()[-1]
    assert (entry.actor, entry.details["digest"]) == ("Ada", approved.reviewed_digest)
    assert item.id not in {other.id for other in queue(store)}
    assert store.modes()[0].status is ModeStatus.COVERED


def test_nobody_decides_without_a_name_or_a_reason(store: Store) -> None:
    item = draft_of(store, "often")
    before = actions(store)
    with pytest.raises(UsageError, match="nobody is named"):
        asyncio.run(approve(desk(store), item, " ", NOW))
    with pytest.raises(UsageError, match="nobody is named"):
        asyncio.run(edit(desk(store), item, edit_text(item), "", NOW))
    with pytest.raises(UsageError, match="needs a reason"):
        asyncio.run(reject(desk(store), item, "Ada", NOW, " "))
    assert actions(store) == before
    assert not desk(store).suite.load(["evals"]).cases


def vague(item: Item) -> str:
    """The draft with a check that passes on its source."""
    assert item.case is not None
    return render([replace(item.case, checks=(Check("contains", {"value": "Sorry"}),), fails_on_source=None)])


def test_a_draft_that_is_not_admitted_needs_a_reason_which_is_kept(store: Store) -> None:
    edited = asyncio.run(edit(desk(store), draft_of(store, "often"), vague(draft_of(store, "often")), "Ada", NOW))
    assert edited.against == "its checks pass on the recorded failure"
    assert draft_of(store, "often").against == edited.against

    with pytest.raises(UsageError, match=r"is not admitted: its checks pass .* --despite"):
        asyncio.run(approve(desk(store), draft_of(store, "often"), "Ada", NOW))
    asyncio.run(approve(desk(store), draft_of(store, "often"), "Ada", NOW, despite="a smoke test"))

    assert store.audit()[-1].details["despite"] == "a smoke test"
    (approved,) = desk(store).suite.load(["evals"]).cases
    assert approved.not_admitted == "its checks pass on the recorded failure"
    assert [c.id for c in desk(store).suite.load(["evals/drafts"], drafts=True).cases if c.id == approved.id] == []


def test_an_edit_is_kept_in_file_and_store_with_both_digests_and_survives_drafting(store: Store) -> None:
    item = draft_of(store, "often")
    assert item.case is not None
    text = edit_text(item).replace("severity: 1", "severity: 5").replace("Refund order 17", "Refund order 18, please")
    edited = asyncio.run(edit(desk(store), item, text, "Ada", NOW))

    assert edited.case is not None
    assert (edited.case.severity, edited.case.input, edited.case.status) == (5, "Refund order 18, please", CaseStatus.DRAFT)
    entry = store.audit()[-1]
    assert (entry.actor, entry.action, entry.subject) == ("Ada", "case edited", item.id)
    assert (entry.details["before"], entry.details["after"]) == (item.case.reviewed_digest, edited.case.reviewed_digest)
    assert entry.details["changed"] == ["input", "expected_behaviour", "severity"]
    asyncio.run(draft_from_store(store, desk(store).suite, "evals", has_suite=True))
    again = draft_of(store, "often")
    assert again.case is not None
    assert again.case.input == "Refund order 18, please"
    assert {c.id: c.input for c in store.cases()}[item.id] == "Refund order 18, please"


@pytest.mark.parametrize(
    ("was", "now", "field"), [("severity: 1", "severity: 5", "severity"), ("tags: [", "tags: [money, ", "tags")]
)
def test_an_edit_of_what_is_no_part_of_the_test_shows_in_the_trail(store: Store, was: str, now: str, field: str) -> None:
    item = draft_of(store, "often")
    edited = asyncio.run(edit(desk(store), item, edit_text(item).replace(was, now), "Ada", NOW))
    assert item.case is not None
    assert edited.case is not None
    assert edited.case.content_digest == item.case.content_digest
    details = store.audit()[-1].details
    assert details["before"] != details["after"]
    assert details["changed"] == [field]
    asyncio.run(approve(desk(store), edited, "Ada", NOW))
    assert store.audit()[-1].details["digest"] == details["after"]


def test_what_was_decided_is_said_of_an_id_that_waits_no_longer(store: Store) -> None:
    often, rare = draft_of(store, "often"), draft_of(store, "rare")
    store.put_proposals([PROPOSAL])
    store.put_queued([Queued(result("refunds", False), NOW)])
    proposal, waits = (next(item for item in queue(store) if item.kind == kind) for kind in ("proposal", "failure"))
    asyncio.run(approve(desk(store), often, "Ada Lovelace", NOW))
    asyncio.run(reject(desk(store), rare, "Ben", NOW, "known"))
    asyncio.run(approve(desk(store), proposal, "Cleo", NOW, despite="the incident cannot wait"))
    asyncio.run(reject(desk(store), waits, "Dan", NOW, "known"))
    entries = store.audit()
    told = {
        often.id: "already approved by Ada Lovelace on 2026-03-02 00:00 UTC",
        rare.id: "already rejected by Ben on",
        proposal.id: "already approved by Cleo on",
        waits.id: "already rejected by Dan on",
    }
    for id, says in told.items():
        with pytest.raises(UsageError, match=says):
            asyncio.run(find_item(desk(store), id))
        before = asyncio.run(approved_before(desk(store), id))
        assert (before is not None) == ("approved" in says)
    assert asyncio.run(approved_before(desk(store), often.id[5:-3])) is not None
    assert asyncio.run(approved_before(desk(store), "case-zzz")) is None
    assert store.audit() == entries


def test_an_edit_that_changes_nothing_or_is_no_case_leaves_all_as_it_was(store: Store) -> None:
    item = draft_of(store, "often")
    before = actions(store)
    for text in (edit_text(item), "", "# only a comment\n"):
        assert asyncio.run(edit(desk(store), item, text, "Ada", NOW)) is item
    assert item.case is not None
    bad = {
        "has the id": edit_text(item).replace(item.id, "another"),
        "holds 0 cases": "cases: []",
        "unknown field": edit_text(item).replace("severity:", "severty:"),
        "unknown check": edit_text(item).replace("type: not_regex", "type: not_regexp"),
    }
    for problem, text in bad.items():
        with pytest.raises(SuiteError, match=problem):
            asyncio.run(edit(desk(store), item, text, "Ada", NOW))
    assert actions(store) == before


def test_a_rejected_draft_leaves_the_queue_and_the_suite(store: Store) -> None:
    item = draft_of(store, "often")
    asyncio.run(reject(desk(store), item, "Ada", NOW, "the tool was down"))
    assert item.id not in {other.id for other in queue(store)}
    assert item.id not in {c.id for c in desk(store).cases()}
    assert store.modes()[0].status is ModeStatus.REJECTED


def test_a_proposal_is_decided_by_its_own_rules(store: Store) -> None:
    store.put_proposals([PROPOSAL])
    item = asyncio.run(find_item(desk(store), PROPOSAL.proposal_id))
    with pytest.raises(RuleError, match="verif"):
        asyncio.run(approve(desk(store), item, "Ada", NOW))
    asyncio.run(approve(desk(store), item, "Ada", NOW, despite="the incident cannot wait"))
    assert store.proposals()[0].status is ProposalStatus.APPROVED
    assert store.audit()[-1].details["unverified"] == "the incident cannot wait"
    asyncio.run(reject(desk(store), item, "Ada", NOW, "calls may come twice"))
    assert store.proposals()[0].status is ProposalStatus.REJECTED
    assert "proposal" not in {other.kind for other in queue(store)}
    with pytest.raises(UsageError, match="no draft case"):
        edit_text(item)


def failing() -> EvalCase:
    return case("refunds", input="Refund order 17", checks=(Check("contains", {"value": "refunded"}),), severity=5)


def queued_failure(store: Store) -> Item:
    wiring.suite_files(load(environ={})).append(failing(), "evals")
    outcome = (CheckOutcome("contains", False, '"refunded" is not in the output'),)
    messages = ({"role": "assistant", "content": "I cannot."},)
    failed = result("refunds", False, output="I cannot.", messages=messages, checks=outcome, case_digest="d")
    store.put_queued([Queued(failed, NOW)])
    return next(item for item in queue(store) if item.kind == "failure")


def test_a_queued_failure_becomes_a_draft_that_waits_in_its_turn(store: Store) -> None:
    item = queued_failure(store)
    assert (item.severity, item.title) == (1.0, 'refunds fails in a released version: contains: "refunded" is not in the output')
    done = asyncio.run(approve(desk(store), item, "Ada", NOW, detectors=tuple(wiring.detectors())))

    waits = {other.id: other for other in queue(store)}
    assert item.id not in waits
    drafted = waits[done.details["case"]].case
    assert drafted is not None
    assert (drafted.input, drafted.severity, drafted.source_trace_ids) == ("Refund order 17", 5, (item.id,))
    assert actions(store)[-1] == ("Ada", "queued failure taken")


def test_a_queued_failure_can_be_dismissed(store: Store) -> None:
    item = queued_failure(store)
    asyncio.run(reject(desk(store), item, "Ada", NOW, "known"))
    assert item.id not in {other.id for other in queue(store)}
    assert store.audit()[-1].details == {"eval_id": "refunds", "why": "known"}


def test_items_are_found_by_the_beginning_of_their_id(store: Store) -> None:
    item = draft_of(store, "often")
    assert asyncio.run(find_item(desk(store), item.id[:-2])).id == item.id
    with pytest.raises(UsageError, match="item"):
        asyncio.run(find_item(desk(store), "case-zzz"))
    for other in queue(store):
        asyncio.run(reject(desk(store), other, "Ada", NOW, "no"))
    with pytest.raises(UsageError, match="already rejected by Ada"):
        asyncio.run(find_item(desk(store), item.id))
    with pytest.raises(UsageError, match="nothing waits"):
        asyncio.run(find_item(desk(store), "case-zzz"))
