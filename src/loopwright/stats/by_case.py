"""Two sides of the same trials, where the trials of a case are no observations of their own: the case is.

Trials of one case are alike, and those of a deterministic agent are the same; what is independent is the cases. So each case
counts once, as the sum or the mean of the differences of its pairs, whatever holds between these.

*No effect* is tested by turning signs: were the sides alike, each case's sum would be as likely to be its opposite. The
distribution over all turns is computed, not drawn (Fisher, "The Design of Experiments", 1935, section 21). *Against a margin*,
and for intervals, the score statistic of the mean is taken with its variance under the margin, estimated by the likeliest
distribution over what was seen and the worst that could have been (the empirical likelihood of Owen, "Empirical Likelihood",
2001, with the bound of the scale as a point). With one pair a case it is Tango's test for paired proportions (Statistics in
Medicine 17, 1998).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopwright.stats.intervals import Interval, normal_cdf, normal_quantile

Floats = NDArray[np.float64]


class CaseDifferences(NamedTuple):
    """By case, in any order: the sums of the differences of its pairs, and their means; both of shape (cases,)."""

    sums: Floats
    means: Floats


class MeanDifference(NamedTuple):
    """The mean difference, its standard error, and the degrees of freedom; the error is 0 where nothing varies."""

    mean: float
    error: float
    freedom: float


def by_case(differences: ArrayLike, cases: ArrayLike) -> CaseDifferences:
    """The differences of pairs, shape (n,), second side less the first, with `cases` naming the case of each, shape (n,)."""
    values = np.asarray(differences, dtype=np.float64)
    names, place = np.unique(np.asarray(cases), return_inverse=True)
    sums = np.bincount(place, weights=values, minlength=names.size).astype(np.float64)
    return CaseDifferences(sums, sums / np.maximum(np.bincount(place, minlength=names.size), 1))


def fell(sums: ArrayLike) -> float:
    """The exact one-sided p-value of no effect against the second side being less; `sums` are whole; 1 where none differs."""
    whole = [abs(size) for size in np.rint(np.asarray(sums, dtype=np.float64)).astype(int).tolist() if size]
    if not whole:
        return 1.0
    chances = np.ones(1)
    for size in whole:
        turned = np.zeros(chances.size + 2 * size)
        turned[: chances.size] += chances / 2
        turned[2 * size :] += chances / 2
        chances = turned
    middle = sum(whole)
    seen = round(float(np.asarray(sums, dtype=np.float64).sum()))
    return min(1.0, float(chances[: middle + seen + 1].sum()))


def rose(sums: ArrayLike) -> float:
    """The exact one-sided p-value of no effect against the second side being more; `sums` are whole; 1 where none differs."""
    return fell(-np.asarray(sums, dtype=np.float64))


def above(means: ArrayLike, bound: float) -> float:
    """The p-value of "the mean over all cases is at most `bound`", against more; 1 without cases.

    `means` lie in -1..1, and `bound` in -1..0. It is never less than the chance to have met, in so many cases, none of those that
    a mean of `bound` must have at its least: what is rare is not excluded by what was not seen.
    """
    values = np.asarray(means, dtype=np.float64)
    if not values.size:
        return 1.0
    unseen = (1.0 + bound) ** values.size
    return max(unseen, float(normal_cdf([-_score(Counter(values.tolist()), bound)])[0]))


def least_cases(bound: float, level: float) -> int:
    """How many cases it takes for `above` to reach `level` where no case differs."""
    return math.ceil(math.log(level) / math.log1p(bound)) if -1 < bound < 0 < level < 1 else 1


def interval(means: ArrayLike, confidence: float = 0.95) -> Interval:
    """The score interval for the mean over all cases of `means`, each in -1..1; (-1, 1) without cases."""
    values = np.asarray(means, dtype=np.float64)
    if not values.size:
        return Interval(-1.0, 1.0)
    z = normal_quantile((1 + confidence) / 2)
    seen, turned = Counter(values.tolist()), Counter((-values).tolist())
    return Interval(_lower(seen, z), -_lower(turned, z))


def mean_difference(means: ArrayLike) -> MeanDifference:
    """The mean over cases of `means`, shape (cases,), with its standard error: Student's, infinite with fewer than two cases."""
    values = np.asarray(means, dtype=np.float64)
    if values.size < 2:
        return MeanDifference(float(values.sum()), math.inf, 1.0)
    return MeanDifference(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(values.size), values.size - 1.0)


def mean_interval(found: MeanDifference, confidence: float = 0.95) -> Interval:
    """Student's interval for the mean difference."""
    if found.error in (0.0, math.inf):
        return Interval(found.mean - found.error, found.mean + found.error)
    half = found.error * _t_quantile((1 + confidence) / 2, found.freedom)
    return Interval(found.mean - half, found.mean + half)


def mean_below(found: MeanDifference, bound: float) -> float:
    """The p-value of `mean >= bound` against less."""
    if found.error in (0.0, math.inf):
        return 1.0 if found.error or found.mean >= bound else 0.0
    return _t_cdf((found.mean - bound) / found.error, found.freedom)


def _score(seen: Counter[float], bound: float) -> float:
    """The statistic of a mean of `bound`: standard normal where that is the truth, large where the mean is more."""
    count = seen.total()
    mean = sum(value * times for value, times in seen.items()) / count
    if mean <= bound:
        return -math.inf if mean < bound else 0.0
    weights, rest = _likeliest(seen, bound, count)
    variance = sum(weight * value * value for value, weight in weights) + rest - bound * bound
    return (mean - bound) / math.sqrt(variance / count) if variance > 0 else math.inf


def _likeliest(seen: Counter[float], bound: float, count: int) -> tuple[Sequence[tuple[float, float]], float]:
    """The likeliest weights of the values that give a mean of `bound`, less than theirs, and what falls to -1 beside them."""
    low, high = 0.0, 1 / (1 + bound)
    if min(seen) > -1 and _slope(seen, bound, high) >= 0:
        low = high
    for _ in range(30 if low < high else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(seen, bound, middle) > 0 else (low, middle)
    weights = [(value, times / count / (1 + low * (value - bound))) for value, times in seen.items()]
    return weights, max(0.0, 1 - sum(weight for _, weight in weights))


def _slope(seen: Counter[float], bound: float, strength: float) -> float:
    return sum(times * (value - bound) / (1 + strength * (value - bound)) for value, times in seen.items())


def _lower(seen: Counter[float], z: float) -> float:
    """The mean at which the statistic is `z`: it falls as the mean rises towards the one seen."""
    low, high = -1.0, sum(value * times for value, times in seen.items()) / seen.total()
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if _score(seen, middle) > z else (low, middle)
    return (low + high) / 2


def _t_quantile(probability: float, freedom: float) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415  (half a second to import)

    return float(stdtrit(freedom, probability))


def _t_cdf(point: float, freedom: float) -> float:
    from scipy.special import stdtr  # noqa: PLC0415

    return float(stdtr(freedom, point))
