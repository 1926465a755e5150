"""`loopwright improve`: failure patterns become harness proposals, verified, decided on, applied and rolled back."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.collect.formats.catalogue import NAMES as FORMAT_NAMES
from loopwright.errors import UsageError
from loopwright.guards.guard import MODES
from loopwright.improve.proposal import ProposalRecord, ProposalStatus
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
    tell_change,
    tell_detected,
)
from loopwright.surfaces.cli.terminal import TerminalProgress, emit, note
from loopwright.surfaces.cli.verbs.improving.verify import verify
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


app.command("verify")(verify)


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
