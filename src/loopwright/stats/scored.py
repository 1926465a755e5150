"""Did successes drop, where a drop has a shape? Exact tests over small strata that weigh outcomes by a score.

As in `stratified`: given the successes of a stratum over both sides, an unchanged agent's successes on the second side are
hypergeometric. The sum over strata of any score of that outcome therefore has a known distribution, as long as the score rests on
nothing but a stratum's trials and its successes over both sides. A score that fits the drop that is there sees it sooner than
the plain sum; with another drop it sees less. The scores are log-likelihood ratios, or their slope, of two shapes of drop:

- `relative_scores`: every case passes less often by the same share. The slope of the log-likelihood at no drop: a success on the
  second side counts for 1 / (1 - rate), so that a failure of what nearly always passed weighs more.
- `lost_scores`: some cases pass no more at all, and the others as before.

Source: Cox and Hinkley, "Theoretical Statistics" (1974), sections 4.8 (locally most powerful tests) and 5.2 (conditional tests).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.fft import irfft, rfft
from numpy.typing import ArrayLike, NDArray

from loopwright.stats.beta_binomial import Beta
from loopwright.stats.stratified import null_distribution

Floats = NDArray[np.float64]
Scores = Callable[["Kind"], Floats]
"""The scores of a kind's outcomes, from the least possible successes of the second side to the most; high speaks for a drop."""

LEVELS, WIDEST = 1024, 1 << 17
"""A stratum's scores are rounded to at most so many steps, and to fewer where the sum would have more than `WIDEST` values."""

LEAST = 1e-12
"""Smaller chances are not told apart, and are given as this."""


class Kind(NamedTuple):
    """What a score may rest on: a stratum's trials on both sides, and its successes over both together."""

    trials0: int
    trials1: int
    success: int

    @property
    def least(self) -> int:
        """The fewest successes that the second side can have."""
        return max(0, self.success - self.trials0)

    @property
    def outcomes(self) -> Floats:
        """All numbers of successes that the second side can have."""
        return np.arange(self.least, min(self.trials1, self.success) + 1, dtype=np.float64)


def scored_p_value(n0: ArrayLike, x0: ArrayLike, n1: ArrayLike, x1: ArrayLike, scores: Scores) -> float:
    """The chance of so high a sum of scores, or higher, if nothing changed; 1 where nothing could have come out otherwise.

    The arguments are as `stratified.drop_test` takes them. Scores are rounded before they are summed, which makes the test no
    less exact. Never below `LEAST`: the distribution is convolved by a fast Fourier transform, which has no smaller numbers.
    """
    columns = np.stack([np.asarray(v, dtype=np.int64).ravel() for v in (n0, x0, n1, x1)])
    held = Counter(map(tuple, columns[:, np.all(columns[[0, 2]] > 0, axis=0)].T.tolist()))
    counts: Counter[tuple[Kind, int]] = Counter()
    for (a, x, b, y), size in held.items():
        if 0 < x + y < a + b:
            counts[Kind(a, b, x + y), y] += size
    if not counts:
        return 1.0
    strata = counts.total()
    kinds = {kind: scores(kind) for kind, _ in counts}
    reach = max(float(np.ptp(score)) for score in kinds.values())
    if reach <= 0:
        return 1.0
    steps = max(8, min(LEVELS, WIDEST // strata))
    rounded = {kind: np.rint((score - score.min()) / reach * steps).astype(np.int64) for kind, score in kinds.items()}
    observed = sum(size * int(rounded[kind][y - kind.least]) for (kind, y), size in counts.items())
    many: Counter[Kind] = Counter()
    for (kind, _), size in counts.items():
        many[kind] += size
    most = sum(size * int(rounded[kind].max()) for kind, size in many.items())
    return _upper_tail(rounded, many, most, observed)


def _upper_tail(scores: dict[Kind, NDArray[np.int64]], many: Counter[Kind], most: int, observed: int) -> float:
    """The chance that the sum over `many` strata of each kind is at least `observed`."""
    length = 1 << most.bit_length()
    transform = np.ones(length // 2 + 1, dtype=np.complex128)
    for kind, size in many.items():
        one = np.zeros(length)
        _, chances = null_distribution(*(np.array([value]) for value in kind))
        np.add.at(one, scores[kind], chances)
        transform *= rfft(one) ** size
    chances = irfft(transform, length).clip(0.0)
    return float(min(1.0, max(LEAST, chances[observed:].sum())))


def relative_scores(belief: Beta) -> Scores:
    """For a drop in which every case passes less often by the same share.

    `belief` is the distribution of pass rates; to keep the test exact it must be fitted to both sides together.
    """

    def scores(kind: Kind) -> Floats:
        others = belief.a + belief.b + kind.trials0 + kind.trials1 - 1
        failures = belief.b + kind.trials0 + kind.trials1 - kind.success - 1
        return -kind.outcomes * others / failures

    return scores


def lost_scores(belief: Beta, share: float = 0.1) -> Scores:
    """For a drop in which this share of the cases pass no more; `belief` as in `relative_scores`."""

    def scores(kind: Kind) -> Floats:
        if kind.least > 0:
            return np.zeros(kind.outcomes.size)
        now = _no_pass(belief, kind)
        return np.where(kind.outcomes == 0, math.log1p(share / (1 - share) / now), 0.0)

    return scores


def _no_pass(belief: Beta, kind: Kind) -> float:
    """The chance that a case with these successes on the first side alone passes no trial of the second."""
    a, b = belief.a + kind.success, belief.b + kind.trials0 - kind.success
    return math.prod((b + i) / (a + b + i) for i in range(kind.trials1))
