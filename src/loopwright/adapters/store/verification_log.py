"""The trials of verifications, apart from the suite's runs: the gate never takes them for a candidate or a baseline."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, select

from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.evaluate.result import EvalResult, Run

runs = Table(
    "verification_runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run_id", Name, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)
trials = Table(
    "verification_results",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("run_id", Name, nullable=False),
    Column("eval_id", Name, nullable=False),
    Column("trial", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


class VerificationLog(Group):
    """Implements `ports.RunLog`; each result is on the disk before its write returns."""

    def put_run(self, run: Run) -> None:
        """Write a run, or its new end time."""
        with self.database.write() as connection:
            mine = runs.c.run_id == run.run_id
            if connection.execute(select(runs.c.number).where(mine)).first() is None:
                connection.execute(runs.insert(), {"run_id": run.run_id, "payload": encode(run)})
            else:
                connection.execute(runs.update().where(mine).values(payload=encode(run)))

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        with self.database.read() as connection:
            return [decode(payload, Run) for payload in connection.scalars(select(runs.c.payload).order_by(runs.c.number))]

    def put_result(self, result: EvalResult) -> None:
        """Write one trial; the same (run_id, eval_id, trial) again replaces nothing."""
        key = {"run_id": result.run_id, "eval_id": result.eval_id, "trial": result.trial}
        with self.database.write() as connection:
            if connection.execute(select(trials.c.number).filter_by(**key)).first() is None:
                connection.execute(trials.insert(), key | {"payload": encode(result)})

    def results(self, run_id: str) -> list[EvalResult]:
        """All trials of a run, in the order in which they came."""
        query = select(trials.c.payload).where(trials.c.run_id == run_id).order_by(trials.c.number)
        with self.database.read() as connection:
            return [decode(payload, EvalResult) for payload in connection.scalars(query)]
