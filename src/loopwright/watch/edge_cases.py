"""Edge-case accumulation: failures that are rare one by one, and more and more together.

An edge case is a failing trace that belongs to no mode, or to a mode that is rarer than 1 % of all traces. Their rate by week is
tested for a rise over the weeks, for all edge cases together and for each small mode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from loopwright.collect.times import utc
from loopwright.stats.multiplicity import holm
from loopwright.stats.trend import rising
from loopwright.watch.finding import DriftFinding, DriftKind, Look, Watched
from loopwright.wording import counted, percent

RARE = 0.01
"""A mode with a smaller share of all traces is one of edge cases; the source's single edge case is a tenth of that."""

FEWEST_WEEKS = 3


def edge_cases(traces: Sequence[Watched], names: Mapping[str, str], *, alpha: float = 0.05, seed: int = 0) -> Look:
    """Whether edge cases accumulate; `names` holds the modes' names by id."""
    weeks = sorted({_week(t.at) for t in traces})
    compared = f"weekly rate of edge cases in {counted(len(weeks), 'week')}"
    if len(weeks) < FEWEST_WEEKS:
        return Look(
            DriftKind.EDGE_CASES, compared, undecided=f"traces of {counted(len(weeks), 'week')}; a trend needs {FEWEST_WEEKS}"
        )
    sizes = Counter(t.mode_id for t in traces if t.mode_id is not None)
    small = frozenset(mode for mode, size in sizes.items() if size < RARE * len(traces))
    rare = [t for t in traces if (t.failed if t.mode_id is None else t.mode_id in small)]
    groups = {"": rare} | {mode: [t for t in rare if t.mode_id == mode] for mode in sorted(small)}
    totals = _by_week(traces, weeks)
    rng = np.random.Generator(np.random.PCG64(seed))
    counts = {mode: _by_week(group, weeks) for mode, group in groups.items()}
    p_values = holm([rising(count, totals, rng) for count in counts.values()])
    findings = [
        _finding(mode, names.get(mode, mode), groups[mode], counts[mode], totals, weeks, float(p))
        for mode, p in zip(groups, p_values, strict=True)
        if p <= alpha
    ]
    return Look(DriftKind.EDGE_CASES, compared, tuple(findings))


def _week(at: datetime) -> date:
    day = utc(at).date()
    return day - timedelta(days=min(day.weekday(), day.toordinal() - 1))


def _by_week(traces: Sequence[Watched], weeks: Sequence[date]) -> list[int]:
    counted = Counter(_week(t.at) for t in traces)
    return [counted[week] for week in weeks]


def _finding(
    mode: str, name: str, group: Sequence[Watched], counts: Sequence[int], totals: Sequence[int], weeks: Sequence[date], p: float
) -> DriftFinding:
    half = len(weeks) // 2
    rates = [count / total for count, total in zip(counts, totals, strict=True)]
    early, late = sum(counts[:half]) / sum(totals[:half]), sum(counts[half:]) / sum(totals[half:])
    kinds = len({t.mode_id for t in group if t.mode_id}) + sum(t.mode_id is None for t in group)
    what = f"failure mode {name}" if mode else f"{counted(kinds, 'edge case')}, each below {percent(RARE, None)} of traces,"
    return DriftFinding(
        DriftKind.EDGE_CASES,
        mode or "edge cases",
        weeks[-1].isoformat(),
        f"{what} grew from {percent(early)} to {percent(late)} of traces",
        p,
        late - early,
        {"weeks": [week.isoformat() for week in weeks], "failures": list(counts), "traces": list(totals), "rates": rates},
        (
            ("loopwright triage", "decide which of them get an eval case"),
            ("loopwright draft" + (f" --mode {mode}" if mode else ""), "draft the cases"),
        ),
        tuple(t.trace_id for t in sorted(group, key=lambda t: utc(t.at), reverse=True)[:50]),
    )
