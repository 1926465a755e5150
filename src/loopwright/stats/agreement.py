"""How far two raters of yes and no agree, and a pass rate corrected for the errors of the rater who counted it."""

from __future__ import annotations

import math
from typing import NamedTuple

from loopwright.stats.intervals import Interval, normal_quantile, wilson


class Estimate(NamedTuple):
    """A value with its interval; `value` is None, and the interval the whole range, where it is undefined."""

    value: float | None
    low: float
    high: float


UNDEFINED = Estimate(None, 0.0, 1.0)


class Table(NamedTuple):
    """The 2 x 2 table of a judge (first word) beside people (second word), in counts."""

    pass_pass: int
    pass_fail: int
    fail_pass: int
    fail_fail: int

    @property
    def n(self) -> int:
        """All items."""
        return sum(self)

    @property
    def passes(self) -> int:
        """Items that people pass."""
        return self.pass_pass + self.fail_pass

    @property
    def fails(self) -> int:
        """Items that people fail."""
        return self.pass_fail + self.fail_fail


def proportion(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """A share with its Wilson interval; undefined where there were no trials."""
    if trials == 0:
        return UNDEFINED
    return Estimate(successes / trials, *wilson(successes, trials, confidence))


def kappa(table: Table, confidence: float = 0.95) -> Estimate:
    """Cohen's kappa: agreement beyond what the two margins alone would give; from -1 to 1.

    Undefined where both raters give one answer throughout. The interval is the large-sample one after adding one to each cell,
    which keeps it right in small and lopsided tables: its coverage in simulation lies between .94 and .99 from 20 items on, where
    the interval without that falls to .2. Sources: Cohen, Educational and Psychological Measurement 20 (1960); for the standard
    error Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969).
    """
    value, _ = _kappa(*table)
    if value is None:
        return UNDEFINED
    centre, error = _kappa(*(count + 1 for count in table))
    assert centre is not None
    half = normal_quantile((1 + confidence) / 2) * error
    return Estimate(value, max(-1.0, min(centre - half, value)), min(1.0, max(centre + half, value)))


def informedness(table: Table, confidence: float = 0.95) -> Estimate:
    """TPR + TNR - 1 (Youden's J): 0 for a judge that guesses, 1 for one that is always right; from -1 to 1.

    The interval joins those of both rates by the method of variance estimates recovery: Zou and Donner, Statistics in Medicine
    27 (2008). Undefined where people pass all items or none.
    """
    if not table.passes or not table.fails:
        return UNDEFINED
    parts = (proportion(table.pass_pass, table.passes, confidence), proportion(table.fail_fail, table.fails, confidence))
    joined = _weighted_sum([(1.0, part) for part in parts])
    assert joined.value is not None
    return Estimate(joined.value - 1, joined.low - 1, joined.high - 1)


def corrected_rate(table: Table, passes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """The share that people would pass, of the items in `table` and of `trials` others of which the judge passed `passes`.

    The value is that of Rogan and Gladen, (raw + TNR - 1) / (TPR + TNR - 1), over all items: which is what people said of the
    labelled ones, and for the others the corrected rate, held within 0 and 1. It needs labelled and other items to be judged
    alike, and not that they pass equally often. The interval accounts for the labelled sample behind TPR and TNR; it is Wilson's
    for the labelled items and that of Lang and Reiczigel for the others, joined by the method of variance estimates recovery.
    Undefined where the judge shows no better than chance.

    Sources: Rogan and Gladen, American Journal of Epidemiology 107 (1978); Lang and Reiczigel, Preventive Veterinary Medicine 113
    (2014); Zou and Donner, Statistics in Medicine 27 (2008).
    """
    informed = informedness(table, confidence)
    if informed.value is None or informed.value <= 0:
        return UNDEFINED
    labelled = proportion(table.passes, table.n, confidence)
    if not trials:
        return labelled
    others = other_rate(table, passes, trials, confidence)
    share = table.n / (table.n + trials)
    return _weighted_sum([(share, labelled), (1 - share, others)])


def other_rate(table: Table, passes: float, trials: float, confidence: float = 0.95) -> Estimate:
    """The share that people would pass of `trials` items that are not in `table`, of which the judge passed `passes`.

    As in `corrected_rate`, for items that are others throughout. Counts need not be whole: where trials of one case go together,
    the number of cases stands for that of trials. Undefined without trials, or where the judge shows no better than chance.
    """
    informed = informedness(table, confidence)
    if informed.value is None or informed.value <= 0 or not trials:
        return UNDEFINED
    tnr = table.fail_fail / table.fails
    value = min(1.0, max(0.0, (passes / trials + tnr - 1) / informed.value))
    low, high = _lang_reiczigel(table, passes, trials, confidence)
    return Estimate(value, min(low, value), max(high, value))


def sampled_rate(table: Table, passes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """The share that people would pass, as in `corrected_rate`, where the labelled items are a random sample of all.

    That said, the labels tell more: of the items that the judge passes, and of those that it fails, as many pass as of the
    labelled ones among them. Any judge will do; a useless one adds nothing to the labels. Where the judge's passes, or its fails,
    have no label, it is what the labels say alone. The interval joins Wilson's of both parts and the uncertainty of their weights
    by the method of variance estimates recovery. Undefined without labels. Source: Tenenbein, Journal of the American Statistical
    Association 65 (1970).
    """
    judged_pass, judged_fail = table.pass_pass + table.pass_fail, table.fail_pass + table.fail_fail
    total = table.n + trials
    if not table.n:
        return UNDEFINED
    share = (judged_pass + passes) / total
    of_passes = proportion(table.pass_pass, judged_pass, confidence)
    of_fails = proportion(table.fail_pass, judged_fail, confidence)
    parts = [(weight, part) for weight, part in ((share, of_passes), (1 - share, of_fails)) if weight]
    if any(part.value is None for _, part in parts):
        return proportion(table.passes, table.n, confidence)
    joined = _weighted_sum(parts)
    apart = (of_passes.value or 0.0) - (of_fails.value or 0.0) if len(parts) == 2 else 0.0
    spread = normal_quantile((1 + confidence) / 2) * abs(apart) * math.sqrt(share * (1 - share) / total)
    value, low, high = joined
    assert value is not None
    return Estimate(value, max(0.0, value - math.hypot(value - low, spread)), min(1.0, value + math.hypot(high - value, spread)))


def _lang_reiczigel(table: Table, passes: float, trials: float, confidence: float) -> Interval:
    """The interval for a rate that was counted with an imperfect test, whose TPR and TNR are estimates of other samples."""
    z = normal_quantile((1 + confidence) / 2)
    n = trials + z * z
    n_pass, n_fail = table.passes + 2, table.fails + 2
    raw, tpr, tnr = (passes + z * z / 2) / n, (table.pass_pass + 1) / n_pass, (table.fail_fail + 1) / n_fail
    informed = tpr + tnr - 1
    if informed <= 0:
        return Interval(0.0, 1.0)
    rate = (raw + tnr - 1) / informed
    of_tpr, of_tnr = tpr * (1 - tpr) / n_pass, tnr * (1 - tnr) / n_fail
    shift = 2 * z * z * (rate * of_tpr - (1 - rate) * of_tnr)
    half = z / informed * math.sqrt(raw * (1 - raw) / n + rate**2 * of_tpr + (1 - rate) ** 2 * of_tnr)
    return Interval(min(1.0, max(0.0, rate + shift - half)), max(0.0, min(1.0, rate + shift + half)))


def _weighted_sum(parts: list[tuple[float, Estimate]]) -> Estimate:
    """The sum of independent estimates, with an interval made of theirs."""
    value = sum(weight * (part.value or 0.0) for weight, part in parts)
    below = math.sqrt(sum((weight * ((part.value or 0.0) - part.low)) ** 2 for weight, part in parts))
    above = math.sqrt(sum((weight * (part.high - (part.value or 0.0))) ** 2 for weight, part in parts))
    return Estimate(value, value - below, value + above)


def _kappa(a: int, b: int, c: int, d: int) -> tuple[float | None, float]:
    """Kappa and its standard error; None where it is undefined."""
    n = a + b + c + d
    if n == 0 or (b == c == 0 and 0 in (a, d)):
        return None, 0.0
    p, q = (a + b) / n, (a + c) / n
    agreed, by_chance = (a + d) / n, p * q + (1 - p) * (1 - q)
    value = (agreed - by_chance) / (1 - by_chance)
    rest = 1 - value
    on = a / n * (1 - (p + q) * rest) ** 2 + d / n * (1 - (2 - p - q) * rest) ** 2
    off = rest**2 * (b / n * (1 + q - p) ** 2 + c / n * (1 + p - q) ** 2)
    variance = max(0.0, on + off - (value - by_chance * rest) ** 2) / n
    return value, math.sqrt(variance) / (1 - by_chance)
