from __future__ import annotations

import numpy as np
import pytest

from loopwright.watch.metric import metric_changes
from loopwright.watch.series import read_series


def test_a_change_is_told_by_the_rows_of_the_file() -> None:
    draw = np.random.default_rng(0)
    values = draw.standard_normal(60) + 6 * (np.arange(60) >= 40)
    rows = [f"{1920 + year},{value}\n" for year, value in enumerate(values)]
    rows[10] = "1930,\n"
    shuffled = [*rows[30:], *rows[:30]]
    (change,) = metric_changes(read_series(["year,value\n", *shuffled], "m.csv"))
    assert change.time == "1960"
    assert change.index == 10
    assert change.size == pytest.approx(6, abs=1)
    assert change.size_interval[0] <= change.size <= change.size_interval[1]
    assert change.interval_time[0] <= "1960" <= change.interval_time[1]
    assert shuffled[change.index].startswith("1960")


def test_segments_share_the_level() -> None:
    draw = np.random.default_rng(1)
    found = 0
    for _ in range(60):
        rows = [f"{t},{draw.standard_normal()},{segment}\n" for t in range(40) for segment in "abcd"]
        found += bool(metric_changes(read_series(rows, "m.csv")))
    assert found <= 7


def test_a_change_in_one_segment_is_told_of_that_one() -> None:
    draw = np.random.default_rng(2)
    rows = [f"{t},{draw.standard_normal() + 8 * (s == 'b' and t >= 25)},{s}\n" for t in range(50) for s in "ab"]
    (change,) = metric_changes(read_series(rows, "m.csv"))
    assert (change.segment, change.index, change.time) == ("b", 51, "25")
