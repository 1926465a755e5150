"""What a comparison could have seen: the power of the stratified drop test, and the smallest drop it would find.

Power is approximate (the test's statistic is a sum over cases, taken as normal; the test itself is exact and is not touched by
this). Against seeded simulation of the exact test it is right within a few points from ten cases on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopwright.stats.beta_binomial import Beta
from loopwright.stats.intervals import normal_cdf, normal_quantile

Floats = NDArray[np.float64]


class Design(NamedTuple):
    """A comparison: per case the trials and passes of the baseline and the trials of the candidate, all shape (m,).

    `sure` marks the cases of which one failure is proof; the statistical test does not need to see those.
    """

    n0: NDArray[np.int64]
    x0: NDArray[np.int64]
    n1: NDArray[np.int64]
    sure: NDArray[np.bool_]


class DropPower(NamedTuple):
    """The smallest drop of the suite's pass rate (0..1) that is found with the asked-for power, and the rate that it drops from.

    `drop` is None where even the loss of every pass might go unseen.
    """

    drop: float | None
    rate: float


def design(n0: ArrayLike, x0: ArrayLike, n1: ArrayLike, sure: ArrayLike) -> Design:
    """A `Design` from anything that numpy takes for arrays."""
    return Design(
        np.asarray(n0, dtype=np.int64),
        np.asarray(x0, dtype=np.int64),
        np.asarray(n1, dtype=np.int64),
        np.asarray(sure, dtype=bool),
    )


def power_of_loss(share: float, plan: Design, belief: Beta, level: float, ceiling: float) -> float:
    """The chance to block an agent whose every case passes `1 - share` times as often as before (share in 0..1).

    The test blocks at a mid-p value of at most `level` and an exact p-value of at most `ceiling`. `belief` is the distribution
    of pass rates fitted to the baseline.
    """
    mean, square = _rate_moments(plan, belief)
    passes = plan.n1 * mean * (1 - share)
    spread = plan.n1 * (plan.n1 - 1) * square * (1 - share) ** 2 + passes - passes**2
    total = np.maximum(plan.n0 + plan.n1, 2)
    moved = (plan.n0 * passes - plan.n1 * plan.x0) / total
    success = plan.x0 + passes
    scale = plan.n0 * plan.n1 / (total**2 * (total - 1.0))
    null = float((scale * np.maximum(0.0, success * (total - success) - spread)).sum())
    cut = min(normal_quantile(level) * math.sqrt(null), normal_quantile(ceiling) * math.sqrt(null) - 0.5)
    shift, sd = float(moved.sum()), math.sqrt(max(0.0, float(((plan.n0 / total) ** 2 * spread).sum())))
    found = float(normal_cdf((cut - shift) / sd)) if sd > 0 else float(shift <= cut and null > 0)
    solved = plan.sure & (plan.x0 > 0)
    unseen = (1 - share) ** float(plan.n1[solved].sum())
    return float(1 - (1 - found) * unseen)


def detectable_drop(plan: Design, belief: Beta, level: float, ceiling: float, power: float = 0.8) -> DropPower:
    """The smallest drop that the comparison finds with the chance `power`, by bisection over the share of passes lost."""
    if plan.n0.size == 0:
        return DropPower(None, 0.0)
    mean, _ = _rate_moments(plan, belief)
    rate = float(mean.mean())
    if power_of_loss(1.0, plan, belief, level, ceiling) < power:
        return DropPower(None, rate)
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if power_of_loss(middle, plan, belief, level, ceiling) >= power else (middle, high)
    return DropPower(high * rate, rate)


_BISECTIONS = 16


def _rate_moments(plan: Design, belief: Beta) -> tuple[Floats, Floats]:
    """Each case's pass rate and squared pass rate, as expected after its history. A sure case has the rate of its history."""
    a, b = belief.a + plan.x0, belief.b + plan.n0 - plan.x0
    history = plan.x0 / np.maximum(plan.n0, 1)
    mean = np.where(plan.sure, history, a / (a + b))
    square = np.where(plan.sure, history**2, mean * (a + 1) / (a + b + 1))
    return mean, square
