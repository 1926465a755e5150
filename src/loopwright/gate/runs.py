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
from loopwright.gate.levels import all_columns, columns
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally, is_pass
from loopwright.stats.run_effect import RunSpread, beyond_runs, pooled, run_spread
from loopwright.stats.stratified import drop_test
from loopwright.wording import counted

DIFFER = 0.1
"""Whole runs are said to differ where so great a spread has at most this chance."""
DIFFER_WITHIN = 0.3
"""The same for modes within runs: many tell their spread well, so that little is lost where it was chance after all."""
DIFFER_OF_FEW = 0.02
"""The same for fewer than `FEW` runs: the test that follows can hardly prove anything then, and must not be asked for lightly."""
FEW = 5


@dataclass(frozen=True, slots=True)
class _Judged:
    """A spread, and the level at which it counts: `many` is that for a history of `FEW` runs or more."""

    spread: RunSpread
    many: float

    @property
    def level(self) -> float:
        return self.many if self.spread.runs >= FEW else DIFFER_OF_FEW

    @property
    def differ(self) -> bool:
        return self.spread.p_value <= self.level


@dataclass(frozen=True, slots=True)
class RunLuck:
    """The regressions that stand, and the judged spread of the runs by which others may be one run's luck.

    `requests` are trials that may prove those. `untold` means that something fell and that the history is one
    run, which cannot tell how runs differ.
    """

    stands: tuple[Regression, ...]
    judged: _Judged | None = None
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
        if self.judged is None:
            return []
        spread = self.judged.spread
        return [
            f"the history's {counted(spread.runs, 'run')} differ from each other by more than chance (their variance is "
            f"{spread.ratio:.1f} times what it gives), and what fell may be one run's luck; repeat what `next` lists, or "
            "add more runs of the released version to the history (loopwright gate --establish --extend), or find what differs "
            "between its runs"
        ]

    def figures(self) -> dict[str, Any]:
        """The spread, for the decision's statistics; empty where it explained nothing."""
        if self.judged is None:
            return {}
        spread = self.judged.spread
        return {
            "runs": {"runs": spread.runs, "variance_ratio": spread.ratio, "p_value": spread.p_value, "level": self.judged.level}
        }


def run_luck(
    baseline: Sequence[EvalResult], cases: Sequence[CaseTally], found: Evidence, shown: Sequence[Regression], policy: Policy
) -> RunLuck:
    """Hold what is `shown` to be worse against the spread of the baseline's runs.

    Modes and cases are held against the spread of all modes within runs, the suite against that of whole runs and that of modes
    too, which tells of it where each mode has luck of its own. What is more than the runs' own spread explains stands. Without
    modes a few runs tell too little of one case, and what cases show stands. One run of a baseline tells nothing of all that,
    which is noted of a fall.
    """
    if not shown or len({row.run_id for row in baseline if not row.repeat}) < 2:
        return RunLuck(tuple(shown), untold=any(r.level in ("suite", "mode") for r in shown))
    table = _Table(baseline)
    members: dict[str, list[CaseTally]] = defaultdict(list)
    for case in cases:
        if case.mode_id is not None:
            members[case.mode_id].append(case)
    whole = cache(lambda: _Judged(table.spread(cases), DIFFER))
    within = cache(lambda: _Judged(pooled([table.spread(of) for of in members.values()]), DIFFER_WITHIN) if members else whole())
    planned = {group.mode_id for group in found.modes if group.blocked}

    def explains(r: Regression, judged: _Judged) -> bool:
        if not judged.differ:
            return False
        if r.level == "suite":
            return _beyond(columns(cases), judged.spread) > policy.suite_level
        if r.level == "mode" and r.mode_id is not None:
            of = members[r.mode_id]
            counts = columns(of) if r.mode_id in planned else all_columns(of)
            return _beyond(counts, judged.spread) > policy.mode_level / len(members)
        return bool(members) and _case_explained(r, found, judged.spread, policy)

    luck: dict[int, _Judged] = {}
    for r in shown:
        by = next((j for j in ([whole(), within()] if r.level == "suite" else [within()]) if explains(r, j)), None)
        if by is not None:
            luck[id(r)] = by
    held = [r for r in shown if id(r) in luck]
    return RunLuck(
        stands=tuple(r for r in shown if id(r) not in luck),
        judged=next(iter(luck.values()), None),
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


def _beyond(counts: Sequence[np.ndarray], spread: RunSpread) -> float:
    """The p-value of the fall that these columns show among runs that differ so."""
    test = drop_test(*counts)
    if test.variance <= 0:
        return 1.0
    return beyond_runs((test.expected - test.observed) / math.sqrt(test.variance), spread, float(counts[2].mean()))
