"""What judges and people said of the same items. Rows are only added; of one judge or person and one item the latest counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table, select

from loopwright.adapters.store.audit import append
from loopwright.adapters.store.codec import decode, encode
from loopwright.adapters.store.columns import Name, metadata
from loopwright.adapters.store.database import Group
from loopwright.judge.verdict import Label, Verdict

verdict_table = Table(
    "verdicts",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("item_id", Name, nullable=False),
    Column("judge_id", Name, nullable=False),
    Column("passed", Boolean),
    Column("payload", LargeBinary, nullable=False),
)
label_table = Table(
    "labels",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("item_id", Name, nullable=False),
    Column("labelled_by", Name, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


class Judging(Group):
    """Implements `ports.JudgeStore`."""

    def put_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Write verdicts."""
        rows = [{"item_id": v.item_id, "judge_id": v.judge_id, "passed": v.passed, "payload": encode(v)} for v in verdicts]
        if rows:
            with self.database.write() as connection:
                connection.execute(verdict_table.insert(), rows)

    def verdicts(self, judge_id: str | None = None) -> list[Verdict]:
        """The latest verdict of each judge, or of one, on each item, in the order in which items were first judged."""
        query = select(verdict_table.c.payload).order_by(verdict_table.c.number)
        if judge_id is not None:
            query = query.where(verdict_table.c.judge_id == judge_id)
        with self.database.read() as connection:
            found = [decode(payload, Verdict) for payload in connection.scalars(query)]
        return list({(v.judge_id, v.item_id): v for v in found}.values())

    def verdict_history(self) -> list[Verdict]:
        """Every verdict that was ever written, in the order in which they were."""
        with self.database.read() as connection:
            return [
                decode(p, Verdict) for p in connection.scalars(select(verdict_table.c.payload).order_by(verdict_table.c.number))
            ]

    def put_labels(self, labels: Sequence[Label]) -> None:
        """Write labels, and a line in the audit trail for each person: how many items they passed and failed."""
        if not labels:
            return
        with self.database.write() as connection:
            connection.execute(
                label_table.insert(),
                [{"item_id": x.item_id, "labelled_by": x.by, "passed": x.passed, "payload": encode(x)} for x in labels],
            )
            for by in dict.fromkeys(label.by for label in labels):
                counts = Counter(label.passed for label in labels if label.by == by)
                at = max(label.at for label in labels if label.by == by)
                append(connection, at, by, "items labelled", "judge", {"passed": counts[True], "failed": counts[False]})

    def labels(self) -> list[Label]:
        """The latest label of each person on each item, in the order in which items were first labelled."""
        query = select(label_table.c.payload).order_by(label_table.c.number)
        with self.database.read() as connection:
            found = [decode(payload, Label) for payload in connection.scalars(query)]
        return list({(x.item_id, x.by): x for x in found}.values())
