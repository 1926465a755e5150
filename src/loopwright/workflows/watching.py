"""What changed in production since: the three drifts told apart, business metrics, and what people do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from loopwright.collect.business import BusinessEvent, event_of, read_table
from loopwright.collect.intake import place
from loopwright.collect.times import utc
from loopwright.collect.trace import Trace
from loopwright.errors import InputError, RecordError, UsageError
from loopwright.mine.business import Divergence, divergences, diverging, segments_of
from loopwright.mine.detector import Detector
from loopwright.mine.rank import input_payload
from loopwright.ports import Embedder, PutCounts, RecordReader, Store, TextReader, WatchStore
from loopwright.watch.drift import Shift, compare
from loopwright.watch.edge_cases import edge_cases
from loopwright.watch.finding import AcceptedInputs, DriftFinding, DriftKind, Look, Watched
from loopwright.watch.inputs import CURE, Input, input_of, unlike
from loopwright.watch.labelling import labels_of, to_label
from loopwright.watch.metric import MetricChange, metric_changes
from loopwright.watch.policy import WatchPolicy
from loopwright.watch.regression import regressions
from loopwright.watch.series import Series, read_series
from loopwright.wording import counted, number
from loopwright.workflows.analysis import FAIR
from loopwright.workflows.driver import drive
from loopwright.workflows.importing import strictly

EVENTS_AT_ONCE = 1000
_SHORT = 64


@dataclass(frozen=True, slots=True)
class Arrived:
    """The first trace of a session, as an input that arrived."""

    trace_id: str
    at: datetime
    input: Input


@dataclass(frozen=True, slots=True)
class Periods:
    """The period that is watched, `start` to `end`, and the start of its reference, which ends where it begins."""

    reference: datetime
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class WatchReport:
    """All drifts as they stand. `new` are the findings that were recorded now; `untimed` counts traces without a start time."""

    looks: tuple[Look, ...]
    new: tuple[DriftFinding, ...] = ()
    periods: Periods | None = None
    untimed: int = 0

    @property
    def findings(self) -> tuple[DriftFinding, ...]:
        """All that stand."""
        return tuple(finding for look in self.looks for finding in look.findings)


async def compare_files(reader: RecordReader, embedder: Embedder, reference: str, current: str, policy: WatchPolicy) -> Shift:
    """Compare the inputs of two JSON Lines files; raises `InputError` naming file and line of a row that cannot be compared."""
    both: list[list[Input]] = []
    first: Input | None = None
    for path in (reference, current):
        both.append([])
        for line, row in strictly(reader.read(path)):
            try:
                one = input_of(row)
                why = unlike(first or one, one)
            except ValueError as error:
                why = str(error)
            if why:
                raise InputError(why, source=place(path), line=line, cure=CURE)
            first = first or one
            both[-1].append(one)
    return await drive(compare(both[0], both[1], alpha=policy.alpha, most=policy.most), embedder=embedder)


async def metric_file(reader: TextReader, path: str, alpha: float) -> tuple[list[Series], list[MetricChange]]:
    """The series of a CSV file, and their change points."""
    series = read_series(reader.lines(path), place(path))
    return series, metric_changes(series, alpha=alpha)


def read_events(records: RecordReader, text: TextReader, path: str) -> list[BusinessEvent]:
    """The business events of a JSON Lines or CSV file; raises `InputError` naming the line of one that cannot be taken."""
    is_table = path.lower().removesuffix(".gz").endswith((".csv", ".tsv"))
    rows = read_table(text.lines(path), place(path)) if is_table else strictly(records.read(path))
    events = []
    for line, row in rows:
        try:
            events.append(event_of(row))
        except RecordError as error:
            raise InputError(error.problem, source=place(path), line=line, cure=error.cure) from None
    return events


async def record_events(store: WatchStore, events: Sequence[BusinessEvent]) -> PutCounts:
    """Keep business events; one that is there changes nothing."""
    counts = [store.put_events(events[begin : begin + EVENTS_AT_ONCE]) for begin in range(0, len(events), EVENTS_AT_ONCE)]
    return PutCounts(sum(c.new for c in counts), sum(c.unchanged for c in counts))


def divergence_detector(
    events: Sequence[BusinessEvent], traces: Iterable[Trace], policy: WatchPolicy
) -> tuple[Detector, tuple[Divergence, ...]]:
    """The detector of traces behind a business metric that got worse, and where it did."""
    segments = segments_of(traces)
    found = divergences(events, segments, lower_is_better=policy.lower_is_better, alpha=policy.alpha)
    return diverging(found, events, segments), found


def with_divergences(
    store: Store, detectors: Sequence[Detector], traces: Iterable[Trace], policy: WatchPolicy | None = None
) -> list[Detector]:
    """The detectors, joined by the one that finds the traces behind a metric that got worse, where the store has events."""
    events = store.events()
    return [*detectors, divergence_detector(events, traces, policy or WatchPolicy())[0]] if events else list(detectors)


async def watch_store(store: Store, embedder: Embedder, policy: WatchPolicy, at: datetime, record: bool = True) -> WatchReport:
    """Look for each drift in what the store holds, and record what was not found before, `at` which time.

    The time that matters is the traces' own: the current period ends with the newest of them.
    """
    arrived, watched, segments, untimed = _arrived(store)
    if not arrived:
        return WatchReport(tuple(Look(kind, "nothing", undecided=_NO_TRACES) for kind in DriftKind), untimed=untimed)
    periods = _periods(arrived, policy, store.accepted_inputs())
    names = {mode.mode_id: mode.name for mode in store.modes()}
    traces = _with_failures(store, watched)
    found = (
        await _shift(arrived, periods, embedder, policy, store.accepted_inputs()),
        _edge_cases(store, traces, names, policy),
        _regressions(store, traces, names, policy),
        _business(store.events(), segments, policy),
    )
    looks = tuple(replace(look, findings=tuple(replace(f, found_at=at) for f in look.findings)) for look in found)
    new = store.put_findings([f for look in looks for f in look.findings]) if record else []
    return WatchReport(looks, tuple(new), periods, untimed)


async def sample(store: Store, most: int) -> list[dict[str, Any]]:
    """The new inputs of the latest distribution shift, as records for labelling; raises `UsageError` where none is recorded."""
    shifts = [f for f in store.findings() if f.kind is DriftKind.DISTRIBUTION_SHIFT]
    if not shifts:
        raise UsageError(
            "no distribution shift is recorded, so that there is nothing to label; look for one with: loopwright watch"
        )
    traces = [trace for id in shifts[-1].trace_ids if (trace := store.trace(id)) is not None]
    return to_label(traces, most)


def read_labels(reader: RecordReader, path: str) -> dict[str, int]:
    """The labels of a labelled sample, counted; raises `InputError` where a record has none."""
    try:
        return labels_of(row for _, row in strictly(reader.read(path)))
    except ValueError as error:
        raise InputError(str(error), source=place(path), cure="label every record, or remove it") from None


async def extend(
    store: Store, policy: WatchPolicy, by: str, at: datetime, labels: Mapping[str, int] | None = None, why: str = ""
) -> AcceptedInputs:
    """Take the inputs of the current period into the reference, which begins with them from now on, in a person's name.

    Raises `UsageError` where there are none, or where they are part of it already.
    """
    arrived, _, _, _ = _arrived(store)
    if not arrived:
        raise UsageError(_NO_TRACES)
    before = store.accepted_inputs()
    periods = _periods(arrived, policy, before)
    if before and before[-1].end >= periods.end:
        raise UsageError(f"these inputs are in the reference already: {before[-1].by} took them in on {before[-1].at:%Y-%m-%d}")
    count = sum(periods.start <= one.at for one in arrived)
    accepted = AcceptedInputs(periods.start, periods.end, by, at, count, dict(labels or {}), why)
    store.accept_inputs(accepted)
    return accepted


_NO_TRACES = "the store holds no traces with a time; import some: loopwright import FILE"


def _arrived(store: Store) -> tuple[list[Arrived], list[Watched], dict[str, dict[str, str]], int]:
    """The inputs by time, every trace with a time, what sessions are segmented by, and how many traces have no time."""
    first: dict[str, Arrived] = {}
    watched: list[Watched] = []
    segments: dict[str, dict[str, str]] = {}
    untimed = 0
    for trace in store.traces():
        segments.update(segments_of([trace]))
        if trace.started_at is None:
            untimed += 1
            continue
        at = utc(trace.started_at)
        watched.append(Watched(trace.trace_id, at, trace.version))
        session = trace.session_id or trace.trace_id
        if session not in first or at < first[session].at:
            first[session] = Arrived(trace.trace_id, at, _input(trace))
    return sorted(first.values(), key=lambda one: (one.at, one.trace_id)), watched, segments, untimed


def _input(trace: Trace) -> Input:
    """What the user asked for, with the short attributes of the trace; its version is a release, not an input."""
    short = {
        name: value
        for name, value in trace.attributes.items()
        if isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _SHORT)
    }
    return Input(str(input_payload(trace)["request"]), attributes={**short, **({"agent": trace.agent} if trace.agent else {})})


def _periods(arrived: Sequence[Arrived], policy: WatchPolicy, accepted: Sequence[AcceptedInputs]) -> Periods:
    end = arrived[-1].at
    start = _earlier(end, policy.current)
    reference = _earlier(start, policy.reference)
    if accepted and accepted[-1].start < start:
        reference = max(reference, accepted[-1].start)
    return Periods(reference, start, end)


def _earlier(at: datetime, by: timedelta) -> datetime:
    try:
        return at - by
    except OverflowError:
        return utc(datetime.min)  # noqa: DTZ901 (made aware by utc)


def _with_failures(store: Store, watched: Sequence[Watched]) -> list[Watched]:
    """The traces, with what mining and clustering say of them; weak evidence alone is no failure."""
    evident = {f.trace_id for f in store.failures() if f.score >= FAIR}
    places = {m.trace_id: m.mode_id for m in store.memberships()}
    return [replace(t, failed=t.trace_id in evident, mode_id=places.get(t.trace_id)) for t in watched]


async def _shift(
    arrived: Sequence[Arrived], periods: Periods, embedder: Embedder, policy: WatchPolicy, accepted: Sequence[AcceptedInputs]
) -> Look:
    before = [one for one in arrived if periods.reference <= one.at < periods.start]
    after = [one for one in arrived if periods.start <= one.at]
    compared = (
        f"first inputs of {counted(len(after), 'session')} since {periods.start:%Y-%m-%d} "
        f"with those of {number(len(before))} since {periods.reference:%Y-%m-%d} before"
    )
    if accepted and accepted[-1].end >= periods.end:
        why = f"{accepted[-1].by} took these inputs into the reference on {accepted[-1].at:%Y-%m-%d}; nothing came since"
        return Look(DriftKind.DISTRIBUTION_SHIFT, compared, undecided=why)
    step = compare([one.input for one in before], [one.input for one in after], alpha=policy.alpha, most=policy.most)
    shift = await drive(step, embedder=embedder)
    if not shift.shifted:
        return Look(DriftKind.DISTRIBUTION_SHIFT, compared, undecided=shift.message if shift.shifted is None else "")
    return Look(DriftKind.DISTRIBUTION_SHIFT, compared, (_shift_finding(shift, after, periods),))


def _shift_finding(shift: Shift, after: Sequence[Arrived], periods: Periods) -> DriftFinding:
    changed = [name for name, part in shift.by_attribute.items() if part.p_adjusted <= 0.05]
    what = f"; so do the attributes {', '.join(changed[:3])}" if changed else ""
    year, week, _ = periods.end.isocalendar()
    return DriftFinding(
        DriftKind.DISTRIBUTION_SHIFT,
        "inputs",
        f"{year}-W{week:02}",
        f"what users ask differs from before; {number(len(shift.novel))} of {counted(shift.current[0], 'input')} look new{what}",
        shift.p_value or 0.0,
        shift.effect or 0.0,
        {
            "current": [periods.start.isoformat(), periods.end.isoformat()],
            "reference": [periods.reference.isoformat(), periods.start.isoformat()],
            "inputs": {"reference": list(shift.reference), "current": list(shift.current)},
            "novel": len(shift.novel),
            "attributes": changed,
        },
        (
            ("loopwright watch sample --out new-inputs.jsonl", "write the new inputs to a file, to be labelled"),
            ("loopwright watch extend --labelled new-inputs.jsonl", "take them into the reference, in your name"),
        ),
        tuple(after[i].trace_id for i in shift.novel),
    )


def _edge_cases(store: Store, traces: Sequence[Watched], names: Mapping[str, str], policy: WatchPolicy) -> Look:
    if not store.memberships():
        return Look(DriftKind.EDGE_CASES, "nothing", undecided=_not_ready(store))
    return edge_cases(traces, names, alpha=policy.alpha)


def _regressions(store: Store, traces: Sequence[Watched], names: Mapping[str, str], policy: WatchPolicy) -> Look:
    if not store.failures():
        return Look(DriftKind.REGRESSION, "nothing", undecided=_not_ready(store))
    return regressions(traces, names, store.releases(), alpha=policy.alpha)


def _not_ready(store: Store) -> str:
    if not store.failures():
        return "no failures are mined; run: loopwright mine"
    return "failures are not grouped; run: loopwright cluster"


def _business(events: Sequence[BusinessEvent], segments: Mapping[str, Mapping[str, str]], policy: WatchPolicy) -> Look:
    metrics = {event.metric for event in events}
    if not events:
        return Look(
            DriftKind.BUSINESS_METRIC, "nothing", undecided="no business events; record some: loopwright watch events FILE"
        )
    found = divergences(events, segments, lower_is_better=policy.lower_is_better, alpha=policy.alpha)
    lasting = tuple(_metric_finding(d, events, segments) for d in found if d.until is None)
    return Look(
        DriftKind.BUSINESS_METRIC, f"{counted(len(events), 'event')} of {counted(len(metrics), 'metric')} by day", lasting
    )


def _metric_finding(d: Divergence, events: Sequence[BusinessEvent], segments: Mapping[str, Mapping[str, str]]) -> DriftFinding:
    where = f" where {d.segment[0]} is {d.segment[1]}" if d.segment is not None else ""
    verb = "rose" if d.after > d.before else "fell"
    return DriftFinding(
        DriftKind.BUSINESS_METRIC,
        d.metric,
        d.since.date().isoformat(),
        f"{d.metric} {verb} from {d.before:.3g} to {d.after:.3g} on {d.since:%Y-%m-%d}{where}",
        d.p_value,
        d.after - d.before,
        {
            "since": d.since.isoformat(),
            "before": d.before,
            "after": d.after,
            "bad_before": d.bad_before,
            "bad_after": d.bad_after,
            "segment": list(d.segment) if d.segment is not None else None,
            "sessions": sum(e.metric == d.metric and d.covers(utc(e.at)) and d.is_bad(e.value) for e in events),
        },
        (
            ("loopwright mine", "give the sessions behind it a signal of low weight"),
            ("loopwright triage", "see which failure modes they share"),
        ),
    )
