"""Regression from improvement: what fails more often after a release than before it, overall and by failure mode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from loopwright.collect.times import utc
from loopwright.release.record import Release
from loopwright.stats.multiplicity import holm
from loopwright.stats.trend import rose
from loopwright.watch.finding import DriftFinding, DriftKind, Look, Watched
from loopwright.wording import counted, number, percent

FEWEST_TRACES = 10
"""With fewer traces of a version its rates are not compared."""

OVERALL = "overall"


def regressions(
    traces: Sequence[Watched], names: Mapping[str, str], releases: Sequence[Release] = (), *, alpha: float = 0.05
) -> Look:
    """Compare the latest version's failures with those of the version before it, by an exact test for each mode and for all.

    Versions follow one another by their first trace; `releases` say which names are one version and which proposals it brought.
    Only the latest with enough traces is looked at: what it does is what production does now.
    """
    by_name = {name: release for release in releases for name in release.names}
    ran = [(by_name[t.version].version if t.version in by_name else t.version, t) for t in traces if t.version is not None]
    order = _order(ran)
    if len(order) < 2:
        why = f"{'one version' if order else 'no version'} with {FEWEST_TRACES} traces or more; a comparison needs two"
        return Look(DriftKind.REGRESSION, "failure rates before and after a release", undecided=why)
    old, new = order[-2:]
    before, after = [t for version, t in ran if version == old], [t for version, t in ran if version == new]
    compared = f"{counted(len(after), 'trace')} of {new} with {number(len(before))} of {old} before it"
    release = by_name.get(new)
    if release is not None and not release.live:
        return Look(DriftKind.REGRESSION, compared, undecided=f"{new} was rolled back by {release.rolled_back_by}")
    counts = _failures(before), _failures(after)
    subjects = [OVERALL, *sorted(set(counts[0] | counts[1]) - {OVERALL})]
    p_values = holm([rose(counts[0][s], len(before), counts[1][s], len(after)) for s in subjects])
    findings = [
        _finding((subject, names.get(subject, subject)), (old, new), (counts[0][subject], len(before)), after, float(p), release)
        for subject, p in zip(subjects, p_values, strict=True)
        if p <= alpha
    ]
    return Look(DriftKind.REGRESSION, compared, tuple(findings))


def _order(ran: Sequence[tuple[str, Watched]]) -> list[str]:
    """The versions with enough traces, by their first one."""
    many = {version for version, count in Counter(version for version, _ in ran).items() if count >= FEWEST_TRACES}
    return list(dict.fromkeys(version for version, t in sorted(ran, key=lambda pair: utc(pair[1].at)) if version in many))


def _failures(traces: Sequence[Watched]) -> Counter[str]:
    return Counter({OVERALL: sum(t.failed for t in traces)}) + Counter(t.mode_id for t in traces if t.mode_id is not None)


def _finding(
    subject: tuple[str, str],
    versions: tuple[str, str],
    earlier: tuple[int, int],
    after: Sequence[Watched],
    p: float,
    release: Release | None,
) -> DriftFinding:
    id, name = subject
    failing = [t for t in after if (t.failed if id == OVERALL else t.mode_id == id)]
    was, now = earlier[0] / earlier[1], len(failing) / len(after)
    what = "failures" if id == OVERALL else f"failure mode {name}"
    proposals = release.proposal_ids if release is not None else ()
    brought = f", which brought {', '.join(proposals)}" if proposals else ""
    return DriftFinding(
        DriftKind.REGRESSION,
        id,
        versions[1],
        f"{what} rose from {percent(was)} to {percent(now)} with release {versions[1]}{brought}",
        p,
        now - was,
        {
            "release": versions[1],
            "before": {"version": versions[0], "failures": earlier[0], "traces": earlier[1]},
            "after": {"version": versions[1], "failures": len(failing), "traces": len(after)},
            "proposals": list(proposals),
        },
        (
            (f"loopwright release rollback {versions[1]}", f"go back to {versions[0]}"),
            *((f"loopwright improve rollback {id}", "take back one change of it") for id in proposals),
        ),
        tuple(t.trace_id for t in sorted(failing, key=lambda t: utc(t.at), reverse=True)[:50]),
    )
