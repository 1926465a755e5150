"""Solved cases that lack trials of the candidate. A trial that is missing must gain nothing over one that failed.

A few missing trials are let through, as failures of the suite and of their mode. Where the case itself would have been held, had
they failed, so it is without them; what would tell is to run them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from loopwright.gate.decision import CaseRequest
from loopwright.gate.doubt import named, unexplained
from loopwright.gate.levels import case_evidence
from loopwright.gate.policy import Policy
from loopwright.gate.tally import CaseTally


def unseen(cases: Sequence[CaseTally], policy: Policy) -> list[CaseTally]:
    """The cases that, had their absent trials failed, would each by itself have blocked or stood against an approval."""
    if not any(case.absent for case in cases):
        return []
    level = case_evidence([_as_failed(case) for case in cases], policy)
    held = {e.case.eval_id for e in (*unexplained(level, policy), *(e for e in level.evidence if e.blocked))}
    return [case for case in cases if case.absent and case.eval_id in held]


def of_unseen(cases: Sequence[CaseTally]) -> list[str]:
    """The doubt that solved cases were lost in trials that nobody saw."""
    if not cases:
        return []
    was = "was" if len(cases) == 1 else "were"
    which = named([case.eval_id for case in cases])
    return [f"{which} {was} solved, and not every trial is there; run what is missing"]


def unseen_requests(cases: Sequence[CaseTally], asked: Sequence[CaseRequest]) -> list[CaseRequest]:
    """The absent trials, beside those that are asked for already."""
    known = {request.eval_id for request in asked}
    return [CaseRequest(case.eval_id, case.absent, repeat=False) for case in cases if case.eval_id not in known]


def _as_failed(case: CaseTally) -> CaseTally:
    if not case.absent:
        return case
    after = case.after
    return replace(case, after=replace(after, trials=after.trials + case.absent, errors=after.errors + case.absent))
