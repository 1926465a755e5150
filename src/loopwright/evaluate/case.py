"""Eval cases, their checks, and the suite."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from loopwright.audit.digest import digest


class Layer(Enum):
    """The three layers of evals: unambiguous, needing judgment, and end to end."""

    DETERMINISTIC = "deterministic"
    SEMANTIC = "semantic"
    BEHAVIORAL = "behavioral"


class CaseStatus(Enum):
    """A draft is proposed by the machine; only a person makes it approved."""

    DRAFT = "draft"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of an answer: its registered `type`, and the options of that type."""

    type: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvalCase:
    """One test of the agent.

    The first seven fields are the source's; `input` is text or a list of chat messages; `severity` runs from 1 to 5.
    `deterministic` says that one failure is proof (None: decide from history). `timeout_s` None means the run's default.
    `fails_on_source` tells whether the checks were seen to fail on the recorded failure behind the case (None: not tried).
    `not_admitted` says why trying the draft on recordings did not show that it tells the failure; empty where it did.
    """

    id: str
    input: Any
    expected_behaviour: str = ""
    failure_indicator: str = ""
    scoring_rubric: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    severity: int = 3
    layer: Layer = Layer.DETERMINISTIC
    checks: tuple[Check, ...] = ()
    trials: int | None = None
    deterministic: bool | None = None
    timeout_s: float | None = None
    mode_id: str | None = None
    source_trace_ids: tuple[str, ...] = ()
    fails_on_source: bool | None = None
    not_admitted: str = ""
    status: CaseStatus = CaseStatus.APPROVED
    approved_by: str | None = None
    file: str = ""
    line: int = 0

    @property
    def content_digest(self) -> str:
        """Identifies what is tested: a change of it makes earlier results incomparable."""
        return digest(self.id, self.input, self.checks, self.scoring_rubric, self.expected_behaviour, self.layer)

    @property
    def reviewed_digest(self) -> str:
        """Identifies all that a person decides on, severity and tags too: not where it stands, nor what became of it."""
        return digest(replace(self, status=CaseStatus.DRAFT, approved_by=None, file="", line=0, **_TRIED))


_TRIED: dict[str, Any] = {"fails_on_source": None, "not_admitted": ""}
"""What trying a draft found, as it is before that."""


@dataclass(frozen=True, slots=True)
class Suite:
    """All approved cases, in the order of their files."""

    cases: tuple[EvalCase, ...] = ()

    @property
    def digest(self) -> str:
        """Identifies the suite's content, whatever the order of its cases."""
        return digest(sorted((c.id, c.content_digest) for c in self.cases))
