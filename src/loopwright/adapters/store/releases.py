"""Releases, and the queue of failures that wait for an eval. None of either is ever deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, Table, select

from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.errors import StoreError
from loopwright.evaluate.queue import Queued
from loopwright.ports import PutCounts
from loopwright.release.record import Release

table = Table(
    "releases",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("release_id", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("released_at", Moment, nullable=False),
    Column("rolled_back_at", Moment),
    Column("payload", LargeBinary, nullable=False),
)
queue = Table(
    "queue",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("queued_id", Name, nullable=False),
    Column("eval_id", Name, nullable=False),
    Column("queued_at", Moment, nullable=False),
    Column("taken_at", Moment),
    Column("payload", LargeBinary, nullable=False),
)


class Releases(Group):
    """Implements `ports.ReleaseStore`."""

    def put_release(self, release: Release) -> None:
        """Write a release, or that it was rolled back; raises `StoreError` where that is taken back, or anything else differs."""
        row = _row(release)
        with self.database.write() as connection:
            held = connection.scalar(select(table.c.payload).where(table.c.release_id == release.release_id))
            if held is None:
                connection.execute(table.insert(), row)
                return
            known = decode(held, Release)
            if known == release:
                return
            if not known.live or release.live or _grounds(known) != _grounds(release):
                raise StoreError(f"release {release.release_id} is recorded with other content; it can only be rolled back")
            connection.execute(table.update().where(table.c.release_id == release.release_id), row)

    def releases(self) -> list[Release]:
        """All releases, oldest first."""
        query = select(table.c.payload).order_by(table.c.released_at, table.c.number)
        with self.database.read() as connection:
            return [decode(payload, Release) for payload in connection.scalars(query)]

    def put_queued(self, items: Sequence[Queued]) -> PutCounts:
        """Add failures to the queue; one that is there, or was, changes nothing."""
        new = 0
        with self.database.write() as connection:
            known = set(connection.scalars(select(queue.c.queued_id)))
            for item in items:
                if item.queued_id not in known:
                    known.add(item.queued_id)
                    connection.execute(queue.insert(), _queue_row(item))
                    new += 1
        return PutCounts(new, len(items) - new)

    def queue(self) -> list[Queued]:
        """All that was ever queued, in the order in which it came."""
        query = select(queue.c.payload).order_by(queue.c.number)
        with self.database.read() as connection:
            return [decode(payload, Queued) for payload in connection.scalars(query)]

    def set_taken(self, items: Sequence[Queued]) -> None:
        """Write when and by whom these were taken; raises `StoreError` for one that is not queued, or was taken before."""
        with self.database.write() as connection:
            for item in items:
                this = (queue.c.queued_id == item.queued_id) & queue.c.taken_at.is_(None)
                changed = connection.execute(queue.update().where(this), _queue_row(item))
                if changed.rowcount != 1:
                    raise StoreError(f"{item.queued_id} is not queued, or was taken by somebody else; list the queue again")


def _row(release: Release) -> dict[str, Any]:
    return {
        "release_id": release.release_id,
        "version": release.version,
        "released_at": release.released_at,
        "rolled_back_at": release.rolled_back_at,
        "payload": encode(release),
    }


def _queue_row(item: Queued) -> dict[str, Any]:
    return {
        "queued_id": item.queued_id,
        "eval_id": item.result.eval_id,
        "queued_at": item.queued_at,
        "taken_at": item.taken_at,
        "payload": encode(item),
    }


def _grounds(release: Release) -> tuple[Any, ...]:
    """All of a release but its end."""
    return (
        release.version, release.released_at, release.released_by, release.decision_id, release.proposal_ids,
        release.fingerprint, release.changed, release.versions, release.despite,
    )  # fmt: skip
