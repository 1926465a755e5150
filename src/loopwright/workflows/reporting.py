"""The analysis of what the store holds: the report of a file, but with the ids and the decisions that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from loopwright.cluster.mode import Clustering, FailureMode, Membership
from loopwright.collect.intake import Intake
from loopwright.mine.detector import Detector
from loopwright.ports import Clock, Store
from loopwright.workflows.analysis import QUOTED_MODES, Analysis, quoted
from loopwright.workflows.analyzing import Found, assemble
from loopwright.workflows.drafting import draft_modes


async def report(store: Store, detectors: Sequence[Detector], clock: Clock) -> Analysis:
    """What was imported, mined and clustered, as it stands in the store; nothing is mined or clustered anew.

    `detectors` are those that mining runs. Modes that hold no failure now are left out.
    """
    starts: list[tuple[str, datetime | None]] = [(trace.trace_id, trace.started_at) for trace in store.traces()]
    failures = tuple(store.failures())
    clustering = placed(store.modes(), store.memberships(), {f.trace_id for f in failures})
    talks = {id: trace.messages for id in quoted(failures, clustering) if (trace := store.trace(id)) is not None}
    drafts = draft_modes(clustering.modes[:QUOTED_MODES], failures, clustering.memberships, talks)
    return assemble(
        Found(failures, clustering, drafts, tuple(detectors)),
        starts,
        talks,
        title=store.url,
        made_at=clock.now(),
        intake=Intake(sources=(store.url,), taken=len(starts)),
        origin="store",
    )


def placed(modes: Sequence[FailureMode], memberships: Sequence[Membership], failing: set[str]) -> Clustering:
    """The clustering that the store holds, of the failures that are failures still."""
    current = [member for member in memberships if member.trace_id in failing]
    held = {member.mode_id for member in current}
    return Clustering(tuple(m for m in modes if m.mode_id in held), tuple(current), method="", embedder="", distinct=0)
