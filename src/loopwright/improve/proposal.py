"""Proposals: typed changes of the harness, with their evidence, what was measured of them, and what a person said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from loopwright.audit.digest import content_id


class ProposalKind(Enum):
    """The six harness improvements; the values name the guards too."""

    DEDUPLICATE_CALLS = "deduplicate_calls"
    CHECK_CONSISTENCY = "check_consistency"
    PIN_INSTRUCTIONS = "pin_instructions"
    SCOPE_PERMISSIONS = "scope_permissions"
    VALIDATE_TOOL_NAMES = "validate_tool_names"
    RETRY_BUDGET = "retry_budget"


class ProposalStatus(Enum):
    """Where a proposal stands. Only a person approves, rejects, applies or rolls back."""

    OPEN = "open"
    VERIFIED = "verified"
    APPROVED = "approved"
    REJECTED = "rejected"
    APPLIED = "applied"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Replay:
    """What the guard would have done in recorded traces: acting in `caught` of `evidence` and `false_alarms` of the others.

    `faults` counts the traces on which the guard itself broke; it does not count as acting there.
    """

    caught: int
    evidence: int
    false_alarms: int
    others: int
    faults: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """One measure without and with the guard over paired trials: the two means, their difference, and its interval."""

    name: str
    without: float | None
    with_: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The agent run with and without the guard on the same cases, paired.

    `verdict` is `helping` where the failure it is for became rarer, success did not fall, and runtime and cost kept within
    their margins; `harmful` where one of them got worse; `no_effect` where the failure did not become rarer by enough to matter;
    `undecided` with too few trials to say, or where success fell within its margin, which a person has to weigh.

    `trials` counts pairs, of `cases` cases; a case is one observation, however often it was tried. `level` is the level of the
    test of the failure, `look` the number of the last look at its proposal, from 1: every look spends a part of what the proposal
    may spend. `more` says that an undecided verdict might be decided by more trials of the same cases. `run_ids` name the stored
    trials, without and with.
    """

    verdict: str
    trials: int
    failure: Effect
    success: Effect
    runtime_ms: Effect
    cost_usd: Effect
    reason: str = ""
    suite_digest: str = ""
    at: datetime | None = None
    cases: int = 0
    level: float = 0.0
    look: int = 1
    run_ids: tuple[str, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of the harness that a failure pattern calls for.

    `evidence` lists trace ids; `change` holds the guard's parameters as they would stand in `harness.toml`, its mode left out;
    `quotes` are short excerpts of the evidence for a reader, one per trace at most.
    """

    kind: ProposalKind
    evidence: tuple[str, ...]
    change: dict[str, Any] = field(default_factory=dict)
    mode_id: str | None = None
    rationale: str = ""
    quotes: tuple[str, ...] = ()
    traces: int = 0
    replay: Replay | None = None

    @property
    def proposal_id(self) -> str:
        """Derived from the kind, the mode and the change: the same proposal twice is one."""
        return content_id("proposal", self.kind, self.mode_id, self.change)


@dataclass(frozen=True, slots=True)
class ProposalRecord:
    """A proposal as kept: where it stands, who last decided and why, and all its verifications, oldest first."""

    proposal: Proposal
    status: ProposalStatus = ProposalStatus.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    why: str = ""
    verifications: tuple[Verification, ...] = ()

    @property
    def verification(self) -> Verification | None:
        """The latest one."""
        return self.verifications[-1] if self.verifications else None


@dataclass(frozen=True, slots=True)
class HarnessChange:
    """One write of the harness: a proposal applied or rolled back, under a person's name.

    `former` is the guard's table before, None where there was none; `table` the one after. `before` and `after` are digests of
    the whole harness.
    """

    proposal_id: str
    action: Literal["apply", "roll back"]
    kind: ProposalKind
    by: str
    at: datetime
    former: dict[str, Any] | None
    table: dict[str, Any] | None
    before: str
    after: str
    why: str = ""
