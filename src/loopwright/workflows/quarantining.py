"""Quarantine: which cases flip, and which of them count with their mode and the suite alone for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from loopwright.errors import UsageError
from loopwright.gate.exchange import read_result
from loopwright.gate.flaky import FlakyCase, flaky_cases
from loopwright.gate.policy import Policy
from loopwright.gate.quarantine import Quarantine, in_force, lapsed, read_quarantine
from loopwright.gate.term import check_term
from loopwright.ports import RecordReader, Store
from loopwright.registry import unknown
from loopwright.workflows.deciding import reasoned
from loopwright.workflows.gating import read_records
from loopwright.workflows.history import history_of

ASKED = "say with --why why the case is set aside, or why no longer"


@dataclass(frozen=True, slots=True)
class QuarantineRequest:
    """The case to set aside, who owns its mending, why, until when, and who decides."""

    eval_id: str
    owner: str
    why: str
    until: datetime
    by: str


@dataclass(frozen=True, slots=True)
class QuarantineView:
    """What is in quarantine now, what lapsed and nobody renewed or removed, and how often each case of the history flips."""

    in_force: tuple[Quarantine, ...] = ()
    lapsed: tuple[Quarantine, ...] = ()
    flaky: tuple[FlakyCase, ...] = ()
    runs: int = 0


async def view_quarantine(store: Store, policy: Policy, now: datetime) -> QuarantineView:
    """The quarantine in a store, and the flip rates over the accepted runs of the baseline."""
    held = history_of(store, policy, None)
    entries = store.quarantines()
    found = flaky_cases(held.results)
    return QuarantineView(
        tuple(in_force(entries, now).values()), tuple(lapsed(entries, now).values()), tuple(found), len(held.run_ids)
    )


async def view_files(
    reader: RecordReader, baseline: Sequence[str], entries: Sequence[Quarantine], now: datetime
) -> QuarantineView:
    """The quarantine in a file, and the flip rates over the results in files; raises `InputError` for a line that is none."""
    rows = [read_result(record, path, line) for path in baseline for line, record in read_records(reader, path)]
    runs = len({(row.version, row.run_id) for row in rows})
    return QuarantineView(
        tuple(in_force(entries, now).values()), tuple(lapsed(entries, now).values()), tuple(flaky_cases(rows)), runs
    )


def read_entries(reader: RecordReader, path: str) -> list[Quarantine]:
    """The entries in a file of quarantines; raises `InputError` for a line that is none."""
    return [read_quarantine(record, path, line) for line, record in read_records(reader, path)]


async def quarantine_case(store: Store, request: QuarantineRequest, now: datetime) -> Quarantine:
    """Set a case aside, or renew that, in the audit trail too.

    Raises `UsageError` for a case without results, no owner, an end past or too far ahead, and a reason that says nothing.
    """
    entry = new_entry(request, now)
    runs = store.runs()
    known = {row.eval_id for run_id in [*store.baseline(), *(run.run_id for run in runs[-1:])] for row in store.results(run_id)}
    if entry.eval_id not in known:
        raise UsageError(
            unknown("case", entry.eval_id, known) if known else f"no run has results of {entry.eval_id!r}; run the suite first"
        )
    store.put_quarantine(entry)
    return entry


async def lift_quarantine(store: Store, eval_id: str, why: str, by: str, now: datetime) -> Quarantine:
    """End a quarantine, or say that a lapsed one is settled, in the audit trail too; raises `UsageError` where there is none."""
    entry = ending(store.quarantines(), eval_id, why, by, now)
    store.put_quarantine(entry)
    return entry


def new_entry(request: QuarantineRequest, now: datetime) -> Quarantine:
    """The entry that sets a case aside; raises `UsageError` as `quarantine_case` does."""
    owner = " ".join(request.owner.split())
    if not owner:
        raise UsageError("--owner is empty; give the name of the person who mends the case")
    if not request.eval_id.strip():
        raise UsageError("the case is empty; give its id")
    check_term(request.until, now, "a quarantine")
    return Quarantine(request.eval_id, owner, reasoned(request.why, ASKED), request.until, request.by, now)


def ending(entries: Sequence[Quarantine], eval_id: str, why: str, by: str, now: datetime) -> Quarantine:
    """The entry that ends a quarantine; raises `UsageError` where the case is in none."""
    standing = in_force(entries, now) | lapsed(entries, now)
    if eval_id not in standing:
        raise UsageError(
            unknown("case in quarantine", eval_id, standing) if standing else f"{eval_id} is not in quarantine; no case is"
        )
    held = standing[eval_id]
    return Quarantine(eval_id, held.owner, reasoned(why, ASKED), held.until, by, now, lifted=True)
