"""Is a solved case lost? Evidence that may be looked at after every trial.

The evidence is a likelihood ratio: how likely the new trials are for a case that was lost, over how likely they are for one
that is as it was. Its expectation is 1 for an unchanged case, at every look and however the looks were chosen, so that the
chance that it ever reaches `k` is at most 1/k (Ville's inequality; Ville, "Etude critique de la notion de collectif", 1939;
Ramdas et al., "Game-theoretic statistics and safe anytime-valid inference", Statistical Science 38, 2023).
"""

from __future__ import annotations

import math
from functools import lru_cache

from loopwright.stats.beta_binomial import Beta, log_sequence

LOST = ((0.6, Beta(0.3, 6.0)), (0.4, Beta(1.0, 1.0)))
"""What a lost case's pass rate looks like, as (weight, distribution): mostly near zero, sometimes anything."""
AFTER_PASS, AFTER_TWO = 3.0, 5.0
"""The evidence below which a case that passed once, or more often, is let go."""


@lru_cache(maxsize=8192)
def log_evidence(passes: int, failures: int, belief: Beta) -> float:
    """The log of the evidence for a loss in so many new passes and failures, given what was believed before them.

    0 without trials; above 0 speaks for a loss. `belief` is the posterior of the case's history.
    """
    lost = [math.log(weight) + float(log_sequence(passes, failures, *shape)) for weight, shape in LOST]
    most = max(lost)
    return most + math.log(sum(math.exp(v - most) for v in lost)) - float(log_sequence(passes, failures, *belief))


def cleared(passes: int, failures: int, belief: Beta) -> bool:
    """Whether more trials are not worth their cost: the failures so far look like the noise that the case always had.

    Stops at log evidence below -0.7; at evidence below `AFTER_PASS` after a pass, and `AFTER_TWO` after two; and where so
    many passes had a chance of at most 0.1 for a case that fails half the time: that case fails more than it did, and is not
    lost. Stopping early never adds a false alarm; it can only forgo a loss, which the thresholds were chosen by simulation to
    make rare (docs/decisions/0004-gate.md).
    """
    evidence = log_evidence(passes, failures, belief)
    enough = -0.7 if passes == 0 else math.log(AFTER_PASS if passes == 1 else AFTER_TWO)
    trials = passes + failures
    half = sum(math.comb(trials, k) for k in range(passes, trials + 1)) / 2**trials
    return evidence < enough or half <= 0.1


@lru_cache(maxsize=8192)
def failures_to_prove(passes: int, failures: int, belief: Beta, log_bound: float, most: int) -> int | None:
    """How many more trials, all failing, would lift the log evidence to `log_bound`; None if `most` would not."""
    for more in range(most + 1):
        if log_evidence(passes, failures + more, belief) >= log_bound:
            return more
    return None
