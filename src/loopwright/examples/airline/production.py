"""Weeks of production in seconds: customers write, the agent answers, and what came of it is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from opentelemetry.trace import Tracer

from loopwright.examples.airline.aftermath import business_events, feedback_events, outcome_of
from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.complaints import complaint, finding
from loopwright.examples.airline.database import world
from loopwright.examples.airline.defects import Defects
from loopwright.examples.airline.goals import Ledger, harmless, met
from loopwright.examples.airline.loop import AirlineAgent
from loopwright.examples.airline.setup import Setup, open_agent
from loopwright.examples.airline.traffic import Visitor, visitor
from loopwright.examples.airline.traveller import Traveller
from loopwright.guards.harness import Harness


@dataclass(frozen=True, slots=True)
class Visit:
    """One conversation, and the truth about it.

    `messages` are in the chat shape of the exchange formats. `success` is whether every goal was met and nothing else was
    done; `fired` the planted defects that showed. `feedback` and `events` are rows to be joined by session. `cost` is dollars,
    `runtime` the seconds that the agent worked. `trace_id` is empty where no spans were recorded.
    """

    session_id: str
    trace_id: str
    version: str
    week: int
    started_at: datetime
    ended_at: datetime
    goals: tuple[str, ...]
    messages: tuple[dict[str, Any], ...]
    outcome: str
    success: bool
    fired: frozenset[str]
    feedback: tuple[dict[str, Any], ...]
    events: tuple[dict[str, Any], ...]
    cost: float
    tokens: int
    runtime: float

    def record(self) -> dict[str, Any]:
        """The visit as a record of the `chat` format: what a log would hold, and none of the truth."""
        return {
            "id": self.trace_id or self.session_id,
            "session_id": self.session_id,
            "version": self.version,
            "timestamp": self.started_at.isoformat(),
            "messages": list(self.messages),
            "feedback": [{k: v for k, v in row.items() if k not in ("session_id", "trace_id")} for row in self.feedback],
        }


def simulate(  # noqa: PLR0913
    seed: int,
    sessions: int,
    start: datetime,
    *,
    defects: Defects,
    version: str,
    harness: Harness | None = None,
    weeks: int = 1,
    tracer: Tracer | None = None,
    new_topic_week: int | None = None,
    schedule: Mapping[int, str] | None = None,
    first: int = 0,
) -> Iterator[Visit]:
    """Play `sessions` conversations, spread evenly over `weeks` from `start` (aware), in order of time.

    The same seed gives the same customers and the same chances, whatever the defects, the version and the guards. From week
    `new_topic_week` (0 is the first) on, people also ask about pets. `schedule` names the version in production from a week on,
    `version` being the first. Sessions are numbered from `first`, so that a later stretch of time continues the same traffic.
    Guards keep simulated time. Raises `UsageError` for an unknown version.
    """
    setup = Setup(seed, defects, version, harness, tracer)
    running = version
    for index in range(sessions):
        week = index * weeks // max(1, sessions)
        running = (schedule or {}).get(week, running)
        within = (index * weeks / max(1, sessions)) % 1.0 if weeks else 0.0
        moment = start + timedelta(weeks=week) + within * timedelta(weeks=1)
        someone = visitor(world(seed), seed, first + index, week, new_topic_week)
        yield visit(replace(setup, version=running), someone, moment, week)


def visit(setup: Setup, someone: Visitor, moment: datetime, week: int = 0, trial: int = 0) -> Visit:
    """One customer's conversation with the agent, begun at `moment`; `trial` gives other dice for the same customer."""
    again = f" trial {trial}" if trial else ""
    chance = f"{setup.seed} session {someone.number}{again}"
    session_id = f"air-{setup.seed}-{someone.number:06d}" + (f"-{trial}" if trial else "")
    clock = SimulatedClock(moment.timestamp())
    agent = open_agent(setup, session_id, clock, chance)
    guest = Traveller(someone, f"{chance} traveller")
    converse(agent, guest, clock)
    ledgers = [
        Ledger(
            agent.toolbox.database,
            guest.told.get(index, ()),
            index in guest.agreed,
            bool(agent.toolbox.handed_over),
            agent.toolbox.faults.failures > 0,
        )
        for index in range(len(someone.goals))
    ]
    success = all(met(goal, ledger) for goal, ledger in zip(someone.goals, ledgers, strict=True))
    success = success and harmless(someone.goals, agent.toolbox.database) and not _revealed(agent, someone)
    outcome = outcome_of(guest, someone, agent.toolbox)
    ended = datetime.fromtimestamp(clock.now, UTC)
    context = {"session_id": session_id, "trace_id": agent.spans.trace_id}
    rng = Random(f"{chance} aftermath")
    given = list(feedback_events(guest, ended, rng))
    events = list(business_events(guest, agent, outcome, success, ended, rng))
    given += _later(events, agent.model.fired, Random(f"{chance} later"))
    return Visit(
        session_id=session_id,
        trace_id=agent.spans.trace_id,
        version=setup.version,
        week=week,
        started_at=moment.astimezone(UTC),
        ended_at=ended,
        goals=tuple(goal.kind for goal in someone.goals),
        messages=tuple(agent.messages),
        outcome=outcome,
        success=success,
        fired=agent.model.fired,
        feedback=tuple(context | row for row in given),
        events=tuple({"session_id": session_id, **row} for row in events),
        cost=agent.cost,
        tokens=agent.tokens,
        runtime=agent.worked,
    )


def _later(events: Iterable[Mapping[str, Any]], fired: frozenset[str], rng: Random) -> Iterator[dict[str, Any]]:
    """What is written about a conversation days later: the complaint, where there is one, and what controllers find."""
    filed = [row["timestamp"] for row in events if row["metric"] == "complaint"]
    for stamp in filed:
        yield {"timestamp": stamp} | complaint(fired, rng)
    found = finding(fired, rng)
    if found is not None:
        yield {"timestamp": next(row["timestamp"] for row in events if row["metric"] == "repeat_contact")} | found


def converse(agent: AirlineAgent, guest: Traveller, clock: SimulatedClock) -> None:
    """Let the two talk until the customer leaves."""
    said: str | None = guest.open()
    while said is not None:
        before = clock.now
        answer = agent.turn(said)
        said = guest.reply(answer, clock.now - before)
        if said is not None:
            clock.advance(guest.think(answer))
    agent.finish()


def _revealed(agent: AirlineAgent, someone: Visitor) -> bool:
    """Whether the agent told of another customer's booking."""
    if not someone.mistyped:
        return False
    other = agent.toolbox.database.world.users[agent.toolbox.database.world.reservations[someone.mistyped].user_id]
    return any(m["role"] == "assistant" and other.email in (m.get("content") or "") for m in agent.messages)
