"""What the gate would do on a suite and a history as they are: how often it errs, what it finds, and what that costs."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from loopwright.errors import UsageError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.comparable import comparable
from loopwright.gate.doubt import named
from loopwright.gate.policy import Policy
from loopwright.gate.quarantine import Quarantine, in_force
from loopwright.gate.simulate import Played, Scenario, Subject, play, scenarios, subject
from loopwright.gate.simulated import Cell, cell_record, reading, summarise, told_scenario
from loopwright.ports import Clock, Progress, RecordReader, Store
from loopwright.wording import counted
from loopwright.workflows.establishing import refuse_unfit
from loopwright.workflows.gating import read_results
from loopwright.workflows.history import Against, history_of

if TYPE_CHECKING:
    from loopwright.gate.simulate import Rng

UNCHANGED_TIMES = 3
"""Where time is limited, an unchanged agent is played so many times as often as a changed one: rare errors take more rounds."""

ENOUGH = 100
"""So many rounds tell a share within ten points."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be simulated: each number of planned trials with each scenario.

    `rounds` of each (None: as many as fit into `seconds`). `drops` are those of the suite. With `runs` the history has so many
    runs with one trial a case, instead of the runs that there are.
    """

    trials: tuple[int, ...] = (1, 2, 3, 5)
    drops: tuple[float, ...] = (0.05, 0.1)
    rounds: int | None = None
    seconds: float = 60.0
    runs: int | None = None

    def plan(self) -> list[tuple[Scenario, int]]:
        """The scenarios, each with each number of trials."""
        return [(scenario, trials) for scenario in scenarios(self.drops) for trials in self.trials]

    def turns(self) -> Iterator[tuple[Scenario, int]]:
        """What is played, in turn: all that is planned, again and again, so that it may end at any time."""
        for _ in range(self.rounds) if self.rounds is not None else count():
            for scenario, trials in self.plan():
                again = UNCHANGED_TIMES if self.rounds is None and scenario.of == "nothing" else 1
                yield from ((scenario, trials) for _ in range(again))


@dataclass(frozen=True, slots=True)
class World:
    """What a simulation takes from outside: chance, time, and somebody who watches."""

    rng: Rng
    clock: Clock
    progress: Progress


@dataclass(frozen=True, slots=True)
class Simulation:
    """What was found: the table, how large suite and history are, and what to know of it.

    `stopped` says that a person ended it.
    """

    cells: tuple[Cell, ...]
    cases: int
    runs: int
    trials: int
    policy: Policy
    notes: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def reading(self) -> list[str]:
        """The table in words."""
        return reading(self.cells, self.policy)

    def record(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "alpha": self.policy.alpha,
            "cases": self.cases,
            "history": {"runs": self.runs, "trials": self.trials},
            "cells": [cell_record(cell) for cell in self.cells],
            "reading": self.reading,
            "notes": list(self.notes),
            "stopped": self.stopped,
        }


async def simulate_files(
    reader: RecordReader,
    baseline: Sequence[str],
    policy: Policy,
    asked: Asked,
    world: World,
    quarantines: Sequence[Quarantine] = (),
) -> Simulation:
    """Simulate on files of results, a line a trial; raises `InputError` for a line that cannot be taken.

    A row without `run_id` belongs to the run that its file is, as with `gate_files`.
    """
    history = [row for path in baseline for row in read_results(reader, path, path if len(baseline) > 1 else "")]
    refuse_unfit(history, " and ".join(baseline))
    return await _simulate(history, policy, asked, world, in_force(quarantines, world.clock.now()))


async def simulate_store(
    store: Store,
    policy: Policy,
    asked: Asked,
    world: World,
    *,
    against: Against | None = None,
    quarantines: Sequence[Quarantine] = (),
) -> Simulation:
    """Simulate on the stored baseline's history, or on what else is named; raises `UsageError` where there is none."""
    known = history_of(store, policy, None, against)
    if not known.results:
        doubt = next(iter(known.doubts), "there is no baseline")
        raise UsageError(f"{doubt}; make a run it (loopwright gate --establish), or give --baseline FILE")
    refuse_unfit(known.results, "the history")
    held = in_force([*store.quarantines(), *quarantines], world.clock.now())
    return await _simulate(known.results, policy, asked, world, held, known.notes)


async def _simulate(
    history: Sequence[EvalResult],
    policy: Policy,
    asked: Asked,
    world: World,
    quarantined: Collection[str],
    notes: Sequence[str] = (),
) -> Simulation:
    shared = comparable(history, history)
    refuse_unfit(shared.baseline, "what is left without changed cases")
    left_out = [f"left out, since they changed within the history: {named(shared.changed)}"] if shared.changed else []
    of = subject(shared.baseline, quarantined, asked.runs)
    played, why, stopped = await _play(of, policy, asked, world)
    cells = [summarise(*cell, rounds, len(of.eval_ids)) for cell, rounds in played.items() if rounds]
    never = dict.fromkeys(told_scenario(scenario) for (scenario, _), rounds in played.items() if not rounds)
    absent = [f"not in the table, since no round had what could fall so, or none was played: {', '.join(never)}"] if never else []
    return Simulation(
        cells=tuple(cells),
        cases=len(of.eval_ids),
        runs=len({row.run_id for row in of.rows}),
        trials=len(of.rows),
        policy=policy,
        notes=(*notes, *left_out, *why, *absent),
        stopped=stopped,
    )


async def _play(
    of: Subject, policy: Policy, asked: Asked, world: World
) -> tuple[dict[tuple[Scenario, int], list[Played]], list[str], bool]:
    """Play until the rounds or the time are used up, or somebody stops it; what was played, and why no more."""
    played: dict[tuple[Scenario, int], list[Played]] = {cell: [] for cell in asked.plan()}
    start = world.clock.now()
    meter = _Meter(world.progress, asked, start)
    try:
        for cell in asked.turns():
            await asyncio.sleep(0)
            now = world.clock.now()
            meter.at(now)
            if asked.rounds is None and now - start >= timedelta(seconds=asked.seconds):
                return played, [_rough(asked, sum(map(len, played.values())))], False
            found = play(world.rng, of, cell[0], cell[1], policy)
            if found is not None:
                played[cell].append(found)
    except asyncio.CancelledError:
        return played, ["stopped; what was played until then is shown"], True
    finally:
        world.progress.done()
    return played, [], False


def _rough(asked: Asked, played: int) -> str:
    """What fitted into the time, and how long more would take."""
    minutes = math.ceil(asked.seconds * ENOUGH * len(asked.plan()) / max(played, 1) / 60)
    fitted = f"{counted(played, 'round')} fitted into {counted(round(asked.seconds), 'second')}"
    return f"{fitted}; --rounds {ENOUGH} gives narrower intervals in about {counted(minutes, 'minute')}, fewer --trials in less"


class _Meter:
    """Progress in rounds, or in seconds where these are what ends it."""

    def __init__(self, progress: Progress, asked: Asked, start: datetime) -> None:
        self._progress, self._start, self._timed, self._told = progress, start, asked.rounds is None, 0
        total = round(asked.seconds) if asked.rounds is None else asked.rounds * len(asked.plan())
        progress.start("simulating, in seconds" if self._timed else "simulating, in rounds", total)

    def at(self, now: datetime) -> None:
        passed = int((now - self._start).total_seconds()) if self._timed else self._told + 1
        if passed > self._told:
            self._progress.advance(passed - self._told)
            self._told = passed
