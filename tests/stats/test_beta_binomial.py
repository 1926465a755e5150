from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import betaln
from scipy.stats import betabinom

from loopwright.stats.beta_binomial import PRIOR_CONCENTRATION, Beta, fit, log_sequence, posterior, predictive, tail


@pytest.mark.parametrize(("a", "b", "n"), [(0.3, 0.4, 5), (2.0, 0.1, 1), (10.0, 3.0, 40)])
def test_predictions_are_beta_binomial(a: float, b: float, n: int) -> None:
    assert predictive(n, Beta(a, b)) == pytest.approx(betabinom.pmf(range(n + 1), n, a, b))
    assert tail(n // 2, n, Beta(a, b)) == pytest.approx(betabinom.cdf(n // 2, n, a, b))
    assert float(log_sequence(n, 3, a, b)) == pytest.approx(betaln(a + n, b + 3) - betaln(a, b))


def test_no_trials_predict_nothing() -> None:
    assert tail(0, 0, Beta(1, 1)) == 1.0


def test_a_history_is_added_to_the_counts() -> None:
    assert posterior(Beta(0.5, 0.25), 3, 5) == (3.5, 2.25)


@pytest.mark.parametrize("shape", [(0.2, 0.3), (1.2, 0.2), (0.6, 0.8)])
def test_the_fit_finds_the_distribution_that_made_the_counts(shape: tuple[float, float]) -> None:
    rng = np.random.default_rng(1)
    trials = rng.integers(1, 6, 3000)
    found = fit(rng.binomial(trials, rng.beta(*shape, 3000)), trials)
    assert found.a / sum(found) == pytest.approx(shape[0] / sum(shape), abs=0.02)
    assert math.log(sum(found)) == pytest.approx(math.log(sum(shape)), abs=0.15)


def test_the_fit_is_the_best_of_its_neighbours() -> None:
    passes, trials = np.array([3, 0, 2, 3, 1, 3]), np.full(6, 3)

    def penalised(a: float, b: float) -> float:
        likelihood = sum(float(log_sequence(int(x), int(n - x), a, b)) for x, n in zip(passes, trials, strict=True))
        spread = math.log((a + b) / PRIOR_CONCENTRATION)
        return likelihood + math.log(a / (a + b)) + math.log(b / (a + b)) - spread**2 / 2

    a, b = fit(passes, trials)
    for up in (0.98, 1.02):
        for down in (0.98, 1.02):
            assert penalised(a, b) >= penalised(a * up, b * down) - 1e-4


def test_little_data_gives_a_finite_answer() -> None:
    assert sum(fit([], [])) == pytest.approx(PRIOR_CONCENTRATION)
    sure = fit(np.full(20, 1), np.full(20, 1))
    assert 0.9 < sure.a / sum(sure) < 1
    assert fit(np.full(20, 5), np.full(20, 5)).b < sure.b
