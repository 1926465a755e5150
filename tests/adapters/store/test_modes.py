from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import mode
from loopwright.adapters.store.store import SqlStore
from loopwright.cluster.mode import FailureMode, Membership, ModeStatus, Recipe
from loopwright.errors import UsageError
from strategies import record, texts

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_modes_come_best_first(store: SqlStore) -> None:
    modes = [mode("a", score=0.1), mode("b", score=2.0)]
    store.put_modes(modes, [])
    assert store.modes() == modes[::-1]


def test_memberships_are_those_of_the_latest_clustering(store: SqlStore) -> None:
    store.put_modes([mode("a")], [Membership("t1", "a", 0.5), Membership("t2", None, 0.0)])
    assert store.memberships() == [Membership("t1", "a", 0.5), Membership("t2", None, 0.0)]
    store.put_modes([mode("a")], [Membership("t3", "a", 1.0)])
    assert store.memberships() == [Membership("t3", "a", 1.0)]


def test_what_a_person_said_stands_when_modes_are_found_again(store: SqlStore) -> None:
    store.put_modes([mode("a", name="old"), mode("b")], [])
    store.set_mode_status("a", "accepted")
    store.put_modes([mode("a", name="new"), mode("b", status=ModeStatus.COVERED)], [])
    assert [(m.name, m.status) for m in store.modes()] == [("new", ModeStatus.ACCEPTED), ("refund not found", ModeStatus.COVERED)]


def test_a_mode_no_longer_found_is_kept_and_comes_last(store: SqlStore) -> None:
    store.put_modes([mode("a", score=9.0)], [])
    store.set_mode_status("a", "rejected")
    store.put_modes([mode("b", score=0.1)], [])
    assert store.modes() == [mode("b", score=0.1), mode("a", score=0.0, size=0, status=ModeStatus.REJECTED)]
    store.put_modes([mode("a", score=9.0)], [])
    assert store.modes()[0] == mode("a", score=9.0, status=ModeStatus.REJECTED)


def test_a_decision_with_a_name_is_in_the_audit_trail(store: SqlStore) -> None:
    store.put_modes([mode("a")], [])
    store.set_mode_status("a", "accepted", by="Ann", at=NOW)
    (entry,) = store.audit()
    assert (entry.actor, entry.action, entry.subject, entry.at) == ("Ann", "mode accepted", "a", NOW)
    assert entry.details == {"before": "open", "after": "accepted"}


def test_an_unknown_mode_or_status_is_refused(store: SqlStore) -> None:
    store.put_modes([mode("mode-1")], [])
    with pytest.raises(UsageError, match="unknown failure mode 'mode-2'; did you mean 'mode-1'"):
        store.set_mode_status("mode-2", "accepted")
    with pytest.raises(UsageError, match="unknown mode status 'acepted'; did you mean 'accepted'"):
        store.set_mode_status("mode-1", "acepted")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(FailureMode), st.builds(Membership, texts, st.none() | texts, st.floats()))
def test_any_mode_comes_back_exactly(store: SqlStore, one: FailureMode, place: Membership) -> None:
    store.put_modes([one], [place])
    assert repr(store.modes()[0]) == repr(one)
    assert repr(store.memberships()) == repr([place])


def test_how_the_latest_clustering_was_done_is_kept(store: SqlStore) -> None:
    assert store.recipe() is None
    first = Recipe("average", "minilm", 20, 0.41, 2.5, NOW)
    store.put_modes([], [], first)
    assert store.recipe() == first
    store.put_modes([], [], Recipe("dbscan", "static", 20))
    assert store.recipe() == Recipe("dbscan", "static", 20)
    store.put_modes([], [])
    assert store.recipe() is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(Recipe))
def test_any_recipe_comes_back_exactly(store: SqlStore, one: Recipe) -> None:
    store.put_modes([], [], one)
    assert repr(store.recipe()) == repr(one)
