"""The airline agent as the agent under test, in process.

A case's input is one of:

* text: one message of a customer, answered in a conversation of its own;
* a list of messages: the customer's are played in order, and the agent answers each anew; all others are left out;
* a scenario (see `scenario`): a simulated customer with a goal plays against it.

A trial's dice are seeded by (seed, case id, trial).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loopwright.effects import CallTarget, TargetReply
from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.database import TODAY
from loopwright.examples.airline.production import visit
from loopwright.examples.airline.scenario import Scenario, read_scenario, verdict
from loopwright.examples.airline.setup import Setup, open_agent

START = datetime(TODAY.year, TODAY.month, TODAY.day, 9, tzinfo=UTC)


class AirlineTarget:
    """The port `Target` over the agent; `setup` says what it is like."""

    def __init__(self, setup: Setup | None = None) -> None:
        self.setup = setup or Setup()

    @property
    def name(self) -> str:
        """Which agent this is."""
        guards = self.setup.harness.guards if self.setup.harness else ()
        under = f" under {', '.join(guard.name for guard in guards)}" if guards else ""
        return f"airline agent {self.setup.version}{under}"

    async def open(self) -> None:
        """Nothing to get ready."""

    async def call(self, request: CallTarget) -> TargetReply:
        """Answer one case once."""
        started = time.perf_counter()
        if self.setup.model:
            reply = await asyncio.to_thread(respond, self.setup, request.input, request.case_id, request.trial)
        else:
            reply = respond(self.setup, request.input, request.case_id, request.trial)
        seconds = time.perf_counter() - started
        return TargetReply(
            output=reply["output"],
            messages=tuple(reply["messages"]),
            error=reply["error"],
            cost_usd=reply["cost_usd"],
            tokens=reply["tokens"],
            latency_ms=seconds * 1000,
            extra={"runtime": reply["runtime"], "fired": reply["fired"]},
        )

    async def close(self) -> None:
        """Nothing to release."""


def respond(setup: Setup, value: Any, case_id: str, trial: int) -> dict[str, Any]:
    """One trial of a case: `output`, `messages`, `error`, `cost_usd`, `tokens`, `runtime` (simulated seconds) and `fired`."""
    scenario = read_scenario(value)
    if scenario is not None:
        return _play(setup, scenario, trial)
    turns = customer_turns(value)
    if not turns:
        return _reply("", [], "the input holds no message of a customer")
    clock = SimulatedClock(START.timestamp())
    agent = open_agent(setup, f"{case_id}-{trial}", clock, f"{setup.seed} case {case_id} trial {trial}")
    answer = ""
    for text in turns:
        answer = agent.turn(text)
        clock.advance(30)
    agent.finish()
    error = agent.errors[-1] if agent.errors else None
    reply = _reply(answer, agent.messages[1:], error)
    fired = sorted(agent.model.fired)
    return reply | {"cost_usd": agent.cost, "tokens": agent.tokens, "runtime": agent.worked, "fired": fired}


def _play(setup: Setup, scenario: Scenario, trial: int) -> dict[str, Any]:
    played = visit(setup, scenario.visitor(setup.seed), START, scenario.week, trial)
    reply = _reply(verdict(scenario, played), list(played.messages[1:]), None)
    fired = sorted(played.fired)
    return reply | {"cost_usd": played.cost, "tokens": played.tokens, "runtime": played.runtime, "fired": fired}


def _reply(output: str, messages: list[dict[str, Any]], error: str | None) -> dict[str, Any]:
    return {"output": output, "messages": messages, "error": error, "cost_usd": 0.0, "tokens": 0, "runtime": 0.0, "fired": []}


def customer_turns(value: Any) -> list[str]:
    """What the customer says in a case's input: a text, messages, or an object with `messages` or `input`."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    if isinstance(value, Mapping):
        return customer_turns(value.get("messages", value.get("input", value.get("content", ""))))
    if not isinstance(value, list | tuple):
        return []
    texts = (_text(m.get("content")) for m in value if isinstance(m, Mapping) and m.get("role") == "user")
    return [text for text in texts if text.strip()]


def _text(content: Any) -> str:
    if isinstance(content, list | tuple):
        return "\n".join(_text(part.get("text")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""
