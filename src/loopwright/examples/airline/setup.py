"""The agent, put together: world, tools, planner or model, guards, spans and simulated time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from opentelemetry import trace
from opentelemetry.trace import Tracer

from loopwright.errors import UsageError
from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.database import Database, world
from loopwright.examples.airline.defects import ALL, NAMES, NONE, Defects
from loopwright.examples.airline.faults import Faults
from loopwright.examples.airline.llm import LanguageModel
from loopwright.examples.airline.loop import AirlineAgent
from loopwright.examples.airline.mind import Mind
from loopwright.examples.airline.model import ChatModel
from loopwright.examples.airline.planner import RulePlanner
from loopwright.examples.airline.spans import TRACER, ConversationSpans
from loopwright.examples.airline.toolbox import Toolbox
from loopwright.examples.airline.tools import TOOLS
from loopwright.examples.airline.versions import agent_version
from loopwright.guards.harness import Harness
from loopwright.registry import unknown

DEFAULT_SEED = 7


@dataclass(frozen=True)
class Setup:
    """What the agent is like. `seed` is of the world and of all chance; `model` names a real model in the planner's place."""

    seed: int = DEFAULT_SEED
    defects: Defects = NONE
    version: str = "1.0"
    harness: Harness | None = None
    tracer: Tracer | None = None
    model: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Setup:
        """The setup that the variables LOOPWRIGHT_AIRLINE_* name (see `agent`); raises `UsageError`."""
        given = os.environ if environ is None else environ
        seed = given.get("LOOPWRIGHT_AIRLINE_SEED", str(DEFAULT_SEED))
        if not seed.lstrip("-").isdigit():
            raise UsageError(f"LOOPWRIGHT_AIRLINE_SEED is {seed!r}; give a whole number")
        version = given.get("LOOPWRIGHT_AIRLINE_VERSION", "1.0")
        agent_version(version)
        defects = named_defects(given.get("LOOPWRIGHT_AIRLINE_DEFECTS", "none"))
        return cls(int(seed), defects, version, model=given.get("LOOPWRIGHT_AIRLINE_MODEL", ""))

    def with_harness(self, harness: Harness | None) -> Setup:
        """The same under these guards."""
        return replace(self, harness=harness)


def named_defects(text: str) -> Defects:
    """`all`, `none`, or names of defects with commas between, at their usual rates; raises `UsageError`."""
    if text.strip().lower() in ("", "none", "all"):
        return ALL if text.strip().lower() == "all" else NONE
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in NAMES:
            raise UsageError(f"LOOPWRIGHT_AIRLINE_DEFECTS: {unknown('defect', name, NAMES)}")
    return ALL.only(*names)


def open_agent(setup: Setup, session_id: str, clock: SimulatedClock, chance: str = "") -> AirlineAgent:
    """A conversation with the agent, about to begin. `chance` seeds it; by default the seed and the session do.

    Guards keep time by `clock`. Raises `UsageError` for an unknown version or a model that cannot be used.
    """
    seed = chance or f"{setup.seed} {session_id}"
    database = Database.of(world(setup.seed))
    toolbox = Toolbox(database, clock, Random(f"{seed} tools"), Faults(Random(f"{seed} faults")), TOOLS)
    guarded = (setup.harness or Harness()).keeping_time(clock).session(session_id)
    spans = ConversationSpans(setup.tracer or trace.get_tracer(TRACER), clock, session_id, setup.version)
    return AirlineAgent(_model(setup, seed), toolbox, guarded, clock, spans)


def _model(setup: Setup, seed: str) -> ChatModel:
    version = agent_version(setup.version)
    if setup.model:
        return LanguageModel(setup.model)
    tendencies = version.defects(setup.defects).draw(Random(f"{seed} tendencies"))
    return RulePlanner(Mind(f"{seed} planner", tendencies, version.pets))
