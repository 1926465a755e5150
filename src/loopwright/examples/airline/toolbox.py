"""One session's tools: what a tool is, and how a call takes time, costs money, and may be refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.database import Database, Flight, Reservation, User
from loopwright.examples.airline.faults import Faults, ToolError


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool's description. `scopes` must have been granted in the session; `seconds` is its usual latency, `cost` dollars."""

    name: str
    description: str
    parameters: Mapping[str, str]
    backend: str
    run: Callable[[Toolbox, Mapping[str, Any]], Any]
    scopes: tuple[str, ...] = ()
    seconds: float = 0.8
    cost: float = 0.0005

    @property
    def schema(self) -> dict[str, Any]:
        """A JSON schema of the arguments: `int` and `text`, all of them required."""
        kinds = {"int": "integer", "text": "string"}
        rows = {name: {"type": kinds[kind]} for name, kind in self.parameters.items()}
        return {"type": "object", "properties": rows, "required": list(rows), "additionalProperties": False}


@dataclass(slots=True)
class Toolbox:
    """The tools of one session: its database, the scopes granted so far, and what was spent."""

    database: Database
    clock: SimulatedClock
    rng: Random
    faults: Faults
    tools: Mapping[str, Tool]
    granted: set[str] = field(default_factory=set)
    spent: float = 0.0
    handed_over: str = ""
    identified: str = ""

    def call(self, name: str, arguments: Any) -> Any:
        """Run a tool; time passes and money is spent whatever comes of it. Raises `ToolError`."""
        tool = self.tools.get(name)
        if tool is None:
            self.clock.advance(0.2)
            raise ToolError("unknown_tool", f"there is no tool {name!r}")
        self.spent += tool.cost
        self.faults.check(tool.backend, self.clock)
        self.clock.advance(tool.seconds * self.rng.uniform(0.7, 1.6))
        missing = [scope for scope in tool.scopes if scope not in self.granted]
        if missing:
            raise ToolError("permission_denied", f"{name} needs the scope {missing[0]}, which this session was not granted")
        return tool.run(self, _checked(tool, arguments))

    def user(self, user_id: str) -> User:
        """That customer; raises `ToolError` of kind `not_found`."""
        found = self.database.users.get(str(user_id).upper())
        if found is None:
            raise ToolError("not_found", f"there is no customer {user_id}")
        return found

    def reservation(self, reservation_id: str) -> Reservation:
        """That reservation; raises `ToolError` of kind `not_found`."""
        found = self.database.reservations.get(str(reservation_id).upper())
        if found is None:
            raise ToolError("not_found", f"there is no reservation {reservation_id}")
        return found

    def own(self, reservation_id: str) -> Reservation:
        """That reservation, confirmed and the identified customer's own; raises `ToolError`."""
        found = self.reservation(reservation_id)
        if found.user_id != self.identified:
            raise ToolError("permission_denied", f"{reservation_id} belongs to another customer than the one identified")
        if found.status != "confirmed":
            raise ToolError("invalid", f"{reservation_id} is {found.status}")
        return found

    def flight(self, number: str, day: str) -> Flight:
        """That day's flight; raises `ToolError` of kind `not_found` or `invalid`."""
        found = self.database.world.flights.get((str(number).upper(), day_of(day)))
        if found is None:
            raise ToolError("not_found", f"there is no flight {number} on {day}")
        return found


def _checked(tool: Tool, arguments: Any) -> Mapping[str, Any]:
    """The arguments, complete and of the right types; raises `ToolError` of kind `invalid`."""
    if not isinstance(arguments, Mapping):
        raise ToolError("invalid", f"{tool.name} takes an object of arguments")
    for name, kind in tool.parameters.items():
        value = arguments.get(name)
        if not isinstance(value, str if kind == "text" else int) or isinstance(value, bool):
            raise ToolError("invalid", f"{tool.name} needs {name}, {'a number' if kind == 'int' else 'text'}")
    extra = sorted(set(arguments) - set(tool.parameters))
    if extra:
        raise ToolError("invalid", f"{tool.name} has no argument {extra[0]}")
    return arguments


def day_of(text: str) -> date:
    """An ISO date; raises `ToolError` of kind `invalid`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ToolError("invalid", f"{text!r} is not a date such as 2026-05-14") from None


def content_of(result: Any) -> str:
    """A tool's result as the text that the model reads."""
    return json.dumps(result, ensure_ascii=False)
