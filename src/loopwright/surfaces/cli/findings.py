"""An analysis in the terminal: a few lines and a table for a person, one object for a machine, and the page as a file."""

from __future__ import annotations

import webbrowser
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from loopwright.audit.digest import plain
from loopwright.surfaces.cli.page_file import write_file
from loopwright.surfaces.cli.proposals import proposal_object, record_object
from loopwright.surfaces.cli.terminal import emit, note, say, table
from loopwright.surfaces.reports.page import render, small_print, verdict
from loopwright.surfaces.reports.proposals import KINDS
from loopwright.watch.exchange import finding_object
from loopwright.wording import percent
from loopwright.workflows.analysis import Analysis, Kept, Rate, one_offs
from loopwright.workflows.rates import evidence

MODES_SHOWN = 10
FAILURES_SHOWN = 5
PROPOSALS_SHOWN = 6
REASON_WIDTH = 90


def write_report(analysis: Analysis, path: Path) -> None:
    """Write the page."""
    write_file(path, render(analysis, version("loopwright")))


def show_place(path: Path, open_it: bool) -> None:
    """Say where the page is, and open it in the browser where that was asked for."""
    note(f"\nreport: {path}")
    if open_it and not webbrowser.open(path.resolve().as_uri()):
        note("loopwright: no browser could be opened; open the file by hand")


def tell(analysis: Analysis) -> None:
    """Print what was found: the verdict, the largest modes or else the strongest failures, and the proposals in a line each."""
    say(verdict(analysis).replace("\u00a0", " "))
    if aside := small_print(analysis).replace("\u00a0", " "):
        say(aside)
    modes = analysis.clustering.modes
    total = len(analysis.failures) or 1
    if modes:
        say("")
        rows = [
            (i, m.name, f"{m.size:,}", percent(m.size / total), f"{m.severity:.2f}", ", ".join(m.signal_types[:1]))
            for i, m in enumerate(modes, start=1)
        ]
        table("", ("", "failure mode", "failures", "share", "severity", "signal"), rows, right=(0, 2, 3, 4), most=MODES_SHOWN)
    elif analysis.failures:
        say("")
        failures = [(f.trace_id, f"{f.score:.2f}", f.failure_reason[:REASON_WIDTH]) for f in analysis.failures]
        table("", ("trace", "score", "strongest failures"), failures, right=(1,), whole=(0,), most=FAILURES_SHOWN)
    if analysis.proposals:
        say("")
        offered = [record.proposal for record in analysis.proposals]
        changes = [(KINDS[p.kind][1], f"{len(p.evidence):,}", p.kind.value) for p in offered]
        table("", ("proposal", "traces", "guard"), changes, right=(1,), most=PROPOSALS_SHOWN)


def emit_json(analysis: Analysis, report: Path | None) -> None:
    """Print one JSON object: what was read, how much fails and why, the modes, the strongest failures and the proposals.

    Of a store also what changed in production, the releases, how many gate decisions were overridden, and the state of the trail.
    """
    clustering = analysis.clustering
    found = evidence(analysis.failures, analysis.failing.total)
    emit(
        msgspec.json.encode(
            {
                "title": analysis.title,
                "made_at": analysis.made_at,
                "traces": analysis.failing.total,
                "rejected": analysis.intake.rejected_count,
                "formats": dict(analysis.intake.formats),
                "failing": _rate(analysis.failing),
                "evidence": {
                    "strong_or_fair": _rate(found.evident),
                    "strong": _rate(found.strong),
                    "fair": _rate(found.fair),
                    "weak": _rate(found.weak),
                },
                "signal_types": {t.signal_type: _rate(t.rate) for t in analysis.types},
                "detectors": [
                    {"detector": d.detector, "signal_type": d.signal_type, **_rate(d.rate)} for d in analysis.detectors
                ],
                "modes": [
                    {
                        "mode_id": m.mode_id,
                        "name": m.name,
                        "size": m.size,
                        "severity": m.severity,
                        "score": m.score,
                        "signal_types": m.signal_types,
                        "terms": m.terms,
                        "representatives": m.representatives,
                    }
                    for m in clustering.modes
                ],
                "one_offs": len(one_offs(analysis.failures, clustering)),
                "failures": [
                    {
                        "trace_id": f.trace_id,
                        "score": f.score,
                        "severity": f.severity,
                        "signal_type": f.signal_type.value,
                        "failure_reason": f.failure_reason,
                    }
                    for f in analysis.failures
                ],
                "proposals": [
                    proposal_object(record.proposal) if analysis.kept is None else record_object(record)
                    for record in analysis.proposals
                ],
                **({} if analysis.kept is None else _kept(analysis.kept)),
                "report": None if report is None else str(report),
            }
        ).decode()
    )


def _kept(kept: Kept) -> dict[str, Any]:
    return {
        "drift": [finding_object(finding) for finding in kept.findings],
        "releases": [{"release_id": release.release_id, **plain(release)} for release in kept.releases],
        "overrides": None if kept.overrides is None else kept.overrides._asdict(),
        "trail": {
            "entries": len(kept.trail.recorded),
            "whole": not kept.breaks,
            "head": None if kept.trail.head is None else str(kept.trail.head),
        },
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {"count": rate.count, "share": rate.share, "low": rate.low, "high": rate.high}
