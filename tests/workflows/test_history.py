"""What a stored run is compared with, on a real store; quarantine and policy as decisions heed and keep them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import result
from loopwright import wiring
from loopwright.errors import RuleError, UsageError
from loopwright.evaluate.fingerprint import Fingerprint
from loopwright.evaluate.result import EvalResult, Run
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.policy import Policy
from loopwright.gate.policy_change import Touched
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.workflows.establishing import Signed, establish_run
from loopwright.workflows.gating import Terms, gate_store
from loopwright.workflows.history import Against, history_of
from loopwright.workflows.quarantining import QuarantineRequest, lift_quarantine, quarantine_case, view_quarantine
from loopwright.workflows.releasing import ReleaseRequest, record_release
from loopwright.workflows.repeating import wanted_repeats

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, NEW = "0a" * 20, "1b" * 20


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    """A baseline of thirty cases that pass, of a commit."""
    with wiring.store(load(start=project, environ={})) as opened:
        put_run(opened, "released", OLD)
        asyncio.run(establish_run(opened, Signed("Ann", NOW)))
        yield opened


def put_run(store: Store, run_id: str, version: str, failing: Sequence[int] = (), *, day: float = 0, **fields: Any) -> None:
    at = NOW + day * DAY
    store.put_run(Run(run_id, version, "s", "agent", at, at, planned=30, **fields))
    for n in range(30):
        store.put_result(result(f"c{n}", n not in failing, run_id=run_id, version=version, suite_digest="s", case_digest=f"d{n}"))


def gate(store: Store, run_id: str, day: float = 1, policy: Policy | None = None, **terms: Any) -> GateDecision:
    given = Terms(**terms)
    return asyncio.run(gate_store(store, policy or Policy(), NOW + day * DAY, run_id=run_id, terms=given))


def ids(store: Store, run_id: str | None = None, policy: Policy | None = None, **against: Any) -> tuple[str, ...]:
    run = store.run(run_id) if run_id is not None else None
    return history_of(store, policy or Policy(), run, Against(**against) if against else None).run_ids


def test_later_runs_of_the_released_agent_join_its_history_once_they_were_gated(store: Store) -> None:
    put_run(store, "again", OLD, [3], day=1)
    put_run(store, "new", NEW, day=2)
    assert ids(store, "new") == ("released",)
    assert gate(store, "again").decision is not Outcome.BLOCKED
    assert ids(store, "new") == ("again", "released")
    assert ids(store, "again") == ("released",)
    assert gate(store, "new", 2).statistics["suite"]["before"] == [59, 60]
    assert store.baseline() == ["released"]


def test_a_blocked_run_of_the_released_agent_joins_by_a_persons_word_alone(store: Store) -> None:
    put_run(store, "broken", OLD, range(15), day=1)
    assert gate(store, "broken").decision is Outcome.BLOCKED
    put_run(store, "new", NEW, day=2)
    assert ids(store, "new") == ("released",)
    with pytest.raises(RuleError):
        asyncio.run(establish_run(store, Signed("Ann", NOW + DAY), run_id="broken", change="extend"))
    signed = Signed("Ann", NOW + DAY, "the service that it asks changed")
    asyncio.run(establish_run(store, signed, run_id="broken", change="extend"))
    assert ids(store, "new") == ("released", "broken")


def test_a_run_without_enough_verdicts_does_not_join(store: Store) -> None:
    put_run(store, "again", OLD, day=1)
    for n in range(30):
        store.put_result(EvalResult(f"c{n}", None, "again", 1, error="timed out", case_digest=f"d{n}"))
    gate(store, "again")
    assert ids(store) == ("released",)


def test_a_case_that_changed_does_not_come_in_by_a_run_that_joins(store: Store) -> None:
    at = NOW + DAY
    store.put_run(Run("weakened", OLD, "other", "agent", at, at, planned=30))
    for n in range(30):
        digest = "weaker" if n == 0 else f"d{n}"
        store.put_result(result(f"c{n}", True, run_id="weakened", version=OLD, suite_digest="other", case_digest=digest))
    assert gate(store, "weakened").decision is Outcome.UNDECIDED
    held = history_of(store, Policy(), None)
    assert held.run_ids == ("weakened", "released")
    assert {row.case_digest for row in held.results if row.eval_id == "c0"} == {"d0"}


def test_extending_keeps_what_had_joined(store: Store) -> None:
    put_run(store, "again", OLD, day=1)
    gate(store, "again")
    put_run(store, "new", NEW, day=2)
    made = asyncio.run(establish_run(store, Signed("Ann", NOW + 2 * DAY), run_id="new", change="extend"))
    assert made.run_ids == ("again", "released", "new")
    assert store.baseline() == ["released", "again", "new"]


def test_the_window_is_counted_back_from_the_candidate(store: Store) -> None:
    for day in range(1, 6):
        put_run(store, f"again-{day}", OLD, day=day)
        gate(store, f"again-{day}", day)
    put_run(store, "new", NEW, day=7)
    assert len(ids(store, "new")) == 6
    assert ids(store, "new", Policy(window=3)) == ("again-4", "again-5", "released")
    assert ids(store, "new", Policy(window_days=2.5)) == ("again-5", "released")


def test_a_run_is_compared_with_a_commit_a_release_or_a_file(store: Store) -> None:
    put_run(store, "new", NEW, [1, 2], day=1)
    gate(store, "new")
    put_run(store, "newer", "2c" * 20, range(12), day=2)
    assert ids(store, "newer", name="main", commit=NEW) == ("new",)
    assert ids(store, "newer", name=OLD) == ("released",)
    asyncio.run(
        record_release(
            store, ReleaseRequest("v1", "Ann", NOW + 1.5 * DAY, commit=OLD, despite="it was out already"), NOW + 9 * DAY
        )
    )
    assert ids(store, "newer", name="v1") == ("released",)
    rows = tuple(result(f"c{n}", True, version="v0") for n in range(30))
    by_file = gate(store, "newer", 2, against=Against("old.jsonl", rows=rows))
    assert (by_file.decision, by_file.baseline[0].source) == (Outcome.BLOCKED, "old.jsonl")
    by_commit = gate(store, "newer", 2, against=Against("main", commit=NEW))
    assert [run.run_id for run in by_commit.baseline] == ["new"]
    with pytest.raises(UsageError, match="nothing is called 'v7'"):
        ids(store, "newer", name="v7")
    nothing = gate(store, "newer", 2, against=Against("HEAD~9", commit="9f" * 20))
    assert nothing.decision is Outcome.UNDECIDED
    assert "no accepted run of HEAD~9" in nothing.message


def test_a_release_is_known_by_the_name_that_its_run_was_given(store: Store) -> None:
    put_run(store, "shipped", NEW, day=1, fingerprint=Fingerprint(NEW, release="v2"))
    assert ids(store, name="v2") == ("shipped",)


def test_a_decision_against_itself_releases_nothing_and_joins_nothing(store: Store) -> None:
    put_run(store, "broken", OLD, range(15), day=1)
    gate(store, "broken")
    put_run(store, "twin", OLD, range(15), day=1.5)
    approved = gate(store, "broken", 2, against=Against("HEAD", commit=OLD))
    assert ids(store) == ("released",)
    put_run(store, "new", NEW, range(15), day=3)
    put_run(store, "new-again", NEW, range(15), day=4)
    approved = gate(store, "new-again", 4, against=Against("HEAD", commit=NEW))
    assert approved.approved
    with pytest.raises(RuleError, match="compares it with HEAD"):
        asyncio.run(record_release(store, ReleaseRequest(NEW, "Ann", NOW + 5 * DAY), NOW + 5 * DAY))


def test_a_quarantine_is_heeded_by_the_gate_and_by_repeats_until_it_lapses(store: Store) -> None:
    for day in range(1, 6):
        put_run(store, f"again-{day}", OLD, day=day)
        gate(store, f"again-{day}", day)
    put_run(store, "new", NEW, [4], day=6)
    assert gate(store, "new", 6).decision is Outcome.UNDECIDED
    request = QuarantineRequest("c4", "Ben", "the clock decides it", NOW + 9 * DAY, "Ada")
    asyncio.run(quarantine_case(store, request, NOW + 6 * DAY))
    run = store.run("new")
    assert run is not None
    assert asyncio.run(wanted_repeats(store, Policy(), run, NOW + 7 * DAY)) == {}
    held = gate(store, "new", 7)
    assert (held.decision, held.statistics["quarantined"][0]["owner"]) == (Outcome.APPROVED, "Ben")
    lapsed = gate(store, "new", 10)
    assert lapsed.decision is Outcome.UNDECIDED
    assert any("ended on 2026-03-11" in note for note in lapsed.notes)
    view = asyncio.run(view_quarantine(store, Policy(), NOW + 10 * DAY))
    assert ([e.eval_id for e in view.lapsed], view.in_force) == (["c4"], ())
    asyncio.run(lift_quarantine(store, "c4", "the case has a fixed clock", "Ada", NOW + 10 * DAY))
    assert not any("ended on" in note for note in gate(store, "new", 11).notes)


def test_what_is_no_quarantine_is_refused(store: Store) -> None:
    for request, problem in (
        (QuarantineRequest("c99", "Ben", "the clock decides it", NOW + DAY, "Ada"), "unknown case 'c99'"),
        (QuarantineRequest("c1", " ", "the clock decides it", NOW + DAY, "Ada"), "--owner is empty"),
        (QuarantineRequest("c1", "Ben", "flaky", NOW + DAY, "Ada"), "no reason"),
    ):
        with pytest.raises(UsageError, match=problem):
            asyncio.run(quarantine_case(store, request, NOW))
    with pytest.raises(UsageError, match="not in quarantine"):
        asyncio.run(lift_quarantine(store, "c1", "it was mended since", "Ada", NOW))


def test_a_decision_keeps_its_policy_and_the_trail_what_changed_in_it(store: Store) -> None:
    put_run(store, "new", NEW, day=1)
    first = gate(store, "new")
    assert first.statistics["policy"]["alpha"] == 0.05
    lenient = {"alpha": (0.05, 0.01)}
    second = gate(store, "new", 2, Policy(alpha=0.01), lenient=lenient)
    assert "more lenient than the policy's file: alpha from 0.05 to 0.01" in second.notes
    assert f"the policy changed since {first.decision_id}: alpha from 0.05 to 0.01" in second.notes
    changed, decided = [e for e in store.audit() if e.subject in ("gate", second.decision_id)][:2]
    assert (changed.action, changed.details["changed"]) == ("gate policy changed", {"alpha": [0.05, 0.01]})
    assert decided.details["lenient"] == {"alpha": [0.05, 0.01]}
    again = gate(store, "new", 3, Policy(alpha=0.01), lenient=lenient)
    assert (again.decision_id, len(store.decisions())) == (second.decision_id, 2)


def test_a_baseline_by_a_more_lenient_policy_says_so(store: Store) -> None:
    put_run(store, "new", NEW, day=1)
    signed = Signed("Ann", NOW + DAY, lenient={"alpha": (0.05, 0.01)})
    asyncio.run(establish_run(store, signed, run_id="new", change="extend", policy=Policy(alpha=0.01)))
    assert store.audit()[-1].details["lenient"] == {"alpha": [0.05, 0.01]}


def test_what_changed_together_with_the_agent_is_pointed_out(store: Store) -> None:
    put_run(store, "new", NEW, day=1)
    asked: list[str] = []

    def touched(commit: str) -> Touched:
        asked.append(commit)
        return Touched(policy=("loopwright.toml",), others=("agent.py",))

    told = gate(store, "new", touched=touched)
    assert asked == [OLD]
    assert any("the policy (loopwright.toml) changed since the baseline's commit 0a0a0a0a0a0a" in note for note in told.notes)
    assert len(store.decisions()) == 1
    gate(store, "new", 2, touched=lambda commit: None)
    assert len(store.decisions()) == 1
