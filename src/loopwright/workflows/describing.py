"""Failure modes in a model's words: the second pass over a clustering."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from loopwright.cluster.mode import ID_PREFIX, FailureMode, ModeStatus
from loopwright.cluster.narrating import Narrated, narrate
from loopwright.errors import UsageError
from loopwright.ports import Clock, Model, Progress, Store
from loopwright.registry import known_id
from loopwright.workflows.driver import drive

AT_ONCE = 8


async def describe_modes(store: Store, model: Model, clock: Clock, progress: Progress, ids: Sequence[str] = ()) -> list[Narrated]:
    """Have the model describe the modes named, or all that are open and found, and keep what it says.

    A mode that it could not describe keeps its words. Raises `UsageError` for an unknown mode, and where nothing was clustered.
    """
    known = {mode.mode_id: mode for mode in store.modes()}
    if not known:
        raise UsageError("there are no failure modes in the store; run: loopwright cluster")
    named = dict.fromkeys(known_id("failure mode", id, known, ID_PREFIX) for id in ids)
    live = (ModeStatus.OPEN, ModeStatus.ACCEPTED)
    chosen = [known[id] for id in named] or [mode for mode in known.values() if mode.size and mode.status in live]
    members = {m.trace_id: m for m in store.memberships()}
    failures = [f for f in store.failures() if f.trace_id in members]
    found: list[Narrated] = []
    progress.start("describing", len(chosen))

    async def one(mode: FailureMode) -> Narrated:
        own = [f for f in failures if members[f.trace_id].mode_id == mode.mode_id]
        own.sort(key=lambda f: -members[f.trace_id].strength)
        return await drive(narrate(mode, own), model=model)

    try:
        for start in range(0, len(chosen), AT_ONCE):
            for narrated in await asyncio.gather(*map(one, chosen[start : start + AT_ONCE])):
                if narrated.description is not None:
                    store.describe_mode(replace(narrated.description, at=clock.now()))
                found.append(narrated)
                progress.advance()
    finally:
        progress.done()
    return found
