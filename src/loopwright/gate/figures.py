"""The figures of a decision: its `statistics`, as a file holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loopwright.gate.comparable import Comparable
from loopwright.gate.counts import count_groups
from loopwright.gate.evidence import Evidence
from loopwright.gate.levels import GroupEvidence
from loopwright.gate.modes import ModeEvidence
from loopwright.gate.naive import naive_regressions
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally, Tally


def no_figures(policy: Policy) -> dict[str, Any]:
    """What is said where nothing could be compared."""
    return {"alpha": policy.alpha, "suite": None, "modes": None, "cases": None, "min_detectable_drop": None}


def figures(policy: Policy, found: Evidence, counted: Tally, shared: Comparable) -> dict[str, Any]:
    """Every test with its level, what fell, the counts, the naive rule's answer, and which cases were compared."""
    return {
        "alpha": policy.alpha,
        "suite": suite_figures(found.suite),
        "modes": {
            "level": policy.mode_level,
            "tested": [{"mode_id": m.mode_id} | _group(m) for m in found.modes],
            "repeat_level": policy.mode_repeat_level,
            "suspects": [_mode(loss) for loss in found.losses if loss.held or loss.blocked],
        },
        "cases": _solved(policy, found),
        "min_detectable_drop": found.seen.drop,
        "power": policy.power,
        "fell": fell(counted.cases),
        "counts": count_groups(counted.cases),
        "naive": {"regressions": naive_regressions(shared.baseline, shared.candidate)},
        "compared": len(counted.cases) - len(counted.missing),
        "new": list(counted.new),
        "changed": list(shared.changed),
        "gone": list(shared.gone),
    }


def suite_figures(group: GroupEvidence) -> dict[str, Any]:
    """The suite's tests with their levels."""
    plain = {"level": group.plain.level, "ceiling": group.plain.ceiling} if group.plain is not None else {}
    shapes = [{"shape": s.shape, "p_value": s.p_value, "level": s.level, "net": s.net} for s in group.shapes]
    return _group(group) | plain | {"unusual": group.unusual, "shapes": shapes}


def _solved(policy: Policy, found: Evidence) -> dict[str, Any]:
    level = found.cases
    return {
        "level": policy.case_level,
        "repeat_level": policy.repeat_level,
        "together_level": policy.together_level,
        "solved": level.solved,
        "several": level.several,
        "several_level": policy.several,
        "pass_rates": {"a": level.belief.a, "b": level.belief.b},
        "suspects": [
            {
                "eval_id": e.case.eval_id,
                "before": [e.case.before.all_passes, e.case.before.all_trials],
                "after": [e.case.after.all_passes, e.case.after.all_trials],
                "p_value": e.p_value,
                "log_evidence": e.log_evidence,
            }
            for e in level.evidence
            if e.open
        ],
    }


def _mode(loss: ModeEvidence) -> dict[str, Any]:
    return {
        "mode_id": loss.mode_id,
        "before": list(loss.counts("before")),
        "after": list(loss.counts("after")),
        "p_value": loss.p_value,
        "log_evidence": loss.log_evidence,
    }


def _group(group: GroupEvidence) -> dict[str, Any]:
    return {
        "p_value": group.test.p_value,
        "mid_p_value": group.test.mid_p_value,
        "adjusted": group.adjusted,
        "before": list(group.before),
        "after": list(group.after),
    }


def fell(cases: Sequence[CaseTally]) -> list[dict[str, Any]]:
    """The cases that passed less often than before, largest fall first."""
    rows = []
    for case in cases:
        (x1, n1), (x0, n0) = case.planned_after, (case.before.passes, case.before.trials)
        if n0 and n1 and x1 * n0 < x0 * n1:
            rows.append((x1 / n1 - x0 / n0, case.eval_id, [x0, n0], [x1, n1]))
    return [{"eval_id": eval_id, "before": before, "after": after} for _, eval_id, before, after in sorted(rows)]
