"""The evidence, level by level: the suite as a whole, each failure mode, each solved case."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally
from loopwright.stats.beta_binomial import Beta, fit, posterior, tail
from loopwright.stats.lost_case import cleared, failures_to_prove, log_evidence
from loopwright.stats.lost_together import LOOKS, chance_together
from loopwright.stats.multiplicity import holm
from loopwright.stats.poisson_binomial import at_least
from loopwright.stats.power import Design, DropPower, design, detectable_drop
from loopwright.stats.scored import lost_scores, relative_scores, scored_p_value
from loopwright.stats.stratified import StratifiedTest, drop_test


@dataclass(frozen=True, slots=True)
class PlainLevel:
    """What the suite's plain test is held against: its mid-p value to the level, its exact p-value to the ceiling."""

    level: float
    ceiling: float

    def blocks(self, p_value: float, mid_p_value: float) -> bool:
        """Whether a fall with these p-values blocks."""
        return mid_p_value <= self.level and p_value <= self.ceiling


@dataclass(frozen=True, slots=True)
class ShapeEvidence:
    """The test of a fall of one shape, `relative` or `lost` (see `stats.scored`), with the level that it is held against.

    `net` says whether the plain sum fell enough for it to count.
    """

    shape: Literal["relative", "lost"]
    p_value: float
    level: float
    net: bool

    @property
    def blocked(self) -> bool:
        """Whether it blocks."""
        return self.net and self.p_value <= self.level


@dataclass(frozen=True, slots=True)
class GroupEvidence:
    """The drop test over some cases. `adjusted` is the p-value that is compared with the level; counts are (passed, trials).

    `unusual` is the largest mid-p value at which the fall is worth a question, None where none is asked. `shapes` are the tests
    of the suite for drops of certain shapes; where there are any, the plain test has what they leave of the level.
    """

    test: StratifiedTest
    before: tuple[int, int]
    after: tuple[int, int]
    mode_id: str | None = None
    adjusted: float = 1.0
    blocked: bool = False
    unusual: float | None = None
    plain: PlainLevel | None = None
    shapes: tuple[ShapeEvidence, ...] = ()

    @property
    def in_doubt(self) -> bool:
        """Whether the fall is unusual, and not enough to block."""
        return not self.blocked and self.unusual is not None and self.test.mid_p_value <= self.unusual


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """What speaks for the loss of one solved case that failed at least once.

    `p_value` is the smaller of two, each compared with its own level over the number of solved cases: the chance of so few
    passes on the planned trials, and one over the evidence on all trials. `to_prove` is how many more failures would prove the
    loss, None where not even the cap would; `room` how many more trials the cap leaves. `open` means that more trials of the
    case are worth their cost.
    """

    case: CaseTally
    p_value: float
    planned_p: float
    log_evidence: float
    blocked: bool
    open: bool
    to_prove: int | None
    room: int = 0


@dataclass(frozen=True, slots=True)
class TogetherEvidence:
    """The cases that passed wholly before and failed every trial since, repeats among them, and how likely so many would be.

    `p_value` is over all looks.
    """

    cases: tuple[CaseTally, ...] = ()
    p_value: float = 1.0
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class CaseLevel:
    """All solved cases: how many there are, the fitted distribution of pass rates, and those that failed, worst first.

    `several` is the chance that so many of them pass none of their planned trials, or more.
    """

    solved: int
    belief: Beta
    evidence: tuple[CaseEvidence, ...] = ()
    several: float = 1.0


def suite_evidence(cases: Sequence[CaseTally], policy: Policy) -> GroupEvidence:
    """The drop tests over all cases, on planned trials: of the plain sum, and of two shapes that a drop may have."""
    test, before, after = _drop(cases)
    shapes = _shapes(cases, test, policy)
    left = 1 - sum(shape.level for shape in shapes) / policy.suite_ceiling
    plain = PlainLevel(round(policy.suite_level * left, 12), round(policy.suite_ceiling * left, 12))
    by_plain = plain.blocks(test.p_value, test.mid_p_value)
    found = test.mid_p_value if by_plain else min((s.p_value for s in shapes if s.blocked), default=test.mid_p_value)
    return GroupEvidence(
        test,
        before,
        after,
        adjusted=found,
        blocked=by_plain or any(shape.blocked for shape in shapes),
        unusual=policy.unusual_first if before[1] < 2 * len(cases) else policy.unusual,
        plain=plain,
        shapes=shapes,
    )


def _shapes(cases: Sequence[CaseTally], test: StratifiedTest, policy: Policy) -> tuple[ShapeEvidence, ...]:
    """The tests of shapes; none where all cases that can tell have equal counts, since they are all one test there.

    The distribution of pass rates is fitted to both sides together, so that the tests stay exact.
    """
    n0, x0, n1, x1 = columns(cases)
    telling = (n0 > 0) & (n1 > 0) & (x0 + x1 > 0) & (x0 + x1 < n0 + n1)
    if len(np.unique(np.stack([n0, n1, x0 + x1])[:, telling], axis=1).T) < 2:
        return ()
    belief = both_sides(cases)
    net = test.mid_p_value <= policy.suite_net
    return (
        ShapeEvidence("relative", scored_p_value(n0, x0, n1, x1, relative_scores(belief)), policy.suite_relative_level, net),
        ShapeEvidence("lost", scored_p_value(n0, x0, n1, x1, lost_scores(belief)), policy.suite_lost_level, net),
    )


def both_sides(cases: Sequence[CaseTally]) -> Beta:
    """The distribution of pass rates behind the planned trials of both sides together."""
    n0, x0, n1, x1 = columns(cases)
    return fit(x0 + x1, n0 + n1)


def mode_evidence(cases: Sequence[CaseTally], policy: Policy) -> list[GroupEvidence]:
    """The drop test within each mode, on planned trials, with exact p-values adjusted by Holm's procedure; by mode id."""
    members: dict[str, list[CaseTally]] = defaultdict(list)
    for case in cases:
        if case.mode_id is not None:
            members[case.mode_id].append(case)
    names = sorted(members)
    tests = [_drop(members[name]) for name in names]
    adjusted = holm([test.p_value for test, _, _ in tests])
    return [
        GroupEvidence(test, before, after, name, float(p), bool(p <= policy.mode_level))
        for name, (test, before, after), p in zip(names, tests, adjusted, strict=True)
    ]


def case_evidence(cases: Sequence[CaseTally], policy: Policy) -> CaseLevel:
    """What is known of each solved case that failed. Deterministic cases are left out: they are not a matter of chance.

    Quarantined cases count among the solved, so that a quarantine never turns against another case; of them nothing is said here.
    """
    noisy = [c for c in cases if not c.deterministic]
    belief = fit([c.before.all_passes for c in noisy], [c.before.all_trials for c in noisy])
    solved = solved_among(noisy, belief, policy)
    known: dict[tuple[object, ...], CaseEvidence] = {}
    evidence = []
    for case in solved:
        if not case.after.failures or case.quarantined:
            continue
        counts = (case.before.all_passes, case.before.all_trials, case.after)
        if counts not in known:
            known[counts] = _weigh(case, belief, len(solved), policy)
        evidence.append(replace(known[counts], case=case))
    evidence.sort(key=lambda e: (-e.log_evidence, e.case.eval_id))
    return CaseLevel(len(solved), belief, tuple(evidence), _several(solved, belief))


def _several(solved: Sequence[CaseTally], belief: Beta) -> float:
    """The tail of the number of solved cases that pass none of their planned trials; each by its own predictive chance.

    Cases with one trial of history are left out: one trial does not tell how noisy a suite's cases are, so that chances would be
    guessed.
    """
    tried = [c for c in solved if c.after.trials and c.before.all_trials > 1]
    kinds = Counter((c.before.all_passes, c.before.all_trials, c.after.trials) for c in tried)
    chances = {kind: tail(0, kind[2], posterior(belief, kind[0], kind[1])) for kind in kinds}
    return at_least(sum(not c.after.passes for c in tried), [(chances[kind], cases) for kind, cases in kinds.items()])


def together_evidence(cases: Sequence[CaseTally], policy: Policy) -> TogetherEvidence:
    """What repeats say of several cases that fail again and again, none of them with the history to be proved lost alone."""
    noisy = [c for c in cases if not c.deterministic and c.before.all_trials]
    others = sum(c.before.all_passes < c.before.all_trials for c in noisy)
    lost = [c for c in noisy if c.before.all_passes == c.before.all_trials and not c.after.all_passes and not c.quarantined]
    best = TogetherEvidence()
    for look in LOOKS:
        found = tuple(c for c in lost if c.after.repeats >= look)
        counts = [(c.before.all_trials, c.after.trials + look) for c in found]
        p_value = min(1.0, len(LOOKS) * chance_together(counts, others))
        if p_value < best.p_value:
            best = TogetherEvidence(found, p_value, p_value <= policy.together_level)
    return best


def detectable(cases: Sequence[CaseTally], belief: Beta, policy: Policy, factor: int = 1) -> DropPower:
    """The smallest drop that these cases would show; with `factor` times as many candidate trials, where that is asked."""
    return detectable_drop(_plan(cases, factor), belief, policy.suite_level, policy.suite_ceiling, policy.power)


def improvement(cases: Sequence[CaseTally]) -> float:
    """The exact p-value of the opposite question: whether the candidate passes more than an unchanged agent would."""
    n0, x0, n1, x1 = columns(cases)
    return drop_test(n1, x1, n0, x0).p_value


def _drop(cases: Sequence[CaseTally]) -> tuple[StratifiedTest, tuple[int, int], tuple[int, int]]:
    n0, x0, n1, x1 = columns(cases)
    return drop_test(n0, x0, n1, x1), (int(x0.sum()), int(n0.sum())), (int(x1.sum()), int(n1.sum()))


def columns(cases: Sequence[CaseTally]) -> tuple[np.ndarray, ...]:
    """What the drop test takes, an entry a case: planned trials and passes before, then those now, absent ones failed."""
    rows = [(c.before.trials, c.before.passes, c.planned_after[1], c.planned_after[0]) for c in cases]
    return tuple(np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def all_columns(cases: Sequence[CaseTally]) -> tuple[np.ndarray, ...]:
    """The same of all trials, repeats among them; what is absent is left out."""
    rows = [(c.before.all_trials, c.before.all_passes, c.after.all_trials, c.after.all_passes) for c in cases]
    return tuple(np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def _plan(cases: Sequence[CaseTally], factor: int) -> Design:
    n0, x0, n1, _ = columns(cases)
    return design(n0, x0, n1 * factor, [c.deterministic for c in cases])


def solved_among(cases: Iterable[CaseTally], belief: Beta, policy: Policy) -> list[CaseTally]:
    """The cases that are solved; see `is_solved`, which is asked once of those with the same history."""
    known: dict[tuple[int, int], bool] = {}
    found = []
    for case in cases:
        counts = (case.before.all_passes, case.before.all_trials)
        if counts not in known:
            known[counts] = is_solved(case, belief, policy)
        if known[counts]:
            found.append(case)
    return found


def is_solved(case: CaseTally, belief: Beta, policy: Policy) -> bool:
    """Whether a case passes so often in its history, and is expected to, that losing it would be a regression of its own."""
    passes, trials = case.before.all_passes, case.before.all_trials
    now = posterior(belief, passes, trials)
    return trials > 0 and passes / trials >= policy.solved and now.a / (now.a + now.b) >= policy.expected


def _weigh(case: CaseTally, belief: Beta, solved: int, policy: Policy) -> CaseEvidence:
    known = posterior(belief, case.before.all_passes, case.before.all_trials)
    after = case.after
    planned_p = tail(after.passes, after.trials, known)
    weight = log_evidence(after.all_passes, after.failures, known)
    bound = math.log(solved / policy.repeat_level)
    blocked = planned_p <= policy.case_level / solved or weight >= bound
    room = max(0, policy.repeat_cap - after.all_trials)
    return CaseEvidence(
        case=case,
        p_value=min(planned_p, math.exp(-max(0.0, weight))),
        planned_p=planned_p,
        log_evidence=weight,
        blocked=blocked,
        open=not blocked and weight > 0 and not cleared(after.all_passes, after.failures, known),
        to_prove=failures_to_prove(after.all_passes, after.failures, known, bound, room),
        room=room,
    )
