"""What watching found, each with its evidence and the response that it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from loopwright.audit.digest import content_id

ID_PREFIX = "drift-"


class DriftKind(Enum):
    """The three drifts, and the metric that tells of any of them."""

    DISTRIBUTION_SHIFT = "distribution_shift"
    EDGE_CASES = "edge_cases"
    REGRESSION = "regression"
    BUSINESS_METRIC = "business_metric"


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """One drift: what it is about, since when, how sure, how large, on what evidence, and what to do.

    `subject` and `period` identify it within its kind, so that it is recorded once: the period of the inputs, the week of the
    edge cases, the release and mode of a regression, the metric and day of a change. `p_value` is adjusted for what was looked
    at beside it; `effect` is a difference of rates or levels, or for a shift a distance in 0..1. `responses` are commands with
    what each does, in order. `trace_ids` are the traces to look at.
    """

    kind: DriftKind
    subject: str
    period: str
    summary: str
    p_value: float
    effect: float
    evidence: dict[str, Any] = field(default_factory=dict)
    responses: tuple[tuple[str, str], ...] = ()
    trace_ids: tuple[str, ...] = ()
    found_at: datetime | None = None

    @property
    def finding_id(self) -> str:
        """The same for the same kind, subject and period, whatever else was learned since."""
        return content_id(ID_PREFIX.rstrip("-"), self.kind, self.subject, self.period)


@dataclass(frozen=True, slots=True)
class Watched:
    """A trace as watching sees it: when, by which version, whether it shows a failure, and in which mode, None outside of any."""

    trace_id: str
    at: datetime
    version: str | None = None
    failed: bool = False
    mode_id: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptedInputs:
    """Inputs that a person took into the reference: those of a period, how many, and the labels given to a sample of them."""

    start: datetime
    end: datetime
    by: str
    at: datetime
    inputs: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One of the drifts as it stands: what was compared, in words, and what was found; `undecided` says why nothing could be."""

    kind: DriftKind
    compared: str
    findings: tuple[DriftFinding, ...] = ()
    undecided: str = ""
