"""One judge over time: what it said of labelled items before, and what it says now. Models change behind their names.

A judge's verdicts fall into periods. A new one begins where a labelled item is judged again, or where nothing labelled was judged
for a while; but only once the period before holds labels enough to say anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from loopwright.judge.calibrate import MIN_EACH, MIN_LABELS
from loopwright.judge.exchange import majority
from loopwright.judge.verdict import Label, Verdict
from loopwright.stats.agreement import Estimate, Table, proportion
from loopwright.stats.judge_change import Flips, JudgeChange
from loopwright.wording import percent

GAP = timedelta(days=7)
"""After so long without a verdict on a labelled item a new period begins."""
SAME = 100
"""So many labelled items must be judged alike at two times, each of them, for it to be the same: 3 % may have escaped at most."""
DRIFT_LEVEL = 0.05
"""A judge is said to have drifted where the exact tests of TPR and TNR, corrected for being two, are at most this."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """A labelled item as it was judged: by the judge, by people, and by which criteria."""

    judge: bool
    human: bool
    rubric: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """What one judge said of labelled items, by item id, from its first such verdict (`start`) to its last (`end`).

    Times are None where they are not known. A period is equal to itself alone.
    """

    judge_id: str
    seen: Mapping[str, Seen]
    start: datetime | None = None
    end: datetime | None = None

    @property
    def table(self) -> Table:
        """The judge beside people."""
        counts = [(s.judge, s.human) for s in self.seen.values()]
        return Table(*(counts.count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))))

    @property
    def enough(self) -> bool:
        """Whether there are labels enough to say anything."""
        return _enough(self.table)

    @property
    def tpr(self) -> Estimate:
        """The share of what people pass that the judge passes."""
        return proportion(self.table.pass_pass, self.table.passes)

    @property
    def tnr(self) -> Estimate:
        """The share of what people fail that the judge fails."""
        return proportion(self.table.fail_fail, self.table.fails)

    def away(self, at: datetime | None) -> timedelta:
        """How long before or after the period a time lies; nothing within it, or where times are not known."""
        if at is None or self.start is None or self.end is None:
            return timedelta()
        return max(self.start - at, at - self.end, timedelta())


@dataclass(frozen=True, slots=True)
class Drift:
    """A judge that became another: two periods of it, and the exact p-values that TPR and TNR are what they were."""

    before: Period
    after: Period
    p_passing: float
    p_failing: float

    @property
    def p_value(self) -> float:
        """Of both together, by Bonferroni's inequality."""
        return min(1.0, 2 * min(self.p_passing, self.p_failing))

    @property
    def found(self) -> bool:
        """Whether chance is no likely explanation."""
        return self.p_value <= DRIFT_LEVEL


def periods(verdicts: Iterable[Verdict], labels: Iterable[Label]) -> list[Period]:
    """The periods of every judge, each judge's in order of time.

    `verdicts` are all that were ever given, in any order; items without a label and verdicts that are none are left out.
    """
    said: dict[str, list[bool]] = {}
    for label in labels:
        said.setdefault(label.item_id, []).append(label.passed)
    human = {item_id: meant for item_id, given in said.items() if (meant := majority(given)) is not None}
    by_judge: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.passed is not None and verdict.item_id in human:
            by_judge.setdefault(verdict.judge_id, []).append(verdict)
    found = []
    for judge_id, given in by_judge.items():
        found += [_period(judge_id, part, human) for part in _parts(sorted(given, key=_time), human)]
    return found


def change_between(before: Period, after: Period) -> JudgeChange:
    """What is known of the change from one period to another, of one judge or of two. Flips are by the same criteria."""
    flips: dict[bool, list[tuple[bool, bool]]] = {True: [], False: []}
    for item_id, was in before.seen.items():
        now = after.seen.get(item_id)
        if now is not None and now.rubric == was.rubric:
            flips[now.human].append((was.judge, now.judge))
    passing, failing = (
        Flips(*(flips[label].count(kind) for kind in ((True, True), (True, False), (False, True), (False, False))))
        for label in (True, False)
    )
    return JudgeChange(before.table, after.table, passing, failing)


def same_judge(before: Period, after: Period) -> bool:
    """Whether a judge may be taken to be what it was: `SAME` items and more, of both labels, and not one judged otherwise."""
    if before is after:
        return True
    if before.judge_id != after.judge_id:
        return False
    change = change_between(before, after)
    flips = (change.passing, change.failing)
    return change.paired(MIN_EACH) and sum(f.n for f in flips) >= SAME and not any(f.lost + f.gained for f in flips)


def drift_between(before: Period, after: Period) -> Drift:
    """The exact tests that a judge is what it was."""
    return Drift(before, after, *change_between(before, after).p_values(MIN_EACH))


def drifts(found: Sequence[Period]) -> list[Drift]:
    """The drifts from each period of a judge to its next that chance explains ill."""
    pairs = [(a, b) for a, b in pairwise(found) if a.judge_id == b.judge_id]
    return [drift for drift in (drift_between(a, b) for a, b in pairs) if drift.found]


def told_drift(drift: Drift) -> str:
    """What became of a judge, in words."""
    a, b = drift.before, drift.after
    return (
        f"the judge {a.judge_id} is not what it was: of what people pass it passed {_share(a.tpr)} and passes {_share(b.tpr)}, "
        f"of what they fail it failed {_share(a.tnr)} and fails {_share(b.tnr)} (chance {drift.p_value:.2g})"
    )


def _share(estimate: Estimate) -> str:
    return percent(estimate.value) if estimate.value is not None else "none"


def _parts(verdicts: Sequence[Verdict], human: Mapping[str, bool]) -> list[dict[str, Verdict]]:
    """One judge's verdicts in order of time, cut into periods."""
    parts: list[dict[str, Verdict]] = [{}]
    last: datetime | None = None
    for verdict in verdicts:
        current = parts[-1]
        waited = last is not None and verdict.at is not None and verdict.at - last > GAP
        if (verdict.item_id in current or waited) and _enough(_table(current, human)):
            parts.append({})
        parts[-1][verdict.item_id] = verdict
        last = verdict.at
    return parts


def _period(judge_id: str, part: Mapping[str, Verdict], human: Mapping[str, bool]) -> Period:
    times = [v.at for v in part.values() if v.at is not None]
    seen = {item_id: Seen(v.passed is True, human[item_id], v.rubric) for item_id, v in part.items()}
    return Period(judge_id, seen, min(times, default=None), max(times, default=None))


def _table(part: Mapping[str, Verdict], human: Mapping[str, bool]) -> Table:
    return _period("", part, human).table


def _enough(table: Table) -> bool:
    return table.n >= MIN_LABELS and min(table.passes, table.fails) >= MIN_EACH


def _time(verdict: Verdict) -> datetime:
    return verdict.at or _LONG_AGO
