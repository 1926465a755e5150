"""Cases differ in how often they pass: a beta distribution of pass rates, fitted to counts, and what it predicts.

`Beta(a, b)` describes the pass rates of a suite's cases. A case with `x` passes of `h` trials then has the rate
Beta(a + x, b + h - x), and the passes among its next `n` trials are beta-binomial.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

PRIOR_CONCENTRATION = 0.5
PRIOR_SPREAD = 1.0
"""The log-normal prior on a + b: median and standard deviation of the logarithm. Suites of real agents lie at 0.15 to 1.6."""


class Beta(NamedTuple):
    """The parameters of a beta distribution."""

    a: float
    b: float


class Passes(NamedTuple):
    """Passes of trials, with how many cases share these counts: equal-length arrays."""

    passes: NDArray[np.int64]
    trials: NDArray[np.int64]
    cases: NDArray[np.int64]


def group(passes: ArrayLike, trials: ArrayLike) -> Passes:
    """Cases with equal counts, put together."""
    pairs = np.stack([np.asarray(passes, dtype=np.int64), np.asarray(trials, dtype=np.int64)], axis=1)
    distinct, cases = np.unique(pairs, axis=0, return_counts=True)
    return Passes(distinct[:, 0], distinct[:, 1], cases.astype(np.int64))


def fit(passes: ArrayLike, trials: ArrayLike) -> Beta:
    """The beta distribution of pass rates behind these counts, one entry per case, by penalised maximum likelihood.

    The mean has a uniform prior and a + b the log-normal one above: few cases, or cases that all passed, give no infinite
    answer. With no trials at all the priors' own mode comes back. Deterministic: a grid over (mean, a + b), refined four times.
    """
    return _fit(*(tuple(column.tolist()) for column in group(passes, trials)))


@lru_cache(maxsize=64)
def _fit(passes: tuple[int, ...], trials: tuple[int, ...], cases: tuple[int, ...]) -> Beta:
    counts = Passes(*(np.array(column, dtype=np.int64) for column in (passes, trials, cases)))
    centre, reach = np.array([0.0, math.log(PRIOR_CONCENTRATION)]), np.array([9.0, 5.0])
    for _ in range(_REFINEMENTS):
        logits = centre[0] + np.linspace(-reach[0], reach[0], _GRID)
        logs = centre[1] + np.linspace(-reach[1], reach[1], _GRID)
        logit, log_sum = (axis.ravel() for axis in np.meshgrid(logits, logs, indexing="ij"))
        mean, total = 1 / (1 + np.exp(-logit)), np.exp(log_sum)
        score = log_likelihood(mean * total, (1 - mean) * total, counts)
        score += np.log(mean) + np.log1p(-mean) - (log_sum - math.log(PRIOR_CONCENTRATION)) ** 2 / (2 * PRIOR_SPREAD**2)
        best = int(np.argmax(score))
        centre = np.array([logit[best], log_sum[best]])
        reach = reach * (4 / _GRID)
    mean, total = 1 / (1 + math.exp(-centre[0])), math.exp(centre[1])
    return Beta(mean * total, (1 - mean) * total)


_REFINEMENTS = 5
_GRID = 21


def log_likelihood(a: Floats, b: Floats, counts: Passes) -> Floats:
    """The log-probability of the counts, as sequences of trials, for each pair of `a` and `b` (equal shapes)."""
    ones = np.ones(np.shape(a))
    return np.asarray(
        sum(
            (int(c) * log_sequence(int(x), int(n) - int(x), ones * a, ones * b) for x, n, c in zip(*counts, strict=True)),
            np.zeros(np.shape(a)),
        )
    )


def log_sequence(passes: int, failures: int, a: Floats | float, b: Floats | float) -> Floats:
    """The log-probability of one sequence with so many passes and failures: log B(a + passes, b + failures) / B(a, b)."""
    alpha, beta = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    up = np.log(alpha[..., None] + np.arange(passes)).sum(axis=-1)
    down = np.log(beta[..., None] + np.arange(failures)).sum(axis=-1)
    both = np.log(alpha[..., None] + beta[..., None] + np.arange(passes + failures)).sum(axis=-1)
    return np.asarray(up + down - both)


def predictive(trials: int, belief: Beta) -> Floats:
    """The probabilities of 0, 1, ... `trials` passes among the next trials; shape (trials + 1,)."""
    step = np.arange(trials)
    up, down, both, ways = (
        np.concatenate([[0.0], np.cumsum(np.log(terms))])
        for terms in (belief.a + step, belief.b + step, sum(belief) + step, 1.0 + step)
    )
    back = slice(None, None, -1)
    return np.asarray(np.exp(ways[-1] - ways - ways[back] + up + down[back] - both[-1]), dtype=np.float64)


def tail(passes: int, trials: int, belief: Beta) -> float:
    """The probability of at most `passes` passes among the next `trials`; 1 where there were no trials."""
    return min(1.0, float(predictive(trials, belief)[: passes + 1].sum())) if trials else 1.0


def posterior(prior: Beta, passes: int, trials: int) -> Beta:
    """What is known of a case's pass rate after so many passes of so many trials."""
    return Beta(prior.a + passes, prior.b + trials - passes)
