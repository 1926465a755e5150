"""The drop test of the suite or of a failure mode, with its numbers put in, so that it can be computed again by hand."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from loopwright.gate.levels import columns
from loopwright.gate.modes import ModeEvidence
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally
from loopwright.stats.lost_mode import HIT, STEPS
from loopwright.stats.stratified import drop_test, null_distribution
from loopwright.wording import counted

LARGE = 700.0
SHOWN = 12
"""So many kinds of cases are listed."""

Blocks = Callable[[float, float], bool]
"""Whether a test with these p-values, exact and mid-p, blocks."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Cases with the same planned trials before and now, and the same passes of both together."""

    before: int
    now: int
    passes: int

    @property
    def ways(self) -> list[tuple[int, int]]:
        """(passes now, in how many ways), of C(before + now, passes) in all."""
        least, most = max(0, self.passes - self.before), min(self.now, self.passes)
        return [(k, math.comb(self.now, k) * math.comb(self.before, self.passes - k)) for k in range(least, most + 1)]

    @property
    def total(self) -> int:
        """All ways in which the passes can lie among the trials."""
        return math.comb(self.before + self.now, self.passes)


def told_test(cases: Sequence[CaseTally], blocks: Blocks) -> list[str]:
    """What was counted, the distribution of each kind of case, the sum, both p-values, and from which sum on nothing blocks."""
    kinds = _kinds(cases)
    n0, x0, n1, x1 = (column.tolist() for column in columns(cases))
    test = drop_test(n0, x0, n1, x1)
    if not kinds:
        return ["Each case passed all its trials or none, on both sides together, so that nothing could have come out otherwise."]
    told = sum(sum(moved) for moved in kinds.values())
    informative = sum(map(len, kinds.values()))
    rest = len(cases) - informative
    lines = [
        "Each case is compared with itself: if nothing changed, its passes are as likely to be any of its trials, before or now.",
        f"{counted(informative, 'case')} can tell; {counted(rest, 'case')} passed all trials or none and cannot.",
        "  cases  before  now  passes of both  passes now, each with its chance: C(now, k) C(before, passes - k) / all",
    ]
    shown = sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind.before, kind.now, kind.passes))
    for kind in shown[:SHOWN]:
        chances = ", ".join(f"{k}: {ways}/{kind.total}" for k, ways in kind.ways)
        counts = f"{len(kinds[kind]):>5}  {kind.before:>6}  {kind.now:>3}  {kind.passes:>14}"
        lines.append(f"  {counts}  {chances} (in all {sum(kinds[kind])} passed)")
    lines += [f"  and {counted(len(shown) - SHOWN, 'more kind')} of cases"] if len(shown) > SHOWN else []
    expected, spread = test.expected - (test.observed - told), math.sqrt(test.variance)
    lines += [
        f"T, the passes of these cases now, is {told}; {expected:.2f} were to be expected, standard deviation {spread:.2f}.",
        *_by_hand(kinds, told),
        f"Chance of T at most {told}: exact p {_number(test.p_value)}; with half of that of {told}, "
        f"mid-p {_number(test.mid_p_value)}.",
    ]
    return [*lines, *_needed(kinds, told, blocks)]


def told_case(case: CaseTally) -> str:
    """One case's part in the test of its mode and of the suite, as a hypergeometric chance; empty where it has none."""
    (x1, n1), (x0, n0) = case.planned_after, (case.before.passes, case.before.trials)
    kind = _Kind(n0, n1, x0 + x1)
    if not _tells(kind):
        return ""
    some = [(k, ways) for k, ways in kind.ways if k <= x1]
    terms = " + ".join(f"C({n1},{k}) C({n0},{kind.passes - k})" for k, _ in some)
    chance = sum(ways for _, ways in some) / kind.total
    return (
        f"In the suite's test and its mode's: {kind.passes} of {counted(n0 + n1, 'planned trial')} passed on both sides. "
        f"That at most {x1} of them are among the {n1} of now has the chance [{terms}] / C({n0 + n1},{kind.passes}) = "
        f"{sum(ways for _, ways in some)}/{kind.total} = {_number(chance)}."
    )


def told_loss(loss: ModeEvidence, modes: int, policy: Policy) -> list[str]:
    """The evidence on all trials of a mode's cases, repeats among them, and the level that it is held against."""
    (x0, n0), (x1, n1) = loss.counts("before"), loss.counts("after")
    steps, hits = (", ".join(f"{value:g}" for value in values) for values in (STEPS, HIT))
    bound = modes / policy.mode_repeat_level
    lines = [
        f"All trials of its {counted(len(loss.cases), 'case')}, with repeats: {x0} of {n0} passed before, {x1} of {n1} now.",
        "For a mode that got worse, the factor of a case is (1 - hit) + hit x P(its trials now | its rate lower by step) / P(its "
        "trials now | its history).",
        f"The factors of all cases are multiplied, and the products averaged over hit = {hits} and step = {steps}: the evidence "
        f"is {ratio(loss.log_evidence)}.",
        f"It blocks from {counted(modes, 'mode')} / {policy.mode_repeat_level:.4g} = {bound:.4g} on, at whatever look; it "
        f"{'reaches that, and blocks' if loss.blocked else 'is below: no proof'}.",
    ]
    if loss.held:
        lines.append(f"{counted(sum(loss.wanted.values()), 'more trial')} of its cases would tell.")
    return lines


def ratio(log_evidence: float) -> str:
    """The evidence itself, or as a power of e where it is too large for a number."""
    return f"{math.exp(log_evidence):.4g}" if log_evidence < LARGE else f"e^{log_evidence:.4g}"


def _by_hand(kinds: dict[_Kind, list[int]], told: int) -> list[str]:
    """The formula of the sum, where it is a simple one."""
    least = [(kind.ways[0], kind.total, len(moved)) for kind, moved in kinds.items()]
    if told == sum(k * size for (k, _), _, size in least):
        product = " x ".join(f"({ways}/{total})^{size}" for (_, ways), total, size in least[:SHOWN])
        more = f" x ... ({counted(len(least), 'factor')})" if len(least) > SHOWN else ""
        return [f"T is as low as it can be, so that p is the product of the least ones' chances: {product}{more}."]
    if len(kinds) > 1:
        return ["T is the sum of independent draws, one a case, from these chances: their distributions are convolved."]
    ((kind, moved),) = kinds.items()
    if len(kind.ways) != 2:
        return [f"T is the sum of {len(moved)} independent draws from these chances: the distribution is convolved with itself."]
    (floor, _), (_, most) = kind.ways
    above = told - floor * len(moved)
    base = f" above {floor * len(moved)}" if floor else ""
    return [
        f"T{base} is binomial: {counted(len(moved), 'draw')} of chance {most}/{kind.total}, "
        f"p = sum of C({len(moved)}, j) ({most}/{kind.total})^j (1 - {most}/{kind.total})^({len(moved)} - j) for j = 0..{above}."
    ]


def _needed(kinds: dict[_Kind, list[int]], told: int, blocks: Blocks) -> list[str]:
    """From which sum on the test would not have blocked."""
    rows = [(kind, len(moved)) for kind, moved in kinds.items()]
    parts = [[getattr(kind, name) for kind, size in rows for _ in range(size)] for name in ("before", "now", "passes")]
    low, pmf = null_distribution(*(np.array(part, dtype=np.int64) for part in parts))
    below = np.concatenate([[0.0], np.cumsum(pmf)])
    if not _blocked(below, pmf, told - low, blocks):
        return []
    enough = next((t for t in range(max(0, told - low), pmf.size) if not _blocked(below, pmf, t, blocks)), None)
    if enough is None:
        return []
    more = counted(enough + low - told, "more pass", "more passes")
    return [f"This test would not have blocked from T = {enough + low} on, with {more} of these now."]


def _blocked(below: np.ndarray, pmf: np.ndarray, at: int, blocks: Blocks) -> bool:
    if at < 0:
        return True
    return blocks(float(below[at] + pmf[at]), float(below[at] + pmf[at] / 2))


def _kinds(cases: Sequence[CaseTally]) -> dict[_Kind, list[int]]:
    """The cases that can tell, by kind, each as its passes now."""
    kinds: dict[_Kind, list[int]] = defaultdict(list)
    for case in cases:
        (x1, n1), (x0, n0) = case.planned_after, (case.before.passes, case.before.trials)
        kind = _Kind(n0, n1, x0 + x1)
        if _tells(kind):
            kinds[kind].append(x1)
    return dict(kinds)


def _tells(kind: _Kind) -> bool:
    return kind.before > 0 and kind.now > 0 and 0 < kind.passes < kind.before + kind.now


def _number(value: float) -> str:
    return f"{value:.4g}"
