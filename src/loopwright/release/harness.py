"""What the harness holds by what was recorded of its writes: what a release had in it, and what was changed by hand since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loopwright.improve.proposal import HarnessChange


@dataclass(frozen=True, slots=True)
class Held:
    """One guard's table, as it was last written on record.

    `proposal_id` is the proposal that is applied there (None: what stood there before any was). `table` is None where the guard
    was taken out.
    """

    proposal_id: str | None
    table: Mapping[str, Any] | None


def held(changes: Iterable[HarnessChange], at: datetime | None = None) -> dict[str, Held]:
    """Each guard on record, by kind, after all writes until `at` (None: all), which are given oldest first."""
    applied: dict[str, list[str]] = {}
    found: dict[str, Held] = {}
    for change in changes:
        if at is not None and change.at > at:
            continue
        kind = change.kind.value
        others = [id for id in applied.get(kind, ()) if id != change.proposal_id]
        applied[kind] = [*others, change.proposal_id] if change.action == "apply" else others
        found[kind] = Held(applied[kind][-1] if applied[kind] and change.table is not None else None, change.table)
    return found
