"""Answers that contradict the conversation, or that stand on a result which never came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from loopwright.guards.check_consistency import CheckConsistency
from loopwright.improve.patterns.batch import Batch, Recorded
from loopwright.improve.patterns.finding import PatternFinding
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.wording import clip

NEVER = "never came"
SURENESS = {"what was said before": 0.7, " found (": 0.65, NEVER: 0.6}
"""How sure each is, by words of its reason."""


def detect(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """What the guard would have objected to. Several agents may differ: there, only tools are held against them.

    The guard cannot know that a first result will never come; who looks at the whole trace can.
    """
    found = list(_objections(one, batch))
    yield from found
    if not any(finding.details["comparison"] == NEVER for finding in found):
        yield from _never_came(one, batch)


def _objections(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
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


def _never_came(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """The first answer after a call without a result, where the trace tells results, and other calls of that tool have one."""
    tells = any(use.result is not None for use in one.reading.tools)
    for use in one.reading.tools:
        if not tells or use.index is None or use.result is not None or use.error is not None:
            continue
        if use.name not in batch.shapes and use.name not in batch.silent:
            continue
        answers = (m for m in one.moments if m.event.kind == "answer" and m.index is not None and m.index > use.index)
        answer = next(answers, None)
        if answer is not None:
            yield PatternFinding(
                ProposalKind.CHECK_CONSISTENCY,
                one.trace.trace_id,
                answer.index,
                clip(one.text(answer.index), 100),
                f"the result of {use.name} {NEVER}, and the answer may stand on it",
                SURENESS[NEVER],
                {"comparison": NEVER},
            )
            return


def fit(batch: Batch, findings: Sequence[PatternFinding]) -> dict[str, Any]:
    """Only the comparisons that found something are switched on; what changes things is said."""
    made = {str(f.details["comparison"]) for f in findings}
    switches = {"said": "what was said before" in made, "found": " found (" in made, "unanswered": NEVER in made}
    return {**{key: on for key, on in switches.items() if not on}, "writes": sorted(batch.writes & batch.tools)}
