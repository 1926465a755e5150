"""What waits for a person, each as an item of one queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from loopwright.errors import UsageError
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.queue import Queued
from loopwright.improve.proposal import ProposalRecord
from loopwright.workflows.triage import Candidate

UNKNOWN_SEVERITY = 0.5
"""The severity of what no stored failure tells of."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits: a draft `case`, a `proposal`, or a `failure` queued after a gate.

    `severity` lies in 0..1, `count` says how many recorded failures it stands for; the queue is in order of their product.
    `against` says what speaks against approving it, and is empty where nothing does.
    """

    id: str
    kind: Literal["case", "proposal", "failure"]
    title: str
    severity: float
    count: int
    against: str = ""
    candidate: Candidate | None = None
    proposal: ProposalRecord | None = None
    failure: Queued | None = None

    @property
    def urgency(self) -> float:
        """Severity times frequency."""
        return self.severity * self.count

    @property
    def case(self) -> EvalCase | None:
        """Its draft case, where it is one."""
        return self.candidate.case if self.candidate is not None else None

    @property
    def approving(self) -> str:
        """What approving it does, in words."""
        if self.proposal is not None:
            return "the guard may be written into harness.toml, with: loopwright improve apply"
        if self.failure is not None:
            return "a case is drafted from it, which then waits here in its turn"
        return "the case joins the suite: it runs, and the gate holds every release to it"

    def drafted(self) -> tuple[Candidate, EvalCase]:
        """The candidate of a draft case, and the case; raises `UsageError` for any other item."""
        if self.candidate is None or self.candidate.case is None:
            raise UsageError(f"{self.id} is no draft case; only draft cases can be edited")
        return self.candidate, self.candidate.case


def case_item(candidate: Candidate) -> Item:
    """A draft case."""
    case = candidate.case
    if case is None:
        raise UsageError(f"{candidate.id} has no draft; draft one with: loopwright draft")
    severity = candidate.severity if candidate.failures else case.severity / 5
    return Item(case.id, "case", candidate.name, severity, max(1, candidate.count), case.not_admitted, candidate)


def proposal_item(record: ProposalRecord, severity: Mapping[str, float]) -> Item:
    """A proposal; `severity` is that of the stored failures, by trace id."""
    proposal, latest = record.proposal, record.verification
    known = [severity[id] for id in proposal.evidence if id in severity]
    mean = sum(known) / len(known) if known else UNKNOWN_SEVERITY
    against = "it was not verified" if latest is None else ""
    if latest is not None and latest.verdict != "helping":
        against = f"its verification says {latest.verdict}" + (f": {latest.reason}" if latest.reason else "")
    title = proposal.rationale or proposal.kind.value.replace("_", " ")
    return Item(proposal.proposal_id, "proposal", title, mean, max(1, len(proposal.evidence)), against, proposal=record)


def failure_item(waits: Queued, case: EvalCase | None) -> Item:
    """A failure queued after a gate; `case` is the one that failed, where the suite still has it."""
    severity = case.severity / 5 if case is not None else UNKNOWN_SEVERITY
    told = next((f"{c.type}: {c.reason}" for c in waits.result.checks if c.passed is False), "it failed")
    return Item(
        waits.queued_id, "failure", f"{waits.result.eval_id} fails in a released version: {told}", severity, 1, failure=waits
    )
