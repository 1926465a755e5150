from __future__ import annotations

from datetime import UTC, datetime

import pytest

from loopwright.collect.times import moment
from loopwright.errors import RecordError

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31 12:00:00", NOON.timestamp(), NOON.timestamp() * 1000],
)
def test_times_in_any_writing_are_one_instant_in_utc(given):
    assert moment(given, "timestamp") == NOON


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_time_is_none(nothing):
    assert moment(nothing, "timestamp") is None


@pytest.mark.parametrize("wrong", ["noon", True, [], 1e40, float("nan"), "9999-12-31T23:59:59-10:00"])
def test_what_is_no_time_is_refused(wrong):
    with pytest.raises(RecordError, match="which is not a time; give ISO 8601"):
        moment(wrong, "timestamp")
