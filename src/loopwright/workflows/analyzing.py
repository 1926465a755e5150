"""Traces to an analysis, all in one go: read, mine, cluster, draft, count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from loopwright.audit.rules import Breach
from loopwright.cluster.mode import Clustering
from loopwright.cluster.options import AVERAGE, Options
from loopwright.collect.intake import Intake, Rejected
from loopwright.collect.trace import Message, Trace
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.surroundings import Surroundings
from loopwright.improve.proposal import Proposal, ProposalRecord
from loopwright.mine.detector import Detector, DetectorFault
from loopwright.mine.policy import WEIGHTS
from loopwright.mine.signal import FailureSignal, FailureTrace
from loopwright.ports import Clock, Embedder, Progress, TraceReader
from loopwright.workflows import rates
from loopwright.workflows.analysis import QUOTED_MODES, Analysis, Kept, quoted
from loopwright.workflows.clustering import cluster
from loopwright.workflows.drafting import AROUND, draft_modes
from loopwright.workflows.importing import Outcome, import_traces
from loopwright.workflows.improving import detect_traces
from loopwright.workflows.mining import mine_traces


@dataclass(frozen=True, slots=True)
class Means:
    """What an analysis is made with. `refused` is told of each record that cannot be taken, as it is met."""

    detectors: Sequence[Detector]
    embedder: Embedder
    clock: Clock
    options: Options = AVERAGE
    progress: Progress | None = None
    refused: Callable[[Rejected], None] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What mining, clustering, drafting and proposing made of the traces, and with which detectors and weights."""

    failures: tuple[FailureTrace, ...]
    clustering: Clustering
    drafts: tuple[EvalCase, ...] = ()
    detectors: tuple[Detector, ...] = ()
    faults: tuple[DetectorFault, ...] = ()
    weights: Mapping[FailureSignal, float] = field(default_factory=lambda: WEIGHTS)
    proposals: tuple[ProposalRecord, ...] = ()
    refused: tuple[tuple[Proposal, tuple[Breach, ...]], ...] = ()


async def analyze(reader: TraceReader, paths: Sequence[str], means: Means, format: str | None = None) -> Analysis:
    """Read the files and find what fails in them; nothing is stored.

    The good records are kept and the bad ones counted, in the analysis' intake. Raises `InputError` where a path does not exist.
    """
    traces: list[Trace] = []
    outcome = Outcome(lambda imported: traces.append(imported.trace), means.refused)
    intake = await import_traces(reader, paths, format, outcome=outcome, progress=means.progress, hold=True)
    try:
        await _step(means.progress, "finding failures")
        mined = await mine_traces(traces, means.detectors)
        await _step(means.progress, "grouping failures")
        clustering = await cluster(mined.failures, means.embedder, means.options)
        talks = {trace.trace_id: trace.messages for trace in traces}
        await _step(means.progress, "drafting cases")
        around = Surroundings(traces[-AROUND:], mined.failures)
        drafts = draft_modes(clustering.modes[:QUOTED_MODES], mined.failures, clustering.memberships, talks, around)
        await _step(means.progress, "looking for what the harness can prevent")
        detected = await detect_traces(traces)
    finally:
        if means.progress is not None:
            means.progress.done()
    proposals = tuple(ProposalRecord(proposal) for proposal in detected.proposals)
    return assemble(
        Found(
            mined.failures,
            clustering,
            drafts,
            tuple(means.detectors),
            (*mined.faults, *detected.faults),
            proposals=proposals,
            refused=detected.refused,
        ),
        ((trace.trace_id, trace.started_at) for trace in traces),
        {id: talks[id] for id in quoted(mined.failures, clustering, proposals)},
        title=titled(paths),
        made_at=means.clock.now(),
        intake=intake,
    )


def assemble(
    found: Found,
    starts: Iterable[tuple[str, datetime | None]],
    conversations: Mapping[str, tuple[Message, ...]],
    *,
    title: str,
    made_at: datetime,
    intake: Intake,
    kept: Kept | None = None,
) -> Analysis:
    """The analysis of what was found, of a store where there is something `kept`.

    `starts` has the id and the start time, or None, of every trace read.
    """
    begun = list(starts)
    total = len(begun)
    times = [rates.aware(at) for _, at in begun if at is not None]
    periods, unit = rates.periods(begun, {f.trace_id for f in found.failures})
    return Analysis(
        title=title,
        made_at=made_at,
        intake=intake,
        failing=rates.rate(len(found.failures), total),
        failures=found.failures,
        types=rates.type_counts(found.failures, found.detectors, found.weights, total),
        detectors=rates.detector_counts(found.failures, found.detectors, found.faults, total),
        clustering=found.clustering,
        drafts=found.drafts,
        conversations=dict(conversations),
        span=(min(times), max(times)) if times else None,
        periods=periods,
        period_unit=unit,
        origin="files" if kept is None else "store",
        proposals=found.proposals,
        refused=found.refused,
        kept=kept,
    )


def titled(sources: Sequence[str]) -> str:
    """A title for what was read: the file's name, or how many there were."""
    names = [source.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or source for source in sources]
    if names == ["-"]:
        return "standard input"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more" if names else "no files"


async def _step(progress: Progress | None, label: str) -> None:
    """Begin a step whose length is not known, and let the bar be drawn."""
    if progress is not None:
        progress.start(label)
    await asyncio.sleep(0)
