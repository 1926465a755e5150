"""Releases: a version ships on the grounds of a gate decision, under a person's name; what it did is told; it is rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from loopwright.collect.trace import Trace
from loopwright.errors import LoopwrightError, RuleError, UsageError
from loopwright.evaluate.fingerprint import changes
from loopwright.gate.decision import Outcome
from loopwright.improve.proposal import ProposalStatus
from loopwright.mine.policy import alone
from loopwright.ports import HarnessFile, Store, StoredDecision
from loopwright.registry import known_id, unknown
from loopwright.release.effect import ReleaseEffect, Seen, effect, sides
from loopwright.release.harness import held
from loopwright.release.record import Release, in_use, previous
from loopwright.wording import counted
from loopwright.workflows.deciding import reasoned
from loopwright.workflows.improving import Protected, find_proposal, roll_back
from loopwright.workflows.overriding import override_of

RULE = "a release stands on an approved decision"
ASKED = "say with --despite why it ships all the same"


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What is to be recorded: the version, who releases it, and when it shipped.

    Without `decision_id` the latest decision on the version counts; without `proposal_ids` (None) all proposals that were applied
    by then and since the releases before. `commit` is what the version's name stands for in the repository. `despite` says why it
    is released against the gate.
    """

    version: str
    by: str
    at: datetime
    decision_id: str | None = None
    proposal_ids: tuple[str, ...] | None = None
    commit: str | None = None
    despite: str = ""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A release that was rolled back, the one to deploy again (None: there was none before it), and its proposals.

    `undone` proposals were taken out of the harness; `kept` could not be, each with the reason.
    """

    release: Release
    redeploy: Release | None
    undone: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()


async def record_release(store: Store, request: ReleaseRequest, now: datetime) -> Release:
    """Record that a version shipped, in the audit trail too, whose entry is of `now` and tells when it shipped.

    Raises `RuleError` where no approved decision on the whole suite, with results, made before it shipped, stands behind it,
    unless `despite` says why; the reasons and that are kept in the trail. Raises `UsageError` for a time to come, an unknown
    decision or proposal, a proposal that was not applied when it shipped, a version that is in use already, and a reason that
    says nothing.
    """
    version = " ".join(request.version.split())
    if not version:
        raise UsageError("the version is empty; give the name that the agent's traces carry, or a git tag")
    if request.at > now:
        raise UsageError(f"{request.at.isoformat()} is still to come; record {version} once it has shipped")
    known = store.releases()
    used = in_use(known)
    if used is not None and used.version == version:
        raise UsageError(f"{version} is released already, on {used.released_at:%Y-%m-%d} by {used.released_by}")
    if used is not None and used.released_at >= request.at:
        raise UsageError(f"{used.version} was released at {used.released_at.isoformat()}; give a later time for {version}")
    decision = _decision(store, request)
    against = _against(store, request, decision)
    if against and not request.despite.strip():
        raise RuleError(RULE, f"{against[0]}; mend that, or {ASKED}")
    why = reasoned(request.despite, ASKED) if against else ""
    run = store.run(decision.candidate_run_id) if decision is not None and decision.candidate_run_id else None
    release = Release(
        version,
        request.at,
        request.by,
        decision_id=decision.decision_id if decision is not None else None,
        proposal_ids=_proposals(store, request, known),
        fingerprint=run.fingerprint if run is not None else None,
        versions=tuple(dict.fromkeys(v for v in (run.version if run else None, request.commit) if v and v != version)),
        despite=why,
    )
    before = previous(release, known)
    if before is not None and before.fingerprint is not None and release.fingerprint is not None:
        release = replace(release, changed=changes(before.fingerprint, release.fingerprint))
    overridden = override_of(store, decision, request.at) if decision is not None else None
    details = {
        "version": version,
        "released_at": request.at.isoformat(),
        "decision": release.decision_id,
        "proposals": release.proposal_ids,
        **({"despite": why, "against": against} if against else {}),
        **({"overrides": overridden.override_ids} if overridden is not None else {}),
    }
    with store.transaction():
        store.put_release(release)
        store.append_audit(now, request.by, "released despite" if against else "released", release.release_id, details)
    return release


def seen(trace: Trace) -> Seen:
    """What of a trace tells whose it is."""
    return Seen(trace.trace_id, trace.session_id, trace.version, trace.started_at)


async def effect_of(store: Store, release: Release, known: Sequence[Seen] | None = None) -> ReleaseEffect:
    """The rate of each failure mode before and after a release, from all traces in the store; `known` where they were read.

    Evidence that never counts alone (a business metric) is no failure here. Traces that were not mined, or whose failures were
    not grouped, make the counts too low on one side: then nothing is called fallen or risen, and the effect says so.
    """
    releases = store.releases()
    found = sides(map(seen, store.traces()) if known is None else known, releases, release)
    places = {place.trace_id: place.mode_id for place in store.memberships()}
    failing = {failure.trace_id for failure in store.failures() if not alone(failure.signals)}
    doubts = []
    if unmined := store.count_unmined():
        doubts.append(
            f"{counted(unmined, 'trace')} came since failures were last looked for; run: loopwright mine, loopwright cluster"
        )
    if loose := len(failing - places.keys()):
        doubts.append(f"{counted(loose, 'failure')} not grouped yet; run: loopwright cluster")
    current = {trace_id: places.get(trace_id) for trace_id in failing}
    return effect(release, previous(release, releases), found, store.modes(), current, doubts)


def find_release(store: Store, version: str) -> Release:
    """The latest release of that version, or of that id; raises `UsageError`."""
    releases = store.releases()
    found = [r for r in releases if version in (*r.names, r.release_id)]
    if not found:
        raise UsageError(
            unknown("release", version, [r.version for r in releases])
            if releases
            else f"unknown release {version!r}; none is recorded yet: loopwright release record VERSION"
        )
    return found[-1]


async def rollback_release(
    store: Store, release: Release, by: str, now: datetime, why: str, harness: HarnessFile, protected: Protected
) -> RolledBack:
    """Record that a release was rolled back, in the audit trail too, and take its proposals out of the harness.

    Whether or not that is possible for each, the release is recorded as rolled back. Raises `UsageError` without a reason, and
    for a release that was rolled back before.
    """
    reason = " ".join(why.split())
    if not reason:
        raise UsageError("a rollback needs a reason; give --why")
    if not release.live:
        raise UsageError(f"{release.version} was rolled back already, by {release.rolled_back_by}: {release.rollback_why}")
    back = replace(release, rolled_back_at=now, rolled_back_by=by, rollback_why=reason)
    with store.transaction():
        store.put_release(back)
        redeploy = in_use(store.releases())
        target = redeploy.version if redeploy is not None else None
        store.append_audit(now, by, "rolled back", release.release_id, {"version": release.version, "why": reason, "to": target})
    undone, kept = [], []
    for proposal_id in reversed(release.proposal_ids):
        try:
            record = find_proposal(store, proposal_id)
            if record.status is ProposalStatus.APPLIED:
                await roll_back(store, record, harness, by, now, why=f"{release.version}: {reason}", protected=protected)
                undone.append(proposal_id)
        except LoopwrightError as error:
            kept.append((proposal_id, str(error)))
    return RolledBack(back, redeploy, tuple(undone), tuple(kept))


def _decision(store: Store, request: ReleaseRequest) -> StoredDecision | None:
    """The decision that is named, or the latest on the version."""
    decisions = {d.decision_id: d for d in store.decisions()}
    if request.decision_id is not None:
        return decisions[known_id("decision", request.decision_id, decisions, "decision-")]
    return next((d for d in reversed(decisions.values()) if _is_of(store, d, request)), None)


def _is_of(store: Store, decision: StoredDecision, request: ReleaseRequest) -> bool:
    """Whether what was decided on is the version: by its name, its commit, or the tag that the run was given."""
    run = store.run(decision.candidate_run_id) if decision.candidate_run_id else None
    if run is None:
        return False
    tag = run.fingerprint.release if run.fingerprint is not None else None
    return request.version in (run.version, tag) or (request.commit is not None and run.version == request.commit)


def _against(store: Store, request: ReleaseRequest, decision: StoredDecision | None) -> list[str]:
    """What speaks against a release: there is no decision on it, no approval, or nothing behind the approval."""
    if decision is None:
        return [f"no gate decision on {request.version} is recorded; run the suite on it, then: loopwright gate"]
    against = []
    if not _ships(store, decision, request.at):
        against.append(f"{decision.decision_id} does not approve it: {decision.decision.message.rstrip('.')}")
    if decision.decided_at > request.at:
        against.append(f"{decision.decision_id} was made on {decision.decided_at:%Y-%m-%d %H:%M} UTC, after it shipped")
    if not _is_of(store, decision, request):
        against.append(f"{decision.decision_id} is on another version than {request.version}")
    if not (decision.candidate_run_id and store.results(decision.candidate_run_id)):
        against.append(f"{decision.decision_id} rests on no results")
    other, used = decision.decision.statistics.get("against"), in_use(store.releases(), request.at)
    if other is not None and (used is None or other not in used.names):
        against.append(f"{decision.decision_id} compares it with {other}, and not with what is released; run: loopwright gate")
    layers = decision.decision.statistics.get("layers")
    if layers:
        against.append(
            f"{decision.decision_id} compared only the {' and '.join(layers)} layer; "
            "run every layer, then gate: loopwright run --release TAG"
        )
    newest = [d for d in store.decisions() if _is_of(store, d, request)]
    if newest and newest[-1].decision_id != decision.decision_id and not _ships(store, newest[-1], request.at):
        against.append(f"a later decision, {newest[-1].decision_id}, does not approve it")
    return against


def _ships(store: Store, decision: StoredDecision, at: datetime) -> bool:
    """Whether a decision approves, or was overridden for that time."""
    return decision.decision.decision is Outcome.APPROVED or override_of(store, decision, at) is not None


def _proposals(store: Store, request: ReleaseRequest, known: Sequence[Release]) -> tuple[str, ...]:
    """The proposals in a release: those named, which must have been applied by then, or all that no release before had."""
    changes = store.harness_changes()
    by_then = {guard.proposal_id for guard in held(changes, request.at).values()}
    if request.proposal_ids is None:
        shipped = {id for release in known if release.live for id in release.proposal_ids}
        every = (record.proposal.proposal_id for record in store.proposals())
        return tuple(id for id in every if id in by_then and id not in shipped)
    found = [find_proposal(store, id) for id in dict.fromkeys(request.proposal_ids)]
    for record in found:
        id = record.proposal.proposal_id
        if id in by_then:
            continue
        if record.status is ProposalStatus.APPLIED:
            times = [change.at for change in changes if change.proposal_id == id and change.action == "apply"]
            since = f" on {times[-1]:%Y-%m-%d %H:%M} UTC" if times else ""
            raise UsageError(f"{id} was applied{since}, after the release; leave it out, or give a later --at")
        raise UsageError(f"{id} is {record.status.value}, and so not in the harness; apply it first: loopwright improve apply")
    return tuple(record.proposal.proposal_id for record in found)
