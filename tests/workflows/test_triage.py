"""The weekly review, on a real store: what comes up, what a decision does, and what stays decided."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import failure, mode
from loopwright import wiring
from loopwright.cluster.mode import Membership, ModeStatus
from loopwright.errors import StoreError, SuiteError, UsageError
from loopwright.evaluate.case import CaseStatus
from loopwright.ports import Store, SuiteFiles
from loopwright.settings import load
from loopwright.workflows.drafting import draft_from_store
from loopwright.workflows.triage import ACCEPTED, REJECTED, SEVERE, Agenda, Desk, accept, agenda, find, grown, reject

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def store(project: Path) -> Iterator[Store]:
    with wiring.store(load(start=project, environ={})) as opened:
        yield opened


@pytest.fixture
def suite(project: Path) -> SuiteFiles:
    return wiring.suite_files(load(start=project, environ={}))


def desk(store: Store) -> Desk:
    """The review in the current folder."""
    folder = Path("evals")
    return Desk(store, wiring.suite_files(load(environ={})), str(folder), folder.is_dir())


def fill(store: Store, modes: dict[str, int], one_offs: dict[str, float] | None = None) -> None:
    """So many failures of each mode, and one-offs by severity."""
    failures, places = [], []
    for name, count in modes.items():
        for n in range(count):
            failures.append(failure(f"{name}-{n}"))
            places.append(Membership(f"{name}-{n}", name, 0.9))
    for name, severity in (one_offs or {}).items():
        failures.append(failure(name, severity=severity))
        places.append(Membership(name, None, 0.0))
    store.replace_failures(failures)
    found = [mode(name, size=count, score=float(count), representatives=(f"{name}-0",)) for name, count in modes.items()]
    store.put_modes(found, places)


def due(store: Store, min_count: int = 3) -> list[str]:
    return [c.id for c in asyncio.run(agenda(desk(store), min_count)).candidates]


def test_an_empty_store_has_nothing_to_decide(store: Store, project: Path) -> None:
    assert asyncio.run(agenda(desk(store), 3)) == Agenda(())
    assert list(project.iterdir()) == []


def test_what_recurs_comes_up_and_severe_one_offs_after_it(store: Store) -> None:
    fill(store, {"often": 5, "thrice": 3, "twice": 2}, {"mild": SEVERE - 0.1, "severe": SEVERE, "worst": 1.0})
    found = asyncio.run(agenda(desk(store), 3))
    assert [c.id for c in found.candidates] == ["often", "thrice", "worst", "severe"]
    assert [c.why_now for c in found.candidates[:2]] == ["recurred 5 times", "recurred 3 times"]
    assert (found.waiting, found.decided, found.failures, found.unplaced) == (1, 0, 13, 0)
    assert due(store, 4) == ["often", "worst", "severe"]


def test_failures_that_were_not_grouped_are_counted(store: Store) -> None:
    store.replace_failures([failure("a"), failure("b")])
    assert asyncio.run(agenda(desk(store), 3)) == Agenda((), failures=2, unplaced=2)


def test_accepting_writes_an_approved_case_under_a_name(store: Store, suite: SuiteFiles, project: Path) -> None:
    fill(store, {"often": 5})
    done = asyncio.run(accept(desk(store), asyncio.run(find(desk(store), "often")), "Ada", NOW))
    loaded = suite.load([str(project / "evals")])
    assert [(c.id, c.mode_id, c.status, c.approved_by) for c in loaded.cases] == [
        (done.case.id, "often", CaseStatus.APPROVED, "Ada")
    ]
    assert Path(done.file).is_file()
    assert [m.status for m in store.modes()] == [ModeStatus.COVERED]
    entry = next(e for e in store.audit() if e.action == ACCEPTED)
    assert (entry.actor, entry.subject, entry.details["case"], entry.details["count"]) == ("Ada", "often", done.case.id, 5)
    assert due(store) == []
    with pytest.raises(UsageError, match="often has its case in the suite already"):
        asyncio.run(accept(desk(store), asyncio.run(find(desk(store), "often")), "Ada", NOW))


def test_a_severe_one_off_can_become_a_case_too(store: Store, suite: SuiteFiles, project: Path) -> None:
    fill(store, {}, {"worst": 1.0})
    done = asyncio.run(accept(desk(store), asyncio.run(find(desk(store), "worst")), "Ada", NOW))
    assert suite.load([str(project / "evals")]).cases[0].source_trace_ids == ("worst",)
    assert done.case.mode_id is None
    assert due(store) == []


def test_a_rejection_keeps_its_reason_and_needs_one(store: Store) -> None:
    fill(store, {"often": 5}, {"worst": 1.0})
    for id in ("often", "worst"):
        with pytest.raises(UsageError, match="needs a reason"):
            asyncio.run(reject(desk(store), asyncio.run(find(desk(store), id)), "Ada", NOW, " "))
        asyncio.run(reject(desk(store), asyncio.run(find(desk(store), id)), "Ada", NOW, "an outage"))
    told = [(e.actor, e.action, e.subject, e.details) for e in store.audit()]
    assert ("Ada", REJECTED, "often", {"why": "an outage", "count": 5}) in told
    assert ("Ada", REJECTED, "worst", {"why": "an outage", "count": 1}) in told
    assert due(store) == []
    assert asyncio.run(agenda(desk(store), 3)).decided == 2


def test_a_rejected_modes_draft_leaves_the_suite_and_never_runs(store: Store, suite: SuiteFiles, project: Path) -> None:
    fill(store, {"often": 5, "thrice": 3})
    asyncio.run(draft_from_store(store, suite, "evals", has_suite=False))
    edited = project / "evals" / "drafts" / "thrice.yaml"
    edited.write_text(edited.read_text() + "# mine\n")
    for id in ("often", "thrice"):
        asyncio.run(reject(desk(store), asyncio.run(find(desk(store), id)), "Ada", NOW, "an outage"))

    assert [f.name for f in (project / "evals" / "drafts").iterdir()] == ["thrice.yaml"]
    assert "status: rejected" in edited.read_text()
    assert suite.load(["evals"], drafts=True).cases == ()
    assert asyncio.run(draft_from_store(store, suite, "evals", has_suite=True)).cases == ()


def test_a_rejected_mode_comes_up_again_when_it_has_grown(store: Store) -> None:
    fill(store, {"often": 4})
    asyncio.run(reject(desk(store), asyncio.run(find(desk(store), "often")), "Ada", NOW, "rare enough"))
    fill(store, {"often": 7})
    assert due(store) == []
    fill(store, {"often": 8})
    assert [c.why_now for c in asyncio.run(agenda(desk(store), 3)).candidates] == [
        "grown from 4 to 8 since Ada rejected it: rare enough"
    ]
    asyncio.run(reject(desk(store), asyncio.run(find(desk(store), "often")), "Ada", NOW, "still"))
    assert due(store) == []
    fill(store, {"often": 16})
    assert due(store) == ["often"]


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(1, 10))
def test_growth_is_a_doubling_of_at_least_the_count(count: int, before: int, min_count: int) -> None:
    assert grown(count, before, min_count) == (count - before >= max(before, min_count))


def test_an_unknown_id_is_refused_with_the_nearest(store: Store) -> None:
    with pytest.raises(UsageError, match="there are none"):
        asyncio.run(find(desk(store), "often"))
    fill(store, {"often": 5})
    with pytest.raises(UsageError, match="did you mean 'often'"):
        asyncio.run(find(desk(store), "oftn"))


def test_a_decision_is_recorded_whole_or_not_at_all(store: Store, project: Path) -> None:
    fill(store, {"often": 5})
    candidate = asyncio.run(find(desk(store), "often"))
    with closing(sqlite3.connect(project / ".loopwright/loopwright.db")) as file, file:
        head = file.execute("SELECT * FROM audit_head").fetchone()
        file.execute("DELETE FROM audit_head")
    for decide in (accept(desk(store), candidate, "Ada", NOW), reject(desk(store), candidate, "Ada", NOW, "an outage")):
        with pytest.raises(StoreError, match="audit trail is damaged"):
            asyncio.run(decide)
    with closing(sqlite3.connect(project / ".loopwright/loopwright.db")) as file, file:
        file.execute("INSERT INTO audit_head VALUES (?, ?, ?)", head)
    assert (store.cases(), store.audit(), [m.status for m in store.modes()]) == ([], [], [ModeStatus.OPEN])
    assert not (project / "evals").exists()


def test_a_case_that_the_suite_refuses_leaves_nothing_in_the_store(store: Store, project: Path) -> None:
    fill(store, {"often": 5})
    candidate = asyncio.run(find(desk(store), "often"))
    case = asyncio.run(accept(desk(store), candidate, "Ada", NOW)).case
    fill(store, {"other": 5})
    clashing = replace(case, input="something else", status=CaseStatus.DRAFT)
    other = replace(asyncio.run(find(desk(store), "other")), case=clashing)
    before = (store.cases(), store.audit(), store.modes())
    with pytest.raises(SuiteError):
        asyncio.run(accept(desk(store), other, "Ada", NOW))
    assert (store.cases(), store.audit(), store.modes()) == before
