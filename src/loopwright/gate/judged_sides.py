"""Who judged what on the two sides, and whether that was one judge. What is known of judges comes as data: `Judges`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from loopwright.evaluate.result import EvalResult
from loopwright.gate.tally import has_verdict
from loopwright.judge.periods import Period, same_judge
from loopwright.judge.verdict import Verdict, result_item


@dataclass(frozen=True, slots=True)
class Judges:
    """What is known of the judges beside their verdicts in the results.

    `periods` are their calibrations (`judge.periods`), `times` when the runs ended, by id, for results that do not say when they
    were judged. `again` are later verdicts on stored answers, oldest first.
    """

    periods: tuple[Period, ...] = ()
    times: Mapping[str, datetime] = field(default_factory=dict)
    again: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """What a verdict was measured with: the judge, and the calibration that is nearest in time, None where there is none."""

    judge_id: str
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class JudgedSides:
    """Both sides, of each case the verdicts that are to be compared.

    `measures` has each judged case's, before and now; `shifted` are the cases of which both are known and not the same, so that
    only corrected rates can be compared. `again` counts the verdicts of the baseline that a later one stands in for.
    """

    baseline: tuple[EvalResult, ...]
    candidate: tuple[EvalResult, ...]
    measures: Mapping[str, tuple[Measure, Measure]] = field(default_factory=dict)
    shifted: frozenset[str] = frozenset()
    again: int = 0


def judged_sides(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult], judges: Judges) -> JudgedSides:
    """Find the measures of both sides, case by case.

    Of a case's history only what was measured as the candidate was counts, where there is any, later verdicts on the same
    answers among it. Otherwise it is what was measured most often in one way. Results that no judge decided always count.
    """
    known = _Known(judges)
    now: dict[str, set[Measure]] = defaultdict(set)
    for row in candidate:
        if row.judge_id is not None:
            now[row.eval_id].add(known.measure(row, newest=True))
    if not now:
        return JudgedSides(tuple(baseline), tuple(candidate))
    trusted = set(now) - {row.eval_id for row in candidate if row.judge_id is not None and not row.judge_calibrated}
    history: dict[str, list[EvalResult]] = defaultdict(list)
    for row in baseline:
        history[row.eval_id].append(row)
    kept: dict[str, list[EvalResult]] = {}
    measures: dict[str, tuple[Measure, Measure]] = {}
    again = 0
    for eval_id, found in now.items():
        if len(found) > 1 or eval_id not in history:
            continue
        (after,) = found
        rows = [known.stood_in(row, after, eval_id in trusted) for row in history[eval_id]]
        before = _measured(rows, after, known)
        if before is None:
            continue
        measures[eval_id] = (before, after)
        kept[eval_id] = [row for row in rows if row.judge_id is None or known.same(known.measure(row), before)]
        again += sum(old is not new for old, new in zip(history[eval_id], rows, strict=True))
    shifted = frozenset(id for id, (a, b) in measures.items() if a.period and b.period and not known.same(a, b))
    sides = tuple(row for eval_id, rows in history.items() for row in kept.get(eval_id, rows))
    return JudgedSides(sides, tuple(candidate), measures, shifted, again)


def _measured(rows: Iterable[EvalResult], after: Measure, known: _Known) -> Measure | None:
    """The measure by which a case's history is compared; None where no judge decided any of it."""
    judged = [known.measure(row) for row in rows if row.judge_id is not None and not row.repeat and has_verdict(row)]
    alike = [measure for measure in judged if known.same(measure, after)]
    if alike:
        return after
    counts = Counter(judged)
    return max(counts, key=lambda measure: (counts[measure], _newness(measure), measure.judge_id)) if counts else None


def _newness(measure: Measure) -> float:
    start = measure.period.start if measure.period is not None else None
    return start.timestamp() if start is not None else 0.0


class _Known:
    """Looks up measures, and verdicts that stand in for others."""

    def __init__(self, judges: Judges) -> None:
        self._times = judges.times
        self._periods: dict[str, list[Period]] = defaultdict(list)
        for period in judges.periods:
            if period.enough:
                self._periods[period.judge_id].append(period)
        self._again: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in judges.again:
            if verdict.passed is not None:
                self._again[verdict.item_id].append(verdict)
        self._measures: dict[tuple[str, datetime | None, bool], Measure] = {}
        self._same: dict[tuple[Measure, Measure], bool] = {}

    def measure(self, row: EvalResult, *, newest: bool = False) -> Measure:
        """What a row's verdict was measured with. Without a time it is taken to be as old, or as new, as can be."""
        assert row.judge_id is not None
        return self._at(row.judge_id, row.judged_at or self._times.get(row.run_id), newest=newest)

    def same(self, one: Measure, other: Measure) -> bool:
        """Whether verdicts of both can be compared as they are."""
        if (one, other) not in self._same:
            a, b = one.period, other.period
            self._same[one, other] = one.judge_id == other.judge_id and (a is None or b is None or same_judge(a, b))
        return self._same[one, other]

    def stood_in(self, row: EvalResult, after: Measure, trusted: bool) -> EvalResult:
        """The row with a later verdict on its answer that was measured as the candidate was, where its own was not.

        `trusted` says whether that judge is calibrated.
        """
        if row.judge_id is None or self.same(self.measure(row), after):
            return row
        found = self._again.get(result_item(row.run_id, row.eval_id, row.trial), ())
        later = [v for v in found if self.same(self._at(v.judge_id, v.at, newest=True), after)]
        if not later:
            return row
        said = later[-1]
        return replace(
            row,
            passed=said.passed,
            error=None,
            score=said.score,
            judge_id=said.judge_id,
            judge_calibrated=trusted,
            judged_at=said.at,
        )

    def _at(self, judge_id: str, at: datetime | None, *, newest: bool) -> Measure:
        key = (judge_id, at, newest)
        if key not in self._measures:
            self._measures[key] = Measure(judge_id, self._nearest(judge_id, at, newest))
        return self._measures[key]

    def _nearest(self, judge_id: str, at: datetime | None, newest: bool) -> Period | None:
        """The period nearest in time; of equally near ones the older, without a time the oldest or the newest there is."""
        found = self._periods.get(judge_id)
        if not found:
            return None
        if at is None:
            return found[-1 if newest else 0]
        return min(found, key=lambda period: period.away(at))
