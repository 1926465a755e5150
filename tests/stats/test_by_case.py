from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tango
from loopwright.stats import by_case
from tango import Changes

WHOLE = st.lists(st.integers(-4, 4), max_size=9)


@given(WHOLE)
@settings(max_examples=60, derandomize=True)
def test_the_turned_signs_are_all_counted(sums: list[int]) -> None:
    turned = [sum(s * abs(v) for s, v in zip(signs, sums, strict=True)) for signs in itertools.product((-1, 1), repeat=len(sums))]
    expected = sum(total <= sum(sums) for total in turned) / len(turned)
    assert by_case.fell(sums) == pytest.approx(expected if any(sums) else 1.0)
    assert by_case.rose([-v for v in sums]) == pytest.approx(by_case.fell(sums))


def test_trials_of_a_case_are_one_observation() -> None:
    found = by_case.by_case([1, 0, 1, -1], ["a", "a", "a", "b"])
    assert (found.sums.tolist(), found.means.tolist()) == ([2, -1], [pytest.approx(2 / 3), -1])
    assert by_case.by_case([], []).means.size == 0


@pytest.mark.parametrize("counts", [Changes(60, 3, 7), Changes(50, 0, 0), Changes(80, 9, 2), Changes(45, 0, 5)])
def test_with_one_pair_a_case_it_is_tangos_test(counts: Changes) -> None:
    same = counts.pairs - counts.gained - counts.lost
    means = [1.0] * counts.gained + [-1.0] * counts.lost + [0.0] * same
    assert by_case.above(means, -0.25) == pytest.approx(tango.above(counts, -0.25), abs=1e-6)
    assert by_case.interval(means) == pytest.approx(tango.interval(counts), abs=1e-5)


def test_what_was_not_seen_is_not_excluded() -> None:
    assert by_case.above(np.zeros(30), -0.1) == pytest.approx(0.9**30)
    assert by_case.above(np.ones(30), -0.1) == pytest.approx(0.9**30)
    assert by_case.least_cases(-0.1, 0.0375) == 32
    assert by_case.above(np.zeros(32), -0.1) <= 0.0375 < by_case.above(np.zeros(31), -0.1)
    assert by_case.above([], -0.1) == 1.0
    assert by_case.interval([]) == (-1.0, 1.0)


def test_few_cases_leave_the_mean_open() -> None:
    assert by_case.mean_difference([]).error == by_case.mean_difference([0.3]).error == float("inf")
    assert by_case.mean_difference([1.0, 3.0]) == (2.0, pytest.approx(1.0), 1.0)


@given(st.lists(st.sampled_from([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1]), min_size=1, max_size=40))
@settings(max_examples=60, derandomize=True)
def test_the_interval_holds_the_mean_within_the_scale(means: list[float]) -> None:
    low, high = by_case.interval(means)
    assert -1 <= low <= np.mean(means) + 1e-6
    assert np.mean(means) - 1e-6 <= high <= 1


@pytest.mark.parametrize("kind", ["rare", "own", "same", "unlike"])
@pytest.mark.parametrize("cases", [40, 60])
def test_a_margin_that_is_lost_is_called_kept_at_most_as_often_as_the_level(kind: str, cases: int) -> None:
    rng = np.random.default_rng(5)
    level, repeats = 0.0375, 1200

    def share(chance: object) -> np.ndarray:
        return (rng.random((cases, 3)) < chance).mean(axis=1)

    def lost() -> np.ndarray:
        if kind == "rare":
            return -(rng.random(cases) < 0.1).astype(float)
        if kind == "own":
            return share(0.7) - share(0.8)
        if kind == "same":
            return (rng.random(cases) < 0.7).astype(float) - (rng.random(cases) < 0.8)
        passing = rng.beta(0.4, 0.1, cases)[:, None]
        return share(np.where(rng.random(cases)[:, None] < 0.125, 0, passing)) - share(passing)

    called = sum(by_case.above(lost(), -0.1) <= level for _ in range(repeats)) / repeats
    assert called <= level + 2.6 * (level * (1 - level) / repeats) ** 0.5


@pytest.mark.parametrize("alike", [True, False])
def test_the_interval_covers(alike: bool) -> None:
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(400):
        trials = rng.random((40, 1 if alike else 4, 2)) < [0.8, 0.6]
        low, high = by_case.interval((trials[..., 1].astype(float) - trials[..., 0]).mean(axis=1))
        covered += low <= -0.2 <= high
    assert covered / 400 >= 0.95 - 0.03


def test_what_never_varies_is_known_and_one_case_tells_nothing_of_others() -> None:
    same, alone = by_case.mean_difference([3.0, 3.0]), by_case.mean_difference([3.0])
    assert (by_case.mean_below(same, 10), by_case.mean_below(same, 3), by_case.mean_below(alone, 10)) == (0, 1, 1)
    assert by_case.mean_interval(same) == (3, 3)


@pytest.mark.parametrize("trials", [1, 4])
def test_skewed_runtimes_are_within_a_margin_about_as_often_as_claimed(trials: int) -> None:
    rng = np.random.default_rng(20)
    cases, repeats, level = 30, 3000, 0.05
    strata = np.repeat(np.arange(cases), trials)
    found = 0
    for _ in range(repeats):
        scale = np.repeat(rng.lognormal(0, 0.5, cases), trials)
        without = scale * rng.lognormal(0, 0.5, strata.size)
        with_ = 1.25 * scale * rng.lognormal(0, 0.5, strata.size)
        means = by_case.by_case(with_ - 1.25 * without, strata).means
        found += by_case.mean_below(by_case.mean_difference(means), 0.0) <= level
    assert found / repeats <= level + 0.012


def test_the_mean_interval_covers() -> None:
    rng = np.random.default_rng(21)
    strata = np.repeat(np.arange(10), 3)
    truth = np.repeat(np.linspace(-1, 1, 10), 3) + 0.5
    cases = [by_case.by_case(truth + rng.normal(0, 1, 30), strata).means for _ in range(2000)]
    found = [by_case.mean_interval(by_case.mean_difference(means)) for means in cases]
    assert np.mean([low <= 0.5 <= high for low, high in found]) >= 0.935  # the ten cases lie apart: wider than their trials ask
