"""What arrives is written before it is acknowledged: requests that come together share a transaction. Settling goes on behind."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from loopwright.collect.joining import GivenFeedback
from loopwright.errors import LoopwrightError
from loopwright.ports import Clock, PartReader, PutCounts, PutSpans, SpanPart, Store
from loopwright.workflows.settling import Finish, settle_some

log = logging.getLogger("loopwright")

GROUP_BYTES = 16 * 1024 * 1024
"""As much is written in one transaction at most, but for a single request."""

BUSY_S = 0.05
"""Ingest counts as under way for so long after a request: the next one of a sender that sends without a pause comes sooner."""

SHARE = 0.1
"""The share of time that settling takes while ingest is under way."""

FEW, MANY = 4, 50
"""Traces that are settled at a stretch while ingest is under way, and otherwise."""

PAUSE_S = 0.5
"""How long settling waits where there is nothing to settle."""

AFTER_ERROR_S = 5.0


@dataclass(slots=True)
class _Waiting:
    """Parts that a request waits for."""

    parts: Sequence[SpanPart]
    size: int
    written: asyncio.Future[PutSpans]


class Receiver:
    """Keeps what arrives. `writing` runs the store's writes, one at a time: an executor with one thread.

    `run` must be under way for `spans` to return; `close` writes what still waits.
    """

    def __init__(self, store: Store, clock: Clock, writing: Executor) -> None:
        self._store = store
        self._clock = clock
        self._writing = writing
        self._waiting: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._closing = False
        self._under_way = 0
        self._last = -BUSY_S

    @property
    def busy(self) -> bool:
        """Whether ingest is under way."""
        return self._under_way > 0 or bool(self._waiting) or monotonic() - self._last < BUSY_S

    @contextmanager
    def request(self) -> Iterator[None]:
        """A request that has come whole is under way."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._last = monotonic()

    async def spans(self, parts: Sequence[SpanPart]) -> PutSpans:
        """Keep parts: on disk when this returns. Raises what the store raises; then nothing of them is kept."""
        if not parts:
            return PutSpans()
        written: asyncio.Future[PutSpans] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(parts, sum(len(part.data) for part in parts), written))
        self._news.set()
        return await written

    async def feedback(self, given: Sequence[GivenFeedback]) -> PutCounts:
        """Keep feedback: on disk when this returns."""
        if not given:
            return PutCounts()
        counts: PutCounts = await self._write(self._store.put_feedback, given)
        return counts

    async def run(self) -> None:
        """Write what arrives until `close`."""
        while not (self._closing and not self._waiting):
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                group = self._next_group()
                if not await self._put(group) and len(group) > 1:
                    for one in group:  # one request that cannot be written harms no other
                        await self._put([one])
                for one in group:
                    if not one.written.done():
                        one.written.cancel()

    def close(self) -> None:
        """Let `run` end once all that waits is written."""
        self._closing = True
        self._news.set()

    def _next_group(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        size = group[0].size
        while self._waiting and size + self._waiting[0].size <= GROUP_BYTES:
            group.append(self._waiting.popleft())
            size += group[-1].size
        return group

    async def _put(self, group: Sequence[_Waiting]) -> bool:
        """Write a group; False where it cannot be written, which is told to the one that waits where it is alone."""
        parts = [part for one in group for part in one.parts]
        try:
            counts = await self._write(self._store.put_spans, parts, self._clock.now())
        except Exception as error:
            if len(group) == 1 and not group[0].written.done():
                group[0].written.set_exception(error)
            return False
        for one in group:
            if not one.written.done():
                one.written.set_result(counts)
        return True

    async def _write(self, put: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._writing, put, *args)


async def keep_settling(settle: Callable[[int], Awaitable[int]], busy: Callable[[], bool], stop: asyncio.Event) -> None:
    """Settle traces until `stop`: as fast as it goes while nothing arrives, a small share of the time while something does.

    `settle` takes how many traces at most, and gives how many they were. What it raises is logged, and tried again.
    """
    while not stop.is_set():
        under_way = busy()
        began = monotonic()
        try:
            done = await settle(FEW if under_way else MANY)
        except LoopwrightError as error:
            log.warning("settling waits: %s", error)
            await _pause(stop, AFTER_ERROR_S)
            continue
        except Exception:
            log.exception("settling failed; it is tried again")
            await _pause(stop, AFTER_ERROR_S)
            continue
        took = monotonic() - began
        await _pause(stop, PAUSE_S if done == 0 else took * (1 / SHARE - 1) if under_way else 0)


async def settle_in_thread(
    store: Store, read_part: PartReader, clock: Clock, limit: int, quiet_seconds: float, finish: Finish | None = None
) -> int:
    """`settle_some` in a thread of its own, so that whoever is served meanwhile does not wait for it."""
    work = settle_some(store, read_part, clock.now(), limit, quiet_seconds, finish=finish)
    return await asyncio.to_thread(asyncio.run, work)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds or 0.001)
