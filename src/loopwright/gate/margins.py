"""What the candidate takes: cost, latency and tokens, held against margins as tests of non-inferiority.

Of each case that both sides measured, the planned trials are compared (repeats were chosen by their results), and each case
counts once. Above the margin, shown: blocked. Within it, shown: fine. Neither: undecided, since a cost that nobody could have
seen is not known to be acceptable.

A trial without a verdict is no cheap trial. It counts where it took more than the case's judged trials do on average, as one that
ran into its time limit; otherwise it is left out, so that crashing early saves nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import CaseRequest, Level, Regression
from loopwright.gate.policy import Policy
from loopwright.gate.tally import Tally, has_verdict
from loopwright.stats import ratio
from loopwright.wording import counted, percent

LEAST_MEASURED = 0.5
"""With fewer of a side's judged trials measured, nothing is decided."""
LARGEST = 1e100
"""Above this a number is no amount of anything."""
ROSE = 20
"""So many cases that rose are kept with a decision, those that rose most."""
ANOTHER_UNIT = 100.0
"""So much less is taken for another unit, such as seconds for milliseconds, and not for a saving."""


class Metric(NamedTuple):
    """What is measured: its level in a decision, the field of a row, and how it is spoken of."""

    level: Level
    field: str
    noun: str


METRICS = (Metric("cost", "cost_usd", "cost"), Metric("latency", "latency_ms", "latency"), Metric("tokens", "tokens", "tokens"))


class Measured(NamedTuple):
    """The amounts of one metric by case, those before and those now, and what is not among them, before and now.

    `judged` are planned trials with a verdict, `lacking` those of them without the figure, `wrong` those of which it is negative
    or no finite number, `left_out` those without a verdict that do not count. `only_before` counts cases that the candidate ran,
    and of which the baseline alone has the figure.
    """

    cases: dict[str, tuple[list[float], list[float]]]
    judged: tuple[int, int]
    lacking: tuple[int, int]
    wrong: tuple[int, int]
    left_out: tuple[int, int]
    only_before: int


@dataclass(frozen=True, slots=True)
class MarginEvidence:
    """One metric: what was measured, the ratio, and what its margin (0: none) makes of it.

    `above` and `within` are p-values: that so much would be seen were the candidate at the margin, against more and against less.
    `reason` says why nothing can be decided though a margin is set; `wanted` how many trials a case, of either side, would.
    """

    metric: Metric
    margin: float
    measured: Measured
    found: ratio.Ratio | None = None
    low: float = 0.0
    high: float = math.inf
    above: float | None = None
    within: float | None = None
    verdict: str = "none"
    reason: str = ""
    wanted: ratio.Wanted | None = None


def margin_evidence(
    baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], tally: Tally, policy: Policy
) -> tuple[MarginEvidence, ...]:
    """Every metric that has a margin, or that both sides carry for some case; rows of cases that are compared."""
    known = {case.eval_id for case in tally.cases if not case.missing}
    told = [m for m in METRICS if policy.margins[m.level] or any(getattr(r, m.field) is not None for r in candidate)]
    if not told:
        return ()
    planned = _planned(baseline, candidate, known)
    made = (_weigh(metric, measure(metric.field, planned), policy) for metric in told)
    return tuple(evidence for evidence in made if evidence.margin or evidence.found is not None)


def exceeded(margins: Sequence[MarginEvidence], before: tuple[int, int], after: tuple[int, int]) -> list[Regression]:
    """The margins that are shown to be exceeded; `before` and `after` are the suite's (passed, trials)."""
    return [Regression(m.metric.level, None, None, m.above, before, after) for m in margins if m.verdict == "above"]


def of_margins(margins: Sequence[MarginEvidence]) -> list[str]:
    """The doubt that more is taken than a margin allows."""
    return [m.reason for m in margins if m.reason]


def margin_requests(margins: Sequence[MarginEvidence], tally: Tally, cap: int) -> list[CaseRequest]:
    """How many more planned trials of the measured cases would likely settle every open margin, at most `cap` of each case."""
    wanted: dict[str, int] = {}
    planned = {case.eval_id: case.after.trials for case in tally.cases}
    for m in margins:
        after = m.wanted.after if m.wanted is not None else None
        for eval_id in m.measured.cases if after else ():
            wanted[eval_id] = max(wanted.get(eval_id, 0), min(after or 0, cap) - planned[eval_id])
    return [CaseRequest(id, trials, repeat=False) for id, trials in sorted(wanted.items()) if trials > 0]


class _Side(NamedTuple):
    """One side's planned trials, case after case, each case's by run and trial: those with a verdict, and those without.

    `ends` are where each case's end among the `judged`; `broken` has the place of a case as key.
    """

    judged: list[EvalResult]
    ends: list[int]
    broken: dict[int, list[EvalResult]]


class _Planned(NamedTuple):
    """The planned trials of the cases that have some on both sides, by id."""

    ids: list[str]
    sides: tuple[_Side, _Side]


def measure(field: str, planned: _Planned) -> Measured:
    """The amounts of a field, by case, of the trials that count."""
    amount = attrgetter(field)
    told = [list(map(amount, side.judged)) for side in planned.sides]
    fits = [[float(value) if value is not None and 0 <= value <= LARGEST else None for value in side] for side in told]
    lacking = [side.count(None) for side in told]
    wrong = [side.count(None) - known for side, known in zip(fits, lacking, strict=True)]
    amounts = [_by_case(values, side.ends) for values, side in zip(fits, planned.sides, strict=True)]
    left_out = [0, 0]
    usual = {at: _usual(amounts[0][at], amounts[1][at]) for side in planned.sides for at in side.broken}
    for which, side in enumerate(planned.sides):
        for at, broken in side.broken.items():
            told_too = (value for value in map(amount, broken) if value is not None)
            dear = [float(value) for value in told_too if usual[at] < value <= LARGEST]
            left_out[which] += len(broken) - len(dear)
            amounts[which][at] += dear
    cases, only_before = {}, 0
    for eval_id, before, after in zip(planned.ids, *amounts, strict=True):
        if before and after:
            cases[eval_id] = (before, after)
        elif before:
            only_before += 1
    judged = [len(side.judged) for side in planned.sides]
    return Measured(cases, _pair(judged), _pair(lacking), _pair(wrong), _pair(left_out), only_before)


def _by_case(values: list[float | None], ends: Sequence[int]) -> list[list[float]]:
    """The amounts that there are, a list a case."""
    return [[value for value in values[start:end] if value is not None] for start, end in pairwise((0, *ends))]


def _usual(before: Sequence[float], after: Sequence[float]) -> float:
    """The mean of a case's judged trials, over both sides."""
    return (sum(before) + sum(after)) / max(1, len(before) + len(after))


def _pair(sides: list[int]) -> tuple[int, int]:
    return sides[0], sides[1]


def _planned(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], known: set[str]) -> _Planned:
    sides = (_in_order(baseline, known), _in_order(candidate, known))
    ids = sorted(sides[0].keys() & sides[1].keys())
    return _Planned(ids, (_side(sides[0], ids), _side(sides[1], ids)))


def _in_order(rows: Sequence[EvalResult], known: set[str]) -> dict[str, list[EvalResult]]:
    """The planned trials of each of these cases, by run and trial."""
    made: dict[str, list[EvalResult]] = defaultdict(list)
    for row in sorted((r for r in rows if not r.repeat and r.eval_id in known), key=attrgetter("run_id", "trial")):
        made[row.eval_id].append(row)
    return made


def _side(trials: Mapping[str, Sequence[EvalResult]], ids: Sequence[str]) -> _Side:
    made = _Side([], [], {})
    for at, eval_id in enumerate(ids):
        for row in trials[eval_id]:
            if has_verdict(row):
                made.judged.append(row)
            else:
                made.broken.setdefault(at, []).append(row)
        made.ends.append(len(made.judged))
    return made


def _weigh(metric: Metric, measured: Measured, policy: Policy) -> MarginEvidence:
    margin = policy.margins[metric.level]
    reason = _unmeasured(metric, measured, policy) if margin else ""
    if not measured.cases:
        return MarginEvidence(metric, margin, measured, verdict="unmeasured" if margin else "none", reason=reason)
    found = ratio.compare(list(measured.cases.values()))
    low, high = ratio.bounds(found, policy.alpha)
    if not margin:
        return MarginEvidence(metric, margin, measured, found, low, high)
    above, within = ratio.chance_above(found, 1 + margin), ratio.chance_below(found, 1 + margin)
    if reason:
        return MarginEvidence(metric, margin, measured, found, low, high, above, within, "unmeasured", reason)
    if above <= policy.margin_level:
        return MarginEvidence(metric, margin, measured, found, low, high, above, within, "above")
    if within <= policy.alpha:
        return MarginEvidence(metric, margin, measured, found, low, high, above, within, "within")
    dearer = found.value > 1 + margin
    level = policy.margin_level if dearer else policy.alpha
    wanted = ratio.trials_to_settle(found, 1 + margin, level, policy.power, policy.repeat_cap)
    told = f"{told_ratio(metric, found.value, low, high, policy.alpha)}, and the margin allows {1 + margin:.4g}"
    shown = "too little to block, and too much to approve" if dearer else "not shown to be within"
    reason = f"{told}: {shown}; {_cure(wanted, policy)}"
    return MarginEvidence(metric, margin, measured, found, low, high, above, within, "open", reason, wanted)


def told_ratio(metric: Metric, value: float, low: float, high: float, alpha: float) -> str:
    """The ratio in words, with its interval: each of its ends is right but for `alpha`."""
    are, what = ("are", "what they were") if metric.level == "tokens" else ("is", "what it was")
    if not math.isfinite(value):
        return f"{metric.noun} {are} nothing no longer"
    ends = f"{low:.3g} to {'any number' if math.isinf(high) else f'{high:.3g}'}"
    return f"{metric.noun} {are} {value:.3g} times {what} ({percent(1 - 2 * alpha, None)} interval {ends})"


def _its(metric: Metric) -> str:
    return "their" if metric.level == "tokens" else "its"


def _unmeasured(metric: Metric, measured: Measured, policy: Policy) -> str:
    """Why a metric cannot be held against its margin; empty where it can."""
    why = _not_measured(metric, measured, policy) or _not_comparable(metric.field, measured)
    return f"{metric.noun} cannot be held against {_its(metric)} margin: {why}" if why else ""


def _not_measured(metric: Metric, measured: Measured, policy: Policy) -> str:
    field = metric.field
    for side, name in enumerate(("baseline", "candidate")):
        judged, lacking, wrong = (counts[side] for counts in (measured.judged, measured.lacking, measured.wrong))
        if wrong:
            return f"{field} of {counted(wrong, 'trial')} of the {name} is no amount; mend what measures it"
        if not judged or judged - lacking < LEAST_MEASURED * judged:
            have = "has" if lacking == 1 else "have"
            share = f"{lacking} of {counted(judged, 'judged trial')} of the {name} {have} no {field}"
            return f"{share}; measure it, or take gate.{metric.level}_margin away"
    known = len(measured.cases) + measured.only_before
    if measured.only_before > policy.max_errors * known:
        return f"{measured.only_before} of {counted(known, 'case')} with {field} before have none now; measure it again"
    (judged, now), (lacking, silent) = measured.judged, measured.lacking
    if silent / now > lacking / judged + policy.max_missing:
        told = f"{silent} of {counted(now, 'judged trial')} of the candidate {'has' if silent == 1 else 'have'} no {field}"
        return f"{told}, and {lacking} of {judged} had none before, so that the dear ones may be among them; measure it again"
    return "" if measured.cases else f"no case has {field} on both sides; measure it, or take gate.{metric.level}_margin away"


def _not_comparable(field: str, measured: Measured) -> str:
    before, after = (math.fsum(math.fsum(pair[side]) / len(pair[side]) for pair in measured.cases.values()) for side in (0, 1))
    if before == 0 and after == 0:
        return f"{field} is 0 in every trial; mend what measures it, or take the margin away"
    if after * ANOTHER_UNIT <= before:
        return f"{field} is {after / before:.2g} times what it was, as if in another unit; compare runs that measure alike"
    return ""


def _cure(wanted: ratio.Wanted, policy: Policy) -> str:
    if wanted.after is None:
        return (
            f"it is so near the margin that {policy.repeat_cap} trials a case would hardly settle it; "
            "widen the margin, or add cases"
        )
    trials = counted(wanted.after, "trial")
    if wanted.before > 1 and wanted.before >= wanted.after:
        return f"about {trials} of each case on both sides would likely tell: run the released version again too"
    return f"about {trials} of each case would likely tell"


def margin_figures(margins: Sequence[MarginEvidence], policy: Policy) -> dict[str, Any]:
    """The margins as a decision's file holds them."""
    if not margins:
        return {}
    told = [_row(m) for m in margins]
    return {"margins": {"level": policy.margin_level, "confidence": 1 - 2 * policy.alpha, "measured": told}}


def _row(m: MarginEvidence) -> dict[str, Any]:
    cases = m.measured.cases
    means = ((id, sum(before) / len(before), sum(after) / len(after)) for id, (before, after) in cases.items())
    rose = nsmallest(ROSE, ((before - after, id, before, after) for id, before, after in means if after > before))
    found = m.found
    return {
        "metric": m.metric.level,
        "field": m.metric.field,
        "margin": m.margin or None,
        "verdict": m.verdict,
        "ratio": _finite(found.value) if found is not None else None,
        "low": _finite(m.low) if found is not None else None,
        "high": _finite(m.high) if found is not None else None,
        "p_above": m.above,
        "p_within": m.within,
        "exchanges": found.left.size if found is not None else 0,
        "before": found.before if found is not None else None,
        "after": found.after if found is not None else None,
        "cases": len(cases),
        "trials": [sum(len(pair[side]) for pair in cases.values()) for side in (0, 1)],
        "judged": list(m.measured.judged),
        "lacking": list(m.measured.lacking),
        "left_out": list(m.measured.left_out),
        "rose": [{"eval_id": id, "before": before, "after": after} for _, id, before, after in rose],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
