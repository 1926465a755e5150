"""The analysis of what the store holds: the report of a file, but with the ids and the decisions that were kept."""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.audit.trail import breaks
from loopwright.cluster.mode import Clustering, FailureMode, Membership, Recipe
from loopwright.collect.intake import Intake
from loopwright.evaluate.case import CaseStatus
from loopwright.gate.override import override_rate
from loopwright.mine.detector import Detector
from loopwright.ports import Clock, Store
from loopwright.release.effect import Seen
from loopwright.workflows.analysis import QUOTED_MODES, Analysis, Kept, Standing, quoted
from loopwright.workflows.analyzing import Found, assemble
from loopwright.workflows.drafting import draft_modes, surroundings_of
from loopwright.workflows.improving import current
from loopwright.workflows.queueing import queued
from loopwright.workflows.releasing import effect_of, seen

TITLE = "Failures in the store"


async def report(store: Store, detectors: Sequence[Detector], clock: Clock, title: str = TITLE) -> Analysis:
    """What was imported, mined and clustered, as it stands in the store; nothing is mined or clustered anew.

    `detectors` are those that mining runs. Modes that hold no failure now are left out. A page may be mailed: neither it nor
    its title says where the store is.
    """
    known = [seen(trace) for trace in store.traces()]
    starts = [(one.trace_id, one.started_at) for one in known]
    failures = tuple(store.failures())
    clustering = placed(store.modes(), store.memberships(), {f.trace_id for f in failures}, store.recipe())
    proposals = tuple(current(store.proposals()))
    wanted = quoted(failures, clustering, proposals)
    talks = {id: trace.messages for id in wanted if (trace := store.trace(id)) is not None}
    around = surroundings_of(store, failures)
    drafts = draft_modes(clustering.modes[:QUOTED_MODES], failures, clustering.memberships, talks, around)
    return assemble(
        Found(failures, clustering, drafts, tuple(detectors), proposals=proposals),
        starts,
        talks,
        title=title,
        made_at=clock.now(),
        intake=Intake(taken=len(starts)),
        kept=await _kept(store, known),
    )


async def _kept(store: Store, known: Sequence[Seen]) -> Kept:
    releases = store.releases()
    decisions = {stored.decision_id: stored.decision for stored in store.decisions()}
    trail = store.trail()
    return Kept(
        findings=tuple(store.findings()),
        accepted=tuple(store.accepted_inputs()),
        releases=tuple(releases),
        decisions=decisions,
        effect=await effect_of(store, releases[-1], known) if releases else None,
        tables={change.proposal_id: change.table for change in store.harness_changes() if change.table},
        trail=trail,
        breaks=breaks(trail),
        standing=_standing(store),
        overrides=override_rate(decisions, store.overrides()) if decisions else None,
    )


def _standing(store: Store) -> Standing:
    cases, runs, baseline, decisions = store.cases(), store.runs(), store.baseline(), store.decisions()
    settled = {*baseline, *(stored.candidate_run_id for stored in decisions)}
    last = runs[-1] if runs else None
    return Standing(
        cases=len(cases),
        drafts=sum(case.status is CaseStatus.DRAFT for case in cases),
        queued=len(queued(store)),
        unmined=store.count_unmined(),
        runs=sum(run.finished_at is not None for run in runs),
        baseline=len(baseline),
        latest=decisions[-1] if decisions else None,
        ungated=last.version if last is not None and last.finished_at is not None and last.run_id not in settled else None,
    )


def placed(
    modes: Sequence[FailureMode], memberships: Sequence[Membership], failing: set[str], recipe: Recipe | None = None
) -> Clustering:
    """The clustering that the store holds, of the failures that are failures still; `method` is empty where none was told."""
    current = [member for member in memberships if member.trace_id in failing]
    held = {member.mode_id for member in current}
    how = recipe or Recipe(method="", embedder="", distinct=0)
    return Clustering(
        modes=tuple(m for m in modes if m.mode_id in held),
        memberships=tuple(current),
        method=how.method,
        embedder=how.embedder,
        distinct=how.distinct,
        threshold=how.threshold,
        granularity=how.granularity,
        made_at=how.made_at,
    )
