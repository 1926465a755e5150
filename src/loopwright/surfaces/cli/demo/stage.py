"""What a stage of the demo is, and the world that the stages share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loopwright import wiring
from loopwright.ports import Progress, Store
from loopwright.settings import Settings, load
from loopwright.wording import percent

PERSON = "demo user"
"""Who decides in the demo; the trail says so."""

START = datetime(2026, 1, 5, tzinfo=UTC)
"""The Monday on which the simulated production begins."""


@dataclass(slots=True)
class SimulatedClock:
    """The `Clock` port, standing where it was set: the weeks of the demo's production pass in seconds."""

    at: datetime = START

    def now(self) -> datetime:
        """The simulated time."""
        return self.at


@dataclass(slots=True)
class World:
    """What the stages work on: a folder, a seed, a clock, and two stores.

    `conversations` holds the real conversations; `airline` is the project of the shipped agent, and lies in the folder itself.
    """

    folder: Path
    seed: int
    sessions: int
    clock: SimulatedClock
    progress: Progress
    settings: Settings
    airline: Store
    conversation_settings: Settings
    conversations: Store


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: `compute` gives its figures, as plain JSON values, and may be run again; `show` prints them for a person."""

    name: str
    title: str
    about: str
    compute: Callable[[World], Awaitable[dict[str, Any]]]
    show: Callable[[dict[str, Any]], None]


def store_settings(folder: Path) -> Settings:
    """The settings of a store in `folder`, with the suite beside it; nothing else is read."""
    place = folder.resolve()
    file = place / ".loopwright" / "loopwright.db"
    return replace(load({"store.url": f"sqlite:///{file}", "suite.folder": str(place / "evals")}, environ={}), folder=place)


def open_store(settings: Settings) -> Store:
    """The store of these settings."""
    return wiring.store(settings)


def clip(text: str, width: int = 100) -> str:
    """Text on one line, cut to `width`."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"


def told(share: float | None) -> str:
    """A share for a table; empty where there is none."""
    return "" if share is None else percent(share)
