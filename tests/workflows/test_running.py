from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from builders import case
from loopwright import wiring
from loopwright.effects import CallTarget, TargetReply
from loopwright.errors import UsageError
from loopwright.evaluate.case import Suite
from loopwright.ports import RunLog
from loopwright.settings import Settings
from loopwright.workflows.running import UNVERSIONED, Bench, RunReport, RunRequest, run_suite

SUITE = Suite((case("a"), case("b", trials=2), case("c")))


class Clock:
    """A minute later each time, whichever run asks."""

    minutes = 0

    def now(self) -> datetime:
        Clock.minutes += 1
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=Clock.minutes)


class Agent:
    """Says hello until it breaks off, as a killed run does."""

    name = "agent"

    def __init__(self, breaks_after: int | None = None, usable: bool = True) -> None:
        self.calls: list[tuple[str, int]] = []
        self.breaks_after, self.usable = breaks_after, usable
        self.closed = 0

    async def open(self) -> None:
        if not self.usable:
            raise UsageError("no such agent")

    async def call(self, request: CallTarget) -> TargetReply:
        await asyncio.sleep(0.001)
        if len(self.calls) == self.breaks_after:
            raise KeyboardInterrupt
        self.calls.append((request.case_id, request.trial))
        return TargetReply("hello")

    async def close(self) -> None:
        self.closed += 1


class Bar:
    def __init__(self) -> None:
        self.steps, self.total = 0, 0

    def start(self, label: str, total: int | None = None) -> None:
        self.total = total or 0

    def advance(self, by: int = 1) -> None:
        self.steps += by

    def done(self) -> None:
        return


def run(log: RunLog, agent: Agent, bar: Bar | None = None, **fields: Any) -> RunReport:
    request = RunRequest(**{"suite": SUITE, "version": "v1", **fields})
    limit: Callable[[float], Any] = lambda _: nullcontext()  # noqa: E731
    bench = Bench(agent, wiring.executor(Settings({"run.concurrency": 1})), log, Clock(), limit)
    return asyncio.run(run_suite(request, bench, bar or Bar()))


def test_every_trial_is_kept_in_the_order_of_the_suite() -> None:
    log, agent, bar = wiring.memory_log(), Agent(), Bar()
    report = run(log, agent, bar)

    assert [(r.eval_id, r.trial, r.passed) for r in report.results] == [
        ("a", 0, True),
        ("b", 0, True),
        ("b", 1, True),
        ("c", 0, True),
    ]
    assert {(r.run_id, r.version, r.suite_digest) for r in report.results} == {(report.run.run_id, "v1", SUITE.digest)}
    (kept,) = log.runs()
    assert kept == report.run
    assert (kept.planned, kept.target, kept.finished_at is not None) == (4, "agent", True)
    assert len(log.results(kept.run_id)) == 4
    assert (bar.steps, bar.total, agent.closed) == (4, 4, 1)


def interrupted(log: RunLog, after: int, **fields: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(log, Agent(breaks_after=after), **fields)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_run_cut_short_goes_on_where_it_stopped(after: int) -> None:
    log, agent = wiring.memory_log(), Agent()
    interrupted(log, after)
    kept = len(log.results(log.runs()[0].run_id))
    report = run(log, agent)

    assert len(log.runs()) == 1
    assert (report.resumed, len(agent.calls), len(report.results)) == (kept, 4 - kept, 4)


@pytest.mark.parametrize("changed", [{"version": "v2"}, {"trials": 2}, {"suite": Suite(SUITE.cases[:2])}, {"fresh": True}])
def test_another_version_suite_or_number_of_trials_starts_a_run_of_its_own(changed: dict[str, Any]) -> None:
    log = wiring.memory_log()
    interrupted(log, 2)
    assert run(log, Agent(), **changed).resumed == 0
    assert len(log.runs()) == 2


def test_a_run_that_ended_is_followed_by_a_new_one() -> None:
    log, agent = wiring.memory_log(), Agent()
    first = run(log, Agent())
    report = run(log, agent)
    assert report.run.run_id != first.run.run_id
    assert (report.resumed, len(log.runs()), len(agent.calls)) == (0, 2, 4)


@pytest.mark.parametrize("version", [UNVERSIONED, "abc-dirty"])
def test_an_agent_that_may_have_changed_is_continued_but_not_taken_as_done(version: str) -> None:
    log = wiring.memory_log()
    interrupted(log, 2, version=version)
    assert run(log, Agent(), version=version).resumed > 0
    agent = Agent()
    run(log, agent, version=version)
    assert len(agent.calls) == 4


def test_a_target_that_cannot_be_used_leaves_no_run_behind() -> None:
    log, agent = wiring.memory_log(), Agent(usable=False)
    with pytest.raises(UsageError, match="no such agent"):
        run(log, agent)
    assert log.runs() == []
    assert agent.closed == 1
