"""What one look at a set of traces found: what the report shows, whether it came from a file or from the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from loopwright.audit.rules import Breach
from loopwright.audit.trail import Break, Trail
from loopwright.cluster.mode import Clustering
from loopwright.collect.intake import Intake
from loopwright.collect.trace import Message
from loopwright.evaluate.case import EvalCase
from loopwright.gate.decision import GateDecision
from loopwright.gate.override import OverrideRate
from loopwright.improve.proposal import Proposal, ProposalRecord
from loopwright.mine.signal import FailureTrace
from loopwright.ports import StoredDecision
from loopwright.release.effect import ReleaseEffect
from loopwright.release.record import Release
from loopwright.watch.finding import AcceptedInputs, DriftFinding

QUOTED_FAILURES = 25
QUOTED_MODES = 40
QUOTED_REPRESENTATIVES = 3
QUOTED_ONE_OFFS = 20
QUOTED_EVIDENCE = 3
"""So much of each proposal's evidence is quoted."""

STRONG, FAIR = 0.5, 0.25
"""Scores from which the evidence of a failure is strong, and fair; below it is weak."""

PeriodUnit = Literal["day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `total` traces, the share that this is, and the share's 95 % Wilson interval (`low`, `high`, in 0..1)."""

    count: int
    total: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Failing traces by the strength of their evidence, each as a rate of all traces; `evident` are strong and fair together."""

    evident: Rate
    strong: Rate
    fair: Rate
    weak: Rate


@dataclass(frozen=True, slots=True)
class DetectorCount:
    """How often one detector spoke: the rate of traces with at least one of its signals, and their mean severity x confidence.

    `finds` says in one line what it looks for. `problem` is set where it failed on some traces: how many, and why first.
    """

    signal_type: str
    detector: str
    rate: Rate
    strength: float
    finds: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TypeCount:
    """How often one signal type was seen, and the weight with which it enters the score."""

    signal_type: str
    rate: Rate
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """The failing traces among those that started in one period; `label` is its first day, as YYYY-MM-DD."""

    label: str
    rate: Rate


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the suite, the gate and the queue of what waits for a person stand.

    `cases` are all that were ever drafted, `drafts` those that wait, as do the `queued` failures. `unmined` traces came since
    failures were looked for. `runs` and `baseline` are counts; `latest` is the gate's last decision, `ungated` the version of
    the last run where none was taken on it and it is no part of the baseline.
    """

    cases: int = 0
    drafts: int = 0
    queued: int = 0
    unmined: int = 0
    runs: int = 0
    baseline: int = 0
    latest: StoredDecision | None = None
    ungated: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What only a store knows: what changed in production, what shipped, what that did, and who decided.

    `findings`, `accepted` and `releases` are oldest first. `decisions` are the gate's by id. `effect` is that of the latest
    release, None where there is none. `tables` are the guards' tables by the proposal that last wrote each. No `breaks`: the
    trail is whole. `overrides` tells how many of the decisions were overridden, None without decisions.
    """

    findings: tuple[DriftFinding, ...] = ()
    accepted: tuple[AcceptedInputs, ...] = ()
    releases: tuple[Release, ...] = ()
    decisions: Mapping[str, GateDecision] = field(default_factory=dict)
    effect: ReleaseEffect | None = None
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trail: Trail = field(default_factory=Trail)
    breaks: tuple[Break, ...] = ()
    standing: Standing = field(default_factory=Standing)
    overrides: OverrideRate | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    """One look at a set of traces.

    `failing` is the rate of traces with a score above 0; these are `failures`, best first. `conversations` holds the messages of
    the traces that the report quotes, by trace id. `drafts` has one case per mode. `span` is the first and last start time, None
    where the traces carry none; `periods` are days, or longer where the span is. `made_at` is when the analysis was made.
    `proposals` are those that a person has to know of; `refused` are those that a hard rule forbids, with the rules. `kept` is
    there where the analysis is of a store.
    """

    title: str
    made_at: datetime
    intake: Intake
    failing: Rate
    failures: tuple[FailureTrace, ...]
    types: tuple[TypeCount, ...]
    detectors: tuple[DetectorCount, ...]
    clustering: Clustering
    drafts: tuple[EvalCase, ...]
    conversations: dict[str, tuple[Message, ...]] = field(default_factory=dict)
    span: tuple[datetime, datetime] | None = None
    periods: tuple[Period, ...] = ()
    period_unit: PeriodUnit = "day"
    origin: Literal["files", "store"] = "files"
    proposals: tuple[ProposalRecord, ...] = ()
    refused: tuple[tuple[Proposal, tuple[Breach, ...]], ...] = ()
    kept: Kept | None = None


def ungrouped(failures: Iterable[FailureTrace], clustering: Clustering) -> int:
    """How many failures no clustering has looked at yet."""
    placed = {member.trace_id for member in clustering.memberships}
    return sum(f.trace_id not in placed for f in failures)


def one_offs(failures: Iterable[FailureTrace], clustering: Clustering) -> list[FailureTrace]:
    """The failures that were looked at and that no mode holds, the most severe first."""
    known = {mode.mode_id for mode in clustering.modes}
    alone = {member.trace_id for member in clustering.memberships if member.mode_id not in known}
    return sorted((f for f in failures if f.trace_id in alone), key=lambda f: (-f.severity, -f.score, f.trace_id))


def quoted(failures: Sequence[FailureTrace], clustering: Clustering, proposals: Sequence[ProposalRecord] = ()) -> list[str]:
    """The traces whose conversations are quoted: the strongest failures, representatives, the worst one-offs, some evidence."""
    chosen = [f.trace_id for f in failures[:QUOTED_FAILURES]]
    for mode in clustering.modes[:QUOTED_MODES]:
        chosen += mode.representatives[:QUOTED_REPRESENTATIVES]
    chosen += [f.trace_id for f in one_offs(failures, clustering)[:QUOTED_ONE_OFFS]]
    for record in proposals:
        chosen += [trace_id for trace_id, _ in evidence_quotes(record.proposal) if trace_id]
    return list(dict.fromkeys(chosen))


def evidence_quotes(proposal: Proposal) -> list[tuple[str, str]]:
    """The first quotes of a proposal's evidence, each with the trace that it is from, an empty id where it names none."""
    known = {f"{trace_id}: ": trace_id for trace_id in proposal.evidence}
    made = []
    for quote in proposal.quotes[:QUOTED_EVIDENCE]:
        lead = max((lead for lead in known if quote.startswith(lead)), key=len, default="")
        made.append((known.get(lead, ""), quote[len(lead) :]))
    return made
