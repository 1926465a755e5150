"""`loopwright improve verify`: the agent with and without a guard, on the same cases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from loopwright import wiring
from loopwright.errors import BLOCKED, OK, UNDECIDED, UsageError
from loopwright.evaluate.case import Suite
from loopwright.evaluate.sealed import open_part
from loopwright.improve.proposal import ProposalRecord, Verification
from loopwright.ports import Store
from loopwright.settings import Settings
from loopwright.surfaces.cli.options import CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.proposals import emit_object, show_verification, verification_object
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note
from loopwright.workflows.improving import current, find_proposal
from loopwright.workflows.running import UNVERSIONED
from loopwright.workflows.verifying import VerifyBench, VerifyRequest, recent_traces, verify_proposal


def verify(
    ids: list[str] = typer.Argument(None, metavar="[ID]...", help="The proposals; or give --all.", show_default=False),
    all_: bool = typer.Option(False, "--all", help="Every proposal that nobody decided on and that was not verified yet."),
    target: str | None = typer.Option(
        None,
        "--target",
        help='The agent: python:package.module:function or command:"./agent". [LOOPWRIGHT_TARGET_URL]',
        show_default=False,
    ),
    trials: int | None = from_setting("improve.trials"),
    max_trials: int | None = from_setting("improve.max_trials"),
    cases: list[str] = typer.Option([], "--cases", metavar="FILE", help="Suite files to try on, in place of the suite's folder."),
    evidence: int = typer.Option(20, "--evidence", min=0, help="So many conversations of the evidence are replayed as cases."),
    others: int = typer.Option(30, "--others", min=0, help="So many other conversations are replayed as cases."),
    version: str | None = typer.Option(
        None, "--version", "--version-label", help="The agent's version; otherwise git's head.", show_default=False
    ),
    timeout: float | None = from_setting("run.timeout"),
    concurrency: int | None = from_setting("run.concurrency"),
    alpha: float | None = from_setting("improve.alpha"),
    success_margin: float | None = from_setting("improve.success_margin"),
    runtime_margin: float | None = from_setting("improve.runtime_margin"),
    cost_margin: float | None = from_setting("improve.cost_margin"),
    format: OutputFormat = FORMAT,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    """Run the agent with and without a proposal's guard on the same cases, and say whether it helps.

    Reads the store and writes its verdict there. Tried on the open part of the suite (or --cases), and on recorded
    conversations whose user turns are said again: the proposal's evidence, and others. The agent is told its harness by
    LOOPWRIGHT_HARNESS, the file that loopwright.guards loads.

    helping: the failure became rarer, and success, runtime and cost are shown to be within their margins. harmful: one of them
    got worse. no_effect: the failure did not become rarer by enough to matter. undecided: too few trials to say. A guard that
    does not make its failure rarer is called helping at most 5 % of the time (--alpha) over all six kinds, and one that costs a
    whole margin at most 5 %. What counts is cases, not trials: an agent that always answers alike tells nothing new the second
    time. Where --trials do not decide and more might, each case is tried twice as often, up to --max-trials.

    The agent really runs, with the tools that it has: as often as cases times trials, twice. Give it a test environment where
    they act on the world.

    A verification that is cut short goes on where it stopped. Exit 0 when all are helping, 2 when one is undecided, otherwise 1.

    For example:

        loopwright improve verify --all --target python:my_agent:answer
    """
    settings = settle(
        config, target__url=target, improve__trials=trials, improve__max_trials=max_trials, run__timeout=timeout,
        run__concurrency=concurrency, store__url=store,
        improve__alpha=alpha, improve__success_margin=success_margin, improve__runtime_margin=runtime_margin,
        improve__cost_margin=cost_margin,
    )  # fmt: skip
    if bool(ids) == all_:
        raise UsageError("name the proposals to verify, or give --all")
    target_with = wiring.target_with(str(settings["target.url"]), settings)
    suite = _suite(settings, cases)
    named = version or wiring.repository(settings).head() or UNVERSIONED
    verdicts = []
    with wiring.store(settings, create=False) as kept:
        records = _waiting(kept) if all_ else [find_proposal(kept, id) for id in dict.fromkeys(ids or [])]
        executor, limit = wiring.executor(settings), wiring.checks_limit()
        bench = VerifyBench(kept, target_with, executor, wiring.clock(), limit, recent_traces(kept))
        tables = wiring.harness_file(settings).tables()
        for record in records:
            request = VerifyRequest(
                record.proposal, suite, named, settings["improve.trials"], settings["run.timeout"], evidence, others, tables,
                wiring.verify_policy(settings), max_trials=settings["improve.max_trials"],
            )  # fmt: skip
            found = asyncio.run(verify_proposal(request, bench, TerminalProgress()))
            _tell_verified(record, found, format)
            verdicts.append(found.verdict)
    if not verdicts:
        note("nothing left to verify: loopwright improve list has what was; loopwright improve detect looks for more")
    raise typer.Exit(_code(verdicts))


def _suite(settings: Settings, cases: list[str]) -> Suite:
    """The cases that may be tuned on: those named, or the open part of the approved suite, which may not be there yet."""
    folder = settings.path("suite.folder")
    if not cases and not folder.is_dir():
        return Suite()
    return open_part(wiring.suite_files(settings).load(cases or [str(folder)]), settings["suite.sealed_share"])


def _waiting(kept: Store) -> list[ProposalRecord]:
    return [record for record in current(kept.proposals()) if record.decided_by is None and record.verification is None]


def _tell_verified(record: ProposalRecord, found: Verification, format: OutputFormat) -> None:
    proposal = record.proposal
    if format is OutputFormat.JSON:
        named = {"proposal_id": proposal.proposal_id, "kind": proposal.kind.value}
        emit(emit_object(named | verification_object(found)))
        return
    note(f"{proposal.proposal_id}  {proposal.kind.value}")
    show_verification(found)
    if found.verdict == "helping":
        note(f"next: loopwright improve approve {proposal.proposal_id}")


def _code(verdicts: list[str]) -> int:
    if not verdicts or "undecided" in verdicts:
        return UNDECIDED
    return OK if set(verdicts) == {"helping"} else BLOCKED
