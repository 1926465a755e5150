"""Releases as the page tells them: what shipped, on whose word, on what grounds, and what the latest did to each mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.release.effect import ModeEffect, ReleaseEffect, Verdict
from loopwright.release.record import Release, in_use
from loopwright.surfaces.reports import plots
from loopwright.surfaces.reports.failures import FailureRows
from loopwright.surfaces.reports.measures import ROOM, points, signed
from loopwright.surfaces.reports.palette import Look
from loopwright.surfaces.reports.text import counted, line, moment
from loopwright.workflows.analysis import Analysis, Kept, Rate
from loopwright.workflows.rates import rate

RELEASES_SHOWN = 12

_TONES = {Verdict.FELL: "good", Verdict.ROSE: "bad", Verdict.NEW: "bad", Verdict.UNCLEAR: ""}


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One release; `decision` is the gate's outcome, empty where it stands on none, and `message` the gate's words."""

    version: str
    at: str
    by: str
    decision: str
    message: str
    despite: str
    proposals: tuple[str, ...]
    changed: str
    stands: str
    live: bool
    current: bool


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One mode before and after a release. `look` and `href` are None and empty for failures of any kind."""

    name: str
    look: Look | None
    href: str
    before: Rate
    after: Rate
    change: str
    between: str
    adjusted: str
    drawn: plots.Difference
    verdict: str
    tone: str


@dataclass(frozen=True, slots=True)
class EffectRows:
    """What a release did: failures of any kind and the modes that moved (`told`), the others, and what stands against it."""

    version: str
    before: str
    compared: tuple[int, int]
    verdict: str
    told: tuple[EffectRow, ...]
    unclear: tuple[EffectRow, ...]
    doubts: tuple[str, ...]


def release_rows(kept: Kept) -> list[ReleaseRow]:
    """The releases, newest first."""
    used = in_use(kept.releases)
    return [_release(release, kept, current=release is used) for release in reversed(kept.releases[-RELEASES_SHOWN:])]


def effect_rows(analysis: Analysis, rows: FailureRows) -> EffectRows | None:
    """What the latest release did, None where there is none, or where one side has no conversations."""
    found = analysis.kept.effect if analysis.kept is not None else None
    if found is None or not found.before or not found.after:
        return None
    told = [m for m in found.modes if m.mode_id is None or m.verdict is not Verdict.UNCLEAR]
    unclear = [m for m in found.modes if m.mode_id is not None and m.verdict is Verdict.UNCLEAR]
    return EffectRows(
        version=line(found.release.version, 60),
        before=line(found.previous.version, 60) if found.previous else "before any release",
        compared=(found.before, found.after),
        verdict=_sentence(found, told),
        told=_effects(told, rows),
        unclear=_effects(unclear, rows),
        doubts=tuple(line(doubt, 300) for doubt in found.doubts),
    )


def _release(release: Release, kept: Kept, *, current: bool) -> ReleaseRow:
    decision = kept.decisions.get(release.decision_id) if release.decision_id else None
    outcome = decision.decision.value if decision is not None and decision.decision is not None else ""
    back = f"rolled back by {line(release.rolled_back_by or '', 60)}: {line(release.rollback_why, 200)}"
    return ReleaseRow(
        version=line(release.version, 60),
        at=moment(release.released_at),
        by=line(release.released_by, 60),
        decision=outcome,
        message=line(decision.message.removeprefix(f"{outcome.capitalize()}: "), 400) if decision else "",
        despite=line(release.despite, 300),
        proposals=tuple(line(proposal_id, 60) for proposal_id in release.proposal_ids),
        changed="" if release.changed is None else ", ".join(line(part, 40) for part in release.changed) or "nothing",
        stands="in use" if current else "replaced" if release.live else back,
        live=release.live,
        current=current,
    )


def _sentence(found: ReleaseEffect, told: Sequence[ModeEffect]) -> str:
    if found.doubts:
        return "Nothing is called fallen or risen:"
    moved = [m for m in told if m.mode_id is not None]
    fell = sum(m.verdict is Verdict.FELL for m in moved)
    rose = len(moved) - fell
    overall = next((m for m in told if m.mode_id is None), None)
    anything = f"Failures of any kind {overall.verdict.value}." if overall and overall.verdict is not Verdict.UNCLEAR else ""
    if not moved:
        return f"{anything} No mode can be said to have become rarer or more frequent.".strip()
    parts = [f"{counted(count, 'mode')} {verb}" for count, verb in ((fell, "fell"), (rose, "rose")) if count]
    return f"{anything} {' and '.join(parts).capitalize()}.".strip()


def _effects(modes: Sequence[ModeEffect], rows: FailureRows) -> tuple[EffectRow, ...]:
    reach = ROOM * max((max(abs(m.low), abs(m.high)) for m in modes), default=0.0)
    return tuple(_effect(mode, rows, reach) for mode in modes)


def _effect(mode: ModeEffect, rows: FailureRows, reach: float) -> EffectRow:
    drawn, href = rows.place_of(mode.mode_id)
    return EffectRow(
        name=line(mode.name, 90),
        look=drawn if mode.mode_id is not None else None,
        href=href,
        before=rate(*mode.before),
        after=rate(*mode.after),
        change=points(mode.difference),
        between=f"{signed(100 * mode.low, '.1f')} to {signed(100 * mode.high, '.1f')}",
        adjusted=f"{mode.adjusted:.2g}",
        drawn=plots.difference(mode.difference, mode.low, mode.high, reach),
        verdict=mode.verdict.value,
        tone=_TONES[mode.verdict],
    )
