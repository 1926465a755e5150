"""Watching a real store: each drift is found where it is, told apart from the others, recorded once, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import assistant, failure, mode, trace, user
from loopwright import wiring
from loopwright.cluster.mode import Membership
from loopwright.collect.business import BusinessEvent
from loopwright.collect.trace import Trace
from loopwright.errors import UsageError
from loopwright.ports import Store
from loopwright.release.record import Release
from loopwright.settings import load
from loopwright.watch.finding import DriftKind
from loopwright.watch.policy import WatchPolicy
from loopwright.workflows.mining import mine_store
from loopwright.workflows.watching import WatchReport, extend, record_events, sample, watch_store

START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = datetime(2027, 1, 1, tzinfo=UTC)
OLD = ("where is my bag", "change my seat", "cancel my flight", "print my boarding pass")
NEW = ("can I bring my drone on board", "is a drone allowed in the cabin")


class Words:
    """Vectors of word counts, as an embedder."""

    name = "words"

    def embed(self, texts: Sequence[str]) -> Any:
        known = sorted({word for text in (*OLD, *NEW) for word in text.split()})
        counts = np.array([[text.split().count(word) for word in known] for text in texts], dtype=np.float32)
        return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with wiring.store(load(start=tmp_path)) as opened:
        yield opened


def weeks(count: int, new_in_last: float = 0.0, per_week: int = 60, version: str = "v1") -> list[Trace]:
    draw = np.random.default_rng(0)
    return [
        trace(
            user(str(draw.choice(NEW if week == count - 1 and draw.random() < new_in_last else OLD))),
            assistant("done"),
            id=f"{week}-{number}",
            session_id=f"s{week}-{number}",
            version=version,
            started_at=START + timedelta(weeks=week, hours=2 * number),
        )
        for week in range(count)
        for number in range(per_week)
    ]


def look(store: Store, **policy: Any) -> WatchReport:
    return asyncio.run(watch_store(store, Words(), WatchPolicy(**policy), NOW))


def kinds(report: WatchReport) -> set[DriftKind]:
    return {finding.kind for finding in report.findings}


def test_an_empty_store_and_an_unmined_one_are_undecided(store: Store) -> None:
    assert all("import" in look.undecided for look in look(store).looks)
    store.put_traces([trace(user("hi"), id="untimed")])
    assert look(store).untimed == 1
    store.put_traces(weeks(3))
    undecided = {one.kind: one.undecided for one in look(store).looks}
    assert undecided[DriftKind.DISTRIBUTION_SHIFT] == ""
    assert "loopwright mine" in undecided[DriftKind.EDGE_CASES]
    assert "loopwright watch events" in undecided[DriftKind.BUSINESS_METRIC]


def test_steady_production_shows_no_drift(store: Store) -> None:
    store.put_traces(weeks(5))
    store.replace_failures([failure(f"{week}-3") for week in range(5)])
    store.put_modes([], [Membership(f"{week}-3", None, 0.0) for week in range(5)])
    report = look(store)
    assert report.findings == ()
    assert store.findings() == []


def test_new_inputs_are_a_shift_that_is_recorded_once_sampled_and_taken_in(store: Store) -> None:
    store.put_traces(weeks(5, new_in_last=0.3))
    report = look(store)
    assert kinds(report) == {DriftKind.DISTRIBUTION_SHIFT}
    (finding,) = report.new
    assert look(store).new == ()
    assert [f.finding_id for f in store.findings()] == [finding.finding_id]
    asked = [record["messages"][0]["content"] for record in asyncio.run(sample(store, 10))]
    assert set(asked) <= set(NEW)
    policy = WatchPolicy()
    accepted = asyncio.run(extend(store, policy, "Ada", NOW, {"drones": 10}, "a new product"))
    assert accepted.inputs == 61
    assert "Ada took these inputs" in look(store).looks[0].undecided
    with pytest.raises(UsageError, match="already: Ada"):
        asyncio.run(extend(store, policy, "Ada", NOW))
    assert store.audit()[-1].details["why"] == "a new product"
    later = [t for t in weeks(5, new_in_last=0.3) if t.trace_id.startswith("4-")]
    store.put_traces([
        trace(*t.messages, id=f"next-{t.trace_id}", session_id=f"next-{t.trace_id}", started_at=t.started_at + timedelta(weeks=1))
        for t in later if t.started_at
    ])  # fmt: skip
    after = look(store).looks[0]
    assert after.undecided == ""
    assert after.findings == ()


def test_edge_cases_that_grow_are_told_apart(store: Store) -> None:
    store.put_traces(weeks(4))
    failing = [f"{week}-{number}" for week, count in enumerate((0, 1, 3, 9)) for number in range(count)]
    store.replace_failures([failure(id) for id in failing])
    store.put_modes([], [Membership(id, None, 0.0) for id in failing])
    assert kinds(look(store)) == {DriftKind.EDGE_CASES}


def test_a_release_that_fails_more_is_told_apart(store: Store) -> None:
    first = weeks(2)
    second = [trace(*t.messages, id=f"v2-{t.trace_id}", session_id=f"v2-{t.trace_id}", version="v2",
                    started_at=t.started_at + timedelta(weeks=2)) for t in first if t.started_at]  # fmt: skip
    store.put_traces([*first, *second])
    failing = [t.trace_id for t in second[::4]]
    store.replace_failures([failure(id) for id in failing])
    store.put_modes([mode("mode-1", name="lost bag", size=len(failing))], [Membership(id, "mode-1", 1.0) for id in failing])
    store.put_release(Release("v2", START + timedelta(weeks=2), "Ada", proposal_ids=("proposal-7",)))
    report = look(store)
    assert kinds(report) == {DriftKind.REGRESSION}
    assert all("proposal-7" in finding.summary for finding in report.findings)
    assert ("loopwright improve rollback proposal-7", "take back one change of it") in report.findings[0].responses


def test_a_business_metric_that_falls_is_a_finding_and_a_weak_signal(store: Store) -> None:
    traces = weeks(5)
    store.put_traces(traces)
    draw = np.random.default_rng(1)
    events = [
        BusinessEvent(t.session_id or "", t.started_at, "resolved", float(draw.random() < (0.9 if t.trace_id < "3" else 0.4)))
        for t in traces if t.started_at
    ]  # fmt: skip
    assert asyncio.run(record_events(store, events)).new == len(events)
    assert asyncio.run(record_events(store, events)).unchanged == len(events)
    report = look(store)
    assert kinds(report) == {DriftKind.BUSINESS_METRIC}
    assert report.findings[0].summary.startswith("resolved fell from 0.9")
    mined = asyncio.run(mine_store(store, []))
    assert {f.signal_type.value for f in mined.failures} == {"business_metric"}
    assert len(store.failures()) == report.findings[0].evidence["sessions"]


def test_without_a_shift_there_is_nothing_to_sample_or_take_in(store: Store) -> None:
    with pytest.raises(UsageError, match="no distribution shift"):
        asyncio.run(sample(store, 10))
    with pytest.raises(UsageError, match="no traces"):
        asyncio.run(extend(store, WatchPolicy(), "Ada", NOW))
