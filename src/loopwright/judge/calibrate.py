"""A judge beside people: how far it can be trusted, and what its pass rate is worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loopwright.errors import BLOCKED, OK, UNDECIDED
from loopwright.stats.agreement import Estimate, Table, corrected_rate, informedness, kappa, proportion, sampled_rate
from loopwright.wording import counted

MIN_LABELS = 20
"""With fewer labelled items nothing is said of the judge."""
MIN_EACH = 5
"""So many labelled items must pass and so many fail: TPR is seen in the ones only, TNR in the others."""
MIN_INFORMED = 0.25
"""What TPR + TNR - 1 must be shown to exceed: an interval of the corrected rate is at most four times a perfect judge's."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One item: what the judge said, and what people said where they were asked. None is no verdict, and no label."""

    item_id: str
    judge: bool | None
    human: bool | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is known of a judge, with 95 % intervals.

    `n` items have a label and a verdict, `judged` a verdict, `no_verdict` were asked about and got none that could be read. `tpr`
    is the share of what people pass that the judge passes, `tnr` the share of what people fail that it fails; `informedness` is
    their sum less 1. `pass_rate_corrected` and `pass_rate_sampled` are the share of all judged items that people would pass: the
    one asks only that labelled and other items are judged alike, the other that the labelled are a random sample, and says more.
    `enough` says whether there are labels enough to tell whether the judge is `usable`, and `why` explains.
    """

    n: int
    judged: int
    no_verdict: int
    agreement: Estimate
    kappa: Estimate
    tpr: Estimate
    tnr: Estimate
    informedness: Estimate
    pass_rate_raw: Estimate
    pass_rate_corrected: Estimate
    pass_rate_sampled: Estimate
    enough: bool
    usable: bool
    why: str

    @property
    def exit_code(self) -> int:
        """0 usable, 1 not usable, 2 too few labels."""
        return UNDECIDED if not self.enough else OK if self.usable else BLOCKED


def calibrate(pairs: Iterable[Pair]) -> Calibration:
    """Compare a judge with people. Items without a label count in the two pass rates only, items without a verdict nowhere.

    The labelled items must be chosen without regard to the judge's verdict. For the pass rates see `stats.agreement`.
    """
    pairs = list(pairs)
    judged = [pair for pair in pairs if pair.judge is not None]
    labelled = [pair for pair in judged if pair.human is not None]
    others = [pair for pair in judged if pair.human is None]
    table = _table(labelled)
    informed = informedness(table)
    passes = sum(pair.judge is True for pair in others)
    enough, usable, why = _usable(table, informed)
    return Calibration(
        n=table.n,
        judged=len(judged),
        no_verdict=len(pairs) - len(judged),
        agreement=proportion(table.pass_pass + table.fail_fail, table.n),
        kappa=kappa(table),
        tpr=proportion(table.pass_pass, table.passes),
        tnr=proportion(table.fail_fail, table.fails),
        informedness=informed,
        pass_rate_raw=proportion(sum(pair.judge is True for pair in judged), len(judged)),
        pass_rate_corrected=corrected_rate(table, passes, len(others)),
        pass_rate_sampled=sampled_rate(table, passes, len(others)),
        enough=enough,
        usable=usable,
        why=why,
    )


def trust_in_failure(calibration: Calibration) -> float | None:
    """How likely it is that people fail what the judge fails, in 0..1; None where that cannot be told.

    Bayes' rule over `tpr`, `tnr` and the corrected pass rate.
    """
    rate, tpr, tnr = calibration.pass_rate_corrected.value, calibration.tpr.value, calibration.tnr.value
    if rate is None or tpr is None or tnr is None:
        return None
    rightly, wrongly = (1 - rate) * tnr, rate * (1 - tpr)
    return rightly / (rightly + wrongly) if rightly + wrongly > 0 else None


def _table(labelled: list[Pair]) -> Table:
    counts = {(judge, human): 0 for judge in (True, False) for human in (True, False)}
    for pair in labelled:
        counts[pair.judge is True, pair.human is True] += 1
    return Table(counts[True, True], counts[True, False], counts[False, True], counts[False, False])


def _usable(table: Table, informed: Estimate) -> tuple[bool, bool, str]:
    """Whether there are labels enough, whether the judge is usable, and why."""
    if table.n < MIN_LABELS or table.passes < MIN_EACH or table.fails < MIN_EACH:
        have = f"{counted(table.n, 'labelled item')}, {table.passes} passing and {table.fails} failing by people"
        need = f"{MIN_LABELS} are needed, at least {MIN_EACH} of each"
        return False, False, f"too few labels: {have}; {need}"
    told = f"TPR + TNR - 1 is {informed.value:.2f} (95 % interval {informed.low:.2f} to {informed.high:.2f})"
    if informed.low > MIN_INFORMED:
        return True, True, f"{told}: shown to exceed {MIN_INFORMED:g}"
    if informed.low <= 0:
        return True, False, f"{told}: not shown to be better than guessing; use another judge, or label more items"
    return True, False, f"{told}: not shown to exceed {MIN_INFORMED:g}; use another judge, or label more items"
