"""Is a fall one run's luck? Where the runs of a history differ by more than chance, a fall is held against how far they differ.

The tests of suite and modes take the trials of an unchanged agent for exchangeable. Where a whole run shares its luck they are
not, and a large suite would be blocked by the next bad day. docs/decisions/0004-gate.md has what that does to the error rate.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import CaseRequest, Regression
from loopwright.gate.evidence import Evidence
from loopwright.gate.levels import columns
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally, is_pass
from loopwright.stats.run_effect import RunSpread, beyond_runs, pooled, run_spread
from loopwright.stats.stratified import drop_test
from loopwright.wording import counted

DIFFER = 0.1
"""Runs are said to differ where so great a spread has at most this chance."""
DIFFER_OF_FEW = 0.02
"""The same for fewer than `FEW` runs: the test that follows can hardly prove anything then, and must not be asked for lightly."""
FEW = 5


@dataclass(frozen=True, slots=True)
class RunLuck:
    """The regressions that stand, and the spread of the runs by which others may be one run's luck.

    `requests` are trials that may prove those. `untold` means that something fell and that the history is one
    run, which cannot tell how runs differ.
    """

    stands: tuple[Regression, ...]
    spread: RunSpread | None = None
    requests: tuple[CaseRequest, ...] = ()
    untold: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What cannot be told from one run."""
        if not self.untold:
            return ()
        return (
            "the history is one run, so that luck which a whole run shares (a slow service, say) is not told from a change; "
            "more runs of the released version would tell",
        )

    @property
    def doubts(self) -> list[str]:
        """The doubt that the runs themselves differ, with its cure."""
        if self.spread is None:
            return []
        return [
            f"the history's {counted(self.spread.runs, 'run')} differ from each other by more than chance (their variance is "
            f"{self.spread.ratio:.1f} times what it gives), and what fell may be one run's luck; repeat what `next` lists, or "
            "add more runs of the released version to the history (loopwright gate --establish --extend), or find what differs "
            "between its runs"
        ]

    def figures(self) -> dict[str, Any]:
        """The spread, for the decision's statistics; empty where it explained nothing."""
        if self.spread is None:
            return {}
        spread = self.spread
        return {
            "runs": {"runs": spread.runs, "variance_ratio": spread.ratio, "p_value": spread.p_value, "level": _differ(spread)}
        }


def run_luck(
    baseline: Sequence[EvalResult], cases: Sequence[CaseTally], found: Evidence, shown: Sequence[Regression], policy: Policy
) -> RunLuck:
    """Hold what is `shown` to be worse against the spread of the baseline's runs.

    The suite is held against the spread of whole runs; modes and cases against that of all modes within runs. What is more than
    the runs' own spread explains stands. Without modes a few runs tell too little of one case, and what cases show stands. One
    run of a baseline tells nothing of all that, which is noted of a fall.
    """
    if not shown or len({row.run_id for row in baseline if not row.repeat}) < 2:
        return RunLuck(tuple(shown), untold=any(r.level in ("suite", "mode") for r in shown))
    table = _Table(baseline)
    members: dict[str, list[CaseTally]] = defaultdict(list)
    for case in cases:
        if case.mode_id is not None:
            members[case.mode_id].append(case)
    whole = cache(lambda: table.spread(cases))
    within = cache(lambda: pooled([table.spread(of) for of in members.values()]) if members else whole())
    luck: dict[int, RunSpread] = {}
    for r in shown:
        spread = whole() if r.level == "suite" else within()
        if spread.p_value > _differ(spread):
            continue
        if r.level in ("suite", "mode"):
            of = cases if r.mode_id is None else members[r.mode_id]
            level = policy.suite_level if r.mode_id is None else policy.mode_level / len(members)
            explained = _beyond(of, spread) > level
        else:
            explained = bool(members) and _case_explained(r, found, spread, policy)
        if explained:
            luck[id(r)] = spread
    held = [r for r in shown if id(r) in luck]
    return RunLuck(
        stands=tuple(r for r in shown if id(r) not in luck),
        spread=next(iter(luck.values()), None),
        requests=tuple(_more_of({r.eval_id for r in held if r.level == "case"}, cases, policy)),
    )


def _case_explained(lost: Regression, found: Evidence, spread: RunSpread, policy: Policy) -> bool:
    """Whether a lost case may be a run's luck: its evidence, a log-likelihood ratio, is worth less where runs swing.

    It is divided by the variance ratio, as quasi-likelihood does with overdispersed counts (McCullagh and Nelder, "Generalized
    Linear Models", 1989, section 9.2).
    """
    if lost.level != "case" or lost.p_value is None:
        return False
    alone = any(e.blocked and e.case.eval_id == lost.eval_id for e in found.cases.evidence)
    level = policy.repeat_level / found.cases.solved if alone else policy.together_level
    return bool(lost.p_value ** (1 / max(1.0, spread.ratio)) > level)


def _more_of(lost: Collection[str | None], cases: Sequence[CaseTally], policy: Policy) -> list[CaseRequest]:
    """As many repeats of each as it has failures, while the cap leaves room."""
    wanted = [(c.eval_id, min(c.after.failures, policy.repeat_cap - c.after.all_trials)) for c in cases if c.eval_id in lost]
    return [CaseRequest(eval_id, trials) for eval_id, trials in wanted if trials > 0]


class _Table:
    """Planned passes and trials of each run and case; both of shape (runs, cases)."""

    def __init__(self, rows: Sequence[EvalResult]) -> None:
        planned = [row for row in rows if not row.repeat]
        runs = {run_id: i for i, run_id in enumerate(dict.fromkeys(row.run_id for row in planned))}
        self._cases = {eval_id: i for i, eval_id in enumerate(dict.fromkeys(row.eval_id for row in planned))}
        shape = (len(runs), len(self._cases))
        places = np.array([(runs[row.run_id], self._cases[row.eval_id]) for row in planned]).T
        self._trials, self._passes = np.zeros(shape), np.zeros(shape)
        np.add.at(self._trials, tuple(places), 1)
        np.add.at(self._passes, tuple(places), [is_pass(row) for row in planned])

    def spread(self, cases: Sequence[CaseTally]) -> RunSpread:
        at = [self._cases[case.eval_id] for case in cases if case.eval_id in self._cases]
        return run_spread(self._passes[:, at], self._trials[:, at])


def _differ(spread: RunSpread) -> float:
    """The level at which runs of that number are said to differ."""
    return DIFFER if spread.runs >= FEW else DIFFER_OF_FEW


def _beyond(cases: Sequence[CaseTally], spread: RunSpread) -> float:
    """The p-value of these cases' fall among runs that differ so."""
    n0, x0, n1, x1 = columns(cases)
    test = drop_test(n0, x0, n1, x1)
    if test.variance <= 0:
        return 1.0
    return beyond_runs((test.expected - test.observed) / math.sqrt(test.variance), spread, float(n1.mean()))
