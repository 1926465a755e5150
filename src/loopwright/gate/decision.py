"""The gate's decision, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from loopwright.errors import BLOCKED, OK, UNDECIDED
from loopwright.evaluate.result import EvalResult

Level = Literal["suite", "mode", "case", "deterministic", "safety", "cost", "latency", "tokens", "judged"]
MARGINS = frozenset[Level](["cost", "latency", "tokens"])
"""The levels of what a trial takes, not of what passes."""


class Outcome(Enum):
    """Approved, blocked, or not enough evidence to say."""

    APPROVED = "approved"
    BLOCKED = "blocked"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Regression:
    """Evidence that something got worse: a case, a failure mode, or the suite as a whole, in what passes or in what it takes.

    `before` and `after` are (passed, trials). `p_value` is None where one failure is proof. The levels cost, latency and tokens
    say that a margin is exceeded: by how much stands in the decision's `statistics["margins"]`.
    """

    level: Level
    eval_id: str | None = None
    mode_id: str | None = None
    p_value: float | None = None
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class CaseRequest:
    """What would decide: this many more trials of this case.

    `repeat` is how they are marked: trials that are added because of earlier results. Otherwise they are part of a new run.
    """

    eval_id: str
    trials: int
    repeat: bool = True


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """A run that was compared, as far as it is known: its id, the agent's version, its end, and the file that it came from."""

    run_id: str | None = None
    version: str | None = None
    finished_at: datetime | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Overridden:
    """What lets a version ship that was not approved: the overrides, who made them and why, until when, and for which cases.

    Without cases the decision was overridden as it is.
    """

    override_ids: tuple[str, ...]
    by: tuple[str, ...]
    why: tuple[str, ...]
    until: datetime
    eval_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GateDecision:
    """The outcome of comparing a candidate with its baseline.

    `approved`, `regressions`, `message` and `new_evals_queued` are the source's. `decision` is derived from `approved` when it
    is not given; a decision that contradicts `approved` raises `ValueError`. `candidate` and `baseline` say what was compared,
    where that is known; `commands` are what would run the trials in `next`. `notes` are to be known, and stand against nothing.
    `override` says who lets it ship where it is not approved (None: nobody does), `decision_id` as what it is recorded (None: it
    is not).
    """

    approved: bool
    regressions: tuple[Regression, ...] | list[EvalResult] = ()
    message: str = ""
    new_evals_queued: int = 0
    decision: Outcome | None = None
    fixed: tuple[str, ...] = ()
    flaky: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    statistics: dict[str, Any] = field(default_factory=dict)
    next: tuple[CaseRequest, ...] = ()
    reasons: tuple[str, ...] = ()
    candidate: ComparedRun | None = None
    baseline: tuple[ComparedRun, ...] = ()
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    override: Overridden | None = None
    decision_id: str | None = None

    @property
    def ships(self) -> bool:
        """Whether the version may ship: it is approved, or a person overrode that it is not."""
        return self.approved or self.override is not None

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0 where it ships, 1 where it is blocked, 2 where nothing could be decided."""
        return OK if self.ships else BLOCKED if self.decision is Outcome.BLOCKED else UNDECIDED

    def undecided(self, *reasons: str, wanted: tuple[CaseRequest, ...] | None = None) -> GateDecision:
        """The same comparison, of which nothing is decided for these reasons; `wanted` is what would decide (None: as it was)."""
        return replace(
            self,
            approved=False,
            decision=Outcome.UNDECIDED,
            regressions=(),
            message=f"Undecided: {reasons[0]}.",
            reasons=reasons,
            next=self.next if wanted is None else wanted,
            new_evals_queued=0,
        )

    def __post_init__(self) -> None:
        if self.decision is None:
            object.__setattr__(self, "decision", Outcome.APPROVED if self.approved else Outcome.BLOCKED)
        elif self.approved != (self.decision is Outcome.APPROVED):
            raise ValueError(f"approved={self.approved} contradicts decision={self.decision.value!r}")
