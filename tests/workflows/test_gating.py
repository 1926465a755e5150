"""The gate on a real store: a baseline under a name, decisions that are recorded, and runs that can be neither."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from builders import result
from loopwright import wiring
from loopwright.errors import StoreError, UsageError
from loopwright.evaluate.fingerprint import Fingerprint
from loopwright.evaluate.result import Run
from loopwright.gate.comparable import SuiteChange
from loopwright.gate.decision import ComparedRun, GateDecision, Outcome
from loopwright.gate.explain import explain
from loopwright.gate.policy import Policy
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.workflows.establishing import Change, Established, Signed, establish_run
from loopwright.workflows.gating import gate_store

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    with wiring.store(load(start=project, environ={})) as opened:
        yield opened


def put_run(
    store: Store,
    run_id: str,
    verdicts: Sequence[bool | None],
    *,
    day: int = 0,
    suite: str = "s1",
    finished: bool = True,
    version: str = "v1",
    settings: dict[str, Any] | None = None,
    made_of: Fingerprint | None = None,
) -> None:
    """A run with a case per verdict."""
    at = NOW + timedelta(days=day)
    ended = at if finished else None
    target, planned = "python:shop:answer", len(verdicts)
    store.put_run(Run(run_id, version, suite, target, at, ended, planned, settings=settings or {}, fingerprint=made_of))
    for i, passed in enumerate(verdicts):
        store.put_result(
            result(f"case-{i}", passed, run_id=run_id, suite_digest=suite, error=None if passed is not None else "x")
        )


def establish(store: Store, run_id: str | None = None, change: Change = "first") -> Established:
    return asyncio.run(establish_run(store, Signed("Ada Lovelace", NOW), run_id=run_id, change=change))


def gate(
    store: Store,
    run_id: str | None = None,
    version: str | None = None,
    made_of: Fingerprint | None = None,
    minutes: int = 0,
    policy: Policy | None = None,
) -> GateDecision:
    now = NOW + timedelta(minutes=minutes)
    return asyncio.run(gate_store(store, policy or Policy(), now, run_id=run_id, version=version, made_of=made_of))


def trail(store: Store) -> list[tuple[str, str]]:
    return [(e.actor, e.action) for e in store.audit()]


def test_an_empty_store_is_undecided_and_stays_empty(store: Store, project: Path) -> None:
    assert gate(store).decision is Outcome.UNDECIDED
    assert not (project / ".loopwright").exists()


def test_the_latest_run_against_the_baseline(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    assert establish(store).run_ids == ("monday",)
    put_run(store, "tuesday", [True] * 29 + [False], day=1)
    decision = gate(store)
    assert decision.decision is Outcome.APPROVED
    assert decision.new_evals_queued == 1
    put_run(store, "wednesday", [False] * 20 + [True] * 10, day=2)
    assert gate(store).decision is Outcome.BLOCKED
    assert gate(store, "tuesday").decision is Outcome.APPROVED
    assert [d.decision.decision for d in store.decisions()][:2] == [Outcome.APPROVED, Outcome.BLOCKED]
    assert store.decisions()[0].decision == decision


def test_what_happened_is_in_the_trail(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    put_run(store, "tuesday", [True] * 29 + [False], day=1)
    gate(store)
    assert trail(store) == [
        ("Ada Lovelace", "baseline set"),
        ("loopwright gate", "gate approved"),
        ("loopwright gate", "evals queued"),
    ]
    assert store.audit()[-1].details["eval_ids"] == ["case-29"]


def test_without_a_baseline_nothing_is_approved(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert "--establish" in decision.message


def test_the_baseline_is_not_its_own_candidate(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert "monday is in the baseline itself" in decision.message


def test_a_run_that_was_cut_short_is_neither_candidate_nor_baseline(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, finished=False)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert "cut short (30 of 30 trials)" in decision.message
    with pytest.raises(UsageError, match="cut short"):
        establish(store, change="replace")


@pytest.mark.parametrize(("verdicts", "why"), [([], "has no results"), ([None] * 5, "has a verdict")])
def test_an_unfit_run_is_no_baseline(store: Store, verdicts: list[bool | None], why: str) -> None:
    put_run(store, "monday", verdicts)
    with pytest.raises(UsageError, match=why):
        establish(store)
    assert store.baseline() == []


def test_a_baseline_is_not_overwritten_by_accident(store: Store) -> None:
    for day, name in enumerate(("monday", "tuesday", "wednesday")):
        put_run(store, name, [True] * 30, day=day)
    establish(store, "monday")
    with pytest.raises(UsageError, match="--extend"):
        establish(store, "tuesday")
    assert establish(store, "tuesday", "extend").run_ids == ("monday", "tuesday")
    with pytest.raises(UsageError, match="in the baseline already"):
        establish(store, "tuesday", "extend")
    assert establish(store, "wednesday", "replace").replaced == ("monday", "tuesday")
    assert store.baseline() == ["wednesday"]


def test_the_history_starts_anew_with_another_suite(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store, change="extend")
    put_run(store, "tuesday", [True] * 31, day=1, suite="s2")
    assert gate(store).decision is Outcome.UNDECIDED
    grown = SuiteChange(new=("case-30",))
    assert establish(store, change="extend") == Established(("tuesday",), 31, "Ada Lovelace", ("monday",), grown)


def test_unknown_runs_and_other_versions(store: Store) -> None:
    with pytest.raises(UsageError, match="no run 'friday'"):
        gate(store, "friday")
    with pytest.raises(UsageError, match="no run to establish"):
        establish(store)


def put_suite_run(
    store: Store, run_id: str, cases: Mapping[str, str], *, day: int = 0, failing: Sequence[str] = (), finished: bool = True
) -> None:
    """A run of cases by id, each with its digest."""
    at, suite = NOW + timedelta(days=day), str(sorted(cases.items()))
    store.put_run(Run(run_id, "v1", suite, "python:shop:answer", at, at if finished else None, planned=len(cases)))
    for eval_id, mark in cases.items():
        store.put_result(result(eval_id, eval_id not in failing, run_id=run_id, suite_digest=suite, case_digest=mark))


SUITE = {f"case-{i:02}": "one" for i in range(30)}


def test_a_suite_that_grows_goes_on_with_its_history(store: Store) -> None:
    put_suite_run(store, "monday", SUITE)
    establish(store)
    grown = SUITE | {"new": "one"}
    put_suite_run(store, "tuesday", grown, day=1)
    decision = gate(store)
    assert decision.decision is Outcome.APPROVED
    assert decision.message.endswith("New, and not compared: new.")
    made = establish(store, change="extend")
    assert (made.run_ids, made.replaced, made.change) == (("monday", "tuesday"), (), SuiteChange(new=("new",)))
    put_suite_run(store, "wednesday", grown, day=2)
    counts = gate(store).statistics["suite"]
    assert counts["before"] == [61, 61]
    assert counts["after"] == [31, 31]


def test_a_changed_or_removed_case_is_undecided_until_a_person_accepts_it(store: Store) -> None:
    put_suite_run(store, "monday", SUITE)
    establish(store)
    changed = {**SUITE, "case-01": "two"}
    del changed["case-02"]
    put_suite_run(store, "tuesday", changed, day=1)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert decision.statistics["changed"] == ["case-01"]
    assert decision.missing == ("case-02",)
    made = establish(store, change="extend")
    assert (made.run_ids, made.change) == (("monday", "tuesday"), SuiteChange(changed=("case-01",), gone=("case-02",)))
    put_suite_run(store, "wednesday", changed, day=2)
    decision = gate(store)
    assert decision.decision is Outcome.APPROVED
    assert decision.statistics["suite"]["before"] == [57, 57]


def test_going_back_to_an_earlier_version_of_a_case_is_a_change(store: Store) -> None:
    strengthened = {**SUITE, "case-01": "two"}
    put_suite_run(store, "monday", SUITE)
    establish(store)
    put_suite_run(store, "tuesday", strengthened, day=1)
    establish(store, change="extend")
    put_suite_run(store, "wednesday", SUITE, day=2)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert "case-01" in decision.message


def test_a_regression_blocks_though_other_cases_changed(store: Store) -> None:
    put_suite_run(store, "monday", SUITE)
    establish(store)
    put_suite_run(store, "tuesday", {**SUITE, "case-01": "two"}, day=1, failing=[f"case-{i:02}" for i in range(10, 30)])
    decision = gate(store)
    assert decision.decision is Outcome.BLOCKED
    assert "case-01" in decision.reasons[0]


def test_an_older_run_of_another_suite_has_nothing_to_add(store: Store) -> None:
    put_suite_run(store, "monday", SUITE)
    put_suite_run(store, "tuesday", SUITE | {"new": "one"}, day=1)
    establish(store, "tuesday")
    with pytest.raises(UsageError, match="monday is older than the baseline's newest, tuesday, and of another suite"):
        establish(store, "monday", "extend")
    assert establish(store, "monday", "replace").change == SuiteChange(gone=("new",))


def test_a_decision_and_its_entries_are_recorded_together_or_not_at_all(store: Store, project: Path) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    put_run(store, "tuesday", [True] * 29 + [False], day=1)
    with closing(sqlite3.connect(project / ".loopwright/loopwright.db")) as file, file:
        file.execute("DELETE FROM audit_head")
    with pytest.raises(StoreError, match="audit trail is damaged"):
        gate(store)
    assert store.decisions() == []


GOOD, BAD = "a" * 40, "b" * 40


def test_it_says_what_was_compared(store: Store) -> None:
    put_run(store, "monday", [True] * 30, version=GOOD)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, version=BAD)
    decision = gate(store, made_of=Fingerprint(BAD))
    assert decision.decision is Outcome.APPROVED
    assert decision.candidate == ComparedRun("tuesday", BAD, NOW + timedelta(days=1))
    assert decision.baseline == (ComparedRun("monday", GOOD, NOW),)
    assert store.decisions()[-1].decision == decision
    text = explain(decision)
    assert f"candidate: tuesday (version {BAD}, finished 2026-03-03 00:00:00 UTC)" in text
    assert f"baseline:  monday (version {GOOD}, finished 2026-03-02 00:00:00 UTC)" in text


HERE = Fingerprint(GOOD, prompt="p1", tools="t1", model="m1", harness="h1")
DIRTY = f"{GOOD}-dirty-0123456789ab"


@pytest.fixture
def tuesday(store: Store) -> Store:
    """A baseline, and a run after it of what is here."""
    put_run(store, "monday", [True] * 30, version=GOOD, made_of=HERE)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, version=GOOD, made_of=HERE)
    return store


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (replace(HERE, code=BAD), f"the code ({GOOD[:12]} then, {BAD[:12]} now) changed since"),
        (replace(HERE, code=DIRTY), f"the code ({GOOD[:12]} then, {GOOD[:12]}-dirty-0123456789ab now) changed since"),
        (replace(HERE, code=None), f"the code ({GOOD[:12]} then, outside a repository now) changed since"),
        (replace(HERE, prompt=""), "the prompt changed since"),
        (replace(HERE, tools="t2"), "the tools changed since"),
        (replace(HERE, model="m2"), "the model changed since"),
        (replace(HERE, harness="h2"), "the harness changed since"),
        (replace(HERE, code=BAD, prompt="p2", harness="h2"), "now), the prompt and the harness changed since"),
    ],
)
def test_a_run_of_another_agent_than_is_here_decides_nothing(tuesday: Store, now: Fingerprint, says: str) -> None:
    decision = gate(tuesday, made_of=now)
    assert decision.decision is Outcome.UNDECIDED
    assert says in decision.message
    assert "loopwright run, or decide on that run as it was: loopwright gate --run tuesday" in decision.message
    assert tuesday.decisions()[-1].candidate_run_id is None
    for minutes, given in enumerate([{"run_id": "tuesday"}, {"version": GOOD}], start=1):
        named = gate(tuesday, made_of=now, minutes=minutes, **given)
        assert named.decision is Outcome.APPROVED
        assert says in named.notes[0]
        assert "note: run tuesday is not of the agent as it is here now: " in explain(named)
    assert gate(tuesday, made_of=HERE, minutes=3).notes == ()


def test_a_run_of_a_dirty_tree_is_of_that_tree_alone(store: Store) -> None:
    put_run(store, "monday", [True] * 30, version=GOOD, made_of=HERE)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, version=DIRTY, made_of=replace(HERE, code=DIRTY))
    assert gate(store, made_of=replace(HERE, code=f"{GOOD}-dirty-ba9876543210")).decision is Outcome.UNDECIDED
    assert gate(store, made_of=HERE, minutes=1).decision is Outcome.UNDECIDED
    assert gate(store, made_of=replace(HERE, code=DIRTY), minutes=2).decision is Outcome.APPROVED


def test_changes_that_git_cannot_tell_are_never_the_same(store: Store) -> None:
    untold = replace(HERE, code=f"{GOOD}-dirty")
    put_run(store, "monday", [True] * 30, version=GOOD, made_of=HERE)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, version=f"{GOOD}-dirty", made_of=untold)
    decision = gate(store, made_of=untold)
    assert decision.decision is Outcome.UNDECIDED
    assert "that git cannot tell" in decision.message
    assert "commit, then run the suite" in decision.message


@pytest.mark.parametrize("version", ["v7", BAD, f"{GOOD}-dirty"])
def test_a_run_that_does_not_tell_what_it_was_made_of_is_not_current(store: Store, version: str) -> None:
    put_run(store, "monday", [True] * 30, version=GOOD)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, version=version)
    assert gate(store, made_of=HERE).decision is Outcome.UNDECIDED
    assert gate(store, run_id="tuesday", made_of=HERE, minutes=1).decision is Outcome.APPROVED


def test_a_named_version_is_current_where_it_was_made_of_what_is_here(store: Store) -> None:
    put_run(store, "monday", [True] * 30, version="v6", made_of=HERE)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, version="v7", made_of=HERE)
    assert gate(store, made_of=HERE).decision is Outcome.APPROVED
    assert gate(store, made_of=replace(HERE, harness="h2"), minutes=1).decision is Outcome.UNDECIDED


def test_outside_a_repository_it_says_that_the_code_is_not_known(store: Store) -> None:
    outside = replace(HERE, code=None)
    put_run(store, "monday", [True] * 30, version="unversioned", made_of=outside)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1, version="unversioned", made_of=outside)
    decision = gate(store, made_of=outside)
    assert decision.decision is Outcome.APPROVED
    assert decision.notes == ("outside a git repository nothing tells whether the code changed since run tuesday",)
    assert gate(store, made_of=replace(outside, model="m2"), minutes=1).decision is Outcome.UNDECIDED


def test_the_same_again_is_the_same_decision(tuesday: Store) -> None:
    put_run(tuesday, "wednesday", [True] * 29 + [False], day=2, version=GOOD, made_of=HERE)
    first = gate(tuesday, made_of=HERE)
    entries, decisions = tuesday.audit(), tuesday.decisions()
    again = gate(tuesday, made_of=HERE, minutes=9)
    assert replace(again, notes=()) == replace(first, notes=())
    assert f"this was decided on 2026-03-02 00:00 UTC as {decisions[-1].decision_id}" in again.notes[-1]
    assert (tuesday.audit(), tuesday.decisions()) == (entries, decisions)
    assert len(tuesday.queue()) == 1


def test_what_rests_on_something_else_is_another_decision(tuesday: Store) -> None:
    gate(tuesday, made_of=HERE)
    gate(tuesday, made_of=HERE, minutes=1, policy=Policy(min_cases=31))
    gate(tuesday, made_of=HERE, minutes=2)
    tuesday.put_result(result("case-0", False, run_id="tuesday", trial=1, suite_digest="s1", repeat=True))
    gate(tuesday, made_of=HERE, minutes=3)
    outcomes = [held.decision.decision for held in tuesday.decisions()]
    assert outcomes[:3] == [Outcome.APPROVED, Outcome.UNDECIDED, Outcome.APPROVED]
    assert len(outcomes) == 4


def test_the_run_that_died_is_judged_and_not_the_one_before(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    put_run(store, "tuesday", [True] * 30, day=1)
    put_run(store, "wednesday", [True] * 30, day=2, finished=False)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert decision.candidate == ComparedRun("wednesday", "v1", None)
    assert "run wednesday was cut short" in decision.message


FILTERED = {"filters": ["--case"], "suite_cases": 30}


def test_a_filtered_run_is_not_the_suite(store: Store) -> None:
    put_run(store, "monday", [True] * 30)
    establish(store)
    put_run(store, "tuesday", [True], day=1, suite="s2", settings=FILTERED)
    decision = gate(store)
    assert decision.decision is Outcome.UNDECIDED
    assert "run tuesday holds 1 case of the suite's 30: it was filtered with --case" in decision.message
    assert "loopwright run --repeat" in decision.message
    with pytest.raises(UsageError, match="filtered with --case"):
        establish(store, change="extend")


def test_a_part_is_compared_with_a_baseline_of_that_part(store: Store) -> None:
    put_run(store, "monday", [True] * 20, settings=FILTERED)
    establish(store)
    put_run(store, "tuesday", [True] * 20, day=1, settings=FILTERED)
    assert gate(store).decision is Outcome.APPROVED
    assert establish(store, change="extend").results == 40
