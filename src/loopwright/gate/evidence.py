"""All that was found out about a candidate, level by level: what blocks, and what the report counts, is read off it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from loopwright.gate.decision import Regression
from loopwright.gate.doubt import may_not_fail
from loopwright.gate.levels import (
    CaseLevel,
    GroupEvidence,
    TogetherEvidence,
    case_evidence,
    detectable,
    mode_evidence,
    suite_evidence,
    together_evidence,
)
from loopwright.gate.modes import ModeEvidence, mode_losses
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally, Tally
from loopwright.stats.power import DropPower


@dataclass(frozen=True, slots=True)
class Evidence:
    """The tests of one comparison.

    `modes` are tested on planned trials, `losses` on all; `cases` are the solved ones that failed, `together` several of them;
    `seen` is what the run could have seen.
    """

    suite: GroupEvidence
    modes: tuple[GroupEvidence, ...]
    losses: tuple[ModeEvidence, ...]
    cases: CaseLevel
    together: TogetherEvidence
    seen: DropPower


def evidence(counted: Tally, policy: Policy) -> Evidence:
    """Test the counts at every level."""
    level = case_evidence(counted.cases, policy)
    return Evidence(
        suite=suite_evidence(counted.cases, policy),
        modes=tuple(mode_evidence(counted.cases, policy)),
        losses=tuple(mode_losses(counted.cases, level.belief, policy)),
        cases=level,
        together=together_evidence(counted.cases, policy),
        seen=detectable(counted.cases, level.belief, policy),
    )


def proofs(cases: Collection[CaseTally]) -> list[Regression]:
    """The deterministic cases that failed: no matter of chance."""
    return [_case("deterministic", c) for c in cases if c.failed_outright and may_not_fail(c)]


def shown(found: Evidence) -> list[Regression]:
    """What the tests show to be worse: the suite, modes, cases."""
    return [*_groups("suite", [found.suite]), *_groups("mode", found.modes), *_lost_modes(found), *_lost_cases(found)]


def _case(level: Literal["deterministic", "case"], case: CaseTally, p_value: float | None = None) -> Regression:
    before, after = case.before, case.after
    return Regression(
        level,
        eval_id=case.eval_id,
        mode_id=case.mode_id,
        p_value=p_value,
        before=(before.all_passes, before.all_trials),
        after=(after.all_passes, after.all_trials),
    )


def _groups(level: Literal["suite", "mode"], groups: Sequence[GroupEvidence]) -> list[Regression]:
    return [Regression(level, None, g.mode_id, g.adjusted, g.before, g.after) for g in groups if g.blocked]


def _lost_modes(found: Evidence) -> list[Regression]:
    """The modes that all trials together show to be worse, and their planned trials alone do not."""
    known = {group.mode_id for group in found.modes if group.blocked}
    return [
        Regression("mode", None, loss.mode_id, loss.p_value, loss.counts("before"), loss.counts("after"))
        for loss in found.losses
        if loss.blocked and loss.mode_id not in known
    ]


def _lost_cases(found: Evidence) -> list[Regression]:
    alone = [_case("case", e.case, e.p_value) for e in found.cases.evidence if e.blocked]
    known = {r.eval_id for r in alone}
    together = [c for c in found.together.cases if found.together.blocked and c.eval_id not in known]
    return alone + [_case("case", c, found.together.p_value) for c in together]
