"""`loopwright gate explain`: why a decision is what it is, with the numbers to check."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import UsageError
from loopwright.gate.decision import GateDecision
from loopwright.gate.why import why
from loopwright.settings import Settings
from loopwright.surfaces.cli.options import CONFIG, from_setting, settle
from loopwright.surfaces.cli.results_in import PASS_SCORE, RESULTS_FORMAT, ResultsFormat, ResultsIn
from loopwright.surfaces.cli.terminal import note, say
from loopwright.surfaces.cli.verbs.gating.terms import QUARANTINE, terms_of
from loopwright.wiring.gating import gate_policy
from loopwright.workflows.gating import gate_files
from loopwright.workflows.overriding import find_decision


def explain(
    what: str | None = typer.Argument(
        None, metavar="NAME", help="A decision's id, or a case, a failure mode, or suite, of the latest decision."
    ),
    decision: str | None = typer.Option(
        None, "--decision", metavar="ID", help="Of which decision a case or mode is asked for; otherwise the latest.",
        show_default=False,
    ),
    baseline: list[str] = typer.Option([], "--baseline", metavar="FILE", help="Explain a comparison of files, as gate makes it."),
    candidate: str | None = typer.Option(None, "--candidate", metavar="FILE", help="Its candidate.", show_default=False),
    alpha: float | None = from_setting("gate.alpha"),
    cost_margin: float | None = from_setting("gate.cost_margin"),
    latency_margin: float | None = from_setting("gate.latency_margin"),
    tokens_margin: float | None = from_setting("gate.tokens_margin"),
    zero_tolerance: str | None = from_setting("gate.zero_tolerance"),
    quarantine: Path | None = QUARANTINE,
    results_format: ResultsFormat | None = RESULTS_FORMAT,
    pass_score: float = PASS_SCORE,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:  # fmt: skip
    """Answer "why was I blocked?" with what an engineer can check by hand.

    It tells the counts, which test decided, its formula with the numbers put
    in, the level that it was held against, what would have been approved, and
    what to do next. Without a name it explains what decided; a case, a failure
    mode, "suite", "cost", "latency" or "tokens" is told in full.

    It reads the decision that the gate recorded in the store, or, with
    --baseline and --candidate, compares the files anew. Nothing is written.

    For example:

        loopwright gate explain
        loopwright gate explain refund-late --decision decision-3f2a
        loopwright gate explain suite --baseline a.jsonl --candidate b.jsonl
    """
    in_files = bool(baseline) or candidate is not None
    if in_files and decision is not None:
        raise UsageError("--decision names a stored decision, and --baseline and --candidate files; give one or the other")
    policy = {
        "gate__alpha": alpha,
        "gate__cost_margin": cost_margin,
        "gate__latency_margin": latency_margin,
        "gate__tokens_margin": tokens_margin,
        "gate__zero_tolerance": zero_tolerance,
    }
    settings = settle(config, in_files, **policy, store__url=store)
    if in_files:
        if not baseline or candidate is None:
            raise UsageError("give both --baseline FILE and --candidate FILE, or neither for the store")
        made, asked = _compare(settings, [*baseline], candidate, ResultsIn(results_format, pass_score), quarantine), what
    else:
        if quarantine is not None or any(value is not None for value in policy.values()):
            raise UsageError("a stored decision has its own policy and quarantines; leave --alpha, margins and --quarantine out")
        made, asked = _stored(settings, what, decision)
    say(why(made, asked))


def _compare(
    settings: Settings, baseline: Sequence[str], candidate: str, results: ResultsIn, quarantine: Path | None
) -> GateDecision:
    reader = results.reader(settings)
    terms = terms_of(settings, reader, None, quarantine)
    made = asyncio.run(gate_files(reader, baseline, candidate, gate_policy(settings), terms=terms))
    for told in results.notes:
        note(told)
    return made


def _stored(settings: Settings, what: str | None, decision: str | None) -> tuple[GateDecision, str | None]:
    """The decision that is asked for, and what of it: a name that no case or mode has is taken for a decision's."""
    with wiring.store(settings, create=False) as kept:
        if decision is not None:
            return find_decision(kept, decision).decision, what
        if what is not None and what.startswith("decision-"):
            return find_decision(kept, what).decision, None
        held = kept.decisions()
    if not held:
        raise UsageError("no decision was made yet; loopwright gate makes one, or give --baseline FILE and --candidate FILE")
    return held[-1].decision, what
