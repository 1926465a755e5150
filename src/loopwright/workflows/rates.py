"""How often: failures and their signals counted over the traces read, each rate with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from loopwright.mine.detector import Detector, DetectorFault
from loopwright.mine.signal import FailureSignal, FailureTrace
from loopwright.stats.intervals import wilson
from loopwright.workflows.analysis import FAIR, STRONG, DetectorCount, Evidence, Period, PeriodUnit, Rate, TypeCount

MAX_PERIODS = 62


def rate(count: int, total: int) -> Rate:
    """`count` of `total` with its 95 % Wilson interval; a share of 0 in 0..1 where `total` is 0."""
    interval = wilson(count, total)
    return Rate(count, total, count / total if total else 0.0, interval.low, interval.high)


def evidence(failures: Iterable[FailureTrace], total: int) -> Evidence:
    """How strong the evidence is in how many of `total` traces."""
    scores = [f.score for f in failures]
    strong, evident = sum(s >= STRONG for s in scores), sum(s >= FAIR for s in scores)
    counts = (evident, strong, evident - strong, len(scores) - evident)
    return Evidence(*(rate(count, total) for count in counts))


def type_counts(
    failures: Iterable[FailureTrace], detectors: Iterable[Detector], weights: Mapping[FailureSignal, float], total: int
) -> tuple[TypeCount, ...]:
    """A row for each signal type that was looked for or seen, in the order of `FailureSignal`."""
    seen = Counter(kind for f in failures for kind in {s.type for s in f.signals} or {f.signal_type})
    looked_for = {d.type for d in detectors} | seen.keys()
    return tuple(TypeCount(k.value, rate(seen[k], total), weights.get(k)) for k in FailureSignal if k in looked_for)


def detector_counts(
    failures: Iterable[FailureTrace], detectors: Sequence[Detector], faults: Sequence[DetectorFault], total: int
) -> tuple[DetectorCount, ...]:
    """A row for each detector and signal type that it found, also for detectors that found nothing or failed."""
    strengths: dict[tuple[str, str], list[float]] = {(d.type.value, d.name): [] for d in detectors}
    for failure in failures:
        strongest: dict[tuple[str, str], float] = {}
        for s in failure.signals:
            key = (s.type.value, s.detector)
            strongest[key] = max(strongest.get(key, 0.0), s.severity * s.confidence)
        for key, strength in strongest.items():
            strengths.setdefault(key, []).append(strength)
    finds = {d.name: d.finds for d in detectors}
    order = {kind.value: i for i, kind in enumerate(FailureSignal)}
    return tuple(
        DetectorCount(
            signal_type=kind,
            detector=name,
            rate=rate(len(found), total),
            strength=sum(found) / len(found) if found else 0.0,
            finds=finds.get(name, ""),
            problem=_problem([f for f in faults if f.detector == name]),
        )
        for (kind, name), found in sorted(strengths.items(), key=lambda row: (order[row[0][0]], -len(row[1])))
    )


def periods(starts: Iterable[tuple[str, datetime | None]], failing: set[str]) -> tuple[tuple[Period, ...], PeriodUnit]:
    """Failing traces by when they started: days, or the shortest longer unit of which there are at most 62.

    `starts` holds each trace's id and start time; traces without one are left out. Periods without traces are rows too, but
    for years. Empty where all traces fall into one period.
    """
    days = [(id, aware(at).date()) for id, at in starts if at is not None]
    if not days:
        return (), "day"
    first, last = min(d for _, d in days), max(d for _, d in days)
    unit: PeriodUnit = next((name for name in _FLOORS if _count(first, last, name) <= MAX_PERIODS), "year")
    floor = _FLOORS[unit]
    total = Counter(floor(d) for _, d in days)
    failed = Counter(floor(d) for id, d in days if id in failing)
    if len(total) < 2:
        return (), unit
    labels = sorted(total) if unit == "year" else _every(floor(first), last, unit)
    return tuple(Period(d.isoformat(), rate(failed[d], total[d])) for d in labels), unit


_FLOORS: dict[PeriodUnit, Callable[[date], date]] = {
    "day": lambda d: d,
    "week": lambda d: d - timedelta(days=min(d.weekday(), d.toordinal() - 1)),
    "month": lambda d: d.replace(day=1),
    "year": lambda d: d.replace(month=1, day=1),
}


def _count(first: date, last: date, unit: PeriodUnit) -> int:
    """How many periods from `first` to `last` touch, at most."""
    length = {"day": 1.0, "week": 7.0, "month": 30.4, "year": 365.2}[unit]
    return int((last - first).days / length) + 1


def _every(first: date, last: date, unit: PeriodUnit) -> list[date]:
    floor, step = _FLOORS[unit], {"day": 1, "week": 7, "month": 31, "year": 366}[unit]
    found = [first]
    while last - found[-1] >= timedelta(days=step) or floor(last) > found[-1]:
        found.append(floor(found[-1] + timedelta(days=step)))
    return found


def aware(at: datetime) -> datetime:
    """`at` in UTC; a time without a zone is taken as UTC."""
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _problem(faults: Sequence[DetectorFault]) -> str:
    if not faults:
        return ""
    return f"failed on {len(faults)} of the traces; the first: {faults[0].trace_id}: {faults[0].problem}"
