"""Which accepted runs are a baseline's history.

A person establishes a run of the released version as the baseline. Later runs of that same agent are its history too, by
themselves, unless the gate blocked them: then a person must say so (`--establish --extend`). Of the history a window counts,
since the world around the agent drifts. docs/how-to/choose-a-baseline.md has the reasons, and what they cost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from loopwright.evaluate.fingerprint import differences
from loopwright.evaluate.result import Run
from loopwright.gate.currency import is_certain
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.policy import Policy


def is_whole(run: Run) -> bool:
    """Whether a run is of the whole suite, and finished."""
    return run.finished_at is not None and not run.settings.get("filters")


def same_agent(run: Run, other: Run) -> bool:
    """Whether two runs are of one agent, for certain: of one commit, or of one tree, and of the same parts.

    A version's name alone is no proof: anybody may give it to anything.
    """
    if run.version != other.version:
        return False
    if run.fingerprint is None or other.fingerprint is None:
        return run.fingerprint == other.fingerprint and is_certain(run.version)
    return other.fingerprint.code is not None and not differences(run.fingerprint, other.fingerprint)


def joins(run: Run, newest: Run, decision: GateDecision | None) -> bool:
    """Whether a run is of a baseline's history without having been established: of its agent, compared, and not blocked.

    `newest` is the baseline's newest run, `decision` the latest on `run`. A run that the gate left undecided joins as well: to
    leave out what failed by chance would make the history look better than the agent is.
    """
    compared = decision is not None and decision.statistics.get("suite") is not None
    fit = compared and decision is not None and decision.decision is not Outcome.BLOCKED
    return fit and is_whole(run) and same_agent(run, newest)


def windowed(runs: Sequence[Run], until: datetime, policy: Policy, keep: Collection[str] = ()) -> list[Run]:
    """Of runs, oldest first, the last `policy.window`, none older than `policy.window_days` before `until` (0: no limit).

    Those named in `keep` are kept in any case, and count.
    """
    oldest = until - timedelta(days=policy.window_days) if policy.window_days else None
    recent = [run for run in runs if run.run_id in keep or oldest is None or run.started_at >= oldest]
    if not policy.window or len(recent) <= policy.window:
        return recent
    others = [run.run_id for run in recent if run.run_id not in keep]
    held = {run.run_id for run in recent} & set(keep)
    room = max(0, policy.window - len(held))
    held |= set(others[len(others) - room :])
    return [run for run in recent if run.run_id in held]


def of_version(
    runs: Sequence[Run], names: Collection[str], latest: Mapping[str, GateDecision], accepted: Collection[str]
) -> list[Run]:
    """The whole runs of a version, by any of its names, oldest first, without those that the gate blocked and nobody accepted.

    `latest` has the latest decision on each run, by its id.
    """
    return [
        run
        for run in runs
        if run.version in names
        and is_whole(run)
        and (run.run_id in accepted or run.run_id not in latest or latest[run.run_id].decision is not Outcome.BLOCKED)
    ]
