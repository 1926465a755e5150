"""The shipped agent in production: weeks of simulated conversations, watched, mined and drafted from."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from loopwright import wiring
from loopwright.collect.business import event_of
from loopwright.collect.joining import read_given
from loopwright.evaluate.case import CaseStatus
from loopwright.examples.airline.defects import ALL
from loopwright.examples.airline.production import Visit, simulate
from loopwright.examples.airline.spans import AGENT, TRACER
from loopwright.guards.harness import Harness
from loopwright.ports import PutCounts
from loopwright.surfaces.cli.demo.conversations import draft_row, mode_rows, show_drafts, show_modes
from loopwright.surfaces.cli.demo.stage import PERSON, START, Stage, World, clip, told
from loopwright.surfaces.cli.terminal import note, say, table
from loopwright.wording import counted, number
from loopwright.workflows.clustering import cluster_store
from loopwright.workflows.drafting import draft_from_store, surroundings_of
from loopwright.workflows.mining import mine_store
from loopwright.workflows.releasing import ReleaseRequest, record_release
from loopwright.workflows.reviewing import approve, waiting
from loopwright.workflows.triage import Desk
from loopwright.workflows.watching import record_events, watch_store

WEEKS = 5
"""So long is the first version in production; in the last of these weeks a new kind of request arrives."""

LATER_WEEKS = 4
BATCH = 200
FIRST, SECOND = "1.0", "1.2+guards"
Row = dict[str, Any]


async def _produce(world: World) -> Row:
    world.clock.at = START
    if not world.airline.releases():
        why = "it was in production before there was a gate"
        await record_release(world.airline, ReleaseRequest(FIRST, PERSON, START, proposal_ids=(), despite=why), START)
    return await produce(world, FIRST, START, WEEKS, world.sessions, new_topic_week=WEEKS - 1)


async def produce(
    world: World,
    version: str,
    start: datetime,
    weeks: int,
    sessions: int,
    *,
    first: int = 0,
    new_topic_week: int | None = None,
    harness: Harness | None = None,
) -> Row:
    """So many conversations with a version of the agent, their traces and business events into the store.

    The agent exports OpenTelemetry spans; what the store holds is what can be read out of these. Returns the truth about the
    conversations by week, for the demo alone.
    """
    memory = wiring.span_memory()
    tracer = memory.provider(AGENT, version, seed=world.seed + first).get_tracer(TRACER)
    visits: list[Visit] = []
    counts = PutCounts()
    world.progress.start(f"production, version {version}", sessions)
    for visit in simulate(
        world.seed, sessions, start, defects=ALL, version=version, harness=harness, weeks=weeks, tracer=tracer,
        new_topic_week=new_topic_week, first=first,
    ):  # fmt: skip
        visits.append(visit)
        world.progress.advance()
        if len(visits) % BATCH == 0 or len(visits) == sessions:
            made = world.airline.put_traces(memory.take_traces())
            counts = PutCounts(counts.new + made.new, counts.unchanged + made.unchanged)
    world.progress.done()
    world.airline.put_feedback([read_given(_feedback(row)) for visit in visits for row in visit.feedback])
    await record_events(world.airline, [event_of(row) for visit in visits for row in visit.events])
    world.clock.at = max(world.clock.at, start + timedelta(weeks=weeks))
    return {"version": version, "traces": counts.new + counts.unchanged, "weeks": _by_week(visits)}


def _feedback(row: Row) -> Row:
    """A row of feedback as the record that `import` reads."""
    place = ("session_id", "trace_id", "timestamp")
    return {name: row[name] for name in place} | {"feedback": {k: v for k, v in row.items() if k not in place}}


def _by_week(visits: list[Visit]) -> list[Row]:
    weeks: dict[int, list[Visit]] = {}
    for visit in visits:
        weeks.setdefault(visit.week, []).append(visit)
    return [
        {
            "starts": min(v.started_at for v in found).date().isoformat(),
            "conversations": len(found),
            "success": sum(v.success for v in found) / len(found),
            "escalated": sum(v.outcome == "escalated" for v in found) / len(found),
            "abandoned": sum(v.outcome == "abandoned" for v in found) / len(found),
            "pets": sum(any("pet" in goal for goal in v.goals) for v in found),
            "cost_usd": sum(v.cost for v in found),
        }
        for _, found in sorted(weeks.items())
    ]


def show_weeks(figures: Row) -> None:
    """The table of weeks."""
    rows = [
        (
            w["starts"],
            w["conversations"],
            told(w["success"]),
            told(w["escalated"]),
            told(w["abandoned"]),
            f"{w['cost_usd']:.2f}",
        )
        for w in figures["weeks"]
    ]
    head = ["week of", "conversations", "goal met", "escalated", "abandoned", "US dollars"]
    table("", head, rows, right=[1, 2, 3, 4, 5])
    say(
        f"{counted(figures['traces'], 'trace')} of version {figures['version']}. Whether a goal was met "
        "the simulation knows, not the loop."
    )


async def watch(world: World) -> Row:
    """Look for drift, at the end of the weeks so far."""
    policy = wiring.watch_policy(world.settings)
    report = await watch_store(world.airline, wiring.embedder(world.settings, note), policy, world.clock.now())
    return {
        "looks": [
            {
                "drift": look.kind.value,
                "compared": look.compared,
                "undecided": look.undecided,
                "findings": [
                    {"summary": f.summary, "p_value": f.p_value, "response": f.responses[0] if f.responses else None}
                    for f in look.findings
                ],
            }
            for look in report.looks
        ]
    }


def show_watched(figures: Row) -> None:
    """The table of drifts, told apart, each with the first thing to do."""
    rows = []
    for look in figures["looks"]:
        found = look["findings"]
        said = clip(found[0]["summary"], 90) if found else look["undecided"] or "none"
        rows.append((look["drift"].replace("_", " "), said, found[0]["response"][0] if found and found[0]["response"] else ""))
    table("", ["drift", "found", "what to do first"], rows)


async def mine_and_cluster(world: World) -> Row:
    """Mine the store anew and group the failures; modes keep their ids."""
    mined = await mine_store(world.airline, list(wiring.detectors()), policy=wiring.watch_policy(world.settings))
    options = wiring.cluster_options(world.settings)
    clustering = await cluster_store(world.airline, wiring.embedder(world.settings, note), options, world.clock.now())
    return {
        "failing": len(mined.failures),
        "traces": len(mined.failures) + len(mined.sound),
        "one_offs": sum(member.mode_id is None for member in clustering.memberships),
        "modes": mode_rows(clustering.modes),
    }


async def _modes(world: World) -> Row:
    world.clock.at = START + timedelta(weeks=WEEKS)
    return await mine_and_cluster(world)


def _show_modes(figures: Row) -> None:
    say(f"{number(figures['failing'])} of {counted(figures['traces'], 'conversation')} show signs of failure.")
    show_modes(figures)


async def _watch(world: World) -> Row:
    world.clock.at = START + timedelta(weeks=WEEKS)
    return await watch(world)


def desk(world: World) -> Desk:
    """What the demo user reviews on."""
    folder = world.settings.path("suite.folder")
    return Desk(world.airline, wiring.suite_files(world.settings), str(folder), folder.is_dir())


async def _review(world: World) -> Row:
    folder = world.settings.path("suite.folder")
    await draft_from_store(world.airline, wiring.suite_files(world.settings), str(folder), has_suite=folder.is_dir())
    around = surroundings_of(world.airline, world.airline.failures())
    for item in await waiting(desk(world)):
        if item.kind == "case" and not item.against:
            await approve(desk(world), item, PERSON, world.clock.now(), around=around)
    names = {mode.mode_id: mode.name for mode in world.airline.modes()}
    cases = sorted(world.airline.cases(), key=lambda case: case.id)
    left = [case for case in cases if case.status is CaseStatus.DRAFT]
    return {
        "drafts": [draft_row(case, names) for case in cases],
        "approved": [case.id for case in cases if case.status is CaseStatus.APPROVED],
        "kept": dict(sorted(Counter("not admitted" if case.checks else "without a judge" for case in left).items())),
        "by": PERSON,
    }


def _show_review(figures: Row) -> None:
    show_drafts(figures)
    kept = ", ".join(f"{count} {why}" for why, count in figures["kept"].items())
    say(f"{figures['by']!r} approves {len(figures['approved'])} of them" + (f"; what stays a draft: {kept}." if kept else "."))


STAGES = (
    Stage(
        "production", "collect", "The shipped agent serves five weeks of simulated customers, and exports OpenTelemetry spans.",
        _produce, show_weeks,
    ),
    Stage("modes", "mine, cluster", "The same two steps on its traces.", _modes, _show_modes),
    Stage("drift", "watch", "Three drifts are told apart, each with its own response.", _watch, show_watched),
    Stage("review", "draft, review", "Drafts seen to fail on their source are put before a person.", _review, _show_review),
)  # fmt: skip
