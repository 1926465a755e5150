"""Running a suite against a target: every trial's result is kept as it comes, and a run cut short goes on where it stopped."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from loopwright.effects import CallTarget, Reply, Request, TargetReply
from loopwright.errors import UsageError
from loopwright.evaluate.budget import Budget, LayerCost, layer_of, took, working_seconds
from loopwright.evaluate.case import Layer, Suite
from loopwright.evaluate.fingerprint import Fingerprint, differences
from loopwright.evaluate.layers import LayerChoice
from loopwright.evaluate.plan import identity, trials
from loopwright.evaluate.result import EvalResult, Run
from loopwright.evaluate.trial import Step, Trial, attempt
from loopwright.judge.verdict import Judge
from loopwright.ports import Clock, Executor, Model, ProcessorTime, Progress, RunLog, Target

CHECK_SECONDS = 2.0
"""Processor time that the checks of one trial may take, in seconds; a check that is stopped could not tell."""

UNVERSIONED = "unversioned"
"""The version of an agent that nobody named and that lies in no repository."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run: the suite, the agent's version, and trials and time-out (seconds) of cases that do not say their own.

    `fresh` starts anew even where an earlier run of the same was cut short. `filters` are the options by which the suite is
    a part of one of `suite_cases` cases; `choice` says which layers were chosen by what changed, and why. `sealed` are the ids of
    the cases that nothing is tuned on. `budget_usd` is what the run may cost in all, in dollars, `history` the earlier results
    by which that is told beforehand.
    """

    suite: Suite
    version: str
    trials: int = 1
    timeout_s: float = 60.0
    fresh: bool = False
    concurrency: int = 1
    filters: tuple[str, ...] = ()
    suite_cases: int = 0
    choice: LayerChoice | None = None
    fingerprint: Fingerprint | None = None
    sealed: frozenset[str] = frozenset()
    budget_usd: float | None = None
    history: tuple[EvalResult, ...] = ()


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run and all its results; `resumed` of them were there before this call, and were not made again.

    `layers` says what each layer took. `left` trials were not run, for the reason `why_left`: the run is not at its end.
    """

    run: Run
    results: tuple[EvalResult, ...]
    resumed: int = 0
    layers: tuple[LayerCost, ...] = ()
    left: int = 0
    why_left: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a run stands on: the target, the executor that calls it, where results go, the clock, and the limit for checks.

    With a `judge` and its `model`, cases that are decided by their rubric are judged, `judging` at once; without, they have no
    verdict.
    """

    target: Target
    executor: Executor
    log: RunLog
    clock: Clock
    processor_time: ProcessorTime
    judge: Judge | None = None
    model: Model | None = None
    judging: int = 8


async def run_suite(request: RunRequest, bench: Bench, progress: Progress) -> RunReport:
    """Run every trial that has no result yet, and return all results in the suite's order.

    The same version, suite, target and trials continue the last run that did not end; a run that ended is followed by a new one.
    One that reaches its budget stops without an end, and goes on when it is given a larger one.
    Raises `UsageError` where the target cannot be used at all; whatever else goes wrong with a trial is its result.
    """
    suite_digest = request.suite.digest
    same = identity(request.version, suite_digest, bench.target.name, ((t.case.id, t.number) for t in _planned(request)))
    run, kept = _resumed(same, request, bench) or (_new(same, suite_digest, request, bench), [])
    done = {(result.eval_id, result.trial): result for result in kept}
    left = [trial for trial in _planned(request) if trial.key not in done]
    budget = _budget(request, kept)
    watch = _Watch(bench.clock, working_seconds(kept, request.concurrency))
    progress.start("running", run.planned)
    progress.advance(len(done))
    try:
        if left:
            await bench.target.open()
            bench.log.put_run(run)
        async for made in _within(budget, left, run, bench):
            result = replace(made, sealed=made.eval_id in request.sealed)
            bench.log.put_result(result)
            done[result.eval_id, result.trial] = result
            watch.lap(layer_of(result))
            progress.advance()
    finally:
        progress.done()
        await bench.target.close()
    not_run = [trial for trial in left if trial.key not in done]
    ended = None if not_run else bench.clock.now()
    seconds = {layer.value: spent for layer, spent in watch.seconds.items()}
    run = replace(run, finished_at=ended, settings=run.settings | {"seconds": seconds})
    bench.log.put_run(run)
    ordered = tuple(done[t.key] for t in sorted(_planned(request), key=_place(request.suite)) if t.key in done)
    why = budget.why_stopped(not_run) if budget is not None and not_run else ""
    return RunReport(run, ordered, len(kept), took(ordered, not_run, watch.seconds), len(not_run), why)


class _Watch:
    """How long each layer took: the time from one result to the next is that of the result's layer."""

    def __init__(self, clock: Clock, before: dict[Layer, float]) -> None:
        self.seconds: dict[Layer, float] = defaultdict(float, before)
        self._clock = clock
        self._last = clock.now()

    def lap(self, layer: Layer) -> None:
        """A result of the layer has come."""
        now = self._clock.now()
        self.seconds[layer] += (now - self._last).total_seconds()
        self._last = now


def _budget(request: RunRequest, kept: Sequence[EvalResult]) -> Budget | None:
    """What is left to be spent, after the trials that the run has already."""
    if request.budget_usd is None:
        return None
    budget = Budget(request.budget_usd, request.history)
    for result in kept:
        budget.pay(result)
    return budget


async def _within(budget: Budget | None, left: Sequence[Trial], run: Run, bench: Bench) -> AsyncIterator[EvalResult]:
    """The result of each trial that the budget allows; one after the other is allowed as costs are known."""
    if budget is None:
        async for result in results_of(list(left), run, bench):
            yield result
        return
    while wave := budget.affordable(left):
        async for result in results_of(wave, run, bench):
            budget.pay(result)
            yield result
        run_now = {trial.key for trial in wave}
        left = [trial for trial in left if trial.key not in run_now]


async def results_of(left: list[Trial], run: Run, bench: Bench) -> AsyncIterator[EvalResult]:
    """The result of each trial of the run, as it comes."""
    waiting: dict[tuple[str, int], Step] = {}

    def calls() -> Iterator[CallTarget]:
        for trial in left:
            step = attempt(trial, run_id=run.run_id, version=run.version, suite_digest=run.suite_digest, judge=bench.judge)
            waiting[trial.key] = step
            yield _call(step)

    judging: set[asyncio.Task[EvalResult]] = set()
    places = asyncio.Semaphore(bench.judging)
    try:
        async for call, reply in bench.executor.run(calls(), bench.target):
            step = waiting.pop((call.case_id, call.trial))
            with bench.processor_time(CHECK_SECONDS):
                reached = _send(step, reply)
            if isinstance(reached, EvalResult):
                yield reached
            else:
                judging.add(asyncio.create_task(_judged(step, reached, bench, places)))
            for task in [task for task in judging if task.done()]:
                judging.remove(task)
                yield task.result()
        for judged in asyncio.as_completed(judging):
            yield await judged
    finally:
        for task in judging:
            task.cancel()


def _call(step: Step) -> CallTarget:
    """What a trial asks first."""
    asked = next(step)
    if not isinstance(asked, CallTarget):
        raise TypeError("a trial asks for the agent's answer first")
    return asked


async def _judged(step: Step, asked: Request, bench: Bench, places: asyncio.Semaphore) -> EvalResult:
    """The result of a trial that asks for a judge's verdict."""
    if bench.model is None:
        raise UsageError("a trial asks for a judge, and no model is configured to answer it")
    async with places:
        reached = _send(step, await bench.model.complete(asked))
    if isinstance(reached, EvalResult):
        return replace(reached, judged_at=bench.clock.now())
    raise TypeError("a trial asks for one answer and one verdict")


def _send(step: Step, reply: TargetReply | Reply) -> EvalResult | Request:
    """What the trial comes to: its result, or its question to the judge."""
    try:
        asked = step.send(reply)
    except StopIteration as stop:
        result: EvalResult = stop.value
        return result
    if isinstance(asked, Request):
        return asked
    raise TypeError("a trial asks for one answer")


def _resumed(same: str, request: RunRequest, bench: Bench) -> tuple[Run, list[EvalResult]] | None:
    """The last run of the same that did not end, and the results that it has; None where there is none to go on with."""
    if request.fresh:
        return None
    planned = {trial.key for trial in _planned(request)}
    for run in reversed(bench.log.runs()):
        if run.run_id.startswith(f"run-{same}-") and run.finished_at is None and _same_agent(run, request):
            kept = [r for r in bench.log.results(run.run_id) if (r.eval_id, r.trial) in planned]
            if len(kept) < len(planned) or _known(request.version):
                return _described(run, request, bench), kept
    return None


def _new(same: str, suite_digest: str, request: RunRequest, bench: Bench) -> Run:
    now = bench.clock.now()
    run = Run(f"run-{same}-{_stamp(now)}", request.version, suite_digest, bench.target.name, now)
    return _described(run, request, bench)


def _described(run: Run, request: RunRequest, bench: Bench) -> Run:
    """The run with what this call knows of it: a file of results does not hold all of that."""
    part: dict[str, Any] = {}
    if request.filters:
        part |= {"filters": list(request.filters), "suite_cases": request.suite_cases}
    if request.choice is not None:
        part |= {"layers": [layer.value for layer in request.choice.layers], "why_layers": request.choice.why}
    if request.budget_usd is not None:
        part["budget_usd"] = request.budget_usd
    return replace(
        run,
        target=bench.target.name,
        planned=sum(1 for _ in _planned(request)),
        trials=request.trials,
        settings={"timeout_s": request.timeout_s, "concurrency": request.concurrency} | part,
        fingerprint=request.fingerprint,
    )


def _same_agent(run: Run, request: RunRequest) -> bool:
    """Whether nothing that is told of the agent's parts differs: a run is of one agent."""
    made_of, now = run.fingerprint, request.fingerprint
    return made_of is None or now is None or not differences(made_of, now)


def _known(version: str) -> bool:
    """Whether the version says which agent it was: an unnamed or changed one may be another by now."""
    return version != UNVERSIONED and not version.endswith("-dirty")


def _planned(request: RunRequest) -> Iterator[Trial]:
    return trials(request.suite, request.trials, request.timeout_s)


def _place(suite: Suite) -> Callable[[Trial], tuple[int, int]]:
    places = {case.id: index for index, case in enumerate(suite.cases)}
    return lambda trial: (places[trial.case.id], trial.number)


def _stamp(now: datetime) -> str:
    return f"{now:%Y%m%dT%H%M%S%f}"
