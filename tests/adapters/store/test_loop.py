"""How far the loop got is kept, the last time of each stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from loopwright.adapters.store.store import SqlStore
from loopwright.ports import LoopStep

AT = datetime(2026, 1, 5, tzinfo=UTC)


def test_the_last_time_of_each_stage_counts(store: SqlStore) -> None:
    assert store.loop_steps() == {}
    mined, grouped = LoopStep("mine", "abc", AT, {"failures": 3}), LoopStep("cluster", "def", AT, {"modes": 1})
    store.put_loop_step(mined)
    store.put_loop_step(grouped)
    assert store.loop_steps() == {"mine": mined, "cluster": grouped}
    again = LoopStep("mine", "ghi", AT + timedelta(hours=1), {"failures": 5})
    store.put_loop_step(again)
    assert store.loop_steps() == {"mine": again, "cluster": grouped}
