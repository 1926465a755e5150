"""The first four stages, on real conversations: collected, mined, clustered and drafted from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loopwright import wiring
from loopwright.cluster.mode import FailureMode
from loopwright.evaluate.case import EvalCase
from loopwright.examples.conversations.files import conversations
from loopwright.mine.policy import WEIGHTS
from loopwright.surfaces.cli.demo.stage import Stage, World, clip, told
from loopwright.surfaces.cli.terminal import note, say, table
from loopwright.wiring import collecting
from loopwright.wording import counted, percent
from loopwright.workflows.clustering import cluster_store
from loopwright.workflows.drafting import draft_from_store
from loopwright.workflows.importing import import_spans
from loopwright.workflows.mining import mine_store
from loopwright.workflows.rates import type_counts

SHOWN = 5
EVALS = "evals"


async def _collect(world: World) -> dict[str, Any]:
    with conversations() as path:
        intake = await import_spans(
            wiring.trace_reader(world.conversation_settings),
            [path],
            store=world.conversations,
            settling=collecting.settling(),
            progress=world.progress,
        )
    return {"taken": intake.taken, "rejected": intake.rejected_count, "stored": world.conversations.count_traces()}


def _show_collected(figures: dict[str, Any]) -> None:
    say(
        f"{counted(figures['stored'], 'real conversation')} of an airline-support agent (tau-bench, "
        f"GPT-4o), {figures['rejected']} refused."
    )


async def _mine(world: World) -> dict[str, Any]:
    detectors = list(wiring.detectors())
    mined = await mine_store(world.conversations, detectors)
    total = world.conversations.count_traces()
    return {
        "failing": len(mined.failures),
        "signals": [
            {"signal": t.signal_type, "traces": t.rate.count, "share": t.rate.share, "low": t.rate.low, "high": t.rate.high}
            for t in type_counts(mined.failures, detectors, WEIGHTS, total)
        ],
        "worst": [{"trace_id": f.trace_id, "score": round(f.score, 4), "why": f.failure_reason} for f in mined.failures[:SHOWN]],
    }


def _show_mined(figures: dict[str, Any]) -> None:
    rows = [
        (row["signal"], row["traces"], told(row["share"]), f"{percent(row['low'])} to {percent(row['high'])}")
        for row in figures["signals"]
    ]
    table("", ["signal", "traces", "share", "95 % interval"], rows, right=[1, 2])
    say("")
    worst = [(row["trace_id"], f"{row['score']:.2f}", clip(row["why"])) for row in figures["worst"]]
    table("the worst", ["trace", "score", "why"], worst, right=[1], whole=[0])
    say(f"{figures['failing']} of them show signs of failure, most of them weak ones.")


async def _cluster(world: World) -> dict[str, Any]:
    clustering = await cluster_store(
        world.conversations,
        wiring.embedder(world.conversation_settings, note),
        wiring.cluster_options(world.conversation_settings),
        world.clock.now(),
    )
    return {
        "embedder": clustering.embedder,
        "one_offs": sum(member.mode_id is None for member in clustering.memberships),
        "modes": mode_rows(clustering.modes),
    }


def mode_rows(modes: Iterable[FailureMode]) -> list[dict[str, Any]]:
    """Failure modes as figures."""
    return [
        {
            "mode_id": m.mode_id,
            "name": m.name,
            "size": m.size,
            "severity": round(m.severity, 4),
            "signals": list(m.signal_types),
        }
        for m in modes
    ]


def show_modes(figures: dict[str, Any]) -> None:
    """The table of failure modes, the best first."""
    rows = [(clip(m["name"], 60), m["size"], f"{m['severity']:.2f}", ", ".join(m["signals"])) for m in figures["modes"]]
    table("", ["failure mode", "failures", "severity", "signals"], rows, right=[1, 2], most=SHOWN * 2)
    say(f"{counted(len(rows), 'failure mode')} and {counted(figures['one_offs'], 'one-off')}.")


async def _draft(world: World) -> dict[str, Any]:
    folder = world.folder / "conversations" / EVALS
    drafted = await draft_from_store(
        world.conversations, wiring.suite_files(world.conversation_settings), str(folder), has_suite=False
    )
    names = {mode.mode_id: mode.name for mode in world.conversations.modes()}
    return {"drafts": [draft_row(case, names) for case in drafted.cases]}


def draft_row(case: EvalCase, names: dict[str, str]) -> dict[str, Any]:
    """One draft as figures."""
    return {
        "id": case.id,
        "mode": names.get(case.mode_id or "", case.id),
        "layer": case.layer.value,
        "checks": [check.type for check in case.checks],
        "fails_on_source": case.fails_on_source,
    }


def show_drafts(figures: dict[str, Any]) -> None:
    """The table of drafts."""
    rows = [
        (clip(d["mode"], 60), d["layer"], ", ".join(d["checks"]) or "rubric, for a judge", _seen(d["fails_on_source"]))
        for d in figures["drafts"]
    ]
    table("", ["draft for", "layer", "checks", "fails on its source"], rows, most=SHOWN * 2)


def _seen(fails: bool | None) -> str:
    return "needs a judge" if fails is None else "yes" if fails else "no"


STAGES = (
    Stage(
        "collect",
        "collect",
        "Production traces come in; what cannot be read is counted, never dropped in silence.",
        _collect,
        _show_collected,
    ),
    Stage(
        "mine",
        "mine",
        "Each trace is read for signs of failure, without a model, and ranked by their weighted strength.",
        _mine,
        _show_mined,
    ),
    Stage(
        "cluster",
        "cluster",
        "Failures that share a cause become failure modes; one-offs are kept beside them.",
        _cluster,
        show_modes,
    ),
    Stage(
        "draft",
        "draft",
        "Each failure mode gets a draft case; it joins the suite only when a named person approves it.",
        _draft,
        show_drafts,
    ),
)
