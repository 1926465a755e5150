from __future__ import annotations

import numpy as np
import pytest

from loopwright.stats.beta_binomial import Beta, fit
from loopwright.stats.power import design, detectable_drop, power_of_loss
from loopwright.stats.stratified import drop_test

LEVEL, CEILING = 0.02, 0.03


@pytest.mark.parametrize(("cases", "n0", "n1", "shape"), [(20, 3, 2, (2, 0.2)), (50, 2, 2, (0.6, 0.8)), (100, 1, 1, (0.15, 0.2))])
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_power_is_that_of_the_exact_test(cases: int, n0: int, n1: int, shape: tuple[float, float], share: float) -> None:
    rng = np.random.default_rng(6)
    rounds = 300
    found, predicted = 0, []
    for _ in range(rounds):
        rate = rng.beta(*shape, cases)
        x0, x1 = rng.binomial(n0, rate), rng.binomial(n1, rate * (1 - share))
        test = drop_test(np.full(cases, n0), x0, np.full(cases, n1), x1)
        found += test.mid_p_value <= LEVEL and test.p_value <= CEILING
        plan = design(np.full(cases, n0), x0, np.full(cases, n1), np.zeros(cases))
        predicted.append(power_of_loss(share, plan, fit(x0, np.full(cases, n0)), LEVEL, CEILING))
    assert np.mean(predicted) == pytest.approx(found / rounds, abs=0.13)


def test_more_cases_and_more_trials_see_smaller_drops() -> None:
    drops = []
    for cases, trials in ((20, 1), (20, 3), (80, 3), (500, 3)):
        n = np.full(cases, trials)
        seen = detectable_drop(design(n, n, n, np.zeros(cases)), fit(n, n), LEVEL, CEILING)
        assert seen.drop is not None
        drops.append(seen.drop)
    assert drops == sorted(drops, reverse=True)


def test_what_cannot_be_seen_is_said() -> None:
    few = np.ones(5, int)
    assert detectable_drop(design(few, few, few, np.zeros(5)), fit(few, few), LEVEL, CEILING).drop is None
    assert detectable_drop(design([], [], [], []), Beta(1, 1), LEVEL, CEILING).drop is None


def test_of_deterministic_cases_one_failure_is_enough() -> None:
    few = np.ones(5, int)
    seen = detectable_drop(design(few, few, few, np.ones(5)), Beta(0.5, 0.5), LEVEL, CEILING)
    assert seen.drop == pytest.approx(1 - 0.2 ** (1 / 5), abs=0.01)
