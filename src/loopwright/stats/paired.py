"""Two sides of the same trials: how the second differs from the first, pair by pair.

Yes-or-no measures: the exact test of no effect looks at the pairs that differ alone, each of which is as likely to have differed
the other way (McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12, 1947).
Against a margin, and for intervals, the score statistic of the difference under the constrained likelihood is taken, which is
right with few pairs too and with none that differ (Tango, "Equivalence test and confidence interval for the difference in
proportions for the paired-sample design", Statistics in Medicine 17, 1998).

Measures on a scale: the mean difference, its variance within strata (cases) only where each has two pairs or more, with
Student's t at the degrees of freedom of Satterthwaite, "An approximate distribution of estimates of variance components",
Biometrics Bulletin 2 (1946).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopwright.stats.intervals import Interval, normal_cdf, normal_quantile

Floats = NDArray[np.float64]


class Changes(NamedTuple):
    """Of `pairs`, how many were so on the second side only (`gained`), and how many on the first only (`lost`)."""

    pairs: int
    gained: int
    lost: int

    @property
    def difference(self) -> float:
        """The second side's share minus the first's; 0 without pairs."""
        return (self.gained - self.lost) / self.pairs if self.pairs else 0.0


class MeanDifference(NamedTuple):
    """The mean difference, its standard error, and the degrees of freedom; these are infinite and 0 where nothing varies."""

    mean: float
    error: float
    freedom: float


def changes(first: ArrayLike, second: ArrayLike) -> Changes:
    """Count the pairs that differ; both sides are truth values of shape (n,). Raises `ValueError` where they differ in length."""
    one, two = np.asarray(first, dtype=np.bool_), np.asarray(second, dtype=np.bool_)
    if one.shape != two.shape:
        raise ValueError("the two sides differ in length")
    return Changes(one.size, int((~one & two).sum()), int((one & ~two).sum()))


def fell(counts: Changes) -> float:
    """The exact one-sided p-value of no effect against the second side being so less often; 1 where no pair differs."""
    return _at_least(counts.lost, counts.gained + counts.lost)


def rose(counts: Changes) -> float:
    """The exact one-sided p-value of no effect against the second side being so more often; 1 where no pair differs."""
    return _at_least(counts.gained, counts.gained + counts.lost)


def differs(counts: Changes) -> float:
    """The exact two-sided p-value of no effect: twice the smaller of the one-sided ones, at most 1."""
    return min(1.0, 2 * min(fell(counts), rose(counts)))


def above(counts: Changes, bound: float) -> float:
    """The score test's p-value of `difference <= bound` against more; 1 without pairs. `bound` lies in -1..1."""
    return float(normal_cdf([-_score(counts, bound)])[0]) if counts.pairs else 1.0


def interval(counts: Changes, confidence: float = 0.95) -> Interval:
    """The score interval for the difference of the two shares; (-1, 1) without pairs."""
    if not counts.pairs:
        return Interval(-1.0, 1.0)
    z = normal_quantile((1 + confidence) / 2)
    middle = counts.difference
    return Interval(_root(counts, z, -1.0, middle), _root(counts, -z, middle, 1.0))


def mean_difference(differences: ArrayLike, strata: ArrayLike) -> MeanDifference:
    """The mean of the differences, shape (n,), n >= 1, with `strata` naming the case of each, shape (n,)."""
    values = np.asarray(differences, dtype=np.float64)
    names, place = np.unique(np.asarray(strata), return_inverse=True)
    sizes = np.bincount(place, minlength=names.size)
    if sizes.min() < 2:
        place, sizes = np.zeros(values.size, dtype=np.int64), np.array([values.size])
    means = np.bincount(place, weights=values) / sizes
    squares = np.bincount(place, weights=(values - means[place]) ** 2)
    spare = np.maximum(sizes - 1, 1)
    parts = sizes / values.size**2 * squares / spare
    total = float(parts.sum())
    if values.size < 2:
        return MeanDifference(float(values.mean()), math.inf, 1.0)
    freedom = total**2 / float((parts**2 / spare).sum()) if total > 0 else math.inf
    return MeanDifference(float(values.mean()), math.sqrt(total), freedom)


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


def _at_least(successes: int, trials: int) -> float:
    """P(X >= successes) of a fair coin thrown `trials` times."""
    return min(1.0, sum(math.comb(trials, k) for k in range(successes, trials + 1)) / (1 << trials))


def _score(counts: Changes, delta: float) -> float:
    """Tango's statistic for a difference of `delta`: standard normal where that is the truth."""
    n, up, down = counts
    if abs(delta) >= 1:
        return math.copysign(math.inf, -delta) if up - down != n * delta else 0.0
    a, b, c = 2 * n, -(up + down) + (2 * n - up + down) * delta, -down * delta * (1 - delta)
    other = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = n * (2 * other + delta * (1 - delta))
    distance = up - down - n * delta
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _root(counts: Changes, target: float, low: float, high: float) -> float:
    """Where the statistic, which falls as the difference grows, is `target`; an end of the range where it never is."""
    for _ in range(60):
        middle = (low + high) / 2
        if _score(counts, middle) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _t_quantile(probability: float, freedom: float) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415  (half a second to import)

    return float(stdtrit(freedom, probability))


def _t_cdf(point: float, freedom: float) -> float:
    from scipy.special import stdtr  # noqa: PLC0415

    return float(stdtr(freedom, point))
