"""Intervals for a proportion."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Interval(NamedTuple):
    """A closed interval."""

    low: float
    high: float


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """The score interval for a proportion, without continuity correction; (0, 1) where there were no trials.

    Right on average over proportions; near 0 and 1 its coverage may fall a few points below `confidence`. Raises `ValueError`
    unless 0 <= successes <= trials. Source: Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927).
    """
    _check(successes, trials, confidence)
    if trials == 0:
        return Interval(0.0, 1.0)
    z = normal_quantile((1 + confidence) / 2)
    rate = successes / trials
    scale = 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Interval(low, high)


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """The exact interval for a proportion: never covers less than `confidence`; (0, 1) where there were no trials.

    Raises `ValueError` unless 0 <= successes <= trials. Source: Clopper and Pearson, "The use of confidence or fiducial limits
    illustrated in the case of the binomial", Biometrika 26 (1934).
    """
    _check(successes, trials, confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else _beta_quantile(tail, successes, trials - successes + 1)
    high = 1.0 if successes == trials else _beta_quantile(1 - tail, successes + 1, trials - successes)
    return Interval(low, high)


def jeffreys(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """The equal-tailed posterior interval under the Beta(1/2, 1/2) prior, closed at 0 and 1 where nothing else was seen.

    Raises `ValueError` unless 0 <= successes <= trials. Source: Brown, Cai and DasGupta, "Interval estimation for a binomial
    proportion", Statistical Science 16 (2001), section 4.3.
    """
    _check(successes, trials, confidence)
    if trials == 0:
        return Interval(0.0, 1.0)
    tail = (1 - confidence) / 2
    a, b = successes + 0.5, trials - successes + 0.5
    low = 0.0 if successes == 0 else _beta_quantile(tail, a, b)
    high = 1.0 if successes == trials else _beta_quantile(1 - tail, a, b)
    return Interval(low, high)


def normal_quantile(probability: float) -> float:
    """The point below which a standard normal variable falls with `probability`."""
    from statistics import NormalDist  # noqa: PLC0415

    return NormalDist().inv_cdf(probability)


def normal_cdf(points: ArrayLike) -> NDArray[np.float64]:
    """The probability that a standard normal variable falls below each point."""
    erfc = np.frompyfunc(math.erfc, 1, 1)
    return np.asarray(0.5 * erfc(-np.asarray(points, dtype=np.float64) / math.sqrt(2)), dtype=np.float64)


def _beta_quantile(probability: float, a: float, b: float) -> float:
    from scipy.special import betaincinv  # noqa: PLC0415  (half a second to import; most commands need no exact interval)

    return float(betaincinv(a, b, probability))


def _check(successes: int, trials: int, confidence: float) -> None:
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; give a number between 0 and 1")
