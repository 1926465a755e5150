"""The reference that the tests over cases are held against."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.stats.intervals import normal_quantile
from tango import Changes, above, differs, fell, interval, rose


def tables(pairs: int, gained: float, lost: float) -> list[tuple[Changes, float]]:
    """Every outcome of so many pairs with its probability."""
    rows = []
    for up in range(pairs + 1):
        for down in range(pairs + 1 - up):
            same = pairs - up - down
            ways = math.factorial(pairs) // (math.factorial(up) * math.factorial(down) * math.factorial(same))
            rows.append((Changes(pairs, up, down), ways * gained**up * lost**down * (1 - gained - lost) ** same))
    return rows


def test_the_test_of_no_effect_is_that_of_a_fair_coin() -> None:
    assert fell(Changes(50, 0, 5)) == pytest.approx(1 / 32)
    assert rose(Changes(50, 5, 0)) == pytest.approx(1 / 32)
    assert differs(Changes(50, 0, 5)) == pytest.approx(1 / 16)
    assert fell(Changes(50, 0, 0)) == differs(Changes(50, 0, 0)) == 1
    assert fell(Changes(4000, 900, 1100)) == pytest.approx(4.3e-6, rel=0.05)


def test_the_score_test_agrees_with_the_published_example() -> None:
    # Tango (1998): 44 pairs, of which 1 and 0 differ, against a margin of 0.1: Z = 1.709, p = 0.0437
    assert above(Changes(44, 0, 1), -0.1) == pytest.approx(0.0437, abs=2e-4)


def test_the_score_interval_without_pairs_that_differ_is_closed_form() -> None:
    z = normal_quantile(0.975)
    assert interval(Changes(30, 0, 0)) == pytest.approx((-(z**2) / (30 + z**2), z**2 / (30 + z**2)), abs=1e-9)
    assert interval(Changes(0, 0, 0)) == (-1, 1)
    assert interval(Changes(30, 30, 0))[1] == pytest.approx(1)


@given(st.integers(1, 80), st.data())
def test_the_interval_holds_the_difference_and_turns_with_the_sides(pairs: int, data: st.DataObject) -> None:
    up = data.draw(st.integers(0, pairs))
    down = data.draw(st.integers(0, pairs - up))
    low, high = interval(Changes(pairs, up, down))
    assert -1 <= low <= (up - down) / pairs + 1e-9
    assert (up - down) / pairs - 1e-9 <= high <= 1
    assert interval(Changes(pairs, down, up)) == pytest.approx((-high, -low), abs=1e-8)


@given(st.integers(1, 60), st.data())
def test_a_p_value_against_a_margin_grows_with_the_bound(pairs: int, data: st.DataObject) -> None:
    up = data.draw(st.integers(0, pairs))
    down = data.draw(st.integers(0, pairs - up))
    values = [above(Changes(pairs, up, down), bound) for bound in (-0.5, -0.2, -0.05, 0.0, 0.3)]
    assert values == sorted(values)


@pytest.mark.parametrize(("pairs", "share"), [*itertools.product((10, 40, 70), (0.05, 0.3))])
def test_no_effect_is_found_at_most_as_often_as_claimed(pairs: int, share: float) -> None:
    for level in (0.05, 0.01):
        assert sum(p for c, p in tables(pairs, share / 2, share / 2) if fell(c) <= level) <= level


@pytest.mark.parametrize(("pairs", "lost", "gained"), [(60, 0.05, 0.0), (60, 0.15, 0.1), (110, 0.1, 0.05), (110, 0.06, 0.01)])
@pytest.mark.parametrize("level", [0.05, 0.00625])
def test_a_fall_by_the_margin_passes_about_as_often_as_claimed(pairs: int, lost: float, gained: float, level: float) -> None:
    size = sum(p for c, p in tables(pairs, gained, lost) if above(c, -0.05) <= level)
    assert size <= 1.15 * level  # a score test: close to its level, and not exact


@pytest.mark.parametrize(("pairs", "lost", "gained"), [(30, 0.02, 0.02), (60, 0.2, 0.05), (100, 0.02, 0.3)])
def test_the_score_interval_covers(pairs: int, lost: float, gained: float) -> None:
    truth = gained - lost
    covered = sum(p for c, p in tables(pairs, gained, lost) if p > 1e-12 and interval(c)[0] <= truth <= interval(c)[1])
    assert covered >= 0.935
