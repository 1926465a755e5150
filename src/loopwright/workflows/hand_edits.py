"""What of the harness nobody decided: `harness.toml` held against what applied proposals, and what was taken out, made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from loopwright.errors import InputError
from loopwright.guards.catalogue import build
from loopwright.ports import HarnessFile, Store
from loopwright.release.harness import Held, held
from loopwright.workflows.improving import same_guard


@dataclass(frozen=True, slots=True)
class HandEdit:
    """A table of the harness that is not what is on record: which guard's, in what it differs, and what to do about it.

    `guard` is empty where the whole file is meant. One that is `harmless` enforces nothing that nobody decided.
    """

    guard: str
    problem: str
    cure: str
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.problem}; {self.cure}"


def hand_edits(store: Store, file: HarnessFile) -> tuple[HandEdit, ...]:
    """Every guard whose table is not what the store has on record, by name; of a file that cannot be taken, that.

    A guard that was never on record may be written by hand, as long as it enforces nothing. A store without a single proposal
    or decision knows of no harness: there nothing is held against it.
    """
    try:
        tables = file.tables()
    except InputError as error:
        return (HandEdit("", error.problem if not error.source else f"{error.source}: {error.problem}", error.cure or "mend it"),)
    on_record = held(store.harness_changes())
    knows = bool(store.proposals() or store.audit())
    found = (_edit(kind, tables.get(kind), on_record.get(kind), knows=knows) for kind in sorted({*tables, *on_record}))
    return tuple(edit for edit in found if edit is not None)


def _edit(kind: str, table: Mapping[str, Any] | None, record: Held | None, *, knows: bool) -> HandEdit | None:
    name = f"[guards.{kind}]"
    if record is None or (record.proposal_id is None and record.table is None):
        return None if table is None else _unrecorded(kind, table, taken_out=record is not None, knows=knows)
    if same_guard(kind, table, record.table):
        return None
    wanted = record.table or {}
    if record.proposal_id is None:
        return HandEdit(
            kind, f"{name} is not what a rollback left: {_differs(kind, table, wanted)}", f"write it again: {_flat(wanted)}"
        )
    cure = f"put it back: loopwright improve apply {record.proposal_id} --mode {wanted.get('mode', 'shadow')}"
    return HandEdit(kind, f"{name} is not what {record.proposal_id} put there: {_differs(kind, table, wanted)}", cure)


def _unrecorded(kind: str, table: Mapping[str, Any], *, taken_out: bool, knows: bool) -> HandEdit:
    """A table that is there, while none is on record."""
    name, mode = f"[guards.{kind}]", table.get("mode", "shadow")
    why = "it was taken out on record" if taken_out else "no applied proposal stands behind it"
    if mode != "enforce":
        return HandEdit(kind, f"{name} was written by hand ({why})", f"in mode {mode} it alters nothing", harmless=True)
    if not knows:
        return HandEdit(kind, f"{name} enforces", "this store has nothing on record to hold it against", harmless=True)
    cure = 'set mode = "shadow" or take it out; what should be enforced is proposed by: loopwright improve detect'
    return HandEdit(kind, f"{name} enforces, and {why}", cure)


def _differs(kind: str, table: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> str:
    if table is None:
        return "it is gone"
    now, then = _whole(kind, table), _whole(kind, wanted)
    return ", ".join(f"{key} is {now[key]!r}, and was {then[key]!r}" for key in sorted(now) if now[key] != then[key])


def _whole(kind: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """The mode and every parameter, those left out of the table too."""
    guard = build(kind, {k: v for k, v in table.items() if k != "mode"}, str(table.get("mode", "shadow")))
    return {f.name: getattr(guard, f.name) for f in fields(guard)}  # type: ignore[arg-type]


def _flat(table: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value!r}" for key, value in table.items())
