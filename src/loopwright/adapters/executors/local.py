"""Trials in this process: a fixed number under way at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from loopwright.effects import CallTarget, TargetReply
from loopwright.ports import Target


class LocalExecutor:
    """Runs calls on the current event loop, `concurrency` at a time, and yields each reply as it comes.

    Calls are taken from the iterable as places become free, and no faster than replies are taken.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency

    async def run(self, calls: Iterable[CallTarget], target: Target) -> AsyncIterator[tuple[CallTarget, TargetReply]]:
        """Run the calls; a target that raises has given an error reply."""
        waiting = iter(calls)
        replies: asyncio.Queue[tuple[CallTarget, TargetReply] | None] = asyncio.Queue(2 * self._concurrency)

        async def work() -> None:
            for call in waiting:
                await replies.put((call, await _reply(target, call)))
            await replies.put(None)

        workers = [asyncio.create_task(work()) for _ in range(self._concurrency)]
        try:
            left = len(workers)
            while left:
                item = await replies.get()
                if item is None:
                    left -= 1
                else:
                    yield item
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)


async def _reply(target: Target, call: CallTarget) -> TargetReply:
    try:
        return await target.call(call)
    except Exception as error:
        return TargetReply(error=f"the target broke: {type(error).__name__}: {error}")
