from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, hypergeom

from loopwright.stats.two_proportions import difference, exact_rise, exact_test

COUNTS = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=150, derandomize=True)
@given(COUNTS, COUNTS)
def test_the_exact_tests_are_fishers(one: tuple[int, int], other: tuple[int, int]) -> None:
    (x0, n0), (x1, n1) = one, other
    table = [[x0, n0 - x0], [x1, n1 - x1]]
    assert exact_test(x0, n0, x1, n1) == pytest.approx(fisher_exact(table).pvalue, rel=1e-6, abs=1e-12)
    assert exact_rise(x0, n0, x1, n1) == pytest.approx(hypergeom.sf(x1 - 1, n0 + n1, x0 + x1, n1) if n1 else 1.0, abs=1e-9)


@settings(max_examples=100, derandomize=True)
@given(COUNTS, COUNTS)
def test_the_interval_holds_the_difference_and_turns_with_the_sides(one: tuple[int, int], other: tuple[int, int]) -> None:
    made, turned = difference(*one, *other), difference(*other, *one)
    assert -1 <= made.low <= made.value <= made.high <= 1
    assert (made.low, made.high) == pytest.approx((-turned.high, -turned.low))


def test_newcombes_own_example() -> None:
    # Newcombe (1998), table II, method 10: 56/70 - 48/80.
    assert difference(48, 80, 56, 70) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(20261123)
    covered = 0
    for _ in range(2000):
        p0, p1 = rng.uniform(0.02, 0.98, 2)
        n0, n1 = rng.integers(10, 200, 2)
        made = difference(int(rng.binomial(n0, p0)), int(n0), int(rng.binomial(n1, p1)), int(n1))
        covered += made.low <= p1 - p0 <= made.high
    assert 0.94 <= covered / 2000 <= 0.97


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="3 successes of 2"):
        exact_test(3, 2, 0, 1)
