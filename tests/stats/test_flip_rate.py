"""The flip rate: what it is by hand, and that its interval covers as often as it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.stats.flip_rate import flip_rate


def test_by_hand() -> None:
    rate = flip_rate([(3, 4)])
    assert rate.value == pytest.approx(0.5)  # 3 of 6 pairs differ
    assert rate.pairs == 6
    assert flip_rate([(4, 4)]).value == 0
    assert flip_rate([(9, 10)]).value == pytest.approx(9 / 45)


@pytest.mark.parametrize("counts", [[], [(1, 1)], [(0, 1), (1, 1)]])
def test_one_trial_of_a_version_tells_nothing(counts: list[tuple[int, int]]) -> None:
    assert flip_rate(counts) == (None, 0.0, 0.5, 0)


def test_a_change_between_versions_is_no_flip() -> None:
    assert flip_rate([(5, 5), (0, 5)]).value == 0


@given(st.lists(st.integers(0, 30).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=4))
def test_the_value_lies_in_the_interval(counts: list[tuple[int, int]]) -> None:
    rate = flip_rate(counts)
    assert 0 <= rate.low <= rate.high <= 0.5
    assert rate.value is None or rate.low - 1e-12 <= rate.value <= rate.high + 1e-12


@pytest.mark.parametrize("chance", [0.02, 0.1, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("trials", [[2], [5], [20], [3, 8]])
def test_the_interval_covers_at_least_as_often_as_it_says(chance: float, trials: list[int]) -> None:
    rng = np.random.default_rng(11)
    truth, rounds, covered = 2 * chance * (1 - chance), 400, 0
    for _ in range(rounds):
        rate = flip_rate([(int(rng.binomial(n, chance)), n) for n in trials])
        covered += rate.low - 1e-12 <= truth <= rate.high + 1e-12
    assert covered / rounds >= 0.95 - 3 * (0.95 * 0.05 / rounds) ** 0.5
