from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from builders import case
from loopwright.adapters.store.store import SqlStore
from loopwright.errors import UsageError
from loopwright.evaluate.case import CaseStatus, EvalCase
from loopwright.ports import PutCounts
from strategies import record

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def draft(id: str = "case-1", **fields: Any) -> EvalCase:
    return case(id, status=CaseStatus.DRAFT, **fields)


def test_the_same_draft_twice_changes_nothing(store: SqlStore) -> None:
    assert store.put_cases([draft()]) == PutCounts(new=1)
    assert store.put_cases([draft()]) == PutCounts(unchanged=1)
    assert store.cases() == [draft()]


def test_a_draft_takes_new_content_until_someone_decides(store: SqlStore) -> None:
    store.put_cases([draft(input="one")])
    assert store.put_cases([draft(input="two")]) == PutCounts(new=1)
    assert store.cases() == [draft(input="two")]
    store.put_cases([draft(input="one")])
    assert store.cases() == [draft(input="one")]


def test_what_a_person_decided_on_is_kept(store: SqlStore) -> None:
    store.put_cases([draft(input="one")])
    store.set_case_status("case-1", CaseStatus.APPROVED, "Ann", NOW)
    approved = case(input="one", approved_by="Ann")
    assert store.cases() == [approved]
    assert store.put_cases([draft(input="two")]) == PutCounts(conflicts=("case-1",))
    assert store.put_cases([draft(input="one")]) == PutCounts(unchanged=1)
    assert store.cases() == [approved]


def test_a_rejected_case_is_not_deleted_and_names_nobody_as_approving(store: SqlStore) -> None:
    store.put_cases([draft()])
    store.set_case_status("case-1", "rejected", "Ann", NOW)
    assert store.cases() == [case(status=CaseStatus.REJECTED)]


def test_cases_can_be_asked_for_by_status(store: SqlStore) -> None:
    store.put_cases([draft("a"), draft("b"), case("c", approved_by="Ben")])
    store.set_case_status("b", "approved", "Ann", NOW)
    assert [c.id for c in store.cases("draft")] == ["a"]
    assert [(c.id, c.approved_by) for c in store.cases(CaseStatus.APPROVED)] == [("b", "Ann"), ("c", "Ben")]


def test_a_decision_is_in_the_audit_trail(store: SqlStore) -> None:
    store.put_cases([draft()])
    store.set_case_status("case-1", "rejected", "Ann", NOW)
    (entry,) = store.audit()
    assert (entry.actor, entry.action, entry.subject) == ("Ann", "case rejected", "case-1")


def test_an_unknown_case_or_status_is_refused_and_nothing_is_recorded(store: SqlStore) -> None:
    store.put_cases([draft()])
    with pytest.raises(UsageError, match="unknown case 'case-2'; did you mean 'case-1'"):
        store.set_case_status("case-2", "approved", "Ann", NOW)
    with pytest.raises(UsageError, match="unknown case status 'approve'"):
        store.set_case_status("case-1", "approve", "Ann", NOW)
    assert store.audit() == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(EvalCase))
def test_any_case_comes_back_exactly(store: SqlStore, one: EvalCase) -> None:
    if store.put_cases([one]).new:
        found = [c for c in store.cases() if c.id == one.id]
        assert repr(found) == repr([one])
