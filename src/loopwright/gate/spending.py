"""What a comparison took, what `next` would take, and what a design that never looks in between would have taken."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median_low
from typing import Any

from loopwright.evaluate.budget import dollars
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import CaseRequest
from loopwright.gate.levels import CaseLevel, solved_among
from loopwright.gate.margins import LARGEST
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally
from loopwright.stats.beta_binomial import log_sequence, posterior
from loopwright.wording import counted


def spending(
    candidate: Sequence[EvalResult],
    cases: Sequence[CaseTally],
    level: CaseLevel,
    wanted: Sequence[CaseRequest],
    policy: Policy,
) -> dict[str, Any]:
    """Trials and dollars: spent on the candidate, for what is `wanted`, and of the fixed design.

    The fixed design gives every case as many planned trials as it takes to prove the loss of a solved case, at the median of the
    solved cases; None where more than `policy.repeat_cap` would be needed, or no case is solved. `usd` is None where no row has
    a finite cost of at least 0; rows without one are taken for an average one of their case, else of the suite.
    """
    price = _prices(candidate)
    repeats = sum(row.repeat for row in candidate)
    each = _fixed(cases, level, policy)
    ids = [case.eval_id for case in cases]
    return {
        "planned": len(candidate) - repeats,
        "repeats": repeats,
        "usd": _total(price, ((row.eval_id, 1) for row in candidate)),
        "unpriced": sum(_cost(row) is None for row in candidate),
        "next": {"trials": sum(r.trials for r in wanted), "usd": _total(price, ((r.eval_id, r.trials) for r in wanted))},
        "fixed": {
            "each": each,
            "trials": each * len(ids) if each is not None else None,
            "usd": _total(price, ((eval_id, each) for eval_id in ids)) if each is not None else None,
        },
    }


def _fixed(cases: Sequence[CaseTally], level: CaseLevel, policy: Policy) -> int | None:
    """The planned trials of each case with which the median solved case, failing them all, would be proved lost."""
    known: dict[tuple[int, int], float] = {}
    needed = []
    for case in solved_among((c for c in cases if not c.deterministic), level.belief, policy):
        counts = (case.before.all_passes, case.before.all_trials)
        if counts not in known:
            known[counts] = _to_prove(counts, level, policy)
        needed.append(known[counts])
    usual = median_low(needed) if needed else math.inf
    return int(usual) if math.isfinite(usual) else None


def _to_prove(counts: tuple[int, int], level: CaseLevel, policy: Policy) -> float:
    belief = posterior(level.belief, *counts)
    bound = math.log(policy.case_level / level.solved)
    return next((n for n in range(1, policy.repeat_cap + 1) if log_sequence(0, n, *belief) <= bound), math.inf)


def _prices(rows: Iterable[EvalResult]) -> dict[str | None, float]:
    """The mean cost of a trial by case, and under None of the suite; empty where nothing is told."""
    told: dict[str | None, list[float]] = defaultdict(list)
    every = told[None]
    for row in rows:
        cost = _cost(row)
        if cost is not None:
            told[row.eval_id].append(cost)
            every.append(cost)
    return {eval_id: math.fsum(costs) / len(costs) for eval_id, costs in told.items()} if every else {}


def _cost(row: EvalResult) -> float | None:
    cost = row.cost_usd
    return cost if cost is not None and 0 <= cost <= LARGEST else None


def _total(price: dict[str | None, float], trials: Iterable[tuple[str, int]]) -> float | None:
    return math.fsum(n * price.get(eval_id, price[None]) for eval_id, n in trials) if price else None


def told_spending(spent: dict[str, Any] | None) -> list[str]:
    """The same in sentences; none for a decision that was recorded without."""
    if not spent:
        return []
    repeats = f" and {counted(spent['repeats'], 'repeat')}" if spent["repeats"] else ""
    told = [f"Spent on the candidate: {counted(spent['planned'], 'planned trial')}{repeats}{_dollars(spent['usd'])}."]
    fixed = spent["fixed"]
    if fixed["each"] is not None:
        told.append(
            f"To prove one lost case without repeats, every case would take {counted(fixed['each'], 'trial')}: "
            f"{counted(fixed['trials'], 'trial')}{_dollars(fixed['usd'])}."
        )
    return told


def told_cost(spent: dict[str, Any] | None) -> str:
    """What the trials in `next` would cost, as an addition to their number; empty where that is not known."""
    return _dollars(spent["next"]["usd"]) if spent else ""


def _dollars(usd: float | None) -> str:
    return f", {dollars(usd)}" if usd is not None else ""
