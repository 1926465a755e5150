"""Releases on a real store: on what grounds one is recorded, what it did, and how it is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import failure, mode, result, trace
from loopwright import wiring
from loopwright.cluster.mode import Membership
from loopwright.errors import RuleError, UsageError
from loopwright.evaluate.fingerprint import Fingerprint
from loopwright.evaluate.result import Run
from loopwright.gate.policy import Policy
from loopwright.improve.proposal import Proposal, ProposalKind, ProposalStatus
from loopwright.ports import Store
from loopwright.release.effect import Verdict
from loopwright.release.record import Release
from loopwright.settings import Settings, load
from loopwright.workflows.establishing import Signed, establish_run
from loopwright.workflows.gating import gate_store
from loopwright.workflows.improving import apply_proposal, find_proposal, roll_back
from loopwright.workflows.queueing import queued
from loopwright.workflows.releasing import ReleaseRequest, effect_of, find_release, record_release, rollback_release

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    with wiring.store(load(start=project, environ={})) as opened:
        yield opened


def put_run(store: Store, version: str, passed: Sequence[bool] = (True,) * 20, *, day: int = 0, **fields: Any) -> None:
    at = NOW + timedelta(days=day)
    store.put_run(Run(f"run-{version}-{day}", version, "s", "agent", at, at, planned=len(passed), **fields))
    for n, ok in enumerate(passed):
        store.put_result(
            result(f"c{n}", ok, run_id=f"run-{version}-{day}", suite_digest="s", case_digest=f"d{n}", layer="deterministic")
        )


def gated(store: Store, version: str, passed: Sequence[bool] = (True,) * 20, *, day: int = 1, **fields: Any) -> str:
    """A decision on the version, against a baseline that passes everything; returns its id."""
    if not store.baseline():
        put_run(store, "v0", (True,) * len(passed))
        asyncio.run(establish_run(store, Signed("Ann", NOW)))
    put_run(store, version, passed, day=day, **fields)
    asyncio.run(gate_store(store, Policy(), NOW + timedelta(days=day), run_id=f"run-{version}-{day}"))
    return store.decisions()[-1].decision_id


def released(store: Store, version: str, *, day: int = 2, recorded: int | None = None, **fields: Any) -> Release:
    at, now = (NOW + timedelta(days=days) for days in (day, day if recorded is None else recorded))
    return asyncio.run(record_release(store, ReleaseRequest(version, "Ann", at, **fields), now))


def test_a_release_stands_on_the_decision_on_its_version(store: Store) -> None:
    made_of = Fingerprint("c1", prompt="p1")
    id = gated(store, "v1", fingerprint=made_of)
    made = released(store, "v1")
    assert (made.decision_id, made.fingerprint, made.changed, made.despite) == (id, made_of, None, "")
    assert store.releases() == [made]
    entry = store.audit()[-1]
    assert (entry.actor, entry.action, entry.subject, entry.details["decision"]) == ("Ann", "released", made.release_id, id)


def test_what_changed_since_the_release_before_is_named(store: Store) -> None:
    gated(store, "v1", fingerprint=Fingerprint("c1", prompt="p1", harness="h1"))
    released(store, "v1")
    gated(store, "v2", day=3, fingerprint=Fingerprint("c2", prompt="p1", harness="h2"))
    assert released(store, "v2", day=4).changed == ("code", "harness")


def test_a_blocked_version_ships_only_with_a_reason_that_is_kept(store: Store) -> None:
    gated(store, "v1", [False] * 15 + [True] * 5)
    with pytest.raises(RuleError, match=r"a release stands on an approved decision: decision-\w+ does not approve it: Blocked"):
        released(store, "v1")
    assert store.releases() == []
    made = released(store, "v1", despite="the old one loses bookings")
    assert made.despite == "the old one loses bookings"
    entry = store.audit()[-1]
    assert (entry.action, entry.details["despite"]) == ("released despite", "the old one loses bookings")
    assert "does not approve" in entry.details["against"][0]


@pytest.mark.parametrize("kind", ["nothing", "undecided", "other version", "part of the layers", "overruled"])
def test_what_shows_too_little_is_no_ground(store: Store, kind: str) -> None:
    fields: dict[str, Any] = {}
    if kind == "undecided":
        gated(store, "v1", [True] * 2)
    elif kind == "other version":
        fields["decision_id"] = gated(store, "v7")
    elif kind == "part of the layers":
        gated(store, "v1", settings={"filters": ["--changed"], "layers": ["deterministic"]})
        assert store.decisions()[-1].decision.approved
    elif kind == "overruled":
        fields["decision_id"] = gated(store, "v1")
        gated(store, "v1", [False] * 20, day=2)
    with pytest.raises(RuleError) as refused:
        released(store, "v1", day=3, **fields)
    assert refused.value.exit_code == 1
    assert store.releases() == []


def test_a_tag_is_released_on_the_decision_on_its_commit(store: Store) -> None:
    gated(store, "c0ffee")
    made = released(store, "v1", commit="c0ffee")
    assert made.names == ("v1", "c0ffee")
    assert find_release(store, "c0ffee") == made


def test_a_run_that_was_told_its_tag_is_of_that_release(store: Store) -> None:
    gated(store, "c0ffee", fingerprint=Fingerprint("c0ffee", release="v1"))
    assert released(store, "v1").names == ("v1", "c0ffee")


def test_what_cannot_be_is_refused(store: Store) -> None:
    gated(store, "v1")
    for version, fields, said in (
        (" ", {}, "the version is empty"),
        ("v1", {"decision_id": "decision-none"}, "unknown decision"),
        ("v1", {"proposal_ids": ("proposal-none",)}, "unknown proposal"),
    ):
        with pytest.raises(UsageError, match=said):
            released(store, version, **fields)
    released(store, "v1")
    with pytest.raises(UsageError, match="v1 is released already"):
        released(store, "v1", day=3)
    with pytest.raises(UsageError, match="give a later time"):
        released(store, "v2", day=1)
    with pytest.raises(UsageError, match="did you mean 'v1'"):
        find_release(store, "v11")


def test_after_an_approval_the_failures_are_queued_once(store: Store) -> None:
    gated(store, "v1", [True] * 19 + [False])
    gated(store, "v2", [True] * 19 + [False], day=3)
    assert [d.decision.new_evals_queued for d in store.decisions()] == [1, 0]
    assert [q.result.eval_id for q in queued(store)] == ["c19"]
    assert [e.details["eval_ids"] for e in store.audit() if e.action == "evals queued"] == [["c19"]]


def test_a_blocked_version_queues_nothing(store: Store) -> None:
    gated(store, "v1", [False] * 20)
    assert queued(store) == ()


def in_production(store: Store, version: str, count: int, failing: int, day: int) -> list[str]:
    at = NOW + timedelta(days=day)
    ids = [f"{version}-{n}" for n in range(count)]
    store.put_traces([trace(id=id, version=version, started_at=at) for id in ids])
    return ids[:failing]


def clustered(store: Store, failing: Sequence[str]) -> None:
    store.replace_failures([failure(id) for id in failing])
    store.put_modes([mode("mode-1", size=len(failing))], [Membership(id, "mode-1", 1.0) for id in failing])


def test_the_rate_of_each_mode_before_and_after(store: Store) -> None:
    for day, version in ((0, "v1"), (10, "v2")):
        released(store, version, day=day, despite="shipped before the gate")
    failing = [*in_production(store, "v1", 200, 40, 1), *in_production(store, "v2", 200, 8, 11)]
    clustered(store, failing)
    found = asyncio.run(effect_of(store, find_release(store, "v2")))
    assert (found.previous, found.before, found.after, found.doubts) == (find_release(store, "v1"), 200, 200, ())
    assert [(m.mode_id, m.before, m.after, m.verdict) for m in found.modes] == [
        (None, (40, 200), (8, 200), Verdict.FELL),
        ("mode-1", (40, 200), (8, 200), Verdict.FELL),
    ]


def test_traces_that_nobody_looked_at_do_not_make_a_mode_fall(store: Store) -> None:
    for day, version in ((0, "v1"), (10, "v2")):
        released(store, version, day=day, despite="shipped before the gate")
    clustered(store, in_production(store, "v1", 200, 40, 1))
    in_production(store, "v2", 200, 0, 11)
    found = asyncio.run(effect_of(store, find_release(store, "v2")))
    assert found.doubts[0].startswith("200 traces came since")
    assert {m.verdict for m in found.modes} == {Verdict.UNCLEAR}
    store.replace_failures([*store.failures(), failure("v2-1")])
    found = asyncio.run(effect_of(store, find_release(store, "v2")))
    assert found.doubts == ("1 failure not grouped yet; run: loopwright cluster",)


def rolled_back(store: Store, release: Release, why: str = "refunds rose") -> Any:
    harness = wiring.harness_file(Settings())
    now = NOW + timedelta(days=20)
    return asyncio.run(rollback_release(store, release, "Ben", now, why, harness, wiring.protected_places(Settings(), store)))


def test_a_rollback_names_what_to_deploy_again(store: Store) -> None:
    first, second = (released(store, v, day=d, despite="shipped before the gate") for v, d in (("v1", 0), ("v2", 5)))
    done = rolled_back(store, second)
    assert done.redeploy == first
    assert [r.live for r in store.releases()] == [True, False]
    assert store.audit()[-1].details == {"version": "v2", "why": "refunds rose", "to": "v1"}
    with pytest.raises(UsageError, match="rolled back already, by Ben"):
        rolled_back(store, store.releases()[1])
    with pytest.raises(UsageError, match="needs a reason"):
        rolled_back(store, first, " ")
    assert rolled_back(store, first).redeploy is None


def test_the_proposals_of_a_release_go_with_it(store: Store, project: Path) -> None:
    proposal = Proposal(ProposalKind.RETRY_BUDGET, ("t1",))
    store.put_proposals([proposal])
    with pytest.raises(UsageError, match="is open, and so not in the harness"):
        released(store, "v0", day=-1, despite="shipped before the gate", proposal_ids=(proposal.proposal_id,))
    store.set_proposal_status(proposal.proposal_id, ProposalStatus.APPROVED, "Ann", NOW)
    places = wiring.protected_places(Settings(), store)
    applied = apply_proposal(
        store, find_proposal(store, proposal.proposal_id), wiring.harness_file(Settings()), "Ann", NOW, protected=places
    )
    asyncio.run(applied)
    first = released(store, "v1", day=0, despite="shipped before the gate")
    assert first.proposal_ids == (proposal.proposal_id,)
    second = released(store, "v2", day=1, despite="shipped before the gate")
    assert second.proposal_ids == ()

    done = rolled_back(store, first)
    assert (done.undone, done.kept) == ((proposal.proposal_id,), ())
    assert find_proposal(store, proposal.proposal_id).status is ProposalStatus.ROLLED_BACK
    assert "retry_budget" not in (project / "harness.toml").read_text()


@pytest.mark.parametrize("why", ["", "ok", "because", "1234 567890", "a b"])
def test_a_reason_is_more_than_a_token(store: Store, why: str) -> None:
    with pytest.raises(UsageError if why else RuleError, match="--despite"):
        released(store, "v1", despite=why)
    assert (store.releases(), store.audit()) == ([], [])


def test_the_trail_says_when_it_was_recorded_and_when_it_shipped(store: Store) -> None:
    made = released(store, "v1", day=0, recorded=30, despite="shipped before the gate")
    assert made.released_at == NOW
    entry = store.audit()[-1]
    assert (entry.at, entry.details["released_at"]) == (NOW + timedelta(days=30), NOW.isoformat())
    with pytest.raises(UsageError, match="still to come"):
        released(store, "v2", day=31, recorded=30, despite="shipped before the gate")


def test_a_decision_made_after_it_shipped_is_no_ground(store: Store) -> None:
    gated(store, "v1", day=3)
    with pytest.raises(RuleError, match=r"was made on 2026-03-05 00:00 UTC, after it shipped"):
        released(store, "v1", day=2, recorded=4)
    assert released(store, "v1", day=4).decision_id == store.decisions()[-1].decision_id


def applied(store: Store, proposal: Proposal, day: int) -> str:
    """The proposal, approved and applied on that day."""
    at = NOW + timedelta(days=day)
    store.put_proposals([proposal])
    store.set_proposal_status(proposal.proposal_id, ProposalStatus.APPROVED, "Ann", at)
    places = wiring.protected_places(Settings(), store)
    record, harness = find_proposal(store, proposal.proposal_id), wiring.harness_file(Settings())
    asyncio.run(apply_proposal(store, record, harness, "Ann", at, protected=places))
    return proposal.proposal_id


def test_what_was_applied_after_it_shipped_is_not_in_it(store: Store) -> None:
    first = applied(store, Proposal(ProposalKind.RETRY_BUDGET, ("t1",)), 1)
    later = applied(store, Proposal(ProposalKind.DEDUPLICATE_CALLS, ("t1",)), 3)
    with pytest.raises(UsageError, match=rf"{later} was applied on 2026-03-05 00:00 UTC, after the release"):
        released(store, "v1", day=2, recorded=4, despite="shipped before the gate", proposal_ids=(later,))
    why = "shipped before the gate"
    assert released(store, "v1", day=2, recorded=4, despite=why).proposal_ids == (first,)
    assert released(store, "v2", day=4, despite=why).proposal_ids == (later,)


def test_what_was_taken_out_since_was_in_it(store: Store) -> None:
    id = applied(store, Proposal(ProposalKind.RETRY_BUDGET, ("t1",)), 1)
    harness, places = wiring.harness_file(Settings()), wiring.protected_places(Settings(), store)
    record = find_proposal(store, id)
    asyncio.run(roll_back(store, record, harness, "Ann", NOW + timedelta(days=3), why="it blocks", protected=places))
    why = "shipped before the gate"
    assert released(store, "v1", day=2, recorded=4, despite=why).proposal_ids == (id,)
    assert released(store, "v2", day=4, despite=why).proposal_ids == ()


def test_a_harness_changed_by_hand_is_left_alone_and_the_rollback_recorded(store: Store, project: Path) -> None:
    proposal = Proposal(ProposalKind.RETRY_BUDGET, ("t1",))
    store.put_proposals([proposal])
    store.set_proposal_status(proposal.proposal_id, ProposalStatus.APPROVED, "Ann", NOW)
    places = wiring.protected_places(Settings(), store)
    record, harness = find_proposal(store, proposal.proposal_id), wiring.harness_file(Settings())
    asyncio.run(apply_proposal(store, record, harness, "Ann", NOW, protected=places))
    made = released(store, "v1", day=0, despite="shipped before the gate")
    harness.put("retry_budget", {"mode": "enforce", "per_tool": 77})
    done = rolled_back(store, made)
    assert done.undone == ()
    assert "changed since it was applied" in done.kept[0][1]
    assert not store.releases()[0].live
