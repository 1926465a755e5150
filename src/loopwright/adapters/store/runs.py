"""Runs and their results. Each result is on the disk before its write returns; none is ever changed or deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Table, select

from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.errors import StoreError
from loopwright.evaluate.result import EvalResult, Run

table = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run_id", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("suite_digest", Name, nullable=False),
    Column("target", Name, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("payload", LargeBinary, nullable=False),
)
trials = Table(
    "results",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run_id", Name, nullable=False),
    Column("eval_id", Name, nullable=False),
    Column("trial", BigInteger, nullable=False),
    Column("passed", Boolean),
    Column("mode_id", Name),
    Column("payload", LargeBinary, nullable=False),
)


class Runs(Group):
    """The runs' half of `ports.RunStore`."""

    def put_run(self, run: Run) -> None:
        """Write a run, or its new end; raises `StoreError` where the id is taken by a run of something else."""
        row = _row(run)
        with self.database.write() as connection:
            held = connection.execute(select(table).where(table.c.run_id == run.run_id)).one_or_none()
            if held is None:
                connection.execute(table.insert(), row)
                return
            for name in ("version", "suite_digest", "target"):
                if getattr(held, name) != row[name]:
                    raise StoreError(f"run {run.run_id} is of {name} {getattr(held, name)!r}, not {row[name]!r}; start a new run")
            connection.execute(table.update().where(table.c.run_id == run.run_id), row)

    def run(self, run_id: str) -> Run | None:
        """One run."""
        with self.database.read() as connection:
            payload = connection.scalar(select(table.c.payload).where(table.c.run_id == run_id))
        return None if payload is None else decode(payload, Run)

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        query = select(table.c.payload).order_by(table.c.started_at, table.c.number)
        with self.database.read() as connection:
            return [decode(payload, Run) for payload in connection.scalars(query)]

    def put_result(self, result: EvalResult) -> None:
        """Write one trial, durably; the same (run_id, eval_id, trial) again replaces nothing."""
        key = {"run_id": result.run_id, "eval_id": result.eval_id, "trial": result.trial}
        row = key | {"passed": result.passed, "mode_id": result.mode_id, "payload": encode(result)}
        with self.database.write() as connection:
            if connection.execute(select(trials.c.number).filter_by(**key)).first() is None:
                connection.execute(trials.insert(), row)

    def results(self, run_id: str) -> list[EvalResult]:
        """All trials of a run, in the order in which they came."""
        query = select(trials.c.payload).where(trials.c.run_id == run_id).order_by(trials.c.number)
        with self.database.read() as connection:
            return [decode(payload, EvalResult) for payload in connection.scalars(query)]


def _row(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "version": run.version,
        "suite_digest": run.suite_digest,
        "target": run.target,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "payload": encode(run),
    }
