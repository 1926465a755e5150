"""The planner's turn of mind in one session: its tendencies, what they did, and the dice it throws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """The planner wants a tool called."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """The planner wants to say something: one of the wordings of `key`, filled with `fields`."""

    key: str
    fields: Mapping[str, Any] = field(default_factory=dict)


Action = Call | Say


@dataclass(slots=True)
class Mind:
    """One session's tendencies (names of defects), those that fired, and a generator that starts afresh with each turn.

    `pets` is knowledge of the version. The first draws of the session settle which tool is forgotten, and when the planner
    gets stuck.
    """

    seed: str
    tendencies: frozenset[str] = frozenset()
    pets: bool = False
    fired: set[str] = field(default_factory=set)
    rng: Random = field(default_factory=Random)
    turn: int = -1
    misread: str | None = None
    off_day: bool = False
    gives_up: bool = False
    miscounts: bool = False
    stuck_at: int = 0
    stuck_for: int = 0
    unknown_tool: str = ""
    storm: int = 0

    def __post_init__(self) -> None:
        rng = Random(f"{self.seed} habits")
        self.stuck_at, self.stuck_for = rng.randrange(1, 5), rng.randrange(2, 11)
        self.unknown_tool = rng.choice(FORGETTABLE)
        self.storm = rng.randrange(6, 13)

    def begin(self, turn: int) -> None:
        """A new turn: its slips are settled, so that what happens in one turn does not move the dice of the next."""
        if turn == self.turn:
            return
        self.turn = turn
        self.rng = Random(f"{self.seed} turn {turn}")
        draws = [self.rng.random() for _ in range(4)]
        self.misread = self.rng.choice(("cancel", "change", "baggage", "status", "check_in")) if draws[0] < MISREADS else None
        self.off_day = draws[1] < WRONG_DAYS
        self.gives_up = draws[2] < NEEDLESS_HAND_OVERS
        self.miscounts = draws[3] < MISCOUNTS

    def tends(self, defect: str) -> bool:
        """Whether this session has that tendency."""
        return defect in self.tendencies

    def fire(self, defect: str) -> None:
        """Keep in mind, for the ground truth, that a defect showed."""
        self.fired.add(defect)


MISREADS, WRONG_DAYS, NEEDLESS_HAND_OVERS, MISCOUNTS = 0.06, 0.03, 0.015, 0.08
"""How often a turn goes wrong by itself, with no defect at all."""

FORGETTABLE = (
    "get_reservation",
    "search_flights",
    "cancel_reservation",
    "change_flight",
    "book_flight",
    "add_bags",
    "baggage_allowance",
    "issue_certificate",
)
"""Tools whose name the planner may not remember."""
