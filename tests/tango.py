"""Tests of paired proportions in closed form, as published: what the tests over cases must give where a case has one pair.

No effect: only the pairs that differ count, each as likely to have differed the other way (McNemar, Psychometrika 12, 1947).
Against a margin, and for intervals: the score statistic under the constrained likelihood (Tango, Stat. in Medicine 17, 1998).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from loopwright.stats.intervals import Interval, normal_cdf, normal_quantile


class Changes(NamedTuple):
    """Of `pairs`, how many were so on the second side only (`gained`), and how many on the first only (`lost`)."""

    pairs: int
    gained: int
    lost: int

    @property
    def difference(self) -> float:
        """The second side's share minus the first's; 0 without pairs."""
        return (self.gained - self.lost) / self.pairs if self.pairs else 0.0


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
