"""Failure modes and who belongs to them. A mode is never deleted, and what a person said about it stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, Table, bindparam, select

from loopwright.adapters.store.audit import append
from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.cluster.mode import FailureMode, Membership, ModeDescription, ModeStatus, Recipe
from loopwright.errors import UsageError
from loopwright.registry import unknown

table = Table(
    "modes",
    metadata,
    Column("mode_id", Name, primary_key=True),
    Column("score", Float),
    Column("found", Boolean, nullable=False),
    Column("status", Name, nullable=False),
    Column("decided", Boolean, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
members = Table(
    "memberships",
    metadata,
    Column("trace_id", Name, primary_key=True),
    Column("mode_id", Name),
    Column("strength", Float),
)
clusterings = Table(
    "clusterings",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("payload", LargeBinary),
)
descriptions = Table(
    "mode_descriptions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("mode_id", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


class Modes(Group):
    """The modes' half of `ports.FailureStore`."""

    def put_modes(self, modes: Sequence[FailureMode], memberships: Sequence[Membership], recipe: Recipe | None = None) -> None:
        """Write the result of a clustering; a mode no longer found keeps its row, with size and score 0."""
        rows = {mode.mode_id: _row(mode) for mode in modes}
        places = {m.trace_id: {"trace_id": m.trace_id, "mode_id": m.mode_id, "strength": m.strength} for m in memberships}
        with self.database.write() as connection:
            decided = {row.mode_id: row.decided for row in connection.execute(select(table.c.mode_id, table.c.decided))}
            connection.execute(table.update().values(found=False))
            this = table.update().where(table.c.mode_id == bindparam("id"))
            for id, row in rows.items():
                if id not in decided:
                    connection.execute(table.insert(), row)
                else:
                    kept = {"status", "decided"} if decided[id] else set()
                    connection.execute(this, {"id": id} | {k: v for k, v in row.items() if k not in kept})
            connection.execute(members.delete())
            if places:
                connection.execute(members.insert(), list(places.values()))
            connection.execute(clusterings.insert(), {"payload": None if recipe is None else encode(recipe)})

    def recipe(self) -> Recipe | None:
        """How the latest clustering was done; None where there was none, or that was not told."""
        query = select(clusterings.c.payload).order_by(clusterings.c.number.desc()).limit(1)
        with self.database.read() as connection:
            payload = connection.scalar(query)
        return None if payload is None else decode(payload, Recipe)

    def modes(self) -> list[FailureMode]:
        """All modes, best first; last come those that were not found any more, with size and score 0."""
        query = select(table).order_by(table.c.found.desc(), table.c.score.desc(), table.c.mode_id)
        with self.database.read() as connection:
            rows = connection.execute(query).all()
            written = connection.execute(select(descriptions).order_by(descriptions.c.number))
            described = {row.mode_id: decode(row.payload, ModeDescription) for row in written}
        return [_described(_mode(row), described.get(row.mode_id)) for row in rows]

    def describe_mode(self, described: ModeDescription) -> None:
        """Keep a model's description of a mode; raises `UsageError` for an unknown mode."""
        with self.database.write() as connection:
            held = list(connection.scalars(select(table.c.mode_id)))
            if described.mode_id not in held:
                raise UsageError(unknown("failure mode", described.mode_id, held))
            connection.execute(descriptions.insert(), {"mode_id": described.mode_id, "payload": encode(described)})

    def memberships(self) -> list[Membership]:
        """The current place of every clustered failure."""
        with self.database.read() as connection:
            rows = connection.execute(select(members).order_by(members.c.trace_id))
            return [Membership(r.trace_id, r.mode_id, math.nan if r.strength is None else r.strength) for r in rows]

    def set_mode_status(self, mode_id: str, status: str, by: str | None = None, at: datetime | None = None) -> None:
        """Record a person's decision about a mode, in the audit trail too where `by` and `at` are given."""
        wanted = mode_status(status)
        with self.database.write() as connection:
            held = {row.mode_id: row.status for row in connection.execute(select(table.c.mode_id, table.c.status))}
            if mode_id not in held:
                raise UsageError(unknown("failure mode", mode_id, held))
            connection.execute(table.update().where(table.c.mode_id == mode_id).values(status=wanted.value, decided=True))
            if by is not None and at is not None:
                details = {"before": held[mode_id], "after": wanted.value}
                append(connection, at, by, f"mode {wanted.value}", mode_id, details)


def mode_status(status: str) -> ModeStatus:
    """The status of that name; raises `UsageError`."""
    known = {s.value: s for s in ModeStatus}
    if status not in known:
        raise UsageError(unknown("mode status", status, known))
    return known[status]


def _mode(row: Any) -> FailureMode:
    mode = replace(decode(row.payload, FailureMode), status=ModeStatus(row.status))
    return mode if row.found else replace(mode, size=0, score=0.0)


def _described(mode: FailureMode, by: ModeDescription | None) -> FailureMode:
    """The mode in a model's words, where there are any."""
    if by is None:
        return mode
    return replace(mode, description=by.what, why=by.why, possible_fix=by.possible_fix, described_by=by.model)


def _row(mode: FailureMode) -> dict[str, Any]:
    return {
        "mode_id": mode.mode_id,
        "score": mode.score,
        "found": True,
        "status": mode.status.value,
        "decided": False,
        "payload": encode(mode),
    }
