"""Which stages of the loop were done, and with which inputs: the last time of each."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table, select

from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Moment, Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.ports import LoopStep

table = Table(
    "loop_steps",
    metadata,
    Column("stage", Name, primary_key=True),
    Column("inputs", Name, nullable=False),
    Column("at", Moment, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


class Loop(Group):
    """Implements `ports.LoopStore`."""

    def put_loop_step(self, step: LoopStep) -> None:
        """Note that a stage was done; it replaces the time before."""
        row = {"stage": step.stage, "inputs": step.inputs, "at": step.at, "payload": encode(step)}
        with self.database.write() as connection:
            connection.execute(table.delete().where(table.c.stage == step.stage))
            connection.execute(table.insert(), row)

    def loop_steps(self) -> dict[str, LoopStep]:
        """The last time of each stage, by its name."""
        with self.database.read() as connection:
            steps = [decode(payload, LoopStep) for payload in connection.scalars(select(table.c.payload))]
        return {step.stage: step for step in steps}
