"""`loopwright traces`: what is in the store, and one conversation to read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.text import Text

from loopwright import wiring
from loopwright.collect.intake import printable
from loopwright.collect.record import trace_object
from loopwright.collect.times import moment
from loopwright.collect.trace import Message, Trace
from loopwright.errors import UsageError
from loopwright.ports import Store, TraceFilter, TraceLine
from loopwright.surfaces.cli.options import CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, out, table, visible
from loopwright.wiring import collecting
from loopwright.wording import counted, number
from loopwright.workflows.settling import opened

app = typer.Typer(add_completion=False)

FIRST_WORDS = 60
CLIPPED = 1200
STORE = from_setting("store.url", "--store")
DAYS = from_setting("retention.days")


@app.callback(invoke_without_command=True)
def traces(
    context: typer.Context,
    limit: int = typer.Option(20, "--limit", min=1, help="How many to list, the newest."),
    search: str | None = typer.Option(
        None,
        "--search",
        metavar="TEXT",
        help="Only those with all of these words in what went in or came out.",
        show_default=False,
    ),
    agent: str | None = typer.Option(None, "--agent", help="Only this agent's.", show_default=False),
    version: str | None = typer.Option(None, "--version", help="Only this version's.", show_default=False),
    session: str | None = typer.Option(None, "--session", help="Only this session's.", show_default=False),
    user: str | None = typer.Option(None, "--user", help="Only this user's.", show_default=False),
    failed: bool | None = typer.Option(
        None, "--failed/--not-failed", help="Only those with an error, or without one.", show_default=False
    ),
    since: str | None = typer.Option(
        None, "--since", metavar="TIME", help="Only those that began then or later.", show_default=False
    ),
    until: str | None = typer.Option(
        None, "--until", metavar="TIME", help="Only those that began before then.", show_default=False
    ),
    before: str | None = typer.Option(None, "--before", metavar="ID", help="The page before this trace.", show_default=False),
    format: OutputFormat = FORMAT,
    store: str | None = STORE,
    config: Path | None = CONFIG,
) -> None:
    """List the traces in the store, the newest last; `traces show ID` prints one conversation.

    Reads the store; writes nothing. A trace that is still coming in is listed as far as it came. Times are as 2026-01-31T12:00,
    in UTC where none is told. With --format json: normalised traces, one a line, as `import --format json` writes them.

    For example:

        loopwright traces --limit 5

        loopwright traces --search "refund denied" --failed
    """
    if context.invoked_subcommand is not None:
        return
    if search is not None and not any(map(str.isalnum, search)):
        raise UsageError(f"--search {search[:40]!r} holds no word; give one of letters or digits")
    wanted = TraceFilter(agent, version, session, user, failed, moment(since, "--since"), moment(until, "--until"), search)
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        if before is not None and not kept.find(TraceFilter(trace_id=before), 1):
            raise UsageError(f"--before: no trace {before!r} in the store; loopwright traces lists them")
        lines = kept.find(wanted, limit, before)[::-1]
        found = [(line, _opened(kept, line.trace_id)) for line in lines]
        settled, pending = kept.count_traces(), kept.count_pending()
    if format is OutputFormat.JSON:
        for _, trace in found:
            emit(_json(trace))
        return
    columns = ("trace", "started", "agent", "version", "spans", "error", "begins")
    table("", columns, [_row(line, trace) for line, trace in found], right=(4,), whole=(0,))
    if pending:
        told = f"{number(len(found))} listed; {counted(settled, 'trace')} settled, {number(pending)} still to be"
    else:
        told = f"{number(len(found))} of {counted(settled, 'trace')}"
    note(f"\n{told}; loopwright traces show ID prints one")


@app.command()
def show(
    trace_id: str = typer.Argument(help="The trace's id."),
    full: bool = typer.Option(False, "--full", help=f"Print messages whole; otherwise their first {CLIPPED:,} characters."),
    format: OutputFormat = FORMAT,
    store: str | None = STORE,
    config: Path | None = CONFIG,
) -> None:
    """Print one stored conversation: who said what, the tool calls and their results, and the feedback.

    Reads the store; writes nothing. JSON is one object.

    For example:

        loopwright traces show 12-0
    """
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        trace = _opened(kept, trace_id)
    if format is OutputFormat.JSON:
        emit(_json(trace))
        return
    for name, value in _facts(trace):
        _print(f"{name}: {value}", "dim")
    for index, message in enumerate(trace.messages):
        _print(f"\n[{index}] {message.role}{f' {message.name}' if message.name else ''}", "bold")
        for line in _lines(message):
            _print(_clipped(line, full))
    if not trace.messages:
        _show_steps(trace, full)


def _show_steps(trace: Trace, full: bool) -> None:
    """The steps of a trace in which nobody said anything."""
    for index, step in enumerate(trace.steps):
        _print(f"\n[{index}] {step.kind} {step.name}".rstrip(), "bold")
        for name, value in (("input", step.input), ("output", step.output), ("error", step.error)):
            if value not in (None, ""):
                _print(_clipped(f"{name}: {value if isinstance(value, str) else _compact(value)}", full))


def _clipped(line: str, full: bool) -> str:
    if full or len(line) <= CLIPPED:
        return line
    return f"{line[:CLIPPED]} ... ({counted(len(line) - CLIPPED, 'more character')})"


@app.command()
def prune(
    days: int | None = DAYS,
    dry_run: bool = typer.Option(False, "--dry-run", help="Count only; remove nothing."),
    store: str | None = STORE,
    config: Path | None = CONFIG,
) -> None:
    """Remove the traces that began long ago, but for those that anything else in the store refers to.

    Failures, failure modes, cases, proposals, findings, labels, verdicts, feedback and the trail of decisions keep the traces
    that they name. What is still coming in stays too. The room is used for new traces; the file itself does not shrink.

    For example:

        loopwright traces prune --days 30 --dry-run
    """
    settings = settle(config, store__url=store, retention__days=days)
    before = wiring.clock().now() - timedelta(days=int(settings["retention.days"]))
    with wiring.store(settings, create=False) as kept:
        removed, left = kept.prune(before, dry_run), kept.count_traces()
    told = f"{counted(removed, 'trace')} that began before {before:%Y-%m-%d}"
    note(f"would remove {told}, of {number(left)}" if dry_run else f"removed {told}; {number(left)} left")


def _opened(kept: Store, trace_id: str) -> Trace:
    """A trace as it is now, settled or not."""
    trace = opened(kept, collecting.part_reader(), trace_id, collecting.with_cost)
    if trace is None:
        raise UsageError(f"no trace {trace_id!r} in the store; loopwright traces lists them")
    return trace


def _row(line: TraceLine, trace: Trace) -> tuple[object, ...]:
    first = next((message.text for message in trace.messages if message.role == "user"), "")
    words = " ".join(first.split()) or line.name or ""
    started = line.started_at.strftime("%Y-%m-%d %H:%M") if line.started_at else ""
    named = [printable(text or "") for text in (line.agent, line.version)]
    return line.trace_id, started, *named, line.spans, "yes" if line.error else "", printable(words)[:FIRST_WORDS]


def _facts(trace: Trace) -> list[tuple[str, str]]:
    facts: list[tuple[str, Any]] = [
        ("trace", trace.trace_id),
        ("session", trace.session_id),
        ("agent", trace.agent),
        ("version", trace.version),
        ("started", trace.started_at.isoformat() if trace.started_at else None),
        ("error", trace.error),
        *(("feedback", _verdict(verdict.kind, verdict.value, verdict.comment)) for verdict in trace.feedback),
    ]
    return [(name, printable(str(value))) for name, value in facts if value is not None]


def _verdict(kind: str, value: object, comment: str) -> str:
    said = {True: "up", False: "down"}.get(value, value) if isinstance(value, bool) and kind == "thumb" else value
    return " ".join(str(part) for part in (kind, said, comment) if part not in (None, ""))


def _lines(message: Message) -> list[str]:
    calls = [f"-> {call.name}({_arguments(call.arguments)})" for call in message.tool_calls]
    return [*([message.text] if message.text else []), *calls]


def _arguments(arguments: Any) -> str:
    if isinstance(arguments, dict):
        return ", ".join(f"{name}={_compact(value)}" for name, value in arguments.items())
    return "" if arguments is None else arguments if isinstance(arguments, str) else _compact(arguments)


def _compact(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _json(trace: Trace) -> str:
    return _compact(trace_object(trace))


def _print(text: str, style: str = "") -> None:
    out.print(Text(visible(text), style=style), soft_wrap=True)
