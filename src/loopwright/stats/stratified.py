"""Did successes drop? An exact test over many small strata, each compared with itself alone.

Given the successes `s` of a stratum over both sides, an unchanged agent's successes on the second side are hypergeometric:
any `n1` of the `n0 + n1` trials are as likely as any other to be the second side's. The statistic is the second side's total
successes. It is the Mantel-Haenszel statistic up to a constant, since n0 n1 / N (x1/n1 - x0/n0) = x1 - n1 s / N, so that
integers suffice, and unequal numbers of trials are no difficulty.

Sources: Mantel and Haenszel, "Statistical aspects of the analysis of data from retrospective studies", JNCI 22 (1959); Gart,
"Point and interval estimation of the common odds ratio in the combination of 2 x 2 tables with fixed marginals", Biometrika 57
(1970), for the exact conditional distribution; Lancaster, "Significance tests in discrete distributions", JASA 56 (1961), for
the mid-p value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

NEGLIGIBLE = 1e-40
"""Probabilities below this are dropped while convolving: far below anything that a p-value is compared with."""


class StratifiedTest(NamedTuple):
    """The one-sided test that the second side has fewer successes than an unchanged agent would have.

    `p_value` is exact: P(T <= t). `mid_p_value` counts only half of P(T = t). `expected` is the mean of T; `informative` the
    number of strata whose successes could have fallen otherwise: with none, both p-values are 1.
    """

    p_value: float
    mid_p_value: float
    observed: int
    expected: float
    variance: float
    informative: int


def drop_test(n0: ArrayLike, x0: ArrayLike, n1: ArrayLike, x1: ArrayLike) -> StratifiedTest:
    """Test for fewer successes on side 1, stratum by stratum.

    Each argument has one entry per stratum: trials and successes of side 0, trials and successes of side 1; all shape (m,).
    Valid when, within a stratum, the trials of an unchanged agent are exchangeable over the two sides. Raises `ValueError` on
    counts that cannot be.
    """
    trials0, passes0, trials1, passes1 = (np.asarray(v, dtype=np.int64).ravel() for v in (n0, x0, n1, x1))
    if not (trials0.shape == passes0.shape == trials1.shape == passes1.shape):
        raise ValueError("n0, x0, n1 and x1 differ in length")
    if np.any(passes0 < 0) or np.any(passes1 < 0) or np.any(passes0 > trials0) or np.any(passes1 > trials1):
        raise ValueError("successes must lie between 0 and the trials of their stratum")
    success = passes0 + passes1
    total = trials0 + trials1
    free = (success > 0) & (success < total) & (trials0 > 0) & (trials1 > 0)
    fixed = int(passes1[~free].sum())
    low, pmf = null_distribution(trials0[free], trials1[free], success[free])
    moved = int(passes1[free].sum())
    at = moved - low
    below = float(pmf[: max(0, at)].sum())
    equal = float(pmf[at]) if 0 <= at < pmf.size else NEGLIGIBLE
    p_value = min(1.0, below + equal)
    mid_p = min(1.0, below + equal / 2) if free.any() else 1.0
    support = np.arange(low, low + pmf.size)
    mean = float(support @ pmf)
    variance = float((support - mean) ** 2 @ pmf)
    return StratifiedTest(p_value, mid_p, moved + fixed, mean + fixed, variance, int(free.sum()))


def null_distribution(n0: Counts, n1: Counts, success: Counts) -> tuple[int, Floats]:
    """The distribution of side 1's total successes given each stratum's: (least value, probabilities from there on).

    Equal strata are convolved by repeated squaring. The ends of the support are left out where they are below `NEGLIGIBLE`.
    """
    low, pmf = 0, np.ones(1)
    groups, sizes = np.unique(np.stack([n0, n1, success], axis=1), axis=0, return_counts=True)
    for (a, b, s), size in zip(groups.tolist(), sizes.tolist(), strict=True):
        start, many = _equal_strata(a, b, s, size)
        low, pmf = low + start, np.convolve(pmf, many)
        cut, pmf = _trim(pmf)
        low += cut
    return low, pmf / pmf.sum()


@lru_cache(maxsize=4096)
def _equal_strata(n0: int, n1: int, success: int, size: int) -> tuple[int, Floats]:
    """The distribution of side 1's successes over so many equal strata: (least value, probabilities), which nobody changes."""
    start, one = _hypergeometric(n0, n1, success)
    offset, many = _power(one, size)
    return start * size + offset, many


def _hypergeometric(n0: int, n1: int, success: int) -> tuple[int, Floats]:
    first, last = max(0, success - n0), min(n1, success)
    k = np.arange(first, last + 1)
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n0 + n1 + 1)))])  # logarithms of 0!, 1!, ...
    ways1 = factorial[n1] - factorial[k] - factorial[n1 - k]
    ways0 = factorial[n0] - factorial[success - k] - factorial[n0 - success + k]
    pmf = np.exp(ways1 + ways0 - factorial[n0 + n1] + factorial[success] + factorial[n0 + n1 - success])
    cut, pmf = _trim(pmf)
    return first + cut, pmf


def _power(pmf: Floats, times: int) -> tuple[int, Floats]:
    """`pmf` convolved with itself `times` times: (how far its least value moved by trimming, probabilities)."""
    offset, result = 0, np.ones(1)
    shift, square = 0, pmf
    while times:
        if times & 1:
            cut, result = _trim(np.convolve(result, square))
            offset += shift + cut
        times >>= 1
        if times:
            cut, square = _trim(np.convolve(square, square))
            shift = 2 * shift + cut
    return offset, result


def _trim(pmf: Floats) -> tuple[int, Floats]:
    kept = np.flatnonzero(pmf > NEGLIGIBLE)
    return int(kept[0]), pmf[kept[0] : kept[-1] + 1]
