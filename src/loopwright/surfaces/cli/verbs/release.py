"""`loopwright release`: what shipped, on what grounds, what it did in production, and how it is taken back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.audit.digest import plain
from loopwright.collect.times import utc
from loopwright.errors import UsageError
from loopwright.release.effect import ModeEffect, ReleaseEffect, Verdict
from loopwright.release.record import Release
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, say, table
from loopwright.wording import counted, percent
from loopwright.workflows.deciding import who
from loopwright.workflows.releasing import ReleaseRequest, effect_of, find_release, record_release, rollback_release

app = typer.Typer(add_completion=False, no_args_is_help=False)

_VERSION = typer.Argument(metavar="VERSION", help="The version: as the agent's traces carry it, or a git tag.")
_STORE = from_setting("store.url", "--store")


@app.callback()
def release() -> None:
    """Record what shipped, see what it did to each failure mode, take it back.

    Reads and writes the store. A release stands on a gate decision and carries the proposals that were applied for it. `show`
    compares the rate of each failure mode in production before and after it.

    For example:

        loopwright release record v1.4.0 --by "Ada Lovelace"
    """


@app.command()
def record(
    version: str = _VERSION,
    by: str | None = BY,
    decision: str | None = typer.Option(
        None, "--decision", metavar="ID", help="The gate decision; otherwise the latest on this version.", show_default=False
    ),
    proposal: list[str] | None = typer.Option(
        None, "--proposal", metavar="ID", help="A proposal in it; may be repeated. Otherwise all that were applied since."
    ),
    despite: str = typer.Option("", "--despite", metavar="WHY", help="Why it ships against the gate; kept in the audit trail."),
    at: str | None = typer.Option(
        None, "--at", metavar="TIME", help="When it shipped, as ISO 8601; otherwise now.", show_default=False
    ),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Record that a version shipped, under your name, in the store and the audit trail.

    Reads the gate's decision on the version. Without one, with one that does not approve it, or with one on a part of the layers
    it is refused (exit 1), unless --despite says why it ships all the same.

    For example:

        loopwright release record v1.4.0 --by "Ada Lovelace"
    """
    person, now = who(by, wiring.version_control()), wiring.clock().now()
    request = ReleaseRequest(
        version,
        person,
        _time(at) if at is not None else now,
        decision_id=decision,
        proposal_ids=tuple(proposal) if proposal else None,
        commit=wiring.commit_of(version),
        despite=despite,
    )
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        made = asyncio.run(record_release(kept, request, now))
    if format is OutputFormat.JSON:
        emit(json.dumps(plain_release(made)))
        return
    say(f"{person} released {made.version}{_grounds(made)}.")
    if made.proposal_ids:
        say(f"With {counted(len(made.proposal_ids), 'proposal')}: {', '.join(made.proposal_ids)}.")
    note(f"Once there are traces of it: loopwright release show {made.version}")


@app.command(name="list")
def list_(format: OutputFormat = FORMAT, store: str | None = _STORE, config: Path | None = CONFIG) -> None:
    """List the releases, oldest first.

    Reads the store; writes nothing. JSON is a line a release.

    For example:

        loopwright release list
    """
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        releases = kept.releases()
    if format is OutputFormat.JSON:
        for made in releases:
            emit(json.dumps(plain_release(made)))
        return
    if not releases:
        note("no release is recorded yet; record one with: loopwright release record VERSION")
        return
    rows = [
        (r.version, f"{r.released_at:%Y-%m-%d %H:%M}", r.released_by, _decided(r), len(r.proposal_ids), _changed(r), _stands(r))
        for r in releases
    ]
    table("", ("version", "released (UTC)", "by", "decision", "proposals", "changed", "stands"), rows, right=(4,), whole=(0,))


@app.command()
def show(
    version: str = _VERSION, format: OutputFormat = FORMAT, store: str | None = _STORE, config: Path | None = CONFIG
) -> None:
    """Show a release, and the rate of each failure mode before and after it.

    Reads the traces, failures and modes in the store. A trace is of the release whose version it carries, else of the one in use
    when it began. A mode fell or rose where an exact test says so, adjusted for the number of modes; otherwise it is unclear.

    For example:

        loopwright release show v1.4.0
    """
    with wiring.store(settle(config, store__url=store), create=False) as kept:
        found = asyncio.run(effect_of(kept, find_release(kept, version)))
    if format is OutputFormat.JSON:
        emit(json.dumps(plain_effect(found)))
        return
    _tell(found)


@app.command()
def rollback(
    version: str = _VERSION,
    by: str | None = BY,
    why: str = typer.Option("", "--why", help="What went wrong; kept in the audit trail."),
    format: OutputFormat = FORMAT,
    store: str | None = _STORE,
    config: Path | None = CONFIG,
) -> None:
    """Record that a release was taken back, and say which version to deploy again.

    Writes the store and the audit trail, and takes the release's proposals out of harness.toml where that is still as they left
    it. Deploying is yours: loopwright starts and
    stops no agent.

    For example:

        loopwright release rollback v1.4.0 --why "wrong refunds rose"
    """
    person = who(by, wiring.version_control())
    settings = settle(config, store__url=store)
    with wiring.store(settings, create=False) as kept:
        made = find_release(kept, version)
        harness, protected = wiring.harness_file(settings), wiring.protected_places(settings, kept)
        done = asyncio.run(rollback_release(kept, made, person, wiring.clock().now(), why, harness, protected))
    if format is OutputFormat.JSON:
        emit(
            json.dumps(
                {
                    "release": plain_release(done.release),
                    "redeploy": done.redeploy.version if done.redeploy else None,
                    "undone": list(done.undone),
                    "kept": [{"proposal_id": id, "why": reason} for id, reason in done.kept],
                }
            )
        )
        return
    say(f"{person} rolled back {done.release.version}: {done.release.rollback_why}.")
    for id in done.undone:
        say(f"{id} was taken out of {harness.path}.")
    for id, reason in done.kept:
        say(f"{id} stays in {harness.path}: {reason}")
    say(f"Deploy again: {done.redeploy.version}." if done.redeploy else "No release stands before it; deploy what ran before.")


def plain_release(made: Release) -> dict[str, Any]:
    """A release as JSON."""
    return {"release_id": made.release_id, **plain(made), "stands": made.live}


def plain_effect(found: ReleaseEffect) -> dict[str, Any]:
    """What a release did, as JSON."""
    return {
        "release": plain_release(found.release),
        "previous": found.previous.version if found.previous else None,
        "conversations": {"before": found.before, "after": found.after},
        "modes": [asdict(mode) | {"verdict": mode.verdict.value} for mode in found.modes],
        "unknown_traces": found.unknown,
        "doubts": list(found.doubts),
    }


def _tell(found: ReleaseEffect) -> None:
    made = found.release
    say(f"{made.version}, released {made.released_at:%Y-%m-%d %H:%M} UTC by {made.released_by}{_grounds(made)}.")
    if made.proposal_ids:
        say(f"Proposals in it: {', '.join(made.proposal_ids)}.")
    if not made.live:
        say(f"Rolled back {made.rolled_back_at:%Y-%m-%d %H:%M} UTC by {made.rolled_back_by}: {made.rollback_why}.")
    before = f"of {found.previous.version}" if found.previous else "before any release"
    say(f"Conversations: {found.before} {before}, {found.after} of {made.version}.")
    for doubt in found.doubts:
        say(f"Nothing is called fallen or risen: {doubt}.")
    if not found.before or not found.after:
        say("One side has no conversations, so that nothing can be compared yet.")
        return
    rows = [
        (m.verdict.value, m.name, _rate(m.before), _rate(m.after), _points(m), f"{m.adjusted:.2g}", m.mode_id or "")
        for m in found.modes
    ]
    columns = ("", "failure mode", "before", "after", "change in points", "p, adjusted", "id")
    table("", columns, rows, right=(2, 3, 5), whole=(6,))
    if found.unknown:
        note(f"left out, for want of a released version and of a time: {counted(found.unknown, 'trace')}")
    if any(m.verdict in (Verdict.ROSE, Verdict.NEW) for m in found.modes) and made.live:
        note(f"To take it back: loopwright release rollback {made.version} --why REASON")


def _rate(counts: tuple[int, int]) -> str:
    return f"{percent(counts[0] / counts[1])} ({counts[0]}/{counts[1]})"


def _points(mode: ModeEffect) -> str:
    return f"{100 * mode.difference:+.1f} ({100 * mode.low:+.1f} to {100 * mode.high:+.1f})"


def _grounds(made: Release) -> str:
    stood = f", on {made.decision_id}" if made.decision_id else ", without a gate decision"
    return f"{stood}, despite the gate: {made.despite}" if made.despite else stood


def _decided(made: Release) -> str:
    return f"despite: {made.despite}" if made.despite else made.decision_id or ""


def _changed(made: Release) -> str:
    return "not known" if made.changed is None else ", ".join(made.changed) or "nothing"


def _stands(made: Release) -> str:
    return "yes" if made.live else f"rolled back by {made.rolled_back_by}: {made.rollback_why}"


def _time(text: str) -> datetime:
    """The time given, in UTC where it names no zone."""
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise UsageError(f"--at {text!r} is no time; give one such as 2026-11-23T14:00:00+00:00") from None
