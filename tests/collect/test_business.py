from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loopwright.collect.business import BusinessEvent, event_of, read_table
from loopwright.errors import InputError, RecordError

ROW = {"session_id": "s1", "timestamp": "2026-01-02T03:04:05Z", "metric": "rebooked", "value": True}


def test_an_event_is_read_and_identified_by_its_content() -> None:
    event = event_of(ROW)
    assert event == BusinessEvent("s1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "rebooked", 1.0)
    assert event.event_id == event_of({**ROW, "value": "yes"}).event_id
    assert event.event_id != event_of({**ROW, "value": 0}).event_id


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("session_id", None, "session_id"),
        ("session_id", 7, "session_id"),
        ("metric", "", "metric"),
        ("timestamp", None, "timestamp is missing"),
        ("timestamp", "soon", "not a time"),
        ("value", None, "not a number"),
        ("value", "nan", "not a number"),
        ("value", [1], "not a number"),
        ("value", 10**400, "not a number"),
    ],
)
def test_what_is_no_event_says_why(field: str, value: object, problem: str) -> None:
    with pytest.raises(RecordError, match=problem):
        event_of({**ROW, field: value})


def test_a_table_is_read_by_its_header() -> None:
    lines = ["\ufeffValue,Metric,Session_ID,timestamp\n", "1,paid,s1,2026-01-02\n", "\n", '0,paid,"s,2",2026-01-03\n']
    events = [event_of(row) for _, row in read_table(lines, "e.csv")]
    assert [(e.session_id, e.value) for e in events] == [("s1", 1.0), ("s,2", 0.0)]
    with pytest.raises(InputError, match="e.csv:1: there is no column session_id"):
        list(read_table(["metric,value\n"], "e.csv"))
