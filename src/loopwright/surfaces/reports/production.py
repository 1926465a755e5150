"""What a store knows beside failures, as the page tells it: drift in production, each with its answer, and the trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from loopwright.collect.times import utc
from loopwright.surfaces.reports import plots
from loopwright.surfaces.reports.measures import points, signed
from loopwright.surfaces.reports.text import counted, line, moment
from loopwright.watch.finding import DriftFinding, DriftKind
from loopwright.workflows.analysis import Kept, Rate
from loopwright.workflows.rates import rate

FINDINGS_SHOWN = 4
ENTRIES_SHOWN = 6
BREAKS_SHOWN = 5
TRACES_NAMED = 3
RESPONSES_SHOWN = 6
WEEKS_SHOWN = 52

DRIFTS = {
    DriftKind.DISTRIBUTION_SHIFT: ("Distribution shift", "users ask for other things than before"),
    DriftKind.EDGE_CASES: ("Edge-case accumulation", "rare failures grow, one by one too small to see"),
    DriftKind.REGRESSION: ("Regression from improvement", "a release fails more often than the one before it"),
    DriftKind.BUSINESS_METRIC: ("Business metrics", "a level that the business counts changed for the worse"),
}


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One drift: what was found, how sure and how large, the weeks it is about, what was done about it, and what to do.

    `weeks` are its rates by week, empty where it has none, `rates` the first and the last of them; `answer` is empty where
    nobody answered it yet.
    """

    summary: str
    found: str
    p_value: str
    effect: str
    responses: tuple[tuple[str, str], ...]
    weeks: tuple[plots.Column, ...] = ()
    rates: tuple[float, float] | None = None
    traces: tuple[str, ...] = ()
    more_traces: int = 0
    answer: str = ""


@dataclass(frozen=True, slots=True)
class DriftRows:
    """One kind of drift with its findings, newest first, and how many older ones are not shown."""

    title: str
    about: str
    findings: tuple[FindingRow, ...] = ()
    older: int = 0


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry of the trail."""

    number: int
    at: str
    actor: str
    action: str
    subject: str


def drift_rows(kept: Kept) -> list[DriftRows]:
    """Each kind of drift, those that were found first."""
    made = []
    for kind, (title, about) in DRIFTS.items():
        found = [finding for finding in reversed(kept.findings) if finding.kind is kind]
        shown = tuple(_finding(finding, kept) for finding in found[:FINDINGS_SHOWN])
        made.append(DriftRows(title, about, shown, len(found) - len(shown)))
    return sorted(made, key=lambda rows: not rows.findings)


def entry_rows(kept: Kept) -> list[EntryRow]:
    """The last entries of the trail, newest first."""
    made = []
    for recorded in reversed(kept.trail.recorded[-ENTRIES_SHOWN:]):
        entry = recorded.entry
        if entry is None:
            made.append(EntryRow(recorded.number, "", "", "cannot be read as it was written", ""))
        else:
            told = (moment(entry.at), line(entry.actor, 60), line(entry.action, 60), line(entry.subject, 80))
            made.append(EntryRow(recorded.number, *told))
    return made


def broken(kept: Kept) -> list[str]:
    """What is wrong with the trail, the first few; empty where it is whole."""
    return [line(f"entry {found.number} {found.problem}", 300) for found in kept.breaks[:BREAKS_SHOWN]]


def _finding(finding: DriftFinding, kept: Kept) -> FindingRow:
    summary, weekly = line(finding.summary, 400), _weekly(finding)
    return FindingRow(
        summary=summary[:1].upper() + summary[1:],
        found=f"{finding.found_at:%Y-%m-%d}" if finding.found_at is not None else "",
        p_value=f"{finding.p_value:.2g}",
        effect=_size(finding),
        responses=tuple((line(command, 200), line(does, 200)) for command, does in finding.responses[:RESPONSES_SHOWN]),
        weeks=_columns(weekly),
        rates=(weekly[0][1].share, weekly[-1][1].share) if weekly else None,
        traces=tuple(line(trace_id, 80) for trace_id in finding.trace_ids[:TRACES_NAMED]),
        more_traces=max(0, len(finding.trace_ids) - TRACES_NAMED),
        answer=answer(finding, kept),
    )


def _size(finding: DriftFinding) -> str:
    if finding.kind is DriftKind.DISTRIBUTION_SHIFT:
        return f"{finding.effect:.2f} on a scale from 0 to 1"
    return points(finding.effect) if finding.kind is not DriftKind.BUSINESS_METRIC else signed(finding.effect, ".3g")


def _weekly(finding: DriftFinding) -> list[tuple[str, Rate]]:
    """The rates by week that an accumulation was found in, of a year at most."""
    if finding.kind is not DriftKind.EDGE_CASES:
        return []
    weeks, failures, traces = (finding.evidence.get(name) for name in ("weeks", "failures", "traces"))
    if not (isinstance(weeks, Sequence) and isinstance(failures, Sequence) and isinstance(traces, Sequence)):
        return []
    return [(str(week), rate(int(x), int(n))) for week, x, n in zip(weeks, failures, traces, strict=False)][-WEEKS_SHOWN:]


def _columns(weekly: Sequence[tuple[str, Rate]]) -> tuple[plots.Column, ...]:
    top = max((r.share for _, r in weekly), default=0.0) or 1.0
    slot = 100 / max(len(weekly), 1)
    return tuple(
        plots.Column(
            x=round(slot * (i + 0.12), 3),
            width=round(slot * 0.76, 3),
            height=round(100 * r.share / top, 2),
            title=f"week of {line(week, 20)}: {r.count} of {counted(r.total, 'trace')}",
        )
        for i, (week, r) in enumerate(weekly)
    )


def answer(finding: DriftFinding, kept: Kept) -> str:
    """What people did about a drift since it was found; empty where nobody did anything."""
    if finding.kind is DriftKind.DISTRIBUTION_SHIFT:
        end = _end_of(finding.evidence)
        taken = next((a for a in kept.accepted if end is not None and utc(a.end) >= end), None)
        return f"{line(taken.by, 60)} took these inputs into the reference on {taken.at:%Y-%m-%d}." if taken else ""
    if finding.kind is DriftKind.REGRESSION:
        back = next((r for r in reversed(kept.releases) if r.version == finding.period and r.rolled_back_at is not None), None)
        if back is not None:
            by = line(back.rolled_back_by or "", 60)
            return f"{line(back.version, 60)} was rolled back by {by} on {back.rolled_back_at:%Y-%m-%d}."
    return ""


def _end_of(evidence: Mapping[str, object]) -> datetime | None:
    current = evidence.get("current")
    if not isinstance(current, Sequence) or len(current) != 2:
        return None
    try:
        return utc(datetime.fromisoformat(str(current[1])))
    except ValueError:
        return None
