"""Verification: what a guard does to the failure it is for, to success, runtime and cost, over paired trials.

Trials are paired by case and number: the same input, without the guard and with it. What is independent is the cases, so that
every test takes a case's trials together, as one observation (`stats.by_case`): an agent that answers a case always alike adds
nothing by answering it again. A proposal is called helping only where all four hold: the failure became rarer (exact test), and
success, runtime and cost are within their margins (each tested against being worse than that). Being the intersection of tests,
the chance to call a guard helping that does not make the failure rarer, or that costs a margin, is at most the level of that
one test (Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 1982).

Trials may come in stages. Each test has its level divided over the looks at it, so that looking again and again does not raise
the chance (Bonferroni's inequality), and what a stage has shown stays shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from loopwright.evaluate.result import EvalResult
from loopwright.evaluate.trial import NEEDS_JUDGE
from loopwright.improve.proposal import Effect, Verification
from loopwright.stats import by_case
from loopwright.stats.by_case import CaseDifferences, MeanDifference
from loopwright.wording import percent

HARM_MEASURES = 4


@dataclass(frozen=True, slots=True)
class VerifyPolicy:
    """What verification may spend, and which margins it grants.

    `alpha` bounds the chance that any guard of the `kinds` kinds is called helping that does not make the failure rarer: each
    kind has an equal share. `margin_alpha` bounds, for one guard, the chance to call it helping though it costs a whole margin;
    `harm_alpha` the chance to call it harmful though it is not. Of each the first look at a proposal takes `first_look`, and
    every later one that share of what is left. `success_margin` is a difference of shares; `runtime_margin` and `cost_margin` are
    shares of the mean without the guard, and never less than `runtime_floor_ms` and `cost_floor_usd`. A failure rarer by less
    than `worthwhile` of its rate without the guard (or than `worthwhile_floor`, if that is more) is not worth a guard. A failure
    that does not occur is none where it would have, at a rate of `unseen_rate`, with 95 %. With more than `max_unjudged` of the
    pairs without a verdict, nothing is said of success.
    """

    alpha: float = 0.05
    kinds: int = 6
    first_look: float = 0.75
    margin_alpha: float = 0.05
    harm_alpha: float = 0.05
    success_margin: float = 0.1
    runtime_margin: float = 0.25
    runtime_floor_ms: float = 20.0
    cost_margin: float = 0.25
    cost_floor_usd: float = 0.0001
    worthwhile: float = 0.5
    worthwhile_floor: float = 0.05
    unseen_rate: float = 0.1
    max_unjudged: float = 0.2

    def spent(self, look: int) -> float:
        """The share of what there is that the `look`-th look at one proposal takes, counted from 1; all looks together take 1."""
        return self.first_look * (1 - self.first_look) ** (look - 1)

    def level(self, look: int) -> float:
        """The level at which a look tests whether the failure became rarer."""
        return self.alpha / self.kinds * self.spent(look)

    def margin_level(self, look: int) -> float:
        """The level at which a look tests whether a measure is within its margin."""
        return self.margin_alpha * self.spent(look)

    def least_cases(self, look: int) -> int:
        """How many cases a look needs at least to show that success is kept."""
        return by_case.least_cases(-self.success_margin, self.margin_level(look))

    def harm_level(self, look: int) -> float:
        """The level at which a look tests whether one measure got worse."""
        return self.harm_alpha / HARM_MEASURES * self.spent(look)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is measured of one trial; None is not known. `failed` says that the failure pattern was found in it."""

    failed: bool | None = None
    success: bool | None = None
    runtime_ms: float | None = None
    cost_usd: float | None = None
    broke: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """One trial of one case, without and with the guard."""

    case_id: str
    trial: int
    without: Outcome
    with_: Outcome


@dataclass(frozen=True, slots=True)
class Kept:
    """One measure judged: its effect, whether it is shown to be within its margin, and whether it is shown to be worse."""

    effect: Effect
    kept: bool
    worse: bool
    known: bool = True


def outcome(result: EvalResult, failed: bool | None) -> Outcome:
    """A trial's result as what is measured of it; `failed` None where the pattern could not be looked for.

    A target that failed to answer is no success. A trial that only a judge, or no check, can decide has no known success.
    """
    broke = result.error is not None and not result.checks and result.error != NEEDS_JUDGE
    success = False if broke else result.passed
    return Outcome(None if broke else failed, success, result.latency_ms, result.cost_usd, broke)


def pairs(
    without: Iterable[EvalResult], with_: Iterable[EvalResult], failed: Callable[[EvalResult], bool | None]
) -> tuple[Pair, ...]:
    """The trials that both sides have, in the order of the first; `failed` tells whether the pattern is in a trial."""
    other = {(r.eval_id, r.trial): r for r in with_}
    return tuple(
        Pair(r.eval_id, r.trial, outcome(r, failed(r)), outcome(twin, failed(twin)))
        for r in without
        if (twin := other.get((r.eval_id, r.trial))) is not None
    )


def judge(
    tried: Sequence[Pair],
    policy: VerifyPolicy | None = None,
    *,
    look: int = 1,
    stages: Sequence[int] = (),
    replayed: Collection[str] = (),
    suite_digest: str = "",
    at: datetime | None = None,
) -> Verification:
    """The verdict on paired trials (see `Verification`).

    `look` counts the looks at this proposal, this one included. Where trials came in stages, `stages` says of each how many
    trials a case had by then, rising: each was a look of its own, the first the `look`-th. In the cases that are `replayed`, by
    id, the user's words are fixed: a fall of success there may be an agent that asks and gets no answer, and shows no harm.
    """
    policy = policy or VerifyPolicy()
    seen = [[p for p in tried if p.trial < count] for count in stages] or [list(tried)]
    looks = list(enumerate(seen, start=look))
    failure = _failure(looks, policy)
    measures = (
        _success(looks, policy, frozenset(replayed)),
        _amount("runtime_ms", looks, (policy.runtime_margin, policy.runtime_floor_ms), policy),
        _amount("cost_usd", looks, (policy.cost_margin, policy.cost_floor_usd), policy),
    )
    cases, last = len({pair.case_id for pair in tried}), looks[-1][0]
    verdict, reason, more = _verdict(failure, measures, cases, policy.least_cases(last)) if tried else NOTHING
    if verdict == "undecided" and (measures[0].effect.difference or 0.0) < 0 and {p.case_id for p in tried} <= set(replayed):
        reason = f"{reason}; recorded users do not answer what a guard makes the agent ask, so that cases of the suite tell more"
    if more and _always_alike(tried):
        reason, more = f"{reason}; the agent answers each case always alike, so that only more cases can tell", False
    return Verification(
        verdict,
        len(tried),
        failure.effect,
        measures[0].effect,
        measures[1].effect,
        measures[2].effect,
        reason=reason,
        suite_digest=suite_digest,
        at=at,
        cases=cases,
        level=policy.level(last),
        look=last,
        more=more,
    )


def _always_alike(tried: Sequence[Pair]) -> bool:
    """Whether every case was tried more than once, and failure and success were the same each time."""
    seen: dict[str, list[tuple[bool | None, ...]]] = {}
    for pair in tried:
        verdicts = (pair.without.failed, pair.without.success, pair.with_.failed, pair.with_.success)
        seen.setdefault(pair.case_id, []).append(verdicts)
    return all(len(rows) > 1 and len(set(rows)) == 1 for rows in seen.values())


_Looks = Sequence[tuple[int, Sequence[Pair]]]
"""Each look's number, and the pairs that it saw; the last saw all."""


@dataclass(frozen=True, slots=True)
class _Failure:
    effect: Effect
    rarer: bool
    worse: bool
    useless: bool


def _failure(looks: _Looks, policy: VerifyPolicy) -> _Failure:
    sides = [(look, _differences(pairs, "failed")) for look, pairs in looks]
    found = sides[-1][1]
    effect = _proportion("failure", looks[-1][1], "failed", found, by_case.fell(found.sums))
    least = max(policy.worthwhile_floor, policy.worthwhile * (effect.without or 0.0))
    absent = not effect.without and (1 - policy.unseen_rate) ** found.means.size <= 0.05
    useless = effect.low is not None and (effect.low > -least or absent)
    rarer = any(by_case.fell(seen.sums) <= policy.level(look) for look, seen in sides)
    worse = any(by_case.rose(seen.sums) <= policy.harm_level(look) for look, seen in sides)
    return _Failure(effect, rarer, worse, useless)


def _success(looks: _Looks, policy: VerifyPolicy, replayed: Collection[str]) -> Kept:
    sides = [(look, _differences(pairs, "success")) for look, pairs in looks]
    pairs, found = looks[-1][1], sides[-1][1]
    p_value = min(1.0, 2 * min(by_case.fell(found.sums), by_case.rose(found.sums)))
    effect = _proportion("success", pairs, "success", found, p_value)
    heard = [(look, [pair for pair in pairs if pair.case_id not in replayed]) for look, pairs in looks]
    worse = any(by_case.fell(_differences(some, "success").sums) <= policy.harm_level(look) for look, some in heard)
    known = bool(pairs) and len(pairs) - len(_both(pairs, "success")) <= policy.max_unjudged * len(pairs)
    kept = any(by_case.above(seen.means, -policy.success_margin) <= policy.margin_level(look) for look, seen in sides)
    return Kept(effect, known and kept, worse, known)


def _amount(name: str, looks: _Looks, margin: tuple[float, float], policy: VerifyPolicy) -> Kept:
    """Runtime or cost, where both sides tell it. What the target does not tell cannot be held against the guard."""
    rows = _both(looks[-1][1], name)
    if not rows:
        return Kept(Effect(name, None, None), kept=True, worse=False)
    beyond = [(look, _beyond(pairs, name, margin)) for look, pairs in looks]
    kept = any(within <= policy.margin_level(look) for look, (within, _) in beyond)
    worse = any(more <= policy.harm_level(look) for look, (_, more) in beyond)
    difference = by_case.mean_difference(_differences(looks[-1][1], name).means)
    low, high = by_case.mean_interval(difference)
    effect = Effect(name, _mean(rows, 1), _mean(rows, 2), difference.mean, low, high, _two_sided(difference))
    return Kept(effect, kept, worse)


def _beyond(pairs: Sequence[Pair], name: str, margin: tuple[float, float]) -> tuple[float, float]:
    """The p-values of "it rose by its margin or more" against less, and the other way; a margin is a share, and a floor."""
    share, floor = margin
    relative = by_case.mean_difference(_differences(pairs, name, 1 + share).means)
    difference = by_case.mean_difference(_differences(pairs, name).means)
    if difference.error == math.inf:
        return 1.0, 1.0
    within = min(by_case.mean_below(relative, 0.0), by_case.mean_below(difference, floor))
    return within, 1 - within


def _both(pairs: Sequence[Pair], name: str) -> list[tuple[str, float, float]]:
    """The case and the two values of each pair of which both sides are known."""
    values = ((p.case_id, getattr(p.without, name), getattr(p.with_, name)) for p in pairs)
    return [(case, float(a), float(b)) for case, a, b in values if a is not None and b is not None]


def _differences(pairs: Sequence[Pair], name: str, times: float = 1.0) -> CaseDifferences:
    rows = _both(pairs, name)
    return by_case.by_case([b - times * a for _, a, b in rows], [case for case, _, _ in rows])


def _two_sided(difference: MeanDifference) -> float:
    below = by_case.mean_below(difference, 0.0)
    return min(1.0, 2 * min(below, 1 - below)) if difference.error else float(difference.mean == 0)


def _proportion(name: str, pairs: Sequence[Pair], field: str, found: CaseDifferences, p_value: float) -> Effect:
    rows = _both(pairs, field)
    if not rows:
        return Effect(name, None, None)
    low, high = by_case.interval(found.means)
    return Effect(name, _mean(rows, 1), _mean(rows, 2), float(found.means.mean()), low, high, p_value)


def _mean(rows: Sequence[tuple[str, float, float]], side: Literal[1, 2]) -> float:
    """The mean over cases of one side; a case's is that of its trials."""
    found = by_case.by_case([row[side] for row in rows], [row[0] for row in rows])
    return float(found.means.mean())


_WORSE = {"success": "success fell", "runtime_ms": "it takes longer", "cost_usd": "it costs more"}
_UNSURE = {
    "success": "that success is kept is not shown yet",
    "runtime_ms": "that runtime is kept is not shown yet",
    "cost_usd": "that cost is kept is not shown yet",
}


NOTHING = "undecided", "nothing was tried", False


def _verdict(failure: _Failure, measures: Sequence[Kept], cases: int, needed: int) -> tuple[str, str, bool]:
    """The verdict, in words what it rests on, and whether more trials of the same cases might decide."""
    harm = ["the failure became more frequent"] if failure.worse else []
    harm += [_WORSE[m.effect.name] for m in measures if m.worse and not (m.kept and m.effect.name == "success")]
    if harm:
        return "harmful", " and ".join(harm), False
    if failure.effect.without is None:
        return "undecided", "the agent answers without messages, so the failure could not be looked for", False
    return _traded(failure.effect, measures, cases, needed) if failure.rarer else _not_rarer(failure)


def _not_rarer(failure: _Failure) -> tuple[str, str, bool]:
    if not failure.useless:
        return "undecided", f"too few trials to say whether the failure became rarer ({_seen(failure.effect)})", True
    if not failure.effect.without:
        return "no_effect", "the failure did not occur without the guard", False
    return "no_effect", f"the failure did not become rarer by enough to matter ({_seen(failure.effect)})", False


def _traded(failure: Effect, measures: Sequence[Kept], cases: int, needed: int) -> tuple[str, str, bool]:
    """The verdict on a failure that became rarer: at what price."""
    rarer = f"the failure became rarer ({_seen(failure)})"
    unsure = [m for m in measures if not m.kept]
    if unsure:
        few = cases < needed and not measures[0].kept
        more = all(m.known for m in unsure) and not few
        cure = f"add cases: {cases} are too few to show that success is kept, it takes {needed}" if few else "add trials or cases"
        return "undecided", f"{rarer}, but {' and '.join(map(_reason, unsure))}: {cure}", more
    fell = next((m.effect.difference for m in measures if m.worse), None)
    if fell is not None:
        weigh = "a person has to weigh the one against the other"
        return "undecided", f"{rarer}, and success fell by {-100 * fell:.1f} points, within its margin: {weigh}", False
    return "helping", f"{rarer}, within the margins of success, runtime and cost", False


def _reason(measure: Kept) -> str:
    if measure.effect.name == "success" and not measure.known:
        return "most trials have no verdict on success"
    return _UNSURE[measure.effect.name]


def _seen(effect: Effect) -> str:
    return f"{percent(effect.without or 0)} of trials without the guard, {percent(effect.with_ or 0)} with it"
