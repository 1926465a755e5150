"""Did the judge change, and did pass rates fall by more than that explains? Labelled items that both judges saw tell.

If answers pass with the rate r by people's word, a judge passes r TPR + (1 - r) FPR of them. An agent that did not change is
therefore expected to fall by r (TPR - TPR') + (1 - r) (FPR - FPR') where another judge (') takes over, and what falls beyond
that is its own, diluted by TPR' - FPR'. Errors of judges repeat with the case, so that the unit is the case, not the trial.

Sources: Rogan and Gladen, American Journal of Epidemiology 107 (1978), for the correction; Bonett and Price, "Adjusted Wald
confidence interval for a difference of binomial proportions based on paired data", Journal of Educational and Behavioral
Statistics 37 (2012), for what changed on the same items; Zou and Donner, Statistics in Medicine 27 (2008), for the interval of
a sum; McNemar, Psychometrika 12 (1947), in its exact form for the test of a change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from loopwright.stats.agreement import Table, informedness, other_rate
from loopwright.stats.intervals import normal_quantile
from loopwright.stats.two_proportions import Difference, difference, exact_test

STEPS = 40
"""Halvings by which a p-value is found: to within 1e-10."""
FARTHEST = 8.0
"""In standard deviations: beyond this a p-value counts as 0."""
LEAST = 1e-9
"""The least confidence of an interval."""


class Flips(NamedTuple):
    """Items with one label that two judges saw, or one judge at two times: passed by both, the first, the second, neither."""

    both: int = 0
    lost: int = 0
    gained: int = 0
    neither: int = 0

    @property
    def n(self) -> int:
        """All items."""
        return sum(self)

    @property
    def p_value(self) -> float:
        """The chance of flips as lopsided, either way, where each is as likely to be to pass as to fail."""
        least, moved = min(self.lost, self.gained), self.lost + self.gained
        return min(1.0, 2 * _at_most(least, moved)) if moved else 1.0

    @property
    def stricter_p(self) -> float:
        """The chance of so many flips to fail among all flips, or more, where both ways are as likely."""
        return _at_most(self.gained, self.lost + self.gained)


class JudgeChange(NamedTuple):
    """What is known of two judges, or of one at two times: each beside people, and their flips on items both saw.

    `passing` are the items that people pass, `failing` those that they fail.
    """

    before: Table
    after: Table
    passing: Flips
    failing: Flips

    def paired(self, least: int) -> bool:
        """Whether both judges saw at least so many of the same items of each label."""
        return self.passing.n >= least and self.failing.n >= least

    def p_values(self, least: int) -> tuple[float, float]:
        """Exact tests that TPR and TNR are what they were: of flips where items are paired, of two samples otherwise."""
        if self.paired(least):
            return self.passing.p_value, self.failing.p_value
        before, after = self.before, self.after
        return (
            exact_test(before.pass_pass, before.passes, after.pass_pass, after.passes),
            exact_test(before.fail_fail, before.fails, after.fail_fail, after.fails),
        )


class JudgedFall(NamedTuple):
    """How far the pass rate fell that people would find (-1..1), with its interval; `explained` is what the judges explain.

    `p_value` is one-sided: the chance of a fall as large beyond the judges' errors in an agent that did not change.
    """

    value: float
    low: float
    high: float
    explained: float
    p_value: float


def judged_fall(
    falls: Sequence[float], reached: float, rate: float, change: JudgeChange, least: int, confidence: float = 0.95
) -> JudgedFall | None:
    """The agent's fall over cases of which each fell by `falls` (-1..1) as judged.

    `reached` is the share of the trials before that a judge decided (others failed their checks, or have no verdict), `rate` the
    share of those that it passed. `least` is from how many items of each label on flips are used. None without cases, and where
    either judge shows no better than chance.
    """
    before, after = informedness(change.before).value, informedness(change.after).value
    if not falls or before is None or after is None or before <= 0 or after <= 0:
        return None
    z = normal_quantile((1 + confidence) / 2)
    fall = sum(falls) / len(falls)
    parts = _Parts(falls, reached, rate, change, least)
    explained = parts.explained()
    low, high = parts.bound(z), -parts.bound(z, upper=True)
    value = (fall - explained) / after
    return JudgedFall(value, max(-1.0, low / after), min(1.0, high / after), explained, parts.p_value())


class _Parts:
    """The parts of a fall: what was seen, and what another judge explains of it, each with its uncertainty."""

    def __init__(self, falls: Sequence[float], reached: float, rate: float, change: JudgeChange, least: int) -> None:
        self.change, self.reached, self.rate, self.least = change, reached, rate, least
        self.cases, self.fall = len(falls), sum(falls) / len(falls)
        together = [*falls, 1.0, -1.0]  # so that a few cases that all did the same are not taken for certainty
        n = len(together)
        self.centre = sum(together) / n
        self.spread = math.sqrt(sum((fall - self.centre) ** 2 for fall in together)) / n

    def bound(self, z: float, *, upper: bool = False) -> float:
        """The lower bound of the fall beyond the judges' (with `upper`, minus the upper one), z standard deviations out."""
        sign = -1.0 if upper else 1.0
        seen = sign * self.fall - (sign * self.centre - z * self.spread)
        return min(sign * (self.fall - at) - math.hypot(seen, more) for at, more in self._explained(z, upper=upper))

    def explained(self) -> float:
        """What the judges explain, as estimated."""
        return self._explained(0.0, upper=False)[1][0]

    def p_value(self) -> float:
        """One minus the largest confidence at which the lower bound is above 0; where nothing fell, that of the opposite."""
        if self.bound(0.0) > 0:
            return 1.0 - _cdf(_root(self.bound))
        return _cdf(_root(partial(self.bound, upper=True)))

    def _explained(self, z: float, *, upper: bool) -> list[tuple[float, float]]:
        """What the judges explain at the lower bound, the estimate and the upper bound of the true rate, and how much more."""
        confidence = max(LEAST, 2 * _cdf(z) - 1)
        a, b = self.change.before, self.change.after
        passing = self._shift(self.change.passing, difference(b.pass_pass, b.passes, a.pass_pass, a.passes, confidence), z)
        failing = self._shift(self.change.failing, difference(b.pass_fail, b.fails, a.pass_fail, a.fails, confidence), z)
        rate = other_rate(self.change.before, self.rate * self.cases, self.cases, confidence)
        value = rate.value if rate.value is not None else 0.5
        found = []
        for share in (rate.low, value, rate.high):
            at = share * passing.value + (1 - share) * failing.value
            away = [p.value - p.low if upper else p.high - p.value for p in (passing, failing)]
            more = math.hypot(share * away[0], (1 - share) * away[1])
            found.append((self.reached * at, self.reached * more))
        return found

    def _shift(self, flips: Flips, unpaired: Difference, z: float) -> Difference:
        """How much less often items of one label pass."""
        if not self.change.paired(self.least):
            return unpaired
        n = flips.n + 2
        lost, gained = (flips.lost + 1) / n, (flips.gained + 1) / n
        half = z * math.sqrt((lost + gained - (lost - gained) ** 2) / n)
        value = (flips.lost - flips.gained) / flips.n
        return Difference(value, min(value, lost - gained - half), max(value, lost - gained + half))


def _root(bound: Callable[[float], float]) -> float:
    """How many standard deviations out the bound falls to 0."""
    low, high = 0.0, FARTHEST
    if bound(high) > 0:
        return high
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if bound(middle) > 0 else (low, middle)
    return low


def _cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _at_most(k: int, n: int) -> float:
    """P(X <= k) for a fair coin thrown n times."""
    return sum(math.comb(n, j) for j in range(k + 1)) / (1 << n)
