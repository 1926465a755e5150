"""The queue: after an approval, what the candidate still fails waits for an eval of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from loopwright.evaluate.queue import Queued, new_failures, waiting
from loopwright.evaluate.result import EvalResult
from loopwright.ports import ReleaseStore


def queue_failures(store: ReleaseStore, results: Iterable[EvalResult], now: datetime, decision_id: str | None = None) -> int:
    """Queue the failures among the results, one a case; returns how many are new in the queue.

    A case that was queued before is not queued again, whether it was taken or not. Trials without a verdict and sealed cases are
    left out.
    """
    return store.put_queued([Queued(result, now, decision_id) for result in new_failures(results)]).new


def queued(store: ReleaseStore) -> tuple[Queued, ...]:
    """What waits, in the order in which it came."""
    return waiting(store.queue())


def take(store: ReleaseStore, items: Sequence[Queued], by: str, now: datetime) -> tuple[Queued, ...]:
    """Take these off the queue, for good: somebody drafts their evals. Raises `StoreError` where one was taken meanwhile."""
    taken = tuple(replace(item, taken_at=now, taken_by=by) for item in items)
    store.set_taken(taken)
    return taken
