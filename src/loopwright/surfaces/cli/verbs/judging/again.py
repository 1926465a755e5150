"""`loopwright judge again`: the judge is asked once more, about what people labelled or about the baseline's answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import UNDECIDED, UsageError
from loopwright.judge.exchange import verdict_record
from loopwright.judge.periods import drifts, told_drift
from loopwright.ports import Store
from loopwright.settings import Settings
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note
from loopwright.wiring.gating import gate_policy
from loopwright.wording import counted
from loopwright.workflows.deciding import who
from loopwright.workflows.judging import Bench, judge_as_known
from loopwright.workflows.judging_again import Again, judge_baseline, judge_labelled
from loopwright.workflows.known_judges import periods_known


def again(
    baseline: bool = typer.Option(
        False, "--baseline", help="Judge the baseline's stored answers, so that both sides of the gate have one judge."
    ),
    labelled: bool = typer.Option(False, "--labelled", help="Judge what people labelled, to see whether the judge drifted."),
    model: str | None = typer.Option(
        None, "--model", help="The judge, as provider:model. [LOOPWRIGHT_JUDGE_MODEL]", show_default=False
    ),
    suite: list[str] = typer.Option([], "--suite", metavar="PATH", help="The cases; otherwise those of suite.folder."),
    by: str | None = BY,
    budget_usd: float | None = from_setting("judge.budget_usd"),
    concurrency: int | None = from_setting("judge.concurrency"),
    format: OutputFormat = FORMAT,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Ask a judge again about what was judged before; the earlier verdicts stay.

    --labelled asks about every trace that people labelled, by the same
    criteria. Do it every month, and when the provider changes the model: it
    shows whether the judge is what it was, and begins a new calibration.

    --baseline asks about the baseline's stored answers; the agent is not run.
    Where the judge changed, the gate can only compare corrected pass rates, of
    many cases together. With the new judge's word on the old answers it
    compares every case again. Your name is kept in the audit trail.

    Exit 0 when all have a verdict, 2 when some have none: the budget was
    reached or the model failed. The same command goes on from there, within a
    day.

    For example:

        loopwright judge again --labelled
        loopwright judge again --baseline --by "Ada Lovelace"
    """
    if baseline == labelled:
        raise UsageError("say what is to be judged again: --labelled or --baseline")
    settings = settle(config, judge__model=model, judge__budget_usd=budget_usd, judge__concurrency=concurrency, store__url=store)
    name = str(settings["judge.model"])
    if not name:
        raise UsageError("no judge is named; give --model openai:gpt-4.1-mini, or set model under [judge] in loopwright.toml")
    with wiring.store(settings, create=False) as kept:
        bench = Bench(judge_as_known(kept, name), wiring.model(name, settings), wiring.clock(), settings["judge.concurrency"])
        done = _baseline(kept, bench, settings, suite, by) if baseline else _labelled(kept, bench, settings)
        drifted = [drift for drift in drifts(periods_known(kept)) if drift.after.judge_id == bench.judge.judge_id]
    if format is OutputFormat.JSON:
        for verdict in done.judged.verdicts:
            emit(json.dumps(verdict_record(verdict), ensure_ascii=False))
    _tell(done, name)
    if labelled and drifted:
        note(f"loopwright judge: {told_drift(drifted[-1])}")
    if done.judged.left or any(v.passed is None for v in done.judged.verdicts):
        raise typer.Exit(UNDECIDED)


def _labelled(store: Store, bench: Bench, settings: Settings) -> Again:
    return asyncio.run(judge_labelled(store, bench, settings["judge.budget_usd"], TerminalProgress()))


def _baseline(store: Store, bench: Bench, settings: Settings, suite: list[str], by: str | None) -> Again:
    name = who(by, wiring.version_control())
    cases = wiring.suite_files(settings).load(suite or [str(settings.path("suite.folder"))]).cases
    policy, budget = gate_policy(settings), settings["judge.budget_usd"]
    return asyncio.run(judge_baseline(store, cases, bench, name, policy, budget, TerminalProgress()))


def _tell(done: Again, model: str) -> None:
    judged = done.judged
    passed, failed = (sum(v.passed is told for v in judged.verdicts) for told in (True, False))
    note(
        f"loopwright judge: {counted(judged.traces, 'answer')}, {judged.known} judged again before; now {passed} passed, "
        f"{failed} failed; {judged.cost_usd:.4f} USD by {model}"
    )
    lost = [v for v in judged.verdicts if v.passed is None]
    if lost:
        note(f"loopwright judge: without a verdict: {len(lost)}; the first: {lost[0].item_id}: {lost[0].error}")
    if judged.left:
        why = "the model gave no verdicts" if judged.gave_up else "the budget is spent; --budget-usd raises it"
        note(f"loopwright judge: {judged.left} are left: {why}")
    if done.left_out:
        note(f"loopwright judge: {counted(done.left_out, 'answer')} left out: the case is not in the suite as it was")
