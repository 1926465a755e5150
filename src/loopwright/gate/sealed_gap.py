"""The gap between the open and the sealed part of the suite: it tells what was learned from what was learned by heart.

Which cases are sealed was decided by their ids, as good as by lot. An agent that was not tuned to the open part therefore passes
both alike, but for the luck of that draw; how far luck goes is known exactly (Fisher's test over cases, each either passed in all
its planned trials or not).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.policy import Policy
from loopwright.stats.two_proportions import difference, exact_rise
from loopwright.wording import counted, percent


@dataclass(frozen=True, slots=True)
class SealedGap:
    """Cases passed and run, (x, n), in each part; how much larger the open part's share is, with its 95 % interval.

    `p_value` is the chance of a gap as large where nothing was tuned to the open part.
    """

    open: tuple[int, int]
    sealed: tuple[int, int]
    gap: float
    low: float
    high: float
    p_value: float


def sealed_gap(results: Sequence[EvalResult]) -> SealedGap | None:
    """The gap in a run's planned trials; None where one of the parts has none."""
    if not any(result.sealed for result in results):
        return None
    passed: dict[tuple[bool, str], bool] = defaultdict(lambda: True)
    for result in results:
        if not result.repeat:
            passed[result.sealed, result.eval_id] &= result.passed is True
    parts = [[ok for (sealed, _), ok in passed.items() if sealed is part] for part in (False, True)]
    if not all(parts):
        return None
    (x1, n1), (x0, n0) = ((sum(part), len(part)) for part in parts)
    made = difference(x0, n0, x1, n1)
    return SealedGap((x1, n1), (x0, n0), made.value, made.low, made.high, exact_rise(x0, n0, x1, n1))


def with_sealed_gap(decision: GateDecision, results: Sequence[EvalResult], policy: Policy) -> GateDecision:
    """The decision with the candidate's gap in its `statistics["sealed"]`, and with what the policy makes of it.

    `warn` adds a reason at `policy.gap_level`; `block` blocks, at `policy.gap_block_level`, what would be approved. A decision
    that is not an approval stays as it is, but for the reason; one on results that cannot be compared has no gap.
    """
    gap = sealed_gap(results) if policy.sealed_gap != "off" else None
    if gap is None or decision.statistics.get("suite") is None:
        return decision
    blocks = policy.sealed_gap == "block" and gap.p_value <= policy.gap_block_level
    warns = gap.p_value <= policy.gap_level
    statistics = decision.statistics | {"sealed": _row(gap, policy, warns or blocks)}
    if not (warns or blocks):
        return replace(decision, statistics=statistics)
    reason = told(gap)
    if blocks and decision.approved:
        return replace(
            decision,
            approved=False,
            decision=Outcome.BLOCKED,
            message=f"Blocked: {reason}.",
            reasons=(*decision.reasons, reason),
            new_evals_queued=0,
            statistics=statistics,
        )
    return replace(decision, statistics=statistics, reasons=(*decision.reasons, reason))


def told(gap: SealedGap) -> str:
    """The gap in words."""
    (x1, n1), (x0, n0) = gap.open, gap.sealed
    return (
        f"the open part passes {x1} of {counted(n1, 'case')} and the sealed part {x0} of {n0}, {100 * gap.gap:.0f} points less "
        f"({100 * gap.low:.0f} to {100 * gap.high:.0f}); chance alone does that "
        f"{percent(gap.p_value, None)} of the time, so that "
        "the agent may be tuned to the suite: add cases from production"
    )


def _row(gap: SealedGap, policy: Policy, shown: bool) -> dict[str, Any]:
    level = policy.gap_block_level if policy.sealed_gap == "block" else policy.gap_level
    return {
        "open": list(gap.open),
        "sealed": list(gap.sealed),
        "gap": gap.gap,
        "low": gap.low,
        "high": gap.high,
        "p_value": gap.p_value,
        "policy": policy.sealed_gap,
        "level": level,
        "found": shown,
    }
