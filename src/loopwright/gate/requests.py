"""What would decide: which cases, how many more trials, and as what they are to be run."""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.gate.decision import CaseRequest
from loopwright.gate.evidence import Evidence
from loopwright.gate.levels import CaseEvidence, CaseLevel, detectable
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally, Tally


def requests(
    counted: Tally, found: Evidence, held: Sequence[CaseEvidence], policy: Policy, blind: bool, incomplete: bool
) -> list[CaseRequest]:
    """What would decide: missing trials, trials without a verdict, repeats of suspects, or more trials of everything.

    `held` are cases that are asked for as the suite's fall is unusual; `blind` and `incomplete` say that the run could not have
    seen enough, and that trials are missing. A suspect is asked for as many repeats as it has failures, and never more than
    would prove its loss: noise clears itself with the first pass, and a lost case is proved in a few rounds.
    """
    wanted: dict[str, int] = {}
    if incomplete:
        for case in counted.cases:
            wanted[case.eval_id] = case.absent + case.after.errors
    elif blind:
        wanted = _more_trials(counted.cases, found.cases, policy)
    for e in found.cases.evidence:
        if e.open and e.to_prove:
            wanted[e.case.eval_id] = max(wanted.get(e.case.eval_id, 0), min(e.to_prove, e.case.after.failures))
    for e in held:
        wanted[e.case.eval_id] = max(wanted.get(e.case.eval_id, 0), min(e.room, e.case.after.failures))
    for loss in found.losses:
        for eval_id, trials in loss.wanted.items() if loss.held else ():
            wanted[eval_id] = max(wanted.get(eval_id, 0), trials)
    repeat = not (incomplete or blind)
    return [CaseRequest(eval_id, trials, repeat) for eval_id, trials in wanted.items() if trials > 0]


def _more_trials(cases: Sequence[CaseTally], level: CaseLevel, policy: Policy) -> dict[str, int]:
    """How many more trials of every case would have shown a loss that matters; empty where the cap would not do."""
    for factor in range(2, policy.repeat_cap + 1):
        seen = detectable(cases, level.belief, policy, factor)
        if seen.drop is not None and seen.drop <= policy.blind * seen.rate:
            return {c.eval_id: (factor - 1) * c.planned_after[1] for c in cases}
    return {}
