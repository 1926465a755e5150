"""Verifying a proposal: the agent run with and without its guard on the same cases, every trial kept as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from typing import Any

from loopwright.audit.digest import digest
from loopwright.collect.trace import Trace
from loopwright.errors import UsageError
from loopwright.evaluate.case import EvalCase, Layer, Suite
from loopwright.evaluate.plan import identity, trials
from loopwright.evaluate.result import EvalResult, Run
from loopwright.evaluate.trial import Trial
from loopwright.improve.proposal import Proposal, Verification
from loopwright.improve.replay_cases import TAG, replay_cases, without_own_trials
from loopwright.improve.trials import failing, surroundings, trial_trace
from loopwright.improve.verify import Pair, VerifyPolicy, judge, pairs
from loopwright.ports import Clock, Executor, HarnessTables, ProcessorTime, Progress, RunLog, Store, Target, TargetWith
from loopwright.workflows.running import UNVERSIONED, Bench, results_of
from loopwright.workflows.turns import TurnByTurn

REFERENCE = 200
"""So many of the newest traces are looked at beside the trials: what the tools are is inferred from them."""

WRITE_S = 0.1
"""Results wait at most so many seconds to be written."""


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to verify, and on what.

    The cases are those of `suite` that checks decide, and conversations replayed: the first `evidence` of the proposal's
    evidence, and `others` of the rest. Each is tried `trials` times on both sides, and where that does not decide and more might,
    twice as often, up to `max_trials` (see `stages`); `timeout_s` is in seconds. `tables` is the harness that the agent has now:
    both sides have it, but for the guard in question.
    """

    proposal: Proposal
    suite: Suite = field(default_factory=Suite)
    version: str = UNVERSIONED
    trials: int = 5
    timeout_s: float = 60.0
    evidence: int = 20
    others: int = 30
    tables: HarnessTables = field(default_factory=dict)
    policy: VerifyPolicy = field(default_factory=VerifyPolicy)
    max_trials: int = 0

    @property
    def stages(self) -> tuple[int, ...]:
        """How often each case is tried by the end of each stage: `trials`, and twice as often each time, up to `max_trials`."""
        counts = [self.trials]
        while counts[-1] < self.max_trials:
            counts.append(min(2 * counts[-1], self.max_trials))
        return tuple(counts)


@dataclass(frozen=True, slots=True)
class VerifyBench:
    """What a verification stands on: the store, the agent with a given harness, the executor, the clock, the checks' limit.

    `recent` are the store's newest traces (`recent_traces`), for those who verify several proposals; read where not given.
    """

    store: Store
    target_with: TargetWith
    executor: Executor
    clock: Clock
    processor_time: ProcessorTime
    recent: tuple[Trace, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Arm:
    """One side: its run, the trials that it has, and what calls the agent."""

    run: Run
    done: dict[tuple[str, int], EvalResult]
    bench: Bench


async def verify_proposal(request: VerifyRequest, bench: VerifyBench, progress: Progress) -> Verification:
    """Run what has no result yet on both sides, judge the pairs, keep the verification and return it.

    Trials of one number are run on both sides before the next, so that what drifts meanwhile meets both alike. A verification
    that was cut short goes on where it stopped when it is asked for again. Raises `UsageError` where there is nothing to try on,
    and for a target that cannot be used or cannot be given a harness.
    """
    proposal = request.proposal
    held = next((r for r in bench.store.proposals() if r.proposal.proposal_id == proposal.proposal_id), None)
    if held is None:
        raise UsageError(f"proposal {proposal.proposal_id} is not in the store; find it with: loopwright improve detect")
    reference = _reference(bench, proposal)
    suite = Suite(
        (
            *without_own_trials(decidable(request.suite)),
            *replay_cases(proposal, reference, evidence=request.evidence, others=request.others),
        )
    )
    if not suite.cases:
        raise UsageError(f"there is nothing to verify {proposal.proposal_id} on; import its traces, or give --cases FILE")
    used = frozenset(run_id for v in held.verifications for run_id in v.run_ids)
    arms = [_arm(side, suite, request, bench, used) for side in ("without", "with")]
    look = 1 + max((v.look for v in held.verifications), default=0)
    replayed = frozenset(case.id for case in suite.cases if TAG in case.tags)
    async with _opened(arms):
        for number in range(1, 1 + len(request.stages)):
            stages = request.stages[:number]
            await _run_both(arms, suite, stages[-1], request, bench, progress)
            tried = _pairs(proposal, suite, arms, reference, stages[-1])
            found = judge(
                tried,
                request.policy,
                look=look,
                stages=stages,
                replayed=replayed,
                suite_digest=suite.digest,
                at=bench.clock.now(),
            )
            if not found.more:
                break
    for arm in arms:
        arm.bench.log.put_run(replace(arm.run, finished_at=bench.clock.now(), planned=len(arm.done)))
    found = replace(found, run_ids=tuple(arm.run.run_id for arm in arms))
    bench.store.put_verification(proposal.proposal_id, found)
    return found


def decidable(suite: Suite) -> list[EvalCase]:
    """The cases whose checks decide: a verdict that needs a judge says nothing of success here."""
    return [c for c in suite.cases if c.checks and not (c.scoring_rubric and c.layer is not Layer.DETERMINISTIC)]


def recent_traces(store: Store) -> tuple[Trace, ...]:
    """The newest traces, as many as a verification compares with."""
    return tuple(store.newest_traces(REFERENCE))


def _reference(bench: VerifyBench, proposal: Proposal) -> list[Trace]:
    """The evidence and the newest traces, each once."""
    recent = {trace.trace_id: trace for trace in (recent_traces(bench.store) if bench.recent is None else bench.recent)}
    evidence = (recent.get(trace_id) or bench.store.trace(trace_id) for trace_id in proposal.evidence)
    found = {trace.trace_id: trace for trace in evidence if trace is not None}
    return list((found | recent).values())


def _harness(side: str, request: VerifyRequest) -> dict[str, Mapping[str, Any]]:
    kind = request.proposal.kind.value
    kept = {name: table for name, table in request.tables.items() if name != kind}
    return kept | {kind: {"mode": "enforce", **request.proposal.change}} if side == "with" else kept


def _arm(side: str, suite: Suite, request: VerifyRequest, bench: VerifyBench, used: frozenset[str]) -> _Arm:
    """The side's last run that no verification has used, or a new one."""
    tables = _harness(side, request)
    conversations = [case.id for case in suite.cases if TAG in case.tags]
    target: Target = TurnByTurn(bench.target_with(tables), conversations)
    log: RunLog = bench.store.verification_log()
    planned = list(trials(suite, request.stages[-1], request.timeout_s))
    version = f"{request.proposal.proposal_id} {side} {digest(tables)} {request.version}"
    same = identity(version, suite.digest, target.name, (trial.key for trial in planned))
    known = [run for run in log.runs() if run.run_id.startswith(f"run-{same}-") and run.run_id not in used]
    now = bench.clock.now()
    new = Run(
        f"run-{same}-{now:%Y%m%dT%H%M%S%f}", version, suite.digest, target.name, now, None, len(planned), request.stages[-1]
    )
    run = known[-1] if known else new
    done = {(r.eval_id, r.trial): r for r in log.results(run.run_id)} if known else {}
    return _Arm(run, done, Bench(target, bench.executor, log, bench.clock, bench.processor_time))


class _Writing:
    """Results on their way to the store: those of a tenth of a second are written together, the last when it is closed."""

    def __init__(self, bench: VerifyBench) -> None:
        self._bench = bench
        self._waiting: list[tuple[RunLog, EvalResult]] = []
        self._last = bench.clock.now()

    def add(self, log: RunLog, result: EvalResult) -> None:
        """A result has come."""
        self._waiting.append((log, result))
        if (self._bench.clock.now() - self._last).total_seconds() >= WRITE_S:
            self.close()

    def close(self) -> None:
        """Write all that waits."""
        with self._bench.store.transaction():
            for log, result in self._waiting:
                log.put_result(result)
        self._waiting = []
        self._last = self._bench.clock.now()


@asynccontextmanager
async def _opened(arms: Sequence[_Arm]) -> AsyncIterator[None]:
    """Both targets ready, and their runs on record."""
    async with AsyncExitStack() as opened:
        for arm in arms:
            opened.push_async_callback(arm.bench.target.close)
            await arm.bench.target.open()
            arm.bench.log.put_run(arm.run)
        yield


async def _run_both(
    arms: Sequence[_Arm], suite: Suite, count: int, request: VerifyRequest, bench: VerifyBench, progress: Progress
) -> None:
    """Try each case `count` times on both sides, what has a result left out."""
    waves = _waves(trials(suite, count, request.timeout_s))
    progress.start(f"verifying {request.proposal.kind.value}", len(arms) * sum(map(len, waves)))
    progress.advance(sum(number < count for arm in arms for _, number in arm.done))
    with ExitStack() as opened:
        opened.callback(progress.done)
        writing = opened.enter_context(closing(_Writing(bench)))
        for wave in waves:
            for arm in arms:
                left = [trial for trial in wave if trial.key not in arm.done]
                async for result in results_of(left, arm.run, arm.bench):
                    writing.add(arm.bench.log, result)
                    arm.done[result.eval_id, result.trial] = result
                    progress.advance()


def _waves(planned: Iterable[Trial]) -> list[list[Trial]]:
    """The trials by their number."""
    waves: dict[int, list[Trial]] = {}
    for trial in planned:
        waves.setdefault(trial.number, []).append(trial)
    return [waves[number] for number in sorted(waves)]


def _pairs(proposal: Proposal, suite: Suite, arms: Sequence[_Arm], reference: Sequence[Trace], count: int) -> tuple[Pair, ...]:
    """The first `count` trials of each case on both sides, with whether the pattern is in each: one look at all together."""
    cases = {case.id: case for case in suite.cases}
    known = surroundings(reference)
    sides = [sorted((r for r in arm.done.values() if r.trial < count), key=lambda r: (r.trial, r.eval_id)) for arm in arms]
    made = (trial_trace(cases[r.eval_id], r, _trial_id(r), known) for results in sides for r in results)
    traces = {trace.trace_id: trace for trace in made if trace is not None}
    failed = failing(proposal.kind, list(traces.values()), reference)

    return pairs(sides[0], sides[1], lambda result: failed.get(_trial_id(result)))


def _trial_id(result: EvalResult) -> str:
    return f"trial {result.run_id} {result.eval_id} {result.trial}"
