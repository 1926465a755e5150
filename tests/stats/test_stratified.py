from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from loopwright.stats.stratified import drop_test, null_distribution

strata = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3)).flatmap(
        lambda n: st.tuples(st.just(n[0]), st.integers(0, n[0]), st.just(n[1]), st.integers(0, n[1]))
    ),
    min_size=1,
    max_size=4,
)


def by_enumeration(rows: list[tuple[int, int, int, int]]) -> tuple[float, float]:
    """Deal each stratum's outcomes to the two sides in every way, and count."""
    totals = []
    for n0, x0, n1, x1 in rows:
        outcomes = [1] * (x0 + x1) + [0] * (n0 + n1 - x0 - x1)
        totals.append([sum(outcomes[i] for i in side) for side in itertools.combinations(range(n0 + n1), n1)])
    observed = sum(row[3] for row in rows)
    sums = [sum(deal) for deal in itertools.product(*totals)]
    at_most, equal = sum(s <= observed for s in sums), sum(s == observed for s in sums)
    return at_most / len(sums), (at_most - equal / 2) / len(sums)


@given(strata)
def test_the_test_is_exact(rows: list[tuple[int, int, int, int]]) -> None:
    n0, x0, n1, x1 = zip(*rows, strict=True)
    test = drop_test(n0, x0, n1, x1)
    p_value, mid_p = by_enumeration(rows)
    assert test.p_value == pytest.approx(p_value)
    assert test.mid_p_value == pytest.approx(mid_p if test.informative else 1.0)


def test_one_stratum_is_fishers_exact_test() -> None:
    assert drop_test([10], [9], [8], [3]).p_value == pytest.approx(hypergeom.cdf(3, 18, 12, 8))


def test_equal_strata_by_repeated_squaring_are_those_convolved_one_by_one() -> None:
    low, pmf = null_distribution(np.full(37, 3), np.full(37, 2), np.full(37, 2))
    one, slow = np.array([hypergeom.pmf(k, 5, 2, 2) for k in range(3)]), np.ones(1)
    for _ in range(37):
        slow = np.convolve(slow, one)
    assert low == 0
    assert pmf == pytest.approx(slow, abs=1e-12)


def test_without_strata_that_could_have_gone_otherwise_nothing_is_proved() -> None:
    for rows in ([], [(3, 3, 2, 2)], [(3, 0, 2, 0)], [(0, 0, 2, 1)], [(2, 1, 0, 0)]):
        columns = zip(*rows, strict=True) if rows else ([], [], [], [])
        test = drop_test(*columns)
        assert (test.p_value, test.mid_p_value, test.informative) == (1.0, 1.0, 0)


def test_extreme_evidence_has_a_small_p_value_and_not_zero() -> None:
    lost = drop_test(np.full(5000, 5), np.full(5000, 5), np.full(5000, 5), np.zeros(5000, int))
    assert 0 < lost.p_value < 1e-30
    assert drop_test(np.full(5000, 5), np.zeros(5000, int), np.full(5000, 5), np.full(5000, 5)).p_value == pytest.approx(1.0)


@pytest.mark.parametrize("counts", [([1], [2], [1], [1]), ([1], [1], [1], [2]), ([1], [-1], [1], [0]), ([1, 1], [1], [1], [1])])
def test_counts_that_cannot_be_are_refused(counts: tuple[list[int], ...]) -> None:
    with pytest.raises(ValueError, match=r"length|between"):
        drop_test(*counts)


@given(strata, st.data())
def test_one_more_failure_on_side_1_never_speaks_for_it(rows: list[tuple[int, int, int, int]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    worse = [(n0, x0, n1 + (i == at), x1) for i, (n0, x0, n1, x1) in enumerate(rows)]
    old, new = drop_test(*zip(*rows, strict=True)), drop_test(*zip(*worse, strict=True))
    assert new.p_value <= old.p_value + 1e-12
    assert new.mid_p_value <= old.mid_p_value + 1e-12


@pytest.mark.parametrize(("cases", "n0", "n1", "shape"), [(10, 1, 1, (2, 0.5)), (50, 3, 2, (0.6, 0.8)), (200, 2, 3, (0.15, 0.2))])
def test_the_false_alarm_rate_is_as_claimed(cases: int, n0: int, n1: int, shape: tuple[float, float]) -> None:
    rng = np.random.default_rng(4)
    rounds, level = 1500, 0.05
    exact = mid = 0
    for _ in range(rounds):
        rate = rng.beta(*shape, cases)
        test = drop_test(np.full(cases, n0), rng.binomial(n0, rate), np.full(cases, n1), rng.binomial(n1, rate))
        exact += test.p_value <= level
        mid += test.mid_p_value <= level
    error = 3 * (level * (1 - level) / rounds) ** 0.5
    assert exact / rounds <= level + error
    assert mid / rounds <= level + error
    assert mid >= exact
