"""Whether the runs of one agent differ by more than chance.

Within a case, the trials of an unchanged agent should be exchangeable over its runs. Where a whole run shares its luck (a slow
service, another day), they are not, and a test that takes trials for exchangeable blocks too often.

Sources: Cochran, "The comparison of percentages in matched samples", Biometrika 37 (1950), for one trial of each case in each
run; Landis, Heyman and Koch, "Average partial association in three-way contingency tables", International Statistical Review
46 (1978), for the sum over strata.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class RunSpread(NamedTuple):
    """How far runs lie apart.

    `ratio` is the variance between them over what chance alone gives (1 where only chance is at work, and without anything that
    could differ), on `df` degrees of freedom; `p_value` the chance of so much, approximately. `per_run` is the mean number of
    trials a case in a run, `runs` how many runs there are.
    """

    ratio: float
    df: int
    p_value: float
    per_run: float
    runs: int


def run_spread(passes: ArrayLike, trials: ArrayLike) -> RunSpread:
    """The spread between runs; both arguments have shape (runs, cases). Cases are strata: that they differ is no spread.

    Cochran's Q where each run has one trial of each case. Where runs lack trials of some cases, the variance of each run's total
    is taken by itself, and the sum is scaled as if they were alike. Raises `ValueError` on counts that cannot be.
    """
    x, n = np.asarray(passes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    if x.ndim != 2 or x.shape != n.shape or np.any(x < 0) or np.any(x > n):
        raise ValueError("passes and trials must both have shape (runs, cases), with passes between 0 and trials")
    held = n.sum(axis=1) > 0
    x, n = x[held], n[held]
    total, success = n.sum(axis=0), x.sum(axis=0)
    free = (success > 0) & (success < total)
    x, n, total, success = x[:, free], n[:, free], total[free], success[free]
    runs = len(n)
    per_run = float(n.mean()) if n.size else 0.0
    variance = (n * (total - n) * success * (total - success) / (total**2 * np.maximum(total - 1, 1))).sum(axis=1)
    if runs < 2 or not np.all(variance > 0):
        return RunSpread(1.0, 0, 1.0, per_run, runs)
    apart = (x - n * success / total).sum(axis=1)
    statistic = float((apart**2 / variance).sum()) * (runs - 1) / runs
    return _spread(statistic, runs - 1, per_run, runs)


def pooled(spreads: Sequence[RunSpread]) -> RunSpread:
    """What the spreads of several groups of cases say together, each group having luck of its own within a run.

    Groups that cannot differ say nothing. Raises `ValueError` without a spread.
    """
    if not spreads:
        raise ValueError("there is no spread to pool")
    told = [spread for spread in spreads if spread.df > 0] or spreads[:1]
    statistic, df = sum(s.ratio * s.df for s in told), sum(s.df for s in told)
    return _spread(statistic, df, sum(s.per_run for s in told) / len(told), max(s.runs for s in told))


def _spread(statistic: float, df: int, per_run: float, runs: int) -> RunSpread:
    from scipy.special import gammaincc  # noqa: PLC0415  (half a second to import; most comparisons have one run)

    if df < 1:
        return RunSpread(1.0, 0, 1.0, per_run, runs)
    return RunSpread(statistic / df, df, float(gammaincc(df / 2, statistic / 2)), per_run, runs)


def beyond_runs(fall: float, spread: RunSpread, per_run: float) -> float:
    """The p-value of a fall among runs that differ as these do: the candidate is taken for one run more.

    `fall` is in standard deviations of the exchangeable trials (above 0: fewer passes), `per_run` the candidate's trials a case.
    A one-sided t test on the spread's degrees of freedom; 1 where it has none.
    """
    from scipy.special import stdtr  # noqa: PLC0415

    if spread.df < 1 or spread.per_run <= 0 or per_run <= 0:
        return 1.0
    runs, share = spread.runs, per_run / spread.per_run
    inflation = 1 + max(0.0, spread.ratio - 1) * share * (runs + 1) / (runs + share)
    return float(stdtr(spread.df, -fall / math.sqrt(inflation)))
