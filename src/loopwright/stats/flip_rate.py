"""How often two trials of one unchanged case differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from loopwright.stats.intervals import clopper_pearson


class FlipRate(NamedTuple):
    """The chance that two trials differ, with its interval; `pairs` of trials were compared. Without any: None, from 0 to 1/2."""

    value: float | None
    low: float
    high: float
    pairs: int


def flip_rate(counts: Iterable[tuple[int, int]], confidence: float = 0.95) -> FlipRate:
    """The flip rate over groups of (passes, trials), within each of which nothing changed.

    For trials that pass with the chance p it is 2p(1 - p), at most 1/2. The value is the share of pairs, both of one group, that
    differ, which is unbiased but for being cut at 1/2. The interval is what 2p(1 - p) can be for p in each group's exact
    interval, with the confidence shared out over the groups, weighted as the pairs: it covers `confidence` at least, if trials
    are independent within a group. Raises `ValueError` unless 0 <= passes <= trials.
    """
    groups = [(passes, trials) for passes, trials in counts if trials > 1]
    pairs = sum(_pairs(trials) for _, trials in groups)
    if not pairs:
        return FlipRate(None, 0.0, 0.5, 0)
    differ = sum(passes * (trials - passes) for passes, trials in groups)
    each = 1 - (1 - confidence) / len(groups)
    low = high = 0.0
    for passes, trials in groups:
        least, most = _differing(*clopper_pearson(passes, trials, each))
        low += least * _pairs(trials) / pairs
        high += most * _pairs(trials) / pairs
    return FlipRate(min(0.5, differ / pairs), low, high, pairs)


def _differing(low: float, high: float) -> tuple[float, float]:
    """The smallest and largest 2p(1 - p) for p from `low` to `high`."""
    ends = 2 * low * (1 - low), 2 * high * (1 - high)
    return min(ends), 0.5 if low <= 0.5 <= high else max(ends)


def _pairs(trials: int) -> int:
    return trials * (trials - 1) // 2
