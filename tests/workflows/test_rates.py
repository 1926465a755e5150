from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import failure, signal
from loopwright.mine.detector import Detector, DetectorFault
from loopwright.mine.policy import WEIGHTS
from loopwright.mine.signal import FailureSignal
from loopwright.stats.intervals import wilson
from loopwright.workflows.rates import MAX_PERIODS, detector_counts, evidence, periods, rate, type_counts

HARD, LEFT = FailureSignal.HARD_ERROR, FailureSignal.ABANDONMENT


def detector(name: str, kind: FailureSignal = HARD) -> Detector:
    return Detector(name, kind, f"finds {name}", lambda trace, context: ())


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def test_a_rate_carries_its_wilson_interval() -> None:
    found = rate(3, 10)
    assert (found.low, found.high) == wilson(3, 10)
    assert found.share == 0.3
    assert (rate(0, 0).share, rate(0, 0).low, rate(0, 0).high) == (0.0, 0.0, 1.0)


def test_a_trace_counts_once_for_each_type_and_detector() -> None:
    twice = (signal(detector="a", severity=0.5, confidence=0.5), signal(detector="a", severity=1.0, confidence=0.5))
    left = signal(type=LEFT, detector="b", severity=0.2, confidence=0.5)
    failures = [failure("t1", signals=(*twice, left)), failure("t2", signals=twice[:1])]
    types = type_counts(failures, [detector("a")], WEIGHTS, 4)
    assert [(t.signal_type, t.rate.count, t.weight) for t in types] == [("hard_error", 2, 1.0), ("abandonment", 1, 0.6)]
    (a, b) = detector_counts(failures, [detector("a")], (), 4)
    assert (a.detector, a.rate.count, a.strength, a.finds) == ("a", 2, pytest.approx((0.5 + 0.25) / 2), "finds a")
    assert (b.signal_type, b.rate.count, b.strength) == ("abandonment", 1, pytest.approx(0.1))


def test_a_detector_that_found_nothing_or_failed_is_a_row() -> None:
    faults = [DetectorFault("broken", "t1", "KeyError: x"), DetectorFault("broken", "t2", "KeyError: y")]
    quiet, broken = detector_counts([], [detector("quiet"), detector("broken")], faults, 5)
    assert (quiet.rate.count, quiet.problem) == (0, "")
    assert broken.problem == "failed on 2 of the traces; the first: t1: KeyError: x"


def test_a_failure_without_signals_counts_for_its_own_type() -> None:
    assert [t.rate.count for t in type_counts([failure()], (), WEIGHTS, 1)] == [1]


def test_days_without_traces_are_rows_too() -> None:
    starts = [("a", at(date(2026, 1, 1))), ("b", at(date(2026, 1, 1))), ("c", at(date(2026, 1, 4))), ("d", None)]
    rows, unit = periods(starts, {"a", "d"})
    assert unit == "day"
    assert [(p.label, p.rate.count, p.rate.total) for p in rows] == [
        ("2026-01-01", 1, 2), ("2026-01-02", 0, 0), ("2026-01-03", 0, 0), ("2026-01-04", 0, 1),
    ]  # fmt: skip


def test_one_period_is_no_series() -> None:
    assert periods([("a", at(date(2026, 1, 1), 1)), ("b", at(date(2026, 1, 1), 20))], set())[0] == ()
    assert periods([("a", None)], set())[0] == ()


def test_days_are_days_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    rows, _ = periods([("a", datetime(2026, 1, 2, 3, tzinfo=east)), ("b", datetime(2026, 1, 2, 3))], set())  # noqa: DTZ001
    assert [p.label for p in rows] == ["2026-01-01", "2026-01-02"]


@given(st.lists(st.dates(date(1, 1, 1), date(9999, 12, 31)), max_size=12))
def test_every_trace_falls_into_one_period(days: list[date]) -> None:
    rows, unit = periods([(str(i), at(day)) for i, day in enumerate(days)], {"0"})
    assert unit == "year" or len(rows) <= MAX_PERIODS + 2
    labels = [p.label for p in rows]
    assert labels == sorted(set(labels))
    if rows:
        assert sum(p.rate.total for p in rows) == len(days)
        assert sum(p.rate.count for p in rows) == 1


def test_evidence_is_counted_by_strength() -> None:
    found = evidence([failure(str(i), score=s) for i, s in enumerate((0.9, 0.5, 0.49, 0.25, 0.24, 0.01))], 12)
    assert [r.count for r in (found.evident, found.strong, found.fair, found.weak)] == [4, 2, 2, 2]
    assert found.evident.share == 4 / 12
    assert found.evident.low < 4 / 12 < found.evident.high
