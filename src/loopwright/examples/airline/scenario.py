"""A scenario: one seeded customer with a goal, played against the agent.

An eval's input names it: the text `airline scenario 17`, or the JSON text `{"scenario": 17, "week": 0, "pets": false}`. The
output is one JSON object, so that a deterministic check decides (`{type: json_path, path: $.goal_met, equals: true}`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopwright.examples.airline.database import world
from loopwright.examples.airline.production import Visit
from loopwright.examples.airline.traffic import Visitor, visitor

_TEXT = re.compile(r"^\s*airline scenario (\d{1,9})(?: week (\d{1,3}))?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Customer `number` of `week`; with `pets`, the mix of requests includes pets."""

    number: int
    week: int = 0
    pets: bool = False

    @property
    def text(self) -> str:
        """As an eval's input."""
        if not self.pets:
            return f"airline scenario {self.number}" + (f" week {self.week}" if self.week else "")
        return json.dumps({"scenario": self.number, "week": self.week, "pets": True})

    def visitor(self, seed: int) -> Visitor:
        """The customer."""
        return visitor(world(seed), seed, self.number, self.week, self.week if self.pets else None)


def read_scenario(value: Any) -> Scenario | None:
    """The scenario that an eval's input names; None where it is an ordinary message."""
    if isinstance(value, str):
        found = _TEXT.match(value)
        if found:
            return Scenario(int(found[1]), int(found[2] or 0))
        if not value.lstrip().startswith("{"):
            return None
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if not isinstance(value, Mapping) or not _counts(value.get("scenario")) or not _counts(value.get("week", 0)):
        return None
    return Scenario(value["scenario"], value.get("week", 0), bool(value.get("pets", False)))


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def verdict(scenario: Scenario, visit: Visit) -> str:
    """What became of a scenario, as JSON text: `goal_met`, `outcome`, `goals`, and the last `answer`."""
    said = [m["content"] for m in visit.messages if m["role"] == "assistant" and m.get("content")]
    row = {
        "scenario": scenario.number,
        "goals": list(visit.goals),
        "goal_met": visit.success,
        "outcome": visit.outcome,
        "answer": said[-1] if said else "",
    }
    return json.dumps(row, ensure_ascii=False)
