"""Two proportions compared: the interval of their difference, and an exact test that they are one."""

from __future__ import annotations

import math
from typing import NamedTuple

from loopwright.stats.intervals import wilson


class Difference(NamedTuple):
    """The second proportion minus the first (-1..1), with its interval."""

    value: float
    low: float
    high: float


def difference(x0: int, n0: int, x1: int, n1: int, confidence: float = 0.95) -> Difference:
    """How much larger x1/n1 is than x0/n0, by the hybrid score interval; (0, -1, 1) where a side has no trials.

    Raises `ValueError` unless 0 <= x <= n on both sides. Source: Newcombe, "Interval estimation for the difference between
    independent proportions", Statistics in Medicine 17 (1998), method 10.
    """
    first, second = wilson(x0, n0, confidence), wilson(x1, n1, confidence)
    if n0 == 0 or n1 == 0:
        return Difference(0.0, -1.0, 1.0)
    p0, p1 = x0 / n0, x1 / n1
    below = math.hypot(p1 - second.low, first.high - p0)
    above = math.hypot(second.high - p1, p0 - first.low)
    return Difference(p1 - p0, max(-1.0, p1 - p0 - below), min(1.0, p1 - p0 + above))


def exact_test(x0: int, n0: int, x1: int, n1: int) -> float:
    """The two-sided p-value that both proportions are one: the chance of a table no likelier than this, margins given.

    1 where a side has no trials. Raises `ValueError` unless 0 <= x <= n on both sides. Source: Fisher, "Statistical methods for
    research workers", section 21.02 (1934); the two-sided form is that of Freeman and Halton, Biometrika 38 (1951).
    """
    low, pmf = _given_margins(x0, n0, x1, n1)
    at = pmf[x1 - low]
    return min(1.0, math.fsum(p for p in pmf if p <= at * (1 + 1e-7)))


def exact_rise(x0: int, n0: int, x1: int, n1: int) -> float:
    """The one-sided p-value that the second proportion is no larger than the first: the chance of x1 or more, margins given."""
    low, pmf = _given_margins(x0, n0, x1, n1)
    return min(1.0, math.fsum(pmf[x1 - low :]))


def _given_margins(x0: int, n0: int, x1: int, n1: int) -> tuple[int, list[float]]:
    """The hypergeometric distribution of x1: its least value, and the probabilities from there on."""
    for x, n in ((x0, n0), (x1, n1)):
        if not 0 <= x <= n:
            raise ValueError(f"{x} successes of {n} trials")
    total = x0 + x1
    first, last = max(0, total - n0), min(n1, total)
    logs = [_log_choose(n1, k) + _log_choose(n0, total - k) for k in range(first, last + 1)]
    all_ = _log_choose(n0 + n1, total)
    return first, [math.exp(value - all_) for value in logs]


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
