from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binom, binomtest, norm

from loopwright.stats.intervals import clopper_pearson, jeffreys, normal_cdf, normal_quantile, wilson

COUNTS = [(0, 1), (0, 20), (1, 3), (7, 20), (20, 20), (412, 1000)]


@pytest.mark.parametrize(("successes", "trials"), COUNTS)
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_and_clopper_pearson_agree_with_scipy(successes: int, trials: int, confidence: float) -> None:
    expected = binomtest(successes, trials).proportion_ci(confidence, "wilson")
    assert wilson(successes, trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)
    expected = binomtest(successes, trials).proportion_ci(confidence, "exact")
    assert clopper_pearson(successes, trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_jeffreys_is_the_posterior_and_reaches_the_ends() -> None:
    assert jeffreys(7, 20) == pytest.approx(beta(7.5, 13.5).interval(0.95), abs=1e-9)
    assert jeffreys(0, 5).low == 0.0
    assert jeffreys(5, 5).high == 1.0


@pytest.mark.parametrize("interval", [wilson, clopper_pearson, jeffreys])
def test_nothing_is_known_without_trials(interval: object) -> None:
    assert interval(0, 0) == (0.0, 1.0)  # type: ignore[operator]


@pytest.mark.parametrize("interval", [wilson, clopper_pearson, jeffreys])
@pytest.mark.parametrize(("successes", "trials", "confidence"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 0.0), (1, 2, 1.0)])
def test_counts_that_cannot_be_are_refused(interval: object, successes: int, trials: int, confidence: float) -> None:
    with pytest.raises(ValueError, match=r"successes|confidence"):
        interval(successes, trials, confidence)  # type: ignore[operator]


def test_coverage_is_as_claimed() -> None:
    """Exactly, by summing over outcomes: never less for the exact interval, and near on average for the others."""
    rates, n = np.linspace(0.02, 0.98, 49), 20
    for interval, least, average in ((clopper_pearson, 0.95, 0.95), (wilson, 0.89, 0.945), (jeffreys, 0.86, 0.94)):
        bounds = [interval(k, n) for k in range(n + 1)]
        cover = [sum(binom.pmf(k, n, p) for k, (low, high) in enumerate(bounds) if low <= p <= high) for p in rates]
        assert min(cover) >= least
        assert np.mean(cover) >= average


def test_the_normal_distribution() -> None:
    assert normal_quantile(0.02) == pytest.approx(norm.ppf(0.02))
    assert normal_cdf([-2.0, 0.0, 1.5]) == pytest.approx(norm.cdf([-2.0, 0.0, 1.5]))
