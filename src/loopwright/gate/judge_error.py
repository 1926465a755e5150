"""Another judge is not another agent: where the judge changed between two runs, pass rates are corrected for both judges' errors.

What is corrected, and why only for groups of cases, is in docs/decisions/0008-judges.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import GateDecision, Outcome, Regression
from loopwright.gate.doubt import named, of_counts
from loopwright.gate.judged_sides import JudgedSides, Judges, Measure, judged_sides
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally, has_verdict, is_pass, tally
from loopwright.judge.calibrate import MIN_EACH
from loopwright.judge.periods import Drift, Period, change_between, drift_between, told_drift
from loopwright.stats.agreement import UNDEFINED, Estimate, other_rate, proportion
from loopwright.stats.judge_change import JudgedFall, judged_fall
from loopwright.wording import counted, percent

Compare = Callable[[Sequence[EvalResult], Sequence[EvalResult], Policy, Collection[str]], GateDecision]
"""Decides on results by a policy; cases of the ids given may have verdicts of two judges."""

AGAIN = "loopwright judge again"
UNUSUAL = 0.2
"""Where a corrected fall has at most this chance it is not approved: lenient judges hide much, and to ask again costs little."""
_WHATEVER_JUDGED = ("safety", "cost", "latency", "tokens")
_HALF_WIDTH = 1.959964
_SEEN_FROM = 2.75
"""So many standard deviations a fall must have to be found with the power that is asked for, at the level that there is."""


@dataclass(frozen=True, slots=True)
class JudgedSide:
    """One side's judged cases: (passed, planned trials), and how many of the trials a judge decided and passed.

    `observed` is the pass rate as judged, `corrected` the one that people would find (undefined without a calibration).
    """

    measure: Measure
    counts: tuple[int, int]
    judged: tuple[int, int]
    observed: Estimate
    corrected: Estimate


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """The cases that were judged in one way before and in one way now.

    `fall` is what is tested where the judge changed, at `level`; None where it did not, or cannot be told.
    """

    eval_ids: tuple[str, ...]
    before: JudgedSide
    after: JudgedSide
    shifted: bool = False
    fall: JudgedFall | None = None
    level: float = 0.0
    incomplete: bool = False

    @property
    def blocked(self) -> bool:
        """Whether the judges' errors do not explain the fall."""
        return self.fall is not None and not self.incomplete and self.fall.p_value <= self.level

    @property
    def drift(self) -> Drift | None:
        """How one judge changed between two calibrations; None for two judges."""
        a, b = self.before.measure, self.after.measure
        if a.judge_id != b.judge_id or a.period is None or b.period is None or a.period is b.period:
            return None
        return drift_between(a.period, b.period)


def with_judges(
    baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], judges: Judges, policy: Policy, compare: Compare
) -> GateDecision:
    """The decision, with who judged what in its `statistics["judged"]`, and with regard to a judge that changed.

    Cases whose judge changed block only together, where their corrected pass rate fell: at a part of the suite's level that is
    their part of the cases. What else would block by their word is undecided. Where the judge is one and the same, nothing
    changes.
    """
    sides = judged_sides(baseline, candidate, judges)
    decision = compare(sides.baseline, sides.candidate, policy, sides.shifted)
    if not sides.measures or decision.statistics.get("suite") is None:
        return decision
    parts = _parts(sides, policy)
    told = {"judged": {"parts": [_part_row(part) for part in parts], "again": sides.again}}
    notes = [note for part in parts if (note := _told_drift(part))]
    decision = replace(decision, statistics=decision.statistics | told, notes=(*decision.notes, *dict.fromkeys(notes)))
    shifted = [part for part in parts if part.shifted]
    return _weighed(decision, sides, shifted, policy, compare) if shifted else decision


def _weighed(
    decision: GateDecision, sides: JudgedSides, parts: Sequence[JudgedPart], policy: Policy, compare: Compare
) -> GateDecision:
    """What stands of a decision that took two judges for one."""
    share = sum(len(part.eval_ids) for part in parts) / max(1, len({row.eval_id for row in sides.baseline}))
    rest = _rest(sides, share, policy, compare)
    found = [r for r in decision.regressions if isinstance(r, Regression) and r.level in _WHATEVER_JUDGED]
    found += [r for r in (rest.regressions if rest is not None else ()) if isinstance(r, Regression) and r not in found]
    beyond = [part for part in parts if part.blocked]
    found += [Regression("judged", None, None, p.fall.p_value, p.before.counts, p.after.counts) for p in beyond if p.fall]
    if found:
        reasons = [_told_beyond(part) for part in beyond]
        return _blocked(decision, rest, found, reasons)
    if decision.decision is Outcome.BLOCKED:
        reason = f"{_told_change(parts)}, which may explain what fell; {_cure(parts)}"
        return decision.undecided(reason, *decision.reasons, wanted=rest.next if rest is not None else ())
    if decision.decision is Outcome.UNDECIDED:
        return replace(decision, reasons=(*decision.reasons, f"{_told_change(parts)}; {_cure(parts)}"))
    doubts = [doubt for part in parts if (doubt := _doubt(part, policy))]
    if doubts:
        return decision.undecided(*(f"{doubt}; {_cure(parts)}" for doubt in doubts))
    return replace(decision, message=f"{decision.message} {_told_change(parts)}: {_rates(parts[0])}.")


def _rest(sides: JudgedSides, share: float, policy: Policy, compare: Compare) -> GateDecision | None:
    """The decision on the other cases, at what is left of the suite's level, and margins aside; None where there are none."""
    before, after = ([r for r in rows if r.eval_id not in sides.shifted] for rows in (sides.baseline, sides.candidate))
    if not before or not after:
        return None
    left = 1 - share
    smaller = replace(
        policy,
        suite_share=policy.suite_share * left,
        suite_ceiling_share=policy.suite_ceiling / policy.alpha * left,
        cost_margin=0.0,
        latency_margin=0.0,
        tokens_margin=0.0,
    )
    return compare(before, after, smaller, ())


def _blocked(decision: GateDecision, rest: GateDecision | None, found: Sequence[Regression], reasons: list[str]) -> GateDecision:
    message = decision.message
    if reasons:
        message = f"Blocked: {reasons[0]}."
    elif decision.decision is not Outcome.BLOCKED and rest is not None:
        message = rest.message
    lost = {r.eval_id for r in found}
    return replace(
        decision,
        approved=False,
        decision=Outcome.BLOCKED,
        regressions=tuple(found),
        message=message,
        reasons=tuple(dict.fromkeys([*decision.reasons, *reasons[1:]])),
        next=tuple(request for request in decision.next if request.eval_id not in lost),
        new_evals_queued=0,
    )


def _parts(sides: JudgedSides, policy: Policy) -> list[JudgedPart]:
    """The judged cases by who judged them, largest part first."""
    groups: dict[tuple[Measure, Measure], list[str]] = defaultdict(list)
    for eval_id, measures in sorted(sides.measures.items()):
        groups[measures].append(eval_id)
    cases = len({row.eval_id for row in sides.baseline})
    before, after = _by_case(sides.baseline), _by_case(sides.candidate)
    parts = [
        _part(measures, ids, [r for i in ids for r in before[i]], [r for i in ids for r in after[i]], sides, policy, cases)
        for measures, ids in groups.items()
    ]
    return sorted(parts, key=lambda part: (not part.shifted, -len(part.eval_ids), part.eval_ids))


def _part(
    measures: tuple[Measure, Measure], ids: list[str], before: list[EvalResult], after: list[EvalResult],
    sides: JudgedSides, policy: Policy, cases: int,
) -> JudgedPart:  # fmt: skip
    a, b = measures
    counts = tally(before, after)
    x0, n0 = sum(c.before.passes for c in counts.cases), sum(c.before.trials for c in counts.cases)
    x1, n1 = (sum(c.planned_after[i] for c in counts.cases) for i in (0, 1))
    was, now = _side(a, (x0, n0), before), _side(b, (x1, n1), after)
    part = JudgedPart(tuple(ids), was, now)
    if ids[0] not in sides.shifted or a.period is None or b.period is None:
        return part
    falls = [share for case in counts.cases if (share := _fall(case)) is not None]
    change, fall = change_between(a.period, b.period), None
    if was.judged[1]:
        fall = judged_fall(falls, was.judged[1] / n0, was.judged[0] / was.judged[1], change, MIN_EACH)
    return replace(
        part,
        shifted=True,
        fall=fall,
        level=policy.suite_ceiling * len(ids) / cases,
        incomplete=bool(of_counts(counts, policy)),
    )


def _fall(case: CaseTally) -> float | None:
    """How much smaller the share of planned trials is that passed; None without trials before."""
    passes, trials = case.planned_after
    return case.before.passes / case.before.trials - passes / trials if case.before.trials and trials else None


def _side(measure: Measure, counts: tuple[int, int], rows: Sequence[EvalResult]) -> JudgedSide:
    """One side's rates. Trials of one case go together, so that the corrected rate's interval counts cases."""
    judged = [row for row in rows if row.judge_id is not None and not row.repeat and has_verdict(row)]
    passed, cases = sum(map(is_pass, judged)), len({row.eval_id for row in judged})
    corrected = UNDEFINED
    if measure.period is not None and judged and counts[1]:
        rate = other_rate(measure.period.table, passed / len(judged) * cases, cases)
        reached = min(1.0, len(judged) / counts[1])
        if rate.value is not None:
            corrected = Estimate(rate.value * reached, rate.low * reached, rate.high * reached)
    return JudgedSide(measure, counts, (passed, len(judged)), proportion(*counts), corrected)


def _by_case(rows: Sequence[EvalResult]) -> dict[str, list[EvalResult]]:
    found: dict[str, list[EvalResult]] = defaultdict(list)
    for row in rows:
        found[row.eval_id].append(row)
    return found


def _doubt(part: JudgedPart, policy: Policy) -> str:
    """Why an approval cannot rest on a part whose judge changed; empty where it can."""
    if part.fall is None:
        return f"{_told_change([part])}, and one of the two shows no better than chance: {named(part.eval_ids)}"
    if part.fall.p_value <= UNUSUAL:
        return f"{_told_change([part])}, and {_rates(part)}: too little to block, too unusual to approve"
    spread = (part.fall.high - part.fall.value) / _HALF_WIDTH
    rate = part.before.corrected.value or 0.0
    if part.fall.high > 0 and _SEEN_FROM * spread > policy.blind * rate:
        points = 100 * _SEEN_FROM * spread
        return f"{_told_change([part])}, and a fall of less than {points:.0f} points might have gone unseen"
    return ""


def _told_change(parts: Sequence[JudgedPart]) -> str:
    cases = [eval_id for part in parts for eval_id in part.eval_ids]
    return f"the judge of {counted(len(cases), 'case')} changed ({named(cases)})"


def _told_beyond(part: JudgedPart) -> str:
    return (
        f"more fell than the judges' errors explain in {counted(len(part.eval_ids), 'case')} whose judge changed; {_rates(part)}"
    )


def _rates(part: JudgedPart) -> str:
    """Both sides' rates as judged, and how far the agent's own fell."""
    observed = f"{_percent(part.before.observed)} passed before and {_percent(part.after.observed)} now as judged"
    if part.fall is None:
        return observed
    value, low, high = (100 * v for v in (part.fall.value, part.fall.low, part.fall.high))
    way = "fell" if value >= 0 else "rose"
    span = (low, high) if value >= 0 else (-high, -low)
    return (
        f"{observed}; corrected for the judges' errors the rate {way} by {abs(value):.0f} points "
        f"(95 % interval {span[0]:.0f} to {span[1]:.0f})"
    )


def _cure(parts: Sequence[JudgedPart]) -> str:
    return f"have the baseline's answers judged by the judge of now ({AGAIN}), or label more of what both judged"


def _told_drift(part: JudgedPart) -> str:
    return told_drift(part.drift) if part.drift is not None and part.drift.found else ""


def _share(estimate: Estimate) -> str:
    return percent(estimate.value) if estimate.value is not None else "none"


_percent = _share


def _part_row(part: JudgedPart) -> dict[str, Any]:
    drift = part.drift
    return {
        "eval_ids": list(part.eval_ids),
        "before": _side_row(part.before),
        "after": _side_row(part.after),
        "changed": part.shifted,
        "fall": _fall_row(part.fall) if part.fall is not None else None,
        "level": part.level if part.shifted else None,
        "blocked": part.blocked,
        "drift": {"p_value": drift.p_value, "found": drift.found} if drift is not None else None,
    }


def _side_row(side: JudgedSide) -> dict[str, Any]:
    return {
        "judge_id": side.measure.judge_id,
        "calibration": _period_row(side.measure.period) if side.measure.period is not None else None,
        "counts": list(side.counts),
        "judged": list(side.judged),
        "observed": side.observed._asdict(),
        "corrected": side.corrected._asdict(),
    }


def _period_row(period: Period) -> dict[str, Any]:
    return {
        "from": period.start.isoformat() if period.start is not None else None,
        "to": period.end.isoformat() if period.end is not None else None,
        "labels": period.table.n,
        "tpr": period.tpr._asdict(),
        "tnr": period.tnr._asdict(),
    }


def _fall_row(fall: JudgedFall) -> dict[str, Any]:
    return fall._asdict()
