"""Proposals: typed changes of the harness, with their evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from loopwright.audit.digest import content_id


class ProposalKind(Enum):
    """The six harness improvements."""

    DEDUPLICATE_CALLS = "deduplicate_calls"
    CHECK_CONSISTENCY = "check_consistency"
    PIN_INSTRUCTIONS = "pin_instructions"
    SCOPE_PERMISSIONS = "scope_permissions"
    VALIDATE_TOOL_NAMES = "validate_tool_names"
    RETRY_BUDGET = "retry_budget"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of the harness that a failure mode calls for. `evidence` lists trace ids; `change` is the guard's settings."""

    kind: ProposalKind
    evidence: tuple[str, ...]
    change: dict[str, Any] = field(default_factory=dict)
    mode_id: str | None = None
    rationale: str = ""

    @property
    def proposal_id(self) -> str:
        """Derived from the kind, the mode and the change: the same proposal twice is one."""
        return content_id("proposal", self.kind, self.mode_id, self.change)
