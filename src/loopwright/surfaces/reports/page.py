"""An analysis as one self-contained HTML page: no network, no external file, readable without scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from loopwright.collect.intake import Rejected
from loopwright.gate.override import told_rate
from loopwright.mine.policy import POLICIES
from loopwright.surfaces.reports import advice, next_steps, plots, production, proposals, releases
from loopwright.surfaces.reports.failures import FailureRow, FailureRows, ModeRow
from loopwright.surfaces.reports.palette import look
from loopwright.surfaces.reports.templating import csp_hash, environment, source
from loopwright.surfaces.reports.text import counted, line, number, percent, signal_name
from loopwright.workflows.analysis import FAIR, STRONG, Analysis, DetectorCount, Rate, one_offs, ungrouped
from loopwright.workflows.rates import evidence

MARKS_DRAWN = 1500
MODES_OPEN = 12
REJECTED_SHOWN = 20
FILES_SHOWN = 20
DETECTORS_SHOWN = 60
PERIODS_LABELLED = 5


@dataclass(frozen=True, slots=True)
class RateRow:
    """A rate with its bar; `strength` None where it has no meaning."""

    name: str
    about: str
    rate: Rate
    bar: plots.Bar
    strength: float | None = None
    note: str = ""


def render(analysis: Analysis, version: str = "") -> str:
    """The page. All text of the analysis is escaped, and what is hidden in it is shown; the size of the page is bounded.

    `version` is Loopwright's own, for the section that says how it was measured.
    """
    rows = FailureRows(analysis)
    modes = rows.modes()
    failures = rows.ranked()
    marks, map_left = _map(analysis, rows, failures, modes)
    offered = proposals.proposal_rows(analysis, rows)
    style, script = source("report.css") + source("loop.css"), source("report.js")
    return environment().get_template("report.html.j2").render(
        a=analysis,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        style_hash=csp_hash(style),
        script_hash=csp_hash(script),
        title=line(analysis.title, 120) or "Analysis",
        verdict=verdict(analysis),
        small_print=small_print(analysis),
        evident=evidence(analysis.failures, analysis.failing.total).evident,
        covered=_covered(analysis),
        modes=modes,
        modes_open=MODES_OPEN if len(modes) > MODES_OPEN + 3 else len(modes),
        modes_total=len(analysis.clustering.modes),
        modes_top=max((m.share for m in modes), default=0.0) or 1.0,
        modes_in_full=sum(bool(m.representatives or m.drafted) for m in modes),
        map=marks,
        map_left=map_left,
        labels=plots.labels(marks),
        types=type_rows(analysis),
        types_top=_types_top(analysis),
        detectors=detector_groups(analysis),
        silent=silent_detectors(analysis),
        detectors_top=_detectors_top(analysis),
        detectors_left=max(0, len(analysis.detectors) - DETECTORS_SHOWN),
        policies=POLICIES,
        weights={t.signal_type: t.weight for t in analysis.types},
        histogram=plots.histogram([f.score for f in analysis.failures]),
        strengths=strengths(analysis),
        periods=plots.timeline(analysis.periods, _period_top(analysis)),
        period_top=_period_top(analysis),
        period_ticks=_ticks(analysis),
        failures=failures,
        one_offs=rows.one_offs(),
        ungrouped=ungrouped(analysis.failures, analysis.clustering),
        one_offs_total=len(one_offs(analysis.failures, analysis.clustering)),
        steps=next_steps.next_steps(analysis),
        facts=advice.how_measured(analysis, version),
        limits=advice.limits(analysis),
        rejected=[_refusal(r) for r in analysis.intake.rejected[:REJECTED_SHOWN]],
        files=analysis.intake.files[:FILES_SHOWN],
        all_failures=_all_failures(analysis),
        whole_trace=_whole_trace(analysis),
        proposals=offered,
        numbers={row.proposal_id: row.number for row in offered},
        helping=sum(r.verification is not None and r.verification.verdict == "helping" for r in analysis.proposals),
        absent=proposals.absent(analysis),
        refusals=proposals.refusals(analysis),
        **_of_store(analysis, rows),
    )  # fmt: skip


def _of_store(analysis: Analysis, rows: FailureRows) -> dict[str, Any]:
    """What the page says of a store alone."""
    kept = analysis.kept
    if kept is None:
        return {}
    return {
        "drifts": production.drift_rows(kept),
        "releases": releases.release_rows(kept),
        "overrides": told_rate(kept.overrides) if kept.overrides is not None else "",
        "effect": releases.effect_rows(analysis, rows),
        "entries": production.entry_rows(kept),
        "broken": production.broken(kept),
    }


def verdict(analysis: Analysis) -> str:
    """The page in one sentence."""
    failing, modes = analysis.failing, analysis.clustering.modes
    if not failing.total:
        return "No traces were read, so nothing can be said."
    read = counted(failing.total, "trace")
    if not failing.count and analysis.origin == "store":
        return f"{read} in the store, and no failure among them is recorded."
    if not failing.count:
        return f"{read} read; none shows a sign of failure that a rule can see."
    shown = evidence(analysis.failures, failing.total).evident
    who = f"{number(shown.count)} {'shows' if shown.count == 1 else 'show'}" if shown.count else "none shows"
    share = f" ({percent(shown.share)})" if shown.count else ""
    found = f"{read} read: {who} strong or fair evidence of failure{share}."
    if not analysis.clustering.memberships:
        return f"{found} They are not grouped yet."
    if not modes:
        return f"{found} No failure recurs often enough to be a mode."
    covers = "covers" if len(modes) == 1 else "cover"
    return f"{found} {counted(len(modes), 'failure mode')} {covers} {percent(_covered(analysis))} of what was found."


def small_print(analysis: Analysis) -> str:
    """What the verdict leaves out: the traces with weak signs alone; empty where there are none."""
    weak = evidence(analysis.failures, analysis.failing.total).weak
    if not weak.count:
        return ""
    more, them = ("shows", "it is") if weak.count == 1 else ("show", "they are")
    return (
        f"{number(weak.count)} more {more} weak signs only ({percent(weak.share)}, score below {FAIR}): "
        f"{them} listed and grouped too, and may be nothing."
    )


def strengths(analysis: Analysis) -> list[tuple[str, str, int]]:
    """Failures by the strength of their evidence: name, what it means, count."""
    found = evidence(analysis.failures, analysis.failing.total)
    return [
        ("strong", f"score {STRONG} and above", found.strong.count),
        ("fair", f"{FAIR} to {STRONG}", found.fair.count),
        ("weak", f"below {FAIR}", found.weak.count),
    ]


def type_rows(analysis: Analysis) -> list[RateRow]:
    """Failure rates by signal type; `strength` is the type's weight."""
    top = _types_top(analysis)
    return [RateRow(signal_name(t.signal_type), "", t.rate, plots.bar(t.rate, top), t.weight) for t in analysis.types]


def detector_groups(analysis: Analysis) -> list[tuple[str, list[RateRow]]]:
    """Failure rates of the detectors that spoke or failed, under their signal types, in the analysis' order."""
    top = _detectors_top(analysis)
    groups: dict[str, list[RateRow]] = {}
    for count in analysis.detectors[:DETECTORS_SHOWN]:
        if count.rate.count or count.problem:
            groups.setdefault(count.signal_type, []).append(_detector_row(count, top))
    return [(signal_name(kind), rows) for kind, rows in groups.items()]


def silent_detectors(analysis: Analysis) -> list[RateRow]:
    """The detectors that ran and found nothing."""
    return [_detector_row(d, 1.0) for d in analysis.detectors[:DETECTORS_SHOWN] if not d.rate.count and not d.problem]


def _detector_row(count: DetectorCount, top: float) -> RateRow:
    return RateRow(
        name=line(count.detector, 60),
        about=line(count.finds, 120),
        rate=count.rate,
        bar=plots.bar(count.rate, top),
        strength=count.strength if count.rate.count else None,
        note=line(count.problem, 200),
    )


def _types_top(analysis: Analysis) -> float:
    return plots.top_of([t.rate.high for t in analysis.types])


def _detectors_top(analysis: Analysis) -> float:
    return plots.top_of([d.rate.high for d in analysis.detectors[:DETECTORS_SHOWN]])


def _covered(analysis: Analysis) -> float:
    known = {m.mode_id for m in analysis.clustering.modes}
    failing = {f.trace_id for f in analysis.failures}
    inside = sum(m.mode_id in known and m.trace_id in failing for m in analysis.clustering.memberships)
    return inside / len(failing) if failing else 0.0


def _map(analysis: Analysis, rows: FailureRows, failures: list[FailureRow], modes: list[ModeRow]) -> tuple[list[plots.Mark], int]:
    in_full = {row.look.rank for row in modes if row.representatives or row.drafted}
    if not analysis.clustering.positions:
        drawn_modes = [(look(i), m) for i, m in enumerate(analysis.clustering.modes, start=1) if i in in_full]
        return plots.mode_marks(drawn_modes, lambda m: line(f"{m.name}: {m.size}", 120)), 0
    ranks = {f.trace_id: rank for rank, f in enumerate(analysis.failures[: len(failures)], start=1)}
    points = []
    for failure in analysis.failures:
        drawn = rows.look_of(failure.trace_id)
        href = f"#failure-{ranks[failure.trace_id]}" if failure.trace_id in ranks else ""
        href = href or (f"#mode-{drawn.rank}" if drawn.rank in in_full else "")
        points.append(plots.Placed(failure.trace_id, drawn, line(f"{failure.trace_id}: {failure.failure_reason}", 160), href))
    return plots.scatter(points, analysis.clustering.positions, MARKS_DRAWN)


def _period_top(analysis: Analysis) -> float:
    return plots.top_of([p.rate.high for p in analysis.periods if p.rate.total >= 5] or [1.0])


def _ticks(analysis: Analysis) -> list[str]:
    labels = [p.label for p in analysis.periods]
    if len(labels) <= PERIODS_LABELLED:
        return labels
    step = (len(labels) - 1) / (PERIODS_LABELLED - 1)
    return [labels[round(i * step)] for i in range(PERIODS_LABELLED)]


def _refusal(refused: Rejected) -> tuple[str, str, str]:
    place = f"{refused.source}:{refused.line}" if refused.line else refused.source
    return line(place, 120), line(refused.problem, 240), line(refused.cure, 200)


def _all_failures(analysis: Analysis) -> str:
    if analysis.origin == "store":
        return "loopwright mine --format json"
    return f"loopwright mine --traces {next_steps.analysis_files(analysis)} --format json"


def _whole_trace(analysis: Analysis) -> str:
    if analysis.origin == "store":
        return "loopwright traces show ID"
    return f"loopwright import {next_steps.analysis_files(analysis)} --format json"
