from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loopwright.adapters.store.store import SqlStore
from loopwright.collect.business import BusinessEvent
from loopwright.ports import PutCounts
from loopwright.watch.finding import AcceptedInputs, DriftFinding, DriftKind
from strategies import record

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def finding(**fields: object) -> DriftFinding:
    defaults = {"kind": DriftKind.REGRESSION, "subject": "overall", "period": "v2", "summary": "more", "p_value": 0.01}
    return DriftFinding(**{**defaults, "effect": 0.1, "found_at": NOW, **fields})  # type: ignore[arg-type]


def test_an_event_is_kept_once_and_in_order_of_time(store: SqlStore) -> None:
    late, early = BusinessEvent("s2", NOW, "paid", 1.5), BusinessEvent("s1", datetime(1969, 1, 1, tzinfo=UTC), "paid", 0.0)
    assert store.put_events([late, early]) == PutCounts(2, 0)
    assert store.put_events([early, BusinessEvent("s3", NOW, "paid", 1.0)]) == PutCounts(1, 1)
    assert [e.session_id for e in store.events()] == ["s1", "s2", "s3"]
    assert store.put_events([]) == PutCounts(0, 0)


def test_a_finding_is_recorded_once_as_it_was_first_found(store: SqlStore) -> None:
    first, again, other = finding(), finding(summary="still more", p_value=0.001), finding(period="v3")
    assert store.put_findings([first]) == [first]
    assert store.put_findings([again, other]) == [other]
    assert store.findings() == [first, other]


def test_taking_inputs_into_the_reference_stands_in_the_audit_trail(store: SqlStore) -> None:
    accepted = AcceptedInputs(NOW, NOW, "Ada", NOW, 12, {"refund": 3}, "a new product")
    store.accept_inputs(accepted)
    assert store.accepted_inputs() == [accepted]
    (entry,) = store.audit()
    assert (entry.actor, entry.action, entry.details["labels"]) == ("Ada", "reference extended", {"refund": 3})


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record(DriftFinding, found_at=st.just(NOW)))
def test_any_finding_comes_back_exactly(store: SqlStore, one: DriftFinding) -> None:
    if store.put_findings([one]):
        assert repr(store.findings()[-1]) == repr(one)
