from __future__ import annotations

import asyncio
import re
import threading
import time

import pytest

from loopwright.adapters.executors.local import LocalExecutor
from loopwright.adapters.executors.processor_time import processor_time
from loopwright.effects import CallTarget, TargetReply


class Echo:
    """Answers after a while; counts how many calls are under way."""

    name = "echo"

    def __init__(self) -> None:
        self.now = self.most = self.called = 0

    async def open(self) -> None:
        return

    async def call(self, request: CallTarget) -> TargetReply:
        self.called += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001 * (request.trial % 3))
        self.now -= 1
        if request.trial == 13:
            raise RuntimeError("broken")
        return TargetReply(str(request.trial))

    async def close(self) -> None:
        return


def calls(count: int) -> list[CallTarget]:
    return [CallTarget("x", "c", number, 1.0) for number in range(count)]


@pytest.mark.parametrize(("count", "concurrency"), [(0, 3), (1, 8), (40, 1), (40, 7)])
def test_every_call_is_answered_once_within_the_limit(count: int, concurrency: int) -> None:
    target = Echo()

    async def main() -> list[tuple[int, str, str | None]]:
        found = LocalExecutor(concurrency).run(iter(calls(count)), target)
        return [(call.trial, reply.output, reply.error) async for call, reply in found]

    replies = sorted(asyncio.run(main()))
    assert replies == [
        (n, "" if n == 13 else str(n), "the target broke: RuntimeError: broken" if n == 13 else None) for n in range(count)
    ]
    assert target.most <= concurrency


def test_calls_are_made_no_faster_than_replies_are_taken() -> None:
    target = Echo()

    async def main() -> None:
        found = LocalExecutor(2).run(calls(1000), target)
        await anext(found)
        await asyncio.sleep(0.05)
        await found.aclose()

    asyncio.run(main())
    assert target.called < 20
    assert target.now <= 2


def test_a_runaway_regular_expression_is_stopped() -> None:
    with pytest.raises(TimeoutError, match="more than 0.1 s of processor time"), processor_time(0.1):
        re.search(r"(a+)+$", "a" * 40 + "b")


def test_each_check_of_a_trial_is_stopped_and_what_is_fast_is_not() -> None:
    stopped = 0
    with processor_time(0.1):
        for _ in range(2):
            try:
                re.search(r"(a+)+$", "a" * 40 + "b")
            except TimeoutError:
                stopped += 1
    assert stopped == 2
    with processor_time(0.1):
        time.sleep(0.2)  # waiting takes no processor time


def test_in_another_thread_there_is_no_limit() -> None:
    done: list[bool] = []

    def work() -> None:
        with processor_time(0.01):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
