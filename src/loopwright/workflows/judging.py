"""Judging a sample of what happened in production, labelling by people, and what the two together say of the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopwright.collect.intake import Rejected
from loopwright.collect.trace import Trace
from loopwright.effects import Reply, Request
from loopwright.errors import InputError
from loopwright.judge.calibrate import Calibration, Pair, calibrate
from loopwright.judge.exchange import join, one_each, read_label, read_pair, read_verdict
from loopwright.judge.rubric import TRACE_RUBRIC, judge_of, judged
from loopwright.judge.sampling import sampled, to_label
from loopwright.judge.transcript import transcript
from loopwright.judge.verdict import Judge, Label, Verdict, rubric_digest
from loopwright.mine.detector import Detector
from loopwright.mine.judged import NAME
from loopwright.mine.judged import judged as failed_by_judges
from loopwright.ports import Clock, JudgeStore, Model, Progress, RecordReader, Store
from loopwright.workflows.driver import drive


@dataclass(frozen=True, slots=True)
class Bench:
    """What judging stands on: the judge and its model, the clock, and how many requests may be under way at once."""

    judge: Judge
    model: Model
    clock: Clock
    concurrency: int = 8


@dataclass(frozen=True, slots=True)
class Judging:
    """What to judge: a `share` (0..1) of the traces, by `criteria`, until it cost `budget_usd` (0 is no limit).

    Items in `known` have a verdict already.
    """

    share: float = 1.0
    criteria: tuple[str, ...] = TRACE_RUBRIC
    budget_usd: float = 0.0
    known: Collection[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged: the new verdicts; of `traces` so many were in the `sample`, and `known` of these had a verdict.

    `cost_usd` is the sum of what is known, `unpriced` the verdicts without a price. `left` were not judged: the model answered
    nothing of use `GIVE_UP` times in a row where it `gave_up`, and the budget was spent otherwise.
    """

    verdicts: tuple[Verdict, ...]
    traces: int
    sample: int
    known: int
    cost_usd: float = 0.0
    unpriced: int = 0
    left: int = 0
    gave_up: bool = False


Question = Generator[Request, Reply, Verdict]
"""A step that asks the judge about one item."""
GIVE_UP = 10
"""After so many requests in a row without a verdict, no more are made: the key, the model or the service is at fault."""


async def judge_traces(
    traces: Iterable[Trace], request: Judging, bench: Bench, keep: Callable[[Sequence[Verdict]], None], progress: Progress
) -> Judged:
    """Judge the traces of the sample that have no verdict, several at once; `keep` is given verdicts as they come.

    The first is judged alone, so that what one costs is known; from then on no more are begun than the budget has room for.
    """
    total, sample, waiting = 0, 0, []
    for trace in traces:
        total += 1
        if sampled(trace.trace_id, request.share):
            sample += 1
            if trace.trace_id not in request.known:
                waiting.append(trace)
    asked = [question(trace, request.criteria, bench) for trace in waiting]
    judged = await judge_each(asked, request.budget_usd, bench, keep, progress)
    return replace(judged, traces=total, sample=sample, known=sample - len(waiting))


async def judge_each(
    asked: Sequence[Question], budget_usd: float, bench: Bench, keep: Callable[[Sequence[Verdict]], None], progress: Progress
) -> Judged:
    """Ask the judge each question, several at once, within a budget; `keep` is given verdicts as they come."""
    made: list[Verdict] = []
    progress.start("judging", len(asked))
    try:
        while len(made) < len(asked) and not _failing(made) and (room := _room(made, budget_usd, bench.concurrency)):
            verdicts = await asyncio.gather(*(_answered(step, bench) for step in asked[len(made) : len(made) + room]))
            keep(verdicts)
            made += verdicts
            progress.advance(len(verdicts))
    finally:
        progress.done()
    spent = sum(v.cost_usd or 0.0 for v in made)
    unpriced = sum(v.cost_usd is None and v.error is None for v in made)
    left, all_ = len(asked) - len(made), len(asked)
    return Judged(tuple(made), all_, all_, 0, spent, unpriced, left, gave_up=left > 0 and _failing(made))


async def judge_store(store: Store, request: Judging, bench: Bench, progress: Progress) -> Judged:
    """Judge stored traces, and keep the verdicts. What got no verdict before, or one by other criteria, is asked about again."""
    rubric = rubric_digest(request.criteria)
    held = store.verdicts(bench.judge.judge_id)
    known = {v.item_id for v in held if v.passed is not None and v.rubric == rubric}
    return await judge_traces(store.traces(), replace(request, known=known), bench, store.put_verdicts, progress)


def _failing(made: Sequence[Verdict]) -> bool:
    return len(made) >= GIVE_UP and all(v.passed is None for v in made[-GIVE_UP:])


def _room(made: Sequence[Verdict], budget_usd: float, concurrency: int) -> int:
    """How many more may be judged at once."""
    if not budget_usd:
        return concurrency
    costs = [v.cost_usd for v in made if v.cost_usd is not None]
    if not made:
        return 1
    left = budget_usd - sum(costs)
    if left <= 0:
        return 0
    dearest = max(costs, default=0.0)
    return min(concurrency, int(left / dearest)) if dearest else concurrency


def question(trace: Trace, criteria: Sequence[str], bench: Bench) -> Question:
    """What the judge is asked of a trace."""
    return judged(bench.judge, trace.trace_id, transcript(trace), criteria)


async def _answered(step: Question, bench: Bench) -> Verdict:
    return replace(await drive(step, model=bench.model), at=bench.clock.now())


@dataclass(frozen=True, slots=True)
class Standing:
    """One judge as the store knows it: its model, what it cost, and its calibration over the traces that it judged."""

    judge_id: str
    model: str
    cost_usd: float
    calibration: Calibration


def standings(store: Store) -> list[Standing]:
    """All judges that the store has verdicts of, those with the latest verdicts last."""
    by_judge: dict[str, list[Verdict]] = {}
    labels = store.labels()
    runs, labelled = {run.run_id for run in store.runs()}, {label.item_id for label in labels}
    for verdict in store.verdicts():
        if verdict.item_id.partition("/")[0] in runs and verdict.item_id not in labelled:
            continue  # on the suite's answers, which are no sample of what happens in production
        by_judge.setdefault(verdict.judge_id, []).append(verdict)
    return [
        Standing(judge_id, verdicts[-1].model, sum(v.cost_usd or 0.0 for v in verdicts), calibrate(join(verdicts, labels)))
        for judge_id, verdicts in by_judge.items()
    ]


def judge_as_known(store: JudgeStore | None, model_name: str) -> Judge:
    """The judge that is this model, with what the store knows of its calibration; without a store it is uncalibrated."""
    judge = judge_of(model_name)
    if store is None:
        return judge
    calibration = calibrate(join(store.verdicts(judge.judge_id), store.labels()))
    return judge_of(model_name, calibrated=calibration.usable)


def with_verdicts(store: Store, detectors: Sequence[Detector]) -> list[Detector]:
    """The detectors, joined by the one that finds what judges failed, where the store has verdicts."""
    verdicts = store.verdicts()
    if not verdicts or any(detector.name == NAME for detector in detectors):
        return list(detectors)
    return [*detectors, failed_by_judges(verdicts, {s.judge_id: s.calibration for s in standings(store)})]


def unlabelled(store: Store, by: str) -> list[tuple[str, Trace]]:
    """The judged traces that this person has not labelled, in the order in which they should be: see `sampling.to_label`."""
    done = {label.item_id for label in store.labels() if label.by == by}
    waiting = to_label(v.item_id for v in store.verdicts() if v.item_id not in done)
    found = ((item_id, store.trace(item_id)) for item_id in waiting)
    return [(item_id, trace) for item_id, trace in found if trace is not None]


def read_labels(reader: RecordReader, path: str, by: str, clock: Clock) -> list[Label]:
    """A file's labels as this person's; lines without `human` are left out. Raises `InputError`."""
    now = clock.now()
    found = (read_label(record, path, line) for line, record in _records(reader, path))
    return [Label(item_id, passed, by, now, told) for item_id, passed, told in (row for row in found if row is not None)]


def read_pairs(reader: RecordReader, path: str) -> list[Pair]:
    """A file of verdicts beside labels, each item once. Raises `InputError`."""
    return one_each((read_pair(record, path, line), path, line) for line, record in _records(reader, path))


def read_verdicts(reader: RecordReader, path: str) -> tuple[list[Verdict], dict[str, Calibration]]:
    """A file of verdicts, as `judge run` prints them, and each judge's calibration by the labels beside them.

    Raises `InputError`.
    """
    verdicts: list[Verdict] = []
    pairs: dict[str, list[tuple[Pair, str, int]]] = {}
    for line, record in _records(reader, path):
        verdicts.append(read_verdict(record, path, line))
        pairs.setdefault(verdicts[-1].judge_id, []).append((read_pair(record, path, line), path, line))
    return verdicts, {judge_id: calibrate(one_each(found)) for judge_id, found in pairs.items()}


def _records(reader: RecordReader, path: str) -> Iterable[tuple[int, dict[str, Any]]]:
    for found in reader.read(path):
        if isinstance(found, Rejected):
            raise InputError(found.problem, source=found.source, line=found.line, cure=found.cure)
        yield found
