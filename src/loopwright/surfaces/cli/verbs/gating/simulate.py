"""`loopwright gate simulate`: what the gate would do on this suite and history, for whoever chooses trials."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import UsageError
from loopwright.evaluate.budget import dollars
from loopwright.gate.simulate import seeded
from loopwright.gate.simulated import Cell, Share, told_scenario
from loopwright.surfaces.cli.options import CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.results_in import PASS_SCORE, RESULTS_FORMAT, ResultsFormat, ResultsIn
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note, say, table
from loopwright.surfaces.cli.verbs.gating.terms import AGAINST, QUARANTINE, entries_of, terms_of
from loopwright.wiring.gating import gate_policy
from loopwright.wording import counted, percent
from loopwright.workflows.simulating import Asked, Simulation, World, simulate_files, simulate_store

MOST_TRIALS = 50
MOST_RUNS = 1000


def simulate(
    baseline: list[str] = typer.Option(
        [], "--baseline", metavar="FILE", help="Results of the released version; repeat it for its history. - is standard input."
    ),
    against: str | None = AGAINST,
    trials: list[int] = typer.Option(
        [1, 2, 3, 5], "--trials", min=1, max=MOST_TRIALS, help="Planned trials of each case; may be repeated."
    ),
    drop: list[float] = typer.Option([5, 10], "--drop", metavar="POINTS", help="How far the suite falls; may be repeated."),
    runs: int | None = typer.Option(
        None, "--runs", min=1, max=MOST_RUNS, help="As if the history had so many runs with one trial a case.", show_default=False
    ),
    rounds: int | None = typer.Option(
        None, "--rounds", min=1, help="Rounds of each line; otherwise as many as fit into --seconds.", show_default=False
    ),
    seconds: float = typer.Option(60.0, "--seconds", min=1, help="How long it may take, without --rounds."),
    seed: int = typer.Option(0, "--seed", min=0, help="The same seed gives the same rounds."),
    alpha: float | None = from_setting("gate.alpha"),
    quarantine: Path | None = QUARANTINE,
    results_format: ResultsFormat | None = RESULTS_FORMAT,
    pass_score: float = PASS_SCORE,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
    format: OutputFormat = FORMAT,
) -> None:
    """Say how often the gate would err and what it would find, by trials and cost.

    It simulates your own suite: in each round the true pass rates are drawn
    from what the baseline's history supports, then a history and a candidate.
    The candidate is unchanged, or one solved case, one failure mode or the
    suite got worse by a known amount. The gate decides as it would on real
    results, and the repeats that it asks for are run until it decides.

    Each line is one change with one number of planned trials: how often the
    gate blocks, whether it names what fell, and the trials and dollars taken,
    repeats included; "fixed" is what a design without looks would take, that
    tries every case as often as the most tried one. Shares have exact 95 %
    intervals. Cost is known where the history's rows have cost_usd.

    Ctrl-C shows what was played so far. Nothing is run, and nothing written.

    For example:

        loopwright gate simulate
        loopwright gate simulate --baseline main.jsonl --trials 1 --rounds 200
        loopwright gate simulate --runs 10 --drop 3
    """
    asked = _asked(trials, drop, rounds, seconds, runs)
    if baseline and against is not None:
        raise UsageError("--baseline names files, and --against what the store holds; give one of them")
    settings = settle(config, bool(baseline), gate__alpha=alpha, store__url=store)
    results, policy = ResultsIn(results_format, pass_score), gate_policy(settings)
    world = World(seeded(seed), wiring.clock(), TerminalProgress())
    if baseline:
        _refuse_absent(baseline)
        entries = entries_of(settings, quarantine)
        found = asyncio.run(simulate_files(results.reader(settings), baseline, policy, asked, world, entries))
    else:
        terms = terms_of(settings, results.reader(settings), against, quarantine)
        with wiring.store(settings, create=False) as kept:
            found = asyncio.run(simulate_store(kept, policy, asked, world, against=terms.against, quarantines=terms.quarantines))
    found = replace(found, notes=(*results.notes, *found.notes))
    if format is OutputFormat.JSON:
        emit(json.dumps({"seed": seed, **found.record()}))
    else:
        _show(found)


def _asked(trials: Sequence[int], drops: Sequence[float], rounds: int | None, seconds: float, runs: int | None) -> Asked:
    wrong = next((drop for drop in drops if not 0 < drop < 100), None)
    if wrong is not None:
        raise UsageError(f"--drop {wrong:g} is no fall of a pass rate; give points between 0 and 100, as 5")
    shares = tuple(dict.fromkeys(drop / 100 for drop in drops))
    return Asked(tuple(dict.fromkeys(trials)), shares, rounds, seconds, runs)


def _refuse_absent(files: Sequence[str]) -> None:
    absent = next((path for path in files if path != "-" and not Path(path).exists()), None)
    if absent is not None:
        raise UsageError(f"{absent} does not exist; run the suite on the released version: loopwright run --out {absent}")
    if list(files).count("-") > 1:
        raise UsageError("standard input can be read once; give one of the results as a file")


def _show(found: Simulation) -> None:
    history = f"{counted(found.trials, 'trial')} in {counted(found.runs, 'run')}"
    paid = any(cell.dollars is not None for cell in found.cells)
    columns = ["what changed", "planned", "rounds", "found", "blocked", "undecided", "approved", "trials/case", "fixed"]
    rows = [_row(cell, paid) for cell in found.cells]
    title = f"{counted(found.cases, 'case')}, a history of {history}; shares with exact 95 % intervals"
    table(title, [*columns, *(["cost", "fixed"] if paid else [])], rows, right=range(1, 11 if paid else 9))
    say("")
    for line in found.reading:
        say(line)
    for told in found.notes:
        note(told)


def _row(cell: Cell, paid: bool) -> list[str]:
    taken = [f"{cell.trials:.2f}", f"{cell.fixed:.1f}"]
    shares = [_share(share) for share in (cell.found, cell.blocked, cell.undecided, cell.approved)]
    cost = [_cost(cell.dollars), _cost(cell.fixed_dollars)] if paid else []
    return [told_scenario(cell.scenario), str(cell.planned), str(cell.rounds), *shares, *taken, *cost]


def _share(share: Share | None) -> str:
    return f"{percent(share.value, 0)} ({100 * share.low:.0f}-{100 * share.high:.0f})" if share is not None else ""


def _cost(amount: float | None) -> str:
    return dollars(amount) if amount is not None else ""
