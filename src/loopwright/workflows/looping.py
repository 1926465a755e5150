"""The loop: every stage that needs no person, one after the other, as often as its inputs change.

A stage that was killed was not noted as done, and is done again at the next turn; each writes in a way that doing it again
changes nothing. A stage that fails is reported with its reason, and the others go on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from loopwright.audit.digest import digest
from loopwright.errors import LoopwrightError
from loopwright.ports import Clock, LoopStep, LoopStore

State = Literal["done", "unchanged", "failed"]


@dataclass(frozen=True, slots=True)
class LoopStage:
    """One stage. `inputs` names all that its result depends on; `run` does it, and returns counts and short texts.

    `inputs` is asked when the stage's turn comes, after the stages before it.
    """

    name: str
    about: str
    inputs: Callable[[], tuple[Any, ...]]
    run: Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class StageReport:
    """What one turn did of a stage; `summary` is that of the last time where nothing changed, `problem` why it failed."""

    name: str
    state: State
    summary: dict[str, Any] = field(default_factory=dict)
    problem: str = ""


async def turn(
    store: LoopStore, stages: Iterable[LoopStage], clock: Clock, told: Callable[[StageReport], None] | None = None
) -> tuple[StageReport, ...]:
    """Go round once: run each stage whose inputs differ from those of the last time that it was done.

    `told` hears of each stage as it ends.
    """
    reports = []
    for stage in stages:
        report = await _one(store, stage, clock)
        reports.append(report)
        if told is not None:
            told(report)
    return tuple(reports)


async def _one(store: LoopStore, stage: LoopStage, clock: Clock) -> StageReport:
    try:
        inputs = digest(stage.name, *stage.inputs())
        before = store.loop_steps().get(stage.name)
        if before is not None and before.inputs == inputs:
            return StageReport(stage.name, "unchanged", before.summary)
        summary = await stage.run()
    except LoopwrightError as error:
        return StageReport(stage.name, "failed", problem=str(error))
    store.put_loop_step(LoopStep(stage.name, inputs, clock.now(), summary))
    return StageReport(stage.name, "done", summary)
