"""Answers that contradict the conversation, or that stand on a result which never came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from loopwright.guards.check_consistency import CheckConsistency
from loopwright.improve.patterns.batch import Batch, Recorded
from loopwright.improve.patterns.finding import PatternFinding
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.wording import clip

SURENESS = {"what was said before": 0.7, " found (": 0.65, "never came": 0.6}
"""How sure each is, by words of its reason."""


def detect(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """What the guard would have objected to. Several agents may differ: there, only tools are held against them."""
    guard = CheckConsistency(said=one.speakers == 1, writes=tuple(sorted(batch.writes)))
    for moment, decision in one.acts(guard):
        what = next(name for name in SURENESS if name in decision.reason)
        _, _, now = decision.reason.partition("Now: ")
        yield PatternFinding(
            ProposalKind.CHECK_CONSISTENCY,
            one.trace.trace_id,
            moment.index,
            now or clip(one.text(moment.index), 100),
            decision.reason,
            SURENESS[what],
            {"comparison": what},
        )


def fit(batch: Batch, findings: Sequence[PatternFinding]) -> dict[str, Any]:
    """Only the comparisons that found something are switched on; what changes things is said."""
    made = {str(f.details["comparison"]) for f in findings}
    switches = {"said": "what was said before" in made, "found": " found (" in made, "unanswered": "never came" in made}
    return {**{key: on for key, on in switches.items() if not on}, "writes": sorted(batch.writes & batch.tools)}
