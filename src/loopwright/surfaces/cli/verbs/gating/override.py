"""`loopwright gate override`: a named person lets a decision ship that is not an approval."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from loopwright import wiring
from loopwright.errors import BLOCKED, UsageError
from loopwright.gate.override import Override, told_rate
from loopwright.ports import Store
from loopwright.surfaces.cli.options import BY, CONFIG, FORMAT, OutputFormat, from_setting, settle
from loopwright.surfaces.cli.terminal import emit, note, say, table
from loopwright.surfaces.cli.verbs.gating.terms import last_moment
from loopwright.wording import counted
from loopwright.workflows.deciding import who
from loopwright.workflows.overriding import Made, OverrideRequest, override_decision, rate_of, withdraw_override


def override(
    decision: str | None = typer.Argument(
        None, metavar="DECISION", help="The decision's id, or how it begins; without it, overrides are listed."
    ),
    why: str = typer.Option("", "--why", metavar="REASON", help="Why it ships all the same; kept in the audit trail."),
    until: str | None = typer.Option(
        None, "--until", metavar="DATE", help="The last day, as 2026-12-31; 90 days ahead at most.", show_default=False
    ),
    case: list[str] | None = typer.Option(
        None, "--case", metavar="ID", help="Only this case is set aside; may be repeated. Otherwise the decision as it is."
    ),
    withdraw: str | None = typer.Option(
        None, "--withdraw", metavar="OVERRIDE", help="End an override before its time.", show_default=False
    ),
    by: str | None = BY,
    format: OutputFormat = FORMAT,
    store: str | None = from_setting("store.url", "--store"),
    config: Path | None = CONFIG,
) -> None:
    r"""Let a version ship that the gate did not approve, under your name and in the audit trail; or list the overrides.

    The decision stays what it is, and says that it was overridden. While the override lasts, `loopwright gate` ends with 0 on
    that run and `loopwright release record` takes it.

    Without --case the override is of that one decision. A later decision on the same run that finds more against it blocks. With
    --case these cases are set aside, in that decision and in later ones: what the gate approves without them ships, and a
    regression in any other case blocks as before. Where the run does not ship by it, the exit code is 1.

    For example:

        loopwright gate override decision-3f2a --case refund-late \
            --until 2026-12-31 --why "a customer waits"
        loopwright gate override
    """
    settings, now = settle(config, store__url=store), wiring.clock().now()
    with wiring.store(settings, create=False) as kept:
        if withdraw is not None:
            if decision is not None:
                raise UsageError("--withdraw names the override itself; leave the decision out")
            ended = asyncio.run(withdraw_override(kept, withdraw, who(by, wiring.version_control()), now))
            emit(json.dumps(_row(ended, now))) if format is OutputFormat.JSON else say(
                f"{ended.withdrawn_by} withdrew {ended.override_id}: {ended.decision_id} is what it was."
            )
            return
        if decision is None:
            if why or until is not None or case:
                raise UsageError("name the decision to override; loopwright audit lists decisions")
            _list(kept, now, format)
            return
        if until is None:
            raise UsageError("an override ends on a day; give --until DATE")
        request = OverrideRequest(decision, who(by, wiring.version_control()), why, last_moment(until), tuple(case or ()))
        made = asyncio.run(override_decision(kept, request, now))
    _tell(made, now, format)
    if not made.ships:
        raise typer.Exit(BLOCKED)


def _tell(made: Made, now: datetime, format: OutputFormat) -> None:
    given = made.override
    if format is OutputFormat.JSON:
        emit(json.dumps(_row(given, now) | {"ships": made.ships, "new_evals_queued": made.queued, "against": made.against}))
        return
    what = f"{given.decision_id} for {', '.join(given.eval_ids)}" if given.eval_ids else given.decision_id
    say(f"{given.by} overrode {what} until {given.until:%Y-%m-%d} ({given.override_id}).")
    if made.ships:
        waiting = f"; {counted(made.queued, 'failure')} queued for evals" if made.queued else ""
        note(f"Its run ships while that lasts{waiting}.")
    else:
        note(f"Its run does not ship by that. Without these cases: {made.against}")


def _list(store: Store, now: datetime, format: OutputFormat) -> None:
    overrides, rate = store.overrides(), rate_of(store)
    if format is OutputFormat.JSON:
        emit(json.dumps({"rate": rate._asdict(), "overrides": [_row(o, now) for o in overrides]}))
        return
    if rate.decisions:
        say(f"{told_rate(rate)}.")
    else:
        say("No decision was made yet.")
    if overrides:
        rows = [(o.override_id, o.decision_id, _state(o, now), o.by, ", ".join(o.eval_ids) or "all", o.why) for o in overrides]
        table("", ("override", "decision", "state", "by", "cases", "why"), rows[::-1], whole=(0, 1))


def _state(override: Override, now: datetime) -> str:
    if override.withdrawn_at is not None:
        return f"withdrawn {override.withdrawn_at:%Y-%m-%d}"
    return f"{'until' if override.holds(now) else 'ended'} {override.until:%Y-%m-%d}"


def _row(override: Override, now: datetime) -> dict[str, Any]:
    return {
        "override_id": override.override_id,
        "decision_id": override.decision_id,
        "by": override.by,
        "why": override.why,
        "at": override.at.isoformat(),
        "until": override.until.isoformat(),
        "eval_ids": list(override.eval_ids),
        "in_force": override.holds(now),
        "withdrawn_at": override.withdrawn_at.isoformat() if override.withdrawn_at is not None else None,
        "withdrawn_by": override.withdrawn_by or None,
    }
