from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.stats.change_points import Null, autocorrelation, change_points


@pytest.fixture(scope="module")
def null() -> Null:
    return Null(np.random.default_rng(0))


def autoregression(
    draw: np.random.Generator, points: int, rho: float, noise: Callable[[int], np.ndarray] | None = None
) -> np.ndarray:
    shocks = (noise or draw.standard_normal)(points + 50)
    y = np.zeros(points + 50)
    for t in range(1, points + 50):
        y[t] = rho * y[t - 1] + shocks[t]
    return y[50:]


@pytest.mark.parametrize(("points", "rho"), [(30, 0.0), (60, 0.4), (60, 0.8), (200, 0.0), (200, 0.6)])
def test_a_steady_level_shows_changes_at_most_at_the_claimed_rate(null: Null, points: int, rho: float) -> None:
    draw = np.random.default_rng(points)
    found = [bool(change_points(autoregression(draw, points, rho), null)) for _ in range(250)]
    assert np.mean(found) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 250)


def test_heavy_tails_and_spikes_are_no_changes(null: Null) -> None:
    draw = np.random.default_rng(7)
    found = [bool(change_points(draw.standard_t(2, 150), null)) for _ in range(100)]
    assert np.mean(found) <= 0.1
    spiked = draw.standard_normal(200)
    spiked[[40, 90]] = 100.0
    assert change_points(spiked, null) == ()


def test_a_trend_is_no_change(null: Null) -> None:
    draw = np.random.default_rng(8)
    found = [bool(change_points(draw.standard_normal(100) + np.linspace(0, 5, 100), null)) for _ in range(200)]
    assert np.mean(found) <= 0.1


def test_a_change_is_found_where_it_is_with_intervals_that_hold(null: Null) -> None:
    draw = np.random.default_rng(9)
    found = [change_points(autoregression(draw, 120, 0.3) + 2.5 * (np.arange(120) >= 70), null) for _ in range(150)]
    nearest = [min(changes, key=lambda c: abs(c.index - 70)) for changes in found if changes]
    assert len(nearest) >= 135
    assert np.mean([abs(c.index - 70) <= 5 for c in nearest]) >= 0.9
    assert np.mean([c.location.low <= 70 <= c.location.high for c in nearest]) >= 0.9
    assert np.mean([c.size_interval.low <= 2.5 <= c.size_interval.high for c in nearest]) >= 0.9


def test_several_changes_are_found_in_order(null: Null) -> None:
    draw = np.random.default_rng(10)
    y = draw.standard_normal(240) + 4 * (np.arange(240) >= 80) - 4 * (np.arange(240) >= 160)
    changes = change_points(y, null)
    assert [c.index for c in changes] == pytest.approx([80, 160], abs=3)
    assert changes[0].size == pytest.approx(4, abs=0.6)
    assert changes[1].size == pytest.approx(-4, abs=0.6)


def test_a_large_jump_in_few_points_is_found(null: Null) -> None:
    y = np.tile([1.0, 2.0], 20) + 30 * (np.arange(40) >= 20)
    assert [c.index for c in change_points(y, null)] == [20]


def test_autocorrelation_rather_high_than_low() -> None:
    draw = np.random.default_rng(11)
    low = [autocorrelation(autoregression(draw, 200, 0.5)) for _ in range(100)]
    assert np.mean(np.array(low) >= 0.45) >= 0.8
    assert autocorrelation([1, 2]) == 0


@given(st.lists(st.floats(-1e12, 1e12), max_size=60))
def test_any_series_has_changes_in_order_within_their_intervals(values: list[float]) -> None:
    changes = change_points(values, Null(np.random.default_rng(0), draws=99))
    assert [c.index for c in changes] == sorted({c.index for c in changes})
    for change in changes:
        assert 0 <= change.location.low <= change.index <= change.location.high < len(values)
        assert change.size_interval.low <= change.size <= change.size_interval.high
        assert 0 < change.p_value <= 0.05
