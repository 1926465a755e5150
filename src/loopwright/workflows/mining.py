"""Traces become ranked failures, from a batch or from the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from loopwright.collect.completing import SESSION_QUIET, session_is_over
from loopwright.collect.trace import Trace
from loopwright.mine.detector import Detector
from loopwright.mine.policy import WEIGHTS
from loopwright.mine.rank import Mined, mine
from loopwright.mine.signal import FailureSignal
from loopwright.ports import Embedder, Store
from loopwright.watch.policy import WatchPolicy
from loopwright.workflows.judging import with_verdicts
from loopwright.workflows.watching import with_divergences


async def mine_traces(
    traces: Sequence[Trace],
    detectors: Sequence[Detector],
    *,
    weights: Mapping[FailureSignal, float] = WEIGHTS,
    embedder: Embedder | None = None,
    open_sessions: Collection[str] = (),
) -> Mined:
    """Find and rank the failures in a batch. With an embedder, detectors that can use meaning do; without, words must do."""
    vectors = None if embedder is None else embed_needs(traces, detectors, embedder)
    return mine(traces, detectors, weights=weights, vectors=vectors, open_sessions=open_sessions)


async def mine_store(
    store: Store,
    detectors: Sequence[Detector],
    *,
    weights: Mapping[FailureSignal, float] = WEIGHTS,
    embedder: Embedder | None = None,
    policy: WatchPolicy | None = None,
    at: datetime | None = None,
    session_quiet: timedelta = SESSION_QUIET,
) -> Mined:
    """Mine all stored traces, and keep the failures in the store: one no longer found keeps its row with score 0.

    What judges failed is found too, where the store has verdicts, and the sessions behind a business metric that got worse,
    where it has events. A trace to which spans came late is mined as it is now, and its failure is replaced; one that changes
    while this runs counts as not mined (`FailureStore.count_unmined`).

    Given the time `at`, the end of a session in which something happened less than `session_quiet` before tells nothing yet: it
    is looked at once the session is over. Without, all sessions are.
    """
    _, seen = store.changed_since(0)
    traces = list(store.traces())
    found_by = with_divergences(store, with_verdicts(store, detectors), traces, policy)
    still_open = frozenset[str]() if at is None else open_sessions(traces, at, session_quiet)
    mined = await mine_traces(traces, found_by, weights=weights, embedder=embedder, open_sessions=still_open)
    store.replace_failures(mined.failures, seen)
    return mined


def open_sessions(traces: Iterable[Trace], at: datetime, quiet: timedelta = SESSION_QUIET) -> frozenset[str]:
    """The sessions in which something happened less than `quiet` before the time `at`."""
    last: dict[str, datetime] = {}
    for trace in traces:
        happened = trace.ended_at or trace.started_at
        if trace.session_id is not None and happened is not None:
            last[trace.session_id] = max(happened, last.get(trace.session_id, happened))
    return frozenset(session for session, happened in last.items() if not session_is_over(happened, at, quiet))


def embed_needs(traces: Sequence[Trace], detectors: Sequence[Detector], embedder: Embedder) -> dict[str, Any]:
    """The vectors of all texts that the detectors ask for, each text embedded once."""
    asking = [detector.needs for detector in detectors if detector.needs is not None]
    texts = list(dict.fromkeys(text for needs in asking for trace in traces for text in needs(trace)))
    return dict(zip(texts, embedder.embed(texts), strict=True)) if texts else {}
