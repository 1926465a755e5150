"""What the report says about failures, failure modes and one-offs: an analysis turned into rows that are ready to be shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.cluster.mode import FailureMode, ModeStatus
from loopwright.collect.trace import Message
from loopwright.evaluate.case import EvalCase
from loopwright.mine.signal import FailureTrace
from loopwright.surfaces.reports.draft import draft_text
from loopwright.surfaces.reports.excerpt import Evidence, Excerpt, evidence, excerpt, pinned_text
from loopwright.surfaces.reports.palette import ONE_OFF, Look, look
from loopwright.surfaces.reports.text import line, signal_name
from loopwright.workflows.analysis import (
    QUOTED_FAILURES,
    QUOTED_MODES,
    QUOTED_ONE_OFFS,
    QUOTED_REPRESENTATIVES,
    Analysis,
    one_offs,
)

MODES_LISTED = 200
MAX_TERMS = 12


@dataclass(frozen=True, slots=True)
class FailureRow:
    """One failing trace. `quote` is who says what in the pinned message; `excerpt` None where the conversation is not at hand."""

    rank: int
    trace_id: str
    reason: str
    asked: str
    signal: str
    severity: float
    score: float
    look: Look
    mode_name: str
    strength: float | None
    evidence: tuple[Evidence, ...]
    more_evidence: int
    quote: tuple[str, str] | None
    excerpt: Excerpt | None


@dataclass(frozen=True, slots=True)
class ModeRow:
    """One failure mode. `share` is of all failures.

    `drafted` says that it has a draft case that belongs on the page, `draft` is that case as YAML where it is short enough;
    `proof` says whether it fails on the failure that it came from.
    """

    look: Look
    mode_id: str
    name: str
    size: int
    share: float
    severity: float
    signals: str
    status: str
    terms: tuple[str, ...]
    description: str
    why: str
    possible_fix: str
    seen: str
    representatives: tuple[FailureRow, ...] = ()
    drafted: bool = False
    draft: str | None = None
    proof: str = ""


class FailureRows:
    """Builds the rows of one analysis; each failure and mode is looked up once, by id."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._failures = {f.trace_id: f for f in analysis.failures}
        self._ranks = {f.trace_id: i for i, f in enumerate(analysis.failures, start=1)}
        self._members = {m.trace_id: m for m in analysis.clustering.memberships}
        self._modes = {m.mode_id: (look(i), m) for i, m in enumerate(analysis.clustering.modes, start=1)}
        self._drafts = {case.mode_id: case for case in analysis.drafts if case.mode_id}

    def ranked(self) -> list[FailureRow]:
        """The strongest failures, best first."""
        return [self.row(f) for f in self._analysis.failures[:QUOTED_FAILURES]]

    def one_offs(self) -> list[FailureRow]:
        """The failures that no mode holds, the most severe first."""
        return [self.row(f) for f in one_offs(self._analysis.failures, self._analysis.clustering)[:QUOTED_ONE_OFFS]]

    def modes(self) -> list[ModeRow]:
        """All modes listed, best first; the first 40 with representatives and a draft case."""
        rows = []
        for index, mode in enumerate(self._analysis.clustering.modes[:MODES_LISTED]):
            rows.append(self._mode(mode, index < QUOTED_MODES))
        return rows

    def look_of(self, trace_id: str) -> Look:
        """The look of the mode that holds this failure."""
        member = self._members.get(trace_id)
        return self._modes[member.mode_id][0] if member and member.mode_id in self._modes else ONE_OFF

    def rank_of(self, trace_id: str) -> int:
        """The place of a trace among the ranked failures that are listed, 0 where it is not."""
        rank = self._ranks.get(trace_id, 0)
        return rank if rank <= QUOTED_FAILURES else 0

    def place_of(self, mode_id: str | None) -> tuple[Look, str]:
        """The look of a mode and where on the page it is shown in full, empty where it is not."""
        if mode_id is None or mode_id not in self._modes:
            return ONE_OFF, ""
        drawn, mode = self._modes[mode_id]
        known = any(i in self._failures for i in mode.representatives) or mode_id in self._drafts
        return drawn, f"#mode-{drawn.rank}" if known and drawn.rank <= QUOTED_MODES else ""

    def mode_of(self, trace_id: str) -> tuple[Look, str]:
        """The same for the mode that holds this failure."""
        member = self._members.get(trace_id)
        return self.place_of(member.mode_id if member else None)

    def conversation(self, trace_id: str) -> Sequence[Message] | None:
        """The messages of a trace, None where they are not at hand."""
        return self._analysis.conversations.get(trace_id)

    def row(self, failure: FailureTrace) -> FailureRow:
        """One failure, with its evidence and, where the conversation is at hand, the part that shows it."""
        member = self._members.get(failure.trace_id)
        _, mode = self._modes.get(member.mode_id, (ONE_OFF, None)) if member and member.mode_id else (ONE_OFF, None)
        messages: Sequence[Message] | None = self._analysis.conversations.get(failure.trace_id)
        shown = evidence(failure)
        return FailureRow(
            rank=self._ranks.get(failure.trace_id, 0),
            trace_id=line(failure.trace_id, 80),
            reason=line(failure.failure_reason, 220) or "no reason given",
            asked=asked(failure, messages),
            signal=signal_name(failure.signal_type.value),
            severity=failure.severity,
            score=failure.score,
            look=self.look_of(failure.trace_id),
            mode_name=line(mode.name, 80) if mode else "",
            strength=member.strength if member and mode and math.isfinite(member.strength) else None,
            evidence=shown,
            more_evidence=len(failure.signals) - len(shown),
            quote=pinned_text(failure, messages) if messages else None,
            excerpt=excerpt(failure, messages) if messages else None,
        )

    def _mode(self, mode: FailureMode, in_full: bool) -> ModeRow:
        total = len(self._analysis.failures)
        known = [self._failures[i] for i in mode.representatives if i in self._failures]
        case: EvalCase | None = self._drafts.get(mode.mode_id)
        return ModeRow(
            look=self._modes[mode.mode_id][0],
            mode_id=line(mode.mode_id, 60),
            name=line(mode.name, 90) or "unnamed",
            size=mode.size,
            share=mode.size / total if total else 0.0,
            severity=mode.severity,
            signals=", ".join(signal_name(t) for t in mode.signal_types[:5]),
            status="" if mode.status is ModeStatus.OPEN else mode.status.value,
            terms=tuple(line(t, 40) for t in mode.terms[:MAX_TERMS]),
            description=line(mode.description, 900),
            why=line(mode.why, 600),
            possible_fix=line(mode.possible_fix, 600),
            seen=_seen(mode),
            representatives=tuple(self.row(f) for f in known[:QUOTED_REPRESENTATIVES]) if in_full else (),
            drafted=case is not None and in_full,
            draft=draft_text(case) if case and in_full else None,
            proof=_proof(case) if case else "",
        )


def asked(failure: FailureTrace, messages: Sequence[Message] | None) -> str:
    """What the user wanted, on one line: the first user message, or the failure's input."""
    opening = next((m.text for m in messages or () if m.role == "user" and m.text), "")
    given = failure.input_payload.get("request") or failure.input_payload.get("input")
    return line(opening or (given if isinstance(given, str) else ""), 200)


def _proof(case: EvalCase) -> str:
    """Whether the draft was seen to fail on the failure that it came from."""
    if case.fails_on_source:
        return "Tried on the failure that it came from: it fails, as it should."
    if not case.checks:
        return "It needs a judge: no check that needs none can tell this failure."
    return "It was not shown to fail on the failure that it came from: mend its checks."


def _seen(mode: FailureMode) -> str:
    if mode.first_seen is None or mode.last_seen is None:
        return ""
    first, last = f"{mode.first_seen:%Y-%m-%d}", f"{mode.last_seen:%Y-%m-%d}"
    return first if first == last else f"{first} to {last}"
