"""The gate on a real store: a baseline under a name, decisions that are recorded, and runs that can be neither."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from builders import result
from loopwright import wiring
from loopwright.errors import StoreError, UsageError
from loopwright.evaluate.result import Run
from loopwright.gate.comparable import SuiteChange
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.policy import Policy
from loopwright.ports import Store
from loopwright.settings import load
from loopwright.workflows.gating import Change, Established, establish_run, gate_store

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    with wiring.store(load(start=project, environ={})) as opened:
        yield opened


def put_run(
    store: Store, run_id: str, verdicts: Sequence[bool | None], *, day: int = 0, suite: str = "s1", finished: bool = True
) -> None:
    """A run with a case per verdict."""
    at = NOW + timedelta(days=day)
    store.put_run(Run(run_id, "v1", suite, "python:shop:answer", at, at if finished else None, planned=len(verdicts)))
    for i, passed in enumerate(verdicts):
        store.put_result(
            result(f"case-{i}", passed, run_id=run_id, suite_digest=suite, error=None if passed is not None else "x")
        )


def establish(store: Store, run_id: str | None = None, change: Change = "first") -> Established:
    return asyncio.run(establish_run(store, "Ada Lovelace", NOW, run_id=run_id, change=change))


def gate(store: Store, run_id: str | None = None, version: str | None = None) -> GateDecision:
    return asyncio.run(gate_store(store, Policy(), NOW, run_id=run_id, version=version))


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
