"""Whether a rate rises over time, or rose between two samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def rising(counts: ArrayLike, totals: ArrayLike, rng: np.random.Generator, draws: int = 9999) -> float:
    """The one-sided p-value that the rate `counts / totals`, shape (periods,), does not rise from period to period.

    Exact up to the number of `draws`: given how many there were in all, each period's count is drawn as if every one of its
    `totals` were as likely as any other, and the sum of count times period compared. Source: Armitage, "Tests for linear trends
    in proportions and frequencies", Biometrics 11 (1955), by its permutation distribution. Raises `ValueError` where a count is
    above its total.
    """
    seen, all_ = np.asarray(counts, dtype=np.int64), np.asarray(totals, dtype=np.int64)
    if np.any(seen < 0) or np.any(seen > all_):
        raise ValueError("each count lies between 0 and its total")
    if seen.size < 2 or seen.sum() == 0:
        return 1.0
    time = np.arange(seen.size)
    drawn = rng.multivariate_hypergeometric(all_, int(seen.sum()), size=draws)
    return float((1 + np.sum(drawn @ time >= seen @ time)) / (1 + draws))


def rose(before: int, total_before: int, after: int, total_after: int) -> float:
    """The one-sided exact p-value that the rate after is no higher than before (Fisher's test); 1 where either has no trials."""
    from scipy.stats import hypergeom  # noqa: PLC0415 (half a second to import)

    if not total_before or not total_after:
        return 1.0
    return float(hypergeom.sf(after - 1, total_before + total_after, before + after, total_after))
