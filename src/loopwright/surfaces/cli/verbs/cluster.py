"""`loopwright cluster`: failures become failure modes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec
import typer

from loopwright import wiring
from loopwright.cluster.describing import excerpt, text_of
from loopwright.cluster.mode import Clustering
from loopwright.mine.signal import FailureTrace
from loopwright.settings import Settings
from loopwright.surfaces.cli.options import CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, table
from loopwright.wording import counted, number
from loopwright.workflows.clustering import cluster, cluster_store, read_failures

app = typer.Typer(add_completion=False)


@app.command(name="cluster")
def cluster_command(
    failures: str | None = typer.Option(
        None, "--failures", metavar="FILE", help="JSON Lines of failures (- is standard input); otherwise those in the store."
    ),
    format: OutputFormat = FORMAT,
    granularity: float | None = from_setting("cluster.granularity"),
    min_size: int | None = from_setting("cluster.min_size"),
    embedder: str | None = from_setting("cluster.embedder"),
    method: str | None = from_setting("cluster.method"),
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Group failures into failure modes: recurring patterns that share a cause. One-offs stay on their own.

    With --failures, reads a line a failure, as `loopwright mine --format json` writes them or at the least

      {"trace_id": "t1", "input_payload": {...}, "failure_reason": "...", "context_snapshot": {...}}

    and stores nothing. JSON output is a line a failure, in the order given: {"trace_id", "mode_id" or null, "strength"}. Failures
    with score 0 are never clustered. Without --failures, groups the failures in the store and keeps the modes there, with the ids
    they had, and the cut of the last time, so that modes are steady; --granularity 0 chooses it anew.

    For example:

        loopwright cluster --failures failures.jsonl --format json > modes.jsonl
    """
    settings = settle(
        config,
        file_mode=failures is not None,
        cluster__granularity=granularity,
        cluster__min_size=min_size,
        cluster__embedder=embedder,
        cluster__method=method,
        store__url=store,
    )
    given, clustering = _from_file(settings, failures) if failures is not None else _from_store(settings, granularity == 0)
    _tell(clustering, len(given))
    if format is OutputFormat.JSON:
        for member in clustering.memberships:
            emit(msgspec.json.encode(member).decode("utf-8"))
    else:
        show_modes(clustering, {failure.trace_id: failure for failure in given})


def show_modes(clustering: Clustering, failures: Mapping[str, FailureTrace]) -> None:
    """A table of modes, best first, each with what its most typical failure says."""
    rows = []
    for mode in clustering.modes:
        typical = failures.get(mode.representatives[0]) if mode.representatives else None
        said = excerpt(text_of(typical), 80) if typical is not None else ""
        rows.append((mode.mode_id, mode.size, f"{mode.severity:.2f}", mode.name, " ".join(mode.terms[:5]), said))
    table("", ("mode", "size", "severity", "name", "terms", "typical failure"), rows, right=(1, 2), whole=(0,))


def _from_file(settings: Settings, path: str) -> tuple[list[FailureTrace], Clustering]:
    given = read_failures(wiring.record_reader(settings), path)
    return given, asyncio.run(cluster(given, wiring.embedder(settings, note), wiring.cluster_options(settings)))


def _from_store(settings: Settings, anew: bool) -> tuple[list[FailureTrace], Clustering]:
    with wiring.store(settings, create=False) as store:
        before, options = store.recipe(), wiring.cluster_options(settings)
        made = cluster_store(store, wiring.embedder(settings, note), options, wiring.clock().now(), anew)
        clustering = asyncio.run(made)
        if before and not anew and not options.granularity and before.granularity == clustering.granularity is not None:
            note(f"cut at granularity {clustering.granularity:g}, as last time; --granularity 0 chooses anew")
        return store.failures(), clustering


def _tell(clustering: Clustering, given: int) -> None:
    placed = sum(member.mode_id is not None for member in clustering.memberships)
    modes = len(clustering.modes)
    live = len(clustering.positions)
    text = f"{counted(live, 'failure')}, {number(clustering.distinct)} distinct: {counted(modes, 'mode')} with {number(placed)}, "
    text += counted(live - placed, "one-off")
    text += f"; {given - live:,} without a score left out" if given > live else ""
    text += f"; cut at cosine {clustering.threshold:.2f}, granularity {clustering.granularity:g}" if clustering.threshold else ""
    note(text + (f"; vectors by {clustering.embedder}" if clustering.embedder else ""))
