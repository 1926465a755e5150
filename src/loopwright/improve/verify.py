"""Verification: what a guard does to the failure it is for, to success, runtime and cost, over paired trials.

Trials are paired by case and number: the same input, without the guard and with it. A proposal is called helping only where all
four hold at the level that is this proposal's share: the failure became rarer (exact test), and success, runtime and cost are
within their margins (each tested against being worse than that). Being the intersection of tests at that level, the chance to
call a guard helping that does not make the failure rarer, or that costs a margin, is at most the level (Berger,
"Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 1982).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from loopwright.evaluate.result import EvalResult
from loopwright.evaluate.trial import NEEDS_JUDGE
from loopwright.improve.proposal import Effect, Verification
from loopwright.stats import paired
from loopwright.stats.paired import Changes, MeanDifference
from loopwright.wording import percent

HARM_MEASURES = 4


@dataclass(frozen=True, slots=True)
class VerifyPolicy:
    """What verification may spend, and which margins it grants.

    `alpha` bounds the chance that any unhelpful guard of the `kinds` kinds is called helping. Each kind has an equal share; of
    it the first look at a proposal takes `first_look`, and every later one that share of what is left. `harm_alpha` bounds the
    chance to call one guard harmful that is not. `success_margin` is a difference of shares; `runtime_margin` and `cost_margin`
    are shares of the mean without the guard, and never less than `runtime_floor_ms` and `cost_floor_usd`. A failure rarer by
    less than `worthwhile` of its rate without the guard (or than `worthwhile_floor`, if that is more) is not worth a guard. With
    more than `max_unjudged` of the pairs without a verdict, nothing is said of success.
    """

    alpha: float = 0.05
    kinds: int = 6
    first_look: float = 0.75
    harm_alpha: float = 0.05
    success_margin: float = 0.1
    runtime_margin: float = 0.25
    runtime_floor_ms: float = 20.0
    cost_margin: float = 0.25
    cost_floor_usd: float = 0.0001
    worthwhile: float = 0.5
    worthwhile_floor: float = 0.05
    max_unjudged: float = 0.2

    def level(self, look: int) -> float:
        """The level of the `look`-th verification of one proposal, counted from 1; all looks together spend a kind's share."""
        return self.alpha / self.kinds * self.first_look * (1 - self.first_look) ** (look - 1)


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
    suite_digest: str = "",
    at: datetime | None = None,
) -> Verification:
    """The verdict on paired trials (see `Verification`); `look` counts the verifications of this proposal, this one included."""
    policy = policy or VerifyPolicy()
    level = policy.level(look)
    failure = _failure(tried, level, policy)
    measures = (_success(tried, level, policy), _runtime(tried, level, policy), _cost(tried, level, policy))
    verdict, reason = _verdict(failure, measures, tried)
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
        cases=len({pair.case_id for pair in tried}),
        level=level,
        look=look,
    )


@dataclass(frozen=True, slots=True)
class _Failure:
    effect: Effect
    rarer: bool
    worse: bool
    useless: bool


def _failure(tried: Sequence[Pair], level: float, policy: VerifyPolicy) -> _Failure:
    seen = [(p.without.failed, p.with_.failed) for p in tried if p.without.failed is not None and p.with_.failed is not None]
    counts = paired.changes([a for a, _ in seen], [b for _, b in seen])
    rate = _share([a for a, _ in seen])
    effect = _proportion("failure", seen, counts, paired.fell(counts))
    least = max(policy.worthwhile_floor, policy.worthwhile * (rate or 0.0))
    useless = bool(seen) and effect.low is not None and effect.low > -least
    worse = bool(seen) and paired.rose(counts) <= policy.harm_alpha / HARM_MEASURES
    return _Failure(effect, bool(seen) and paired.fell(counts) <= level, worse, useless)


def _success(tried: Sequence[Pair], level: float, policy: VerifyPolicy) -> Kept:
    seen = [(p.without.success, p.with_.success) for p in tried if p.without.success is not None and p.with_.success is not None]
    counts = paired.changes([a for a, _ in seen], [b for _, b in seen])
    effect = _proportion("success", seen, counts, paired.differs(counts))
    worse = bool(seen) and paired.fell(counts) <= policy.harm_alpha / HARM_MEASURES
    known = bool(tried) and len(tried) - len(seen) <= policy.max_unjudged * len(tried)
    return Kept(effect, known and paired.above(counts, -policy.success_margin) <= level, worse, known)


def _runtime(tried: Sequence[Pair], level: float, policy: VerifyPolicy) -> Kept:
    rows = [(p.case_id, p.without.runtime_ms, p.with_.runtime_ms) for p in tried]
    return _amount("runtime_ms", rows, (policy.runtime_margin, policy.runtime_floor_ms), level, policy)


def _cost(tried: Sequence[Pair], level: float, policy: VerifyPolicy) -> Kept:
    rows = [(p.case_id, p.without.cost_usd, p.with_.cost_usd) for p in tried]
    return _amount("cost_usd", rows, (policy.cost_margin, policy.cost_floor_usd), level, policy)


def _amount(
    name: str,
    rows: Iterable[tuple[str, float | None, float | None]],
    margin: tuple[float, float],
    level: float,
    policy: VerifyPolicy,
) -> Kept:
    """Runtime or cost, where both sides tell it. What the target does not tell cannot be held against the guard."""
    seen = [(case, a, b) for case, a, b in rows if a is not None and b is not None]
    if not seen:
        return Kept(Effect(name, None, None), kept=True, worse=False, known=False)
    without, with_ = (sum(row[side] for row in seen) / len(seen) for side in (1, 2))  # type: ignore[misc]
    cases = [case for case, _, _ in seen]
    share, floor = margin
    difference = paired.mean_difference([b - a for _, a, b in seen], cases)
    relative = paired.mean_difference([b - (1 + share) * a for _, a, b in seen], cases)
    below = (paired.mean_below(relative, 0.0), paired.mean_below(difference, floor))
    kept = min(below) <= level
    worse = 1 - min(below) <= policy.harm_alpha / HARM_MEASURES
    low, high = paired.mean_interval(difference)
    effect = Effect(name, without, with_, difference.mean, low, high, _two_sided(difference))
    return Kept(effect, kept, worse)


def _two_sided(difference: MeanDifference) -> float:
    below = paired.mean_below(difference, 0.0)
    return min(1.0, 2 * min(below, 1 - below)) if difference.error else float(difference.mean == 0)


def _proportion(name: str, seen: Sequence[tuple[bool | None, bool | None]], counts: Changes, p_value: float) -> Effect:
    if not seen:
        return Effect(name, None, None)
    low, high = paired.interval(counts)
    without, with_ = _share([a for a, _ in seen]), _share([b for _, b in seen])
    return Effect(name, without, with_, counts.difference, low, high, p_value)


def _share(values: Sequence[bool | None]) -> float | None:
    return sum(map(bool, values)) / len(values) if values else None


_WORSE = {"success": "success fell", "runtime_ms": "it takes longer", "cost_usd": "it costs more"}
_UNSURE = {
    "success": "that success is kept is not shown yet",
    "runtime_ms": "that runtime is kept is not shown yet",
    "cost_usd": "that cost is kept is not shown yet",
}


def _verdict(failure: _Failure, measures: Sequence[Kept], tried: Sequence[Pair]) -> tuple[str, str]:
    """The verdict, and in words what it rests on."""
    if not tried:
        return "undecided", "nothing was tried"
    harm = ["the failure became more frequent"] if failure.worse else []
    harm += [_WORSE[m.effect.name] for m in measures if m.worse and not m.kept]
    if harm:
        return "harmful", " and ".join(harm)
    if failure.effect.without is None:
        return "undecided", "the agent answers without messages, so the failure could not be looked for"
    return _traded(failure.effect, measures) if failure.rarer else _not_rarer(failure)


def _not_rarer(failure: _Failure) -> tuple[str, str]:
    if not failure.useless:
        return "undecided", f"too few trials to say whether the failure became rarer ({_seen(failure.effect)})"
    if not failure.effect.without:
        return "no_effect", "the failure did not occur without the guard"
    return "no_effect", f"the failure did not become rarer by enough to matter ({_seen(failure.effect)})"


def _traded(failure: Effect, measures: Sequence[Kept]) -> tuple[str, str]:
    """The verdict on a failure that became rarer: at what price."""
    rarer = f"the failure became rarer ({_seen(failure)})"
    unsure = [_reason(m) for m in measures if not m.kept]
    if unsure:
        return "undecided", f"{rarer}, but {' and '.join(unsure)}: add trials"
    fell = next((m.effect.difference for m in measures if m.worse), None)
    if fell is not None:
        weigh = "a person has to weigh the one against the other"
        return "undecided", f"{rarer}, and success fell by {-100 * fell:.1f} points, within its margin: {weigh}"
    return "helping", f"{rarer}, within the margins of success, runtime and cost"


def _reason(measure: Kept) -> str:
    if measure.effect.name == "success" and not measure.known:
        return "most trials have no verdict on success"
    return _UNSURE[measure.effect.name]


def _seen(effect: Effect) -> str:
    return f"{percent(effect.without or 0)} of trials without the guard, {percent(effect.with_ or 0)} with it"
