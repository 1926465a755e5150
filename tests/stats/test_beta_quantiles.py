"""Quantiles of beta distributions against SciPy's, from those that lie at 0 and 1 to those that lie at one place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from loopwright.stats.beta_binomial import Beta
from loopwright.stats.beta_quantiles import beta_quantiles

SHARES = (np.arange(40) + 0.5) / 40
PARAMETERS = st.floats(-9, 7.5).map(lambda power: float(np.exp(power)))


@settings(derandomize=True, max_examples=200)
@given(PARAMETERS, PARAMETERS)
def test_quantiles_are_scipys(a: float, b: float) -> None:
    assert beta_quantiles(Beta(a, b), SHARES) == pytest.approx(special.betaincinv(a, b, SHARES), rel=0, abs=1e-12)


@pytest.mark.parametrize(
    ("a", "b"), [(1e-9, 5), (5, 1e-9), (1e-6, 1e-6), (1e-3, 1e3), (5e4, 5e4), (1e5, 3), (100, 0.01), (1e-4, 1e4), (1, 1)]
)
def test_quantiles_of_extremes_are_scipys(a: float, b: float) -> None:
    assert beta_quantiles(Beta(a, b), SHARES) == pytest.approx(special.betaincinv(a, b, SHARES), rel=0, abs=1e-12)


@pytest.mark.parametrize("belief", [Beta(0.3, 0.2), Beta(6.2, 0.2), Beta(300.0, 4.0)])
def test_far_quantiles_are_in_order_and_between_0_and_1(belief: Beta) -> None:
    shares = np.array([1e-12, 1e-6, 0.5, 1 - 1e-6, 1 - 1e-12])
    found = beta_quantiles(belief, shares)
    assert np.all(np.diff(found) >= 0)
    assert np.all((found >= 0) & (found <= 1))
    assert found == pytest.approx(special.betaincinv(*belief, shares), rel=0, abs=1e-6)


def test_the_shape_is_that_of_the_shares() -> None:
    assert beta_quantiles(Beta(2.0, 3.0), SHARES.reshape(8, 5)).shape == (8, 5)
    assert beta_quantiles(Beta(1.0, 1.0), 0.25) == pytest.approx(0.25)


@pytest.mark.parametrize("belief", [Beta(0.0, 1.0), Beta(1.0, -1.0), Beta(float("nan"), 1.0), Beta(1.0, float("inf"))])
def test_what_is_no_distribution_is_refused(belief: Beta) -> None:
    with pytest.raises(ValueError, match="no beta distribution"):
        beta_quantiles(belief, SHARES)
