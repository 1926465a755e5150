from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import betaln

from loopwright.stats.beta_binomial import Beta, posterior
from loopwright.stats.lost_case import cleared, failures_to_prove, log_evidence

PRIOR = Beta(0.3, 0.2)


def test_the_evidence_is_the_ratio_that_it_says() -> None:
    belief = posterior(PRIOR, 5, 5)
    passes, failures = 1, 3
    lost = 0.6 * math.exp(betaln(0.3 + 1, 6 + 3) - betaln(0.3, 6)) + 0.4 * math.exp(betaln(1 + 1, 1 + 3) - betaln(1, 1))
    kept = math.exp(betaln(belief.a + 1, belief.b + 3) - betaln(*belief))
    assert log_evidence(passes, failures, belief) == pytest.approx(math.log(lost / kept))


def test_no_trials_say_nothing() -> None:
    assert log_evidence(0, 0, PRIOR) == pytest.approx(0.0)


def test_an_unchanged_case_is_rarely_convicted_however_often_one_looks() -> None:
    """Ville's inequality: the evidence ever reaches k with a chance of at most 1/k, looking after each of 40 trials."""
    rng = np.random.default_rng(2)
    rounds, bound = 6000, 20
    convicted = 0
    for _ in range(rounds):
        rate = rng.beta(*PRIOR)
        history = rng.binomial(5, rate)
        belief = posterior(PRIOR, int(history), 5)
        verdicts = rng.random(40) < rate
        passes = np.cumsum(verdicts)
        looks = (1, 2, 3, 5, 8, 13, 20, 30, 40)
        convicted += any(log_evidence(int(passes[n - 1]), int(n - passes[n - 1]), belief) >= math.log(bound) for n in looks)
    assert convicted / rounds <= 1 / bound + 3 * math.sqrt(1 / bound / rounds)


def test_passes_clear_a_case_and_a_row_of_failures_does_not() -> None:
    belief = posterior(PRIOR, 5, 5)
    assert not cleared(0, 1, belief)
    assert cleared(1, 1, posterior(PRIOR, 4, 5))
    assert not cleared(1, 2, belief)
    assert cleared(2, 1, belief)
    assert not cleared(2, 3, belief)
    steady = Beta(5.4, 0.001)
    assert not cleared(5, 1, steady)
    assert cleared(6, 1, steady)
    assert not cleared(0, 4, belief)


def test_how_many_failures_would_prove_a_loss() -> None:
    belief = posterior(PRIOR, 10, 10)
    needed = failures_to_prove(0, 1, belief, math.log(10_000), 40)
    assert needed is not None
    assert log_evidence(0, 1 + needed, belief) >= math.log(10_000) > log_evidence(0, needed, belief)
    assert failures_to_prove(0, 1, belief, math.log(10_000), needed - 1) is None
