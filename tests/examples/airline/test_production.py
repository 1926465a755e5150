from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

import pytest

from loopwright.adapters.importers.reader import FileTraceReader
from loopwright.collect.trace import Trace
from loopwright.errors import UsageError
from loopwright.examples.airline.complaints import BY_CONTROLLERS, BY_CUSTOMERS
from loopwright.examples.airline.defects import ALL, KNOWLEDGE, NAMES, NONE, Defects
from loopwright.examples.airline.production import Visit, simulate
from loopwright.examples.airline.versions import VERSIONS

START = datetime(2026, 5, 4, tzinfo=UTC)
SESSIONS = 360


@cache
def visits(*names: str, version: str = "1.0") -> tuple[Visit, ...]:
    return tuple(simulate(3, SESSIONS, START, defects=ALL.only(*names), version=version))


def success(rows: tuple[Visit, ...]) -> float:
    return sum(v.success for v in rows) / len(rows)


def test_the_same_seed_gives_the_same_visits() -> None:
    one, other = (list(simulate(9, 60, START, defects=ALL, version="1.0", weeks=2)) for _ in range(2))
    assert one == other
    assert one != list(simulate(10, 60, START, defects=ALL, version="1.0", weeks=2))


def test_without_defects_none_fires_and_the_agent_is_good_but_not_perfect() -> None:
    assert not any(v.fired for v in visits())
    assert 0.8 <= success(visits()) <= 0.93
    assert any(row["kind"] == "thumb" and row["value"] == "down" for v in visits() for row in v.feedback)


def test_with_all_defects_success_is_clearly_lower() -> None:
    rows = list(simulate(3, SESSIONS, START, defects=ALL, version="1.0"))
    assert sum(v.success for v in rows) / SESSIONS < success(visits()) - 0.25
    assert {name for v in rows for name in v.fired} >= set(NAMES) - {"prices_one_passenger"}


SHARES = {
    "repeats_calls": (0.05, 0.16),
    "contradicts_itself": (0.04, 0.16),
    "forgets_instructions": (0.05, 0.18),
    "skips_identity_check": (0.05, 0.16),
    "invents_tool_names": (0.03, 0.12),
    "retries_without_end": (0.01, 0.08),
    "wrong_baggage_rule": (0.03, 0.12),
    "ignores_refund_window": (0.01, 0.08),
    "forgets_change_fee": (0.02, 0.1),
    "wrong_check_in_time": (0.02, 0.1),
    "mixes_up_reservations": (0.03, 0.13),
    "reveals_others_booking": (0.004, 0.05),
}


@pytest.mark.parametrize("defect", SHARES)
def test_a_defect_fires_alone_and_does_harm(defect: str) -> None:
    rows = visits(defect)
    assert {name for v in rows for name in v.fired} == {defect}
    hit = [(a, b) for a, b in zip(visits(), rows, strict=True) if defect in b.fired]
    low, high = SHARES[defect]
    assert low <= len(hit) / SESSIONS <= high
    before, after = (sum(v.success for v in side) / len(hit) for side in zip(*hit, strict=True))
    if defect == "repeats_calls":
        assert sum(b.runtime for _, b in hit) > 1.3 * sum(a.runtime for a, _ in hit)
        assert sum(b.cost for _, b in hit) > 1.3 * sum(a.cost for a, _ in hit)
    else:
        assert after < before - 0.2


def test_where_a_defect_does_not_fire_nothing_is_changed_by_it() -> None:
    for bare, planted in zip(visits(), visits("wrong_check_in_time"), strict=True):
        if not planted.fired:
            assert planted == bare


def test_the_long_conversation_defect_shows_only_in_long_ones() -> None:
    assert all(len(v.messages) > 24 for v in visits("mixes_up_reservations") if v.fired)


def test_a_version_brings_its_regression_and_the_next_mends_it() -> None:
    rows = {name: tuple(simulate(3, 220, START, defects=NONE, version=name, new_topic_week=0)) for name in VERSIONS}
    fired = {name: sum("prices_one_passenger" in v.fired for v in found) for name, found in rows.items()}
    assert fired["1.1"] > 10
    assert fired["1.0"] == fired["1.2"] == 0
    assert success(rows["1.1"]) < success(rows["1.2"]) - 0.04
    escalated = {name: sum(v.outcome == "escalated" for v in found if "pets" in v.goals) for name, found in rows.items()}
    assert escalated["1.0"] > escalated["1.2"]


def test_from_a_week_on_people_ask_about_pets_and_another_version_answers() -> None:
    rows = list(simulate(4, 400, START, defects=NONE, version="1.0", weeks=4, new_topic_week=2, schedule={3: "1.1"}))
    pets = Counter(v.week for v in rows if "pets" in v.goals)
    assert pets[0] == pets[1] == 0
    assert min(pets[2], pets[3]) >= 5
    assert [next(v.version for v in rows if v.week == week) for week in range(4)] == ["1.0", "1.0", "1.0", "1.1"]
    assert all(START <= a.started_at <= b.started_at < START + timedelta(weeks=4) for a, b in pairwise(rows))


def test_outcomes_feedback_and_business_events_are_of_every_kind() -> None:
    rows = list(simulate(3, SESSIONS, START, defects=ALL, version="1.0"))
    outcomes = {v.outcome for v in rows}
    assert outcomes >= {"answered", "booked", "rebooked", "refunded", "cancelled", "escalated", "abandoned", "compensated"}
    assert {row["kind"] for v in rows for row in v.feedback} == {"thumb", "rating", "correction", "escalation"}
    metrics = {row["metric"] for v in rows for row in v.events}
    assert metrics >= {"resolved", "escalated", "handling_seconds", "refund_usd", "sales_usd", "repeat_contact", "complaint"}
    for v in rows:
        for row in (*v.feedback, *v.events):
            assert row["session_id"] == v.session_id
            assert datetime.fromisoformat(row["timestamp"]) >= v.started_at


def test_customers_and_controllers_write_days_later_what_was_wrong() -> None:
    rows = list(simulate(3, SESSIONS, START, defects=ALL, version="1.0"))
    later = [(v, row) for v in rows for row in v.feedback if datetime.fromisoformat(row["timestamp"]) > v.ended_at]
    complaints = [(v, row) for v, row in later if row["kind"] == "rating"]
    assert len(complaints) == sum(row["metric"] == "complaint" for v in rows for row in v.events)
    assert not any(v.success for v, _ in complaints)
    for v, row in complaints:
        about = {name for name, texts in BY_CUSTOMERS.items() if row["comment"] in texts}
        assert about <= v.fired
    found = [(v, row) for v, row in later if row["kind"] == "correction"]
    assert found
    for v, row in found:
        assert {name for name, texts in BY_CONTROLLERS.items() if row["comment"] in texts} <= v.fired


def test_sessions_go_on_where_they_were_left() -> None:
    whole = list(simulate(6, 20, START, defects=ALL, version="1.0"))
    later = list(simulate(6, 10, START, defects=ALL, version="1.0", first=10))
    assert [v.messages for v in whole[10:]] == [v.messages for v in later]


def test_a_visit_is_a_record_that_can_be_imported_and_tells_no_truth(tmp_path) -> None:
    rows = list(simulate(3, 40, START, defects=ALL, version="1.0"))
    file = tmp_path / "visits.jsonl"
    file.write_text("".join(json.dumps(v.record()) + "\n" for v in rows))
    read = [row.trace for row in FileTraceReader(10_000_000).read([str(file)])]
    assert len(read) == 40
    assert all(isinstance(trace, Trace) for trace in read)
    assert [t.session_id for t in read] == [v.session_id for v in rows]
    text = file.read_text()
    assert not any(name in text for name in (*NAMES, "success", "fired"))


def test_unknown_versions_and_impossible_rates_are_refused() -> None:
    with pytest.raises(UsageError, match="no version '9'"):
        next(simulate(1, 1, START, defects=NONE, version="9"))
    with pytest.raises(ValueError, match="repeats_calls is 2"):
        Defects(repeats_calls=2)
    assert set(KNOWLEDGE) < set(NAMES)
