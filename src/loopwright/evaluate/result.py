"""Results: one trial of one case, and the run that they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loopwright.evaluate.fingerprint import Fingerprint


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """What one check said: `passed` None means that it could not tell, with the reason."""

    type: str
    passed: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EvalResult:
    """One trial of one case.

    `passed` None means no verdict: the target or a check failed to answer, and `error` says why. That is not a pass.
    `repeat` marks a trial that was added because of earlier results, `sealed` one of a case that nothing is tuned on.
    `case_digest` is the case's `content_digest`: results of one id and another digest are of another test.
    `judge_id` is of the judge whose verdict this is (None: checks alone decided), `judge_calibrated` whether that judge had
    been compared with people and found usable, `judged_at` when it was judged (None: not told). Of a judged trial `score` is the
    share of criteria met, and `cost_usd` includes what the judge cost.
    """

    eval_id: str
    passed: bool | None
    run_id: str = ""
    trial: int = 0
    error: str | None = None
    version: str | None = None
    suite_digest: str | None = None
    case_digest: str | None = None
    layer: str | None = None
    mode_id: str | None = None
    deterministic: bool | None = None
    repeat: bool = False
    sealed: bool = False
    tags: tuple[str, ...] = ()
    score: float | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    tokens: int | None = None
    output: str = ""
    messages: tuple[dict[str, Any], ...] = ()
    checks: tuple[CheckOutcome, ...] = ()
    judge_id: str | None = None
    judge_calibrated: bool | None = None
    judged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A suite run against one version of the agent.

    `planned` is the number of trials that were to be run. `finished_at` None means that the run was cut short and can be
    resumed. `fingerprint` is what the version was made of (None: not told).
    """

    run_id: str
    version: str
    suite_digest: str
    target: str
    started_at: datetime
    finished_at: datetime | None = None
    planned: int = 0
    trials: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None
