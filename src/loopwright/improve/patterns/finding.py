"""What a pattern detector found: one occurrence in one trace, with its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loopwright.improve.proposal import ProposalKind

SURE = 0.5
"""Findings of at least this confidence count as evidence for a proposal; weaker ones are listed only."""


@dataclass(frozen=True, slots=True)
class PatternFinding:
    """One occurrence of a pattern.

    `message_index` counts from 0 in the trace's messages (None where the trace has spans only); `quote` is a short excerpt of
    what stands there; `confidence` lies in 0..1. `details` holds what the fit needs: plain values, by pattern.
    """

    kind: ProposalKind
    trace_id: str
    message_index: int | None
    quote: str
    reason: str
    confidence: float
    details: Mapping[str, Any] = field(default_factory=dict)
