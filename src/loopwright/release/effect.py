"""What a release did: the rate of each failure mode in production before and after it.

What is counted are conversations: a session, or a trace that names none. Those of the release stand against those of the one that
it took the place of, by the version that their traces carry, or by when they began. Each mode is tested by itself (Fisher's exact
test), and the p-values are adjusted for the number of modes (Holm), so that among modes that did not change the chance to call
any of them fallen or risen is at most the level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import NamedTuple

from loopwright.cluster.mode import FailureMode, ModeStatus
from loopwright.release.record import Release, in_use, previous
from loopwright.stats.multiplicity import holm
from loopwright.stats.two_proportions import difference, exact_test

LEVEL = 0.05
ANY = "any failure"
"""The name of the row that counts conversations with a failure of any kind."""


class Verdict(Enum):
    """What became of a mode: fewer of the conversations, more of them, more from none, or not to be told."""

    FELL = "fell"
    ROSE = "rose"
    NEW = "new"
    UNCLEAR = "unclear"


class Seen(NamedTuple):
    """What tells whose a trace is."""

    trace_id: str
    session_id: str | None = None
    version: str | None = None
    started_at: datetime | None = None

    @property
    def conversation(self) -> str:
        """What it is counted as a part of."""
        return f"session {self.session_id}" if self.session_id else f"trace {self.trace_id}"


@dataclass(frozen=True, slots=True)
class ModeEffect:
    """One mode: conversations with it and all, (x, n), before and after; the second share less the first, with its 95 % interval.

    `mode_id` None stands for failures of any kind. `adjusted` is the p-value with regard to the number of modes.
    """

    mode_id: str | None
    name: str
    before: tuple[int, int]
    after: tuple[int, int]
    difference: float
    low: float
    high: float
    p_value: float
    adjusted: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ReleaseEffect:
    """A release, the one before it, how many conversations each has, and what became of each mode.

    `unknown` traces tell neither a version that was released nor when they began. `doubts` say why nothing is called fallen or
    risen, where the counts cannot be trusted.
    """

    release: Release
    previous: Release | None
    before: int
    after: int
    modes: tuple[ModeEffect, ...] = ()
    unknown: int = 0
    doubts: tuple[str, ...] = ()


class Sides(NamedTuple):
    """Conversations before and after a release, each with its traces' ids, and how many traces do not tell whose they are."""

    before: dict[str, set[str]]
    after: dict[str, set[str]]
    unknown: int


def sides(traces: Iterable[Seen], releases: Sequence[Release], release: Release) -> Sides:
    """Sort traces into those of the release and those of the one before it; of neither are those of other releases."""
    earlier = previous(release, releases)
    found = Sides({}, {}, 0)
    unknown = 0
    for seen in traces:
        whose, known = _release_of(seen, releases)
        if not known:
            unknown += 1
        elif whose == release:
            found.after.setdefault(seen.conversation, set()).add(seen.trace_id)
        elif whose == earlier and (earlier is not None or _before(seen, release)):
            found.before.setdefault(seen.conversation, set()).add(seen.trace_id)
    return found._replace(unknown=unknown)


def effect(
    release: Release,
    earlier: Release | None,
    found: Sides,
    modes: Sequence[FailureMode],
    places: Mapping[str, str | None],
    doubts: Sequence[str] = (),
) -> ReleaseEffect:
    """What became of each mode that either side has, those that moved most surely first, failures of any kind at the top.

    `places` gives each failing trace its mode, None for a one-off. Modes that a person rejected are left out.
    """
    counts = {side: _counts(conversations, places) for side, conversations in (("before", found.before), ("after", found.after))}
    n0, n1 = len(found.before), len(found.after)
    names = {mode.mode_id: mode.name for mode in modes if mode.status is not ModeStatus.REJECTED}
    rows = [(None, ANY), *((id, name) for id, name in names.items() if any(counts[side].get(id) for side in counts))]
    pairs = [(counts["before"].get(id or ANY, 0), counts["after"].get(id or ANY, 0)) for id, _ in rows]
    p_values = [exact_test(x0, n0, x1, n1) for x0, x1 in pairs]
    made = [
        _row(id, name, (x0, n0), (x1, n1), p, float(adjusted), trusted=not doubts)
        for (id, name), (x0, x1), p, adjusted in zip(rows, pairs, p_values, holm(p_values), strict=True)
    ]
    ranked = [made[0], *sorted(made[1:], key=lambda m: (m.adjusted, m.p_value, -abs(m.difference), m.name))]
    return ReleaseEffect(release, earlier, n0, n1, tuple(ranked), found.unknown, tuple(doubts))


def _row(
    mode_id: str | None, name: str, before: tuple[int, int], after: tuple[int, int], p: float, adjusted: float, *, trusted: bool
) -> ModeEffect:
    made = difference(*before, *after)
    verdict = Verdict.UNCLEAR
    if trusted and adjusted <= LEVEL:
        rose = Verdict.ROSE if before[0] else Verdict.NEW
        verdict = Verdict.FELL if made.value < 0 else rose
    return ModeEffect(mode_id, name, before, after, *made, p, adjusted, verdict)


def _counts(conversations: Mapping[str, set[str]], places: Mapping[str, str | None]) -> dict[str, int]:
    """In how many conversations each mode shows, and a failure of any kind."""
    counts: dict[str, int] = defaultdict(int)
    for trace_ids in conversations.values():
        failing = [id for id in trace_ids if id in places]
        for mode_id in {places[id] for id in failing}:
            if mode_id is not None:
                counts[mode_id] += 1
        counts[ANY] += bool(failing)
    return counts


def _release_of(seen: Seen, releases: Sequence[Release]) -> tuple[Release | None, bool]:
    """The release that a trace is of (None: it is from before all), and whether that can be told."""
    at = _aware(seen.started_at) if seen.started_at is not None else None
    named = [release for release in releases if seen.version is not None and seen.version in release.names]
    if named:
        begun = [release for release in named if at is not None and release.released_at <= at]
        return max(begun or named, key=lambda r: r.released_at), True
    if at is None:
        return None, False
    return in_use(releases, at), True


def _before(seen: Seen, release: Release) -> bool:
    return seen.started_at is None or _aware(seen.started_at) < release.released_at


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
