"""Traces become ranked failures, from a batch or from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
) -> Mined:
    """Find and rank the failures in a batch. With an embedder, detectors that can use meaning do; without, words must do."""
    vectors = None if embedder is None else embed_needs(traces, detectors, embedder)
    return mine(traces, detectors, weights=weights, vectors=vectors)


async def mine_store(
    store: Store,
    detectors: Sequence[Detector],
    *,
    weights: Mapping[FailureSignal, float] = WEIGHTS,
    embedder: Embedder | None = None,
    policy: WatchPolicy | None = None,
) -> Mined:
    """Mine all stored traces, and keep the failures in the store: one no longer found keeps its row with score 0.

    What judges failed is found too, where the store has verdicts, and the sessions behind a business metric that got worse,
    where it has events. A trace to which spans came late is mined as it is now, and its failure is replaced; one that changes
    while this runs counts as not mined (`FailureStore.count_unmined`).
    """
    _, seen = store.changed_since(0)
    traces = list(store.traces())
    found_by = with_divergences(store, with_verdicts(store, detectors), traces, policy)
    mined = await mine_traces(traces, found_by, weights=weights, embedder=embedder)
    store.replace_failures(mined.failures, seen)
    return mined


def embed_needs(traces: Sequence[Trace], detectors: Sequence[Detector], embedder: Embedder) -> dict[str, Any]:
    """The vectors of all texts that the detectors ask for, each text embedded once."""
    asking = [detector.needs for detector in detectors if detector.needs is not None]
    texts = list(dict.fromkeys(text for needs in asking for trace in traces for text in needs(trace)))
    return dict(zip(texts, embedder.embed(texts), strict=True)) if texts else {}
