"""The loop goes round: a stage is done again only where what it depends on changed, and one that fails stops no other."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loopwright.adapters.store.store import SqlStore, open_store
from loopwright.errors import InputError
from loopwright.workflows.looping import LoopStage, StageReport, turn


class Fixed:
    def now(self) -> datetime:
        return datetime(2026, 1, 5, tzinfo=UTC)


class World:
    """Two stages: the second depends on what the first wrote."""

    def __init__(self) -> None:
        self.given = 1
        self.written = 0
        self.ran: list[str] = []
        self.broken = False

    async def _first(self) -> dict[str, Any]:
        self.ran.append("first")
        self.written = self.given * 10
        return {"written": self.written}

    async def _second(self) -> dict[str, Any]:
        self.ran.append("second")
        if self.broken:
            raise InputError("the disk is on fire", cure="put it out")
        return {"read": self.written}

    def stages(self) -> list[LoopStage]:
        return [
            LoopStage("first", "writes", lambda: (self.given,), self._first),
            LoopStage("second", "reads", lambda: (self.written,), self._second),
        ]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with open_store("sqlite:///loopwright.db", tmp_path) as opened:
        yield opened


def go(store: SqlStore, world: World) -> list[tuple[str, str]]:
    return [(r.name, r.state) for r in asyncio.run(turn(store, world.stages(), Fixed()))]


def test_a_second_turn_does_nothing_again_and_tells_what_was_done_before(store: SqlStore) -> None:
    world = World()
    assert go(store, world) == [("first", "done"), ("second", "done")]
    told: list[StageReport] = []
    asyncio.run(turn(store, world.stages(), Fixed(), told.append))
    assert [(r.state, r.summary) for r in told] == [("unchanged", {"written": 10}), ("unchanged", {"read": 10})]
    assert world.ran == ["first", "second"]


def test_a_change_runs_what_depends_on_it(store: SqlStore) -> None:
    world = World()
    go(store, world)
    world.given = 2
    assert go(store, world) == [("first", "done"), ("second", "done")]
    world.given = 3
    world.broken = True
    assert go(store, world) == [("first", "done"), ("second", "failed")]


def test_a_stage_that_failed_is_tried_again_and_says_why(store: SqlStore) -> None:
    world = World()
    world.broken = True
    reports = asyncio.run(turn(store, world.stages(), Fixed()))
    assert "the disk is on fire" in reports[1].problem
    world.broken = False
    assert go(store, world) == [("first", "unchanged"), ("second", "done")]


def test_a_stage_cut_short_is_done_again(store: SqlStore) -> None:
    world = World()

    async def killed() -> dict[str, Any]:
        raise KeyboardInterrupt

    cut = [world.stages()[0], LoopStage("second", "reads", lambda: (world.written,), killed)]
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(turn(store, cut, Fixed()))
    assert go(store, world) == [("first", "unchanged"), ("second", "done")]
