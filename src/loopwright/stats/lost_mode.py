"""Did a group of cases get worse? Evidence that may be looked at after every trial.

A failure mode that comes back seldom takes every trial of every case with it: most of its cases pass less often than they did.
The evidence is a likelihood ratio, as for one case (`stats.lost_case`): under the alternative each case is hit with a chance,
and the pass rate of one that is hit lies lower by a step. It is averaged over several chances and steps, which are fixed
beforehand. Its expectation is 1 where nothing changed, at every look and whichever trials were added, so that the chance that
it ever reaches `k` is at most 1/k (Ville's inequality; see `stats.lost_case` for sources).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopwright.stats.beta_binomial import Beta, log_sequence
from loopwright.stats.beta_quantiles import beta_quantiles

STEPS = (0.15, 0.3, 0.5, 0.7)
"""By how much the pass rate of a case that is hit lies lower, in turn."""
HIT = (0.5, 1.0)
"""The chance that a case of the group is hit, in turn."""
_NODES = 40


class Seen(NamedTuple):
    """One case: what was believed of its pass rate, and its new passes and failures."""

    belief: Beta
    passes: int
    failures: int


def log_evidence(cases: Iterable[Seen]) -> float:
    """The log of the evidence that these cases together pass less than before; 0 without trials, above 0 speaks for it."""
    total = np.zeros((len(HIT), len(STEPS)))
    for seen in cases:
        if seen.passes + seen.failures:
            total += _log_terms(seen)
    return float(_log_mean_exp(total.ravel()))


@lru_cache(maxsize=8192)
def _log_terms(seen: Seen) -> NDArray[np.float64]:
    """The log of (1 - hit) + hit * ratio for each chance and step; shape (len(HIT), len(STEPS)).

    The ratio's denominator is exact. Its numerator is a mixture over the belief's quantiles, each moved down: whatever the
    number of quantiles, a probability of the trials, so that the expectation of the ratio is 1.
    """
    with np.errstate(divide="ignore"):
        log_pass, log_fail = _log_moved(seen.belief)
        log_likelihood = (seen.passes * log_pass if seen.passes else 0.0) + seen.failures * log_fail
        log_ratio = _log_mean_exp(log_likelihood) - float(log_sequence(seen.passes, seen.failures, *seen.belief))
        hit = np.array(HIT)[:, None]
        return np.asarray(np.logaddexp(np.log1p(-hit), np.log(hit) + log_ratio[None, :]))


@lru_cache(maxsize=1024)
def _log_moved(belief: Beta) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The log of the belief's quantiles, each moved down by each step, and of one minus them; shape (len(STEPS), _NODES)."""
    rates = beta_quantiles(belief, (np.arange(_NODES) + 0.5) / _NODES)
    moved = np.maximum(rates[None, :] - np.array(STEPS)[:, None], 0.0)
    with np.errstate(divide="ignore"):
        return np.log(moved), np.log1p(-moved)


def _log_mean_exp(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log of the mean of exp(values) over the last axis; -inf where all are. No value is +inf."""
    most = np.maximum(values.max(axis=-1, keepdims=True), -1e300)
    with np.errstate(divide="ignore"):
        return np.asarray(most[..., 0] + np.log(np.exp(values - most).mean(axis=-1)))
