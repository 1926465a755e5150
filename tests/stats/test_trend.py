from __future__ import annotations

import numpy as np
import pytest

from loopwright.stats.trend import rising, rose


def test_a_steady_rate_rises_at_the_claimed_rate() -> None:
    draw = np.random.default_rng(0)
    totals = np.array([80, 120, 60, 200, 100, 150])
    found = [rising(draw.binomial(totals, 0.03), totals, draw, 199) for _ in range(500)]
    assert np.mean(np.array(found) <= 0.05) <= 0.075


def test_a_rising_rate_is_seen_and_a_falling_one_is_not() -> None:
    draw = np.random.default_rng(1)
    assert rising([1, 2, 5, 9], [100, 100, 100, 100], draw) < 0.02
    assert rising([9, 5, 2, 1], [100, 100, 100, 100], draw) > 0.9
    assert rising([1, 2, 4, 8], [100, 200, 400, 800], draw) > 0.3


def test_nothing_to_compare_is_no_rise() -> None:
    draw = np.random.default_rng(2)
    assert rising([3], [10], draw) == 1
    assert rising([0, 0], [10, 10], draw) == 1
    assert rose(0, 0, 3, 10) == 1
    with pytest.raises(ValueError, match="between 0 and its total"):
        rising([3, 4], [2, 9], draw)


def test_rose_is_fishers_test() -> None:
    assert rose(3, 10, 8, 10) == pytest.approx(0.0349, abs=1e-4)
