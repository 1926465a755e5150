"""What one look at a set of traces found: what the report shows, whether it came from a file or from the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from loopwright.cluster.mode import Clustering
from loopwright.collect.intake import Intake
from loopwright.collect.trace import Message
from loopwright.evaluate.case import EvalCase
from loopwright.mine.signal import FailureTrace


@dataclass(frozen=True, slots=True)
class DetectorCount:
    """How often one detector spoke: `traces` with at least one of its signals, and their mean severity x confidence."""

    signal_type: str
    detector: str
    traces: int
    strength: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """One look at a set of traces.

    `traces` is how many were read, `failures` those with a score above 0, best first. `conversations` holds the messages of
    the traces that the report quotes, by trace id. `drafts` has one case per mode. `period` is the span of the traces' start
    times, None where they carry none. `made_at` is when the analysis was made.
    """

    title: str
    made_at: datetime
    intake: Intake
    traces: int
    failures: tuple[FailureTrace, ...]
    detectors: tuple[DetectorCount, ...]
    clustering: Clustering
    drafts: tuple[EvalCase, ...]
    conversations: dict[str, tuple[Message, ...]] = field(default_factory=dict)
    period: tuple[datetime, datetime] | None = None
    by_day: tuple[tuple[str, int, int], ...] = ()
