"""How many of several events happen, each with a chance of its own: the Poisson binomial distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def at_least(many: int, events: Sequence[tuple[float, int]]) -> float:
    """The chance that at least so many happen of independent `events`, given as (chance in 0..1, how many have it).

    Exact, by convolution of one binomial distribution for each chance. 1 for `many` of at most 0.
    """
    if many <= 0:
        return 1.0
    below = np.zeros(many)
    below[0] = 1.0
    for chance, number in events:
        below = np.convolve(below, _binomial(chance, number, many))[:many]
    return float(max(0.0, 1.0 - below.sum()))


def _binomial(chance: float, number: int, many: int) -> np.ndarray:
    """The probabilities of 0, 1, ... `many` - 1 of `number`."""
    if chance <= 0 or chance >= 1:
        sure = np.zeros(many)
        if chance <= 0 or number < many:
            sure[0 if chance <= 0 else number] = 1.0
        return sure
    k = np.arange(min(many, number + 1))
    ways = np.array([math.lgamma(number + 1) - math.lgamma(i + 1) - math.lgamma(number - i + 1) for i in k.tolist()])
    return np.asarray(np.exp(ways + k * math.log(chance) + (number - k) * math.log1p(-chance)))
