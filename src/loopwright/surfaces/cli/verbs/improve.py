"""`loopwright improve`: failure patterns become harness proposals, verified, decided on, applied and rolled back."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.collect.record import FORMAT_NAMES
from loopwright.errors import BLOCKED, OK, UNDECIDED, UsageError
from loopwright.evaluate.case import Suite
from loopwright.evaluate.sealed import open_part
from loopwright.guards.guard import MODES
from loopwright.improve.proposal import ProposalRecord, ProposalStatus, Verification
from loopwright.ports import Store
from loopwright.registry import unknown
from loopwright.settings import Settings
from loopwright.surfaces.cli.intake import tell_empty
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.proposals import (
    emit_object,
    list_proposals,
    proposal_object,
    record_object,
    show_proposal,
    show_verification,
    tell_change,
    tell_detected,
    verification_object,
)
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note
from loopwright.wording import counted
from loopwright.workflows.deciding import who
from loopwright.workflows.importing import collect_traces
from loopwright.workflows.improving import (
    Decision,
    apply_proposal,
    current,
    decide_proposal,
    detect_store,
    detect_traces,
    find_proposal,
    roll_back,
)
from loopwright.workflows.running import UNVERSIONED
from loopwright.workflows.verifying import VerifyBench, VerifyRequest, recent_traces, verify_proposal

app = typer.Typer(add_completion=False, no_args_is_help=True)

_ID = typer.Argument(metavar="ID", help="The proposal's id, or enough of its beginning to tell it from the others.")
_STORE = from_setting("store.url", "--store")


@app.callback()
def improve() -> None:
    """Failure patterns become proposals to the agent's harness; what helps, and a person approves, is applied.

    Six patterns are looked for in traces, each with a guard against it: repeated tool calls, answers that contradict the
    conversation, instructions lost in a long context, permission errors, tool names that do not exist, retry storms. A proposal
    has its evidence, and what its guard would have done in every recorded trace. Verifying runs the agent with and without the
    guard. Nothing is enforced that a named person did not approve; every decision is in the audit trail.

    For example:

        loopwright improve detect
    """


@app.command()
def detect(
    traces: list[str] = typer.Option(
        [], "--traces", help="A file of traces in any import format, a folder of them, or - for standard input; may be repeated."
    ),
    from_: str | None = typer.Option(
        None, "--from", help=f"The traces' format: {', '.join(FORMAT_NAMES)}; otherwise each record tells.", show_default=False
    ),
    max_line_bytes: int | None = from_setting("import.max_line_bytes"),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Look for the six failure patterns, and propose a guard against each that recurs in three traces or more.

    With --traces, reads files and leaves nothing behind; without, looks at the stored traces and keeps the proposals. With
    --format json a line a proposal: {"kind", "evidence": [trace ids], "change": {the guard's parameters}, ...}. A record that
    cannot be read ends the command with exit 64 and nothing written. Exit 0 whatever is found.

    For example:

        loopwright improve detect --traces traces.jsonl --format json
    """
    if from_ is not None and from_ not in FORMAT_NAMES:
        raise UsageError(unknown("trace format", from_, FORMAT_NAMES))
    if from_ is not None and not traces:
        raise UsageError("--from names the format of --traces, and there are none; the store needs no format")
    settings = settle(config, bool(traces), import__max_line_bytes=max_line_bytes, store__url=store)
    if traces:
        reader = wiring.trace_reader(settings)
        read, intake = asyncio.run(collect_traces(reader, traces, from_, strict=True, progress=TerminalProgress()))
        tell_empty(intake)
        found = asyncio.run(detect_traces(read))
    else:
        with wiring.store(settings, create=False) as kept:
            found = asyncio.run(detect_store(kept))
    for fault in found.faults[:5]:
        note(f"loopwright: detector {fault.detector} failed on trace {fault.trace_id}: {fault.problem}")
    if len(found.faults) > 5:
        note(f"loopwright: ... and {counted(len(found.faults) - 5, 'more detector failure')}")
    for proposal, broken in found.refused:
        note(f"loopwright improve: {proposal.kind.value} is refused by the rule {broken[0].rule}: {broken[0].problem}")
    if format is OutputFormat.JSON:
        for proposal in found.proposals:
            emit(emit_object(proposal_object(proposal)))
        return
    tell_detected(found, stored=not traces)


@app.command(name="list")
def list_(
    all_: bool = typer.Option(False, "--all", help="Also those that a later look at the traces replaced, undecided."),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """List the proposals in the store, with what their replay and their verification said.

    Reads the store; writes nothing. JSON is a line a proposal.

    For example:

        loopwright improve list
    """
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        records = kept.proposals()
    shown = records if all_ else current(records)
    if format is OutputFormat.JSON:
        for record in shown:
            emit(emit_object(record_object(record)))
        return
    if shown:
        list_proposals("", shown)
    else:
        note("no proposals yet; look for failure patterns with: loopwright improve detect")
    if len(shown) < len(records):
        note(f"{len(records) - len(shown)} older ones are left out; --all lists them")


@app.command()
def show(id: str = _ID, format: OutputFormat = FORMAT, store: str | None = _STORE, config: Path | None = CONFIG) -> None:
    """Show one proposal: its evidence in quotes, its change, its replay over recorded traces, its verification as a table.

    Reads the store; writes nothing. JSON is one object.

    For example:

        loopwright improve show proposal-3f2a9c0d11e4b7a6
    """
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        record = find_proposal(kept, id)
        modes = _modes(kept, record)
    if format is OutputFormat.JSON:
        emit(emit_object(record_object(record) | {"modes": [{"mode_id": m, "name": n, "evidence": c} for m, n, c in modes]}))
    else:
        show_proposal(record, modes)


def _modes(kept: Store, record: ProposalRecord) -> list[tuple[str, str, int]]:
    """The failure modes that the evidence lies in: id, name and how much of it, most first."""
    evidence = set(record.proposal.evidence)
    counts = Counter(m.mode_id for m in kept.memberships() if m.trace_id in evidence and m.mode_id is not None)
    names = {mode.mode_id: mode.name for mode in kept.modes()}
    return [(mode_id, names.get(mode_id, ""), count) for mode_id, count in counts.most_common(3)]


@app.command()
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
    store: str | None = _STORE,
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


@app.command()
def approve(
    id: str = _ID,
    by: str | None = BY,
    why: str = typer.Option("", "--why", help="What speaks for it; kept in the audit trail."),
    unverified: str = typer.Option("", "--unverified", metavar="WHY", help="Approve what was not verified, saying why."),
    despite: str = typer.Option("", "--despite", metavar="WHY", help="Approve what was not shown to help, saying why."),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Approve a proposal, under your name. It is applied by: loopwright improve apply ID.

    Refused, with the name of the rule, where it was not verified (unless --unverified WHY), or was not shown to help (unless
    --despite WHY). Recorded in the audit trail. Exit 1 where a rule refuses it.

    For example:

        loopwright improve approve proposal-3f2a --by "Ada Lovelace"
    """
    said: dict[str, Any] = {"why": why, "unverified": unverified, "despite": despite}
    _decide(id, ProposalStatus.APPROVED, by, said, settle(config, store__url=store), format)


@app.command()
def reject(
    id: str = _ID,
    by: str | None = BY,
    why: str = typer.Option("", "--why", help="What speaks against it; kept in the audit trail."),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Reject a proposal, under your name and with a reason.

    Writes the store and the audit trail.

    For example:

        loopwright improve reject proposal-3f2a --why "polling is its purpose"
    """
    _decide(id, ProposalStatus.REJECTED, by, {"why": why}, settle(config, store__url=store), format)


def _decide(
    id: str, status: ProposalStatus, by: str | None, said: dict[str, Any], settings: Settings, format: OutputFormat
) -> None:
    decision = Decision(status, who(by, wiring.version_control()), wiring.clock().now(), **said)
    with wiring.store(settings, create=False) as kept:
        record = asyncio.run(decide_proposal(kept, find_proposal(kept, id), decision))
    if format is OutputFormat.JSON:
        emit(emit_object(record_object(record)))
        return
    made = record.decided_at == decision.at
    told = f"{status.value} by {record.decided_by}"
    note(f"{record.proposal.proposal_id}: {told if made else f'already {told}{_when(record.decided_at)}; nothing was changed'}")
    if status is ProposalStatus.APPROVED:
        note(f"next: loopwright improve apply {record.proposal.proposal_id}")


def _when(at: datetime | None) -> str:
    return f" on {at:%Y-%m-%d %H:%M} UTC" if at is not None else ""


@app.command()
def apply(
    id: str = _ID,
    by: str | None = BY,
    mode: str = typer.Option("enforce", "--mode", help="enforce: the guard acts. shadow: it only records what it would do."),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Write an approved proposal's guard into harness.toml, beside loopwright.toml. Agents that load it follow from then on.

    Only the guard's own table is written; everything else in the file stays as it is, comments included. Refused where that
    cannot be, and where the proposal is not approved. Recorded in the audit trail, with the harness before and after.

    For example:

        loopwright improve apply proposal-3f2a --mode shadow
    """
    if mode not in MODES:
        raise UsageError(f"--mode is {mode!r}; give enforce or shadow")
    settings = settle(config, store__url=store)
    name, file = who(by, wiring.version_control()), wiring.harness_file(settings)
    with wiring.store(settings, create=False) as kept:
        record = find_proposal(kept, id)
        protected = wiring.protected_places(settings, kept)
        now = wiring.clock().now()
        change = asyncio.run(apply_proposal(kept, record, file, name, now, mode=mode, protected=protected))
    if change.at != now and format is not OutputFormat.JSON:
        note(f"{change.proposal_id}: already applied by {change.by}{_when(change.at)}; nothing was changed")
        return
    tell_change(change, file.path, as_json=format is OutputFormat.JSON)


@app.command()
def rollback(
    id: str = _ID,
    by: str | None = BY,
    why: str = typer.Option("", "--why", help="What went wrong; kept in the audit trail."),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Take an applied proposal out of harness.toml: the guard's table is as it was before.

    Writes harness.toml, the store and the audit trail. Agents that load the file follow from then on.

    For example:

        loopwright improve rollback proposal-3f2a --why "it stops good calls"
    """
    if not why.strip():
        raise UsageError("a rollback needs a reason; give --why 'what went wrong'")
    settings = settle(config, store__url=store)
    name, file = who(by, wiring.version_control()), wiring.harness_file(settings)
    with wiring.store(settings, create=False) as kept:
        record = find_proposal(kept, id)
        protected = wiring.protected_places(settings, kept)
        change = asyncio.run(roll_back(kept, record, file, name, wiring.clock().now(), why=why, protected=protected))
    tell_change(change, file.path, as_json=format is OutputFormat.JSON)
