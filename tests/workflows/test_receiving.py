from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from loopwright.errors import StoreError
from loopwright.ports import PutSpans, SpanPart
from loopwright.workflows.receiving import BUSY_S, Receiver, keep_settling


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class Written:
    """A store that tells what it was given, in which transactions; it refuses parts of the trace `bad`."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.entered = threading.Event()
        self.leave = threading.Event()
        self.leave.set()

    def put_spans(self, parts: Sequence[SpanPart], at: datetime) -> PutSpans:
        self.entered.set()
        assert self.leave.wait(10)
        ids = [part.trace_id for part in parts]
        if "bad" in ids:
            raise StoreError("it cannot be written")
        self.groups.append(ids)
        return PutSpans(new=len(ids))


def part(trace_id: str, size: int = 1) -> SpanPart:
    return SpanPart(trace_id, ("1",), (b"x",), b"." * size)


@contextmanager
def writing() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def received(store: Any, work: Callable[[Receiver], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        with writing() as threads:
            receiver = Receiver(store, Clock(), threads)
            running = asyncio.create_task(receiver.run())
            try:
                return await work(receiver)
            finally:
                receiver.close()
                await asyncio.wait_for(running, 10)

    return asyncio.run(run())


def test_what_comes_together_is_written_together() -> None:
    store = Written()
    store.leave.clear()

    async def work(receiver: Receiver) -> None:
        first = asyncio.create_task(receiver.spans([part("a")]))
        await asyncio.to_thread(store.entered.wait, 10)
        others = [asyncio.create_task(receiver.spans([part(name)])) for name in "bcd"]
        await asyncio.sleep(0)
        assert receiver.busy
        store.leave.set()
        await asyncio.gather(first, *others)

    received(store, work)

    assert store.groups == [["a"], ["b", "c", "d"]]


def test_one_request_that_cannot_be_written_harms_no_other() -> None:
    store = Written()
    store.leave.clear()

    async def work(receiver: Receiver) -> list[Any]:
        tasks = [asyncio.create_task(receiver.spans([part(name)])) for name in ("a", "b", "bad", "c")]
        await asyncio.to_thread(store.entered.wait, 10)
        store.leave.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = received(store, work)

    assert [type(one).__name__ for one in found] == ["PutSpans", "PutSpans", "StoreError", "PutSpans"]
    assert sorted(id for group in store.groups for id in group) == ["a", "b", "c"]


def test_a_request_that_nobody_waits_for_any_more_is_written_and_holds_up_nothing() -> None:
    store = Written()
    store.leave.clear()

    async def work(receiver: Receiver) -> None:
        gone = asyncio.create_task(receiver.spans([part("a")]))
        await asyncio.to_thread(store.entered.wait, 10)
        gone.cancel()
        await asyncio.sleep(0)
        store.leave.set()
        await receiver.spans([part("b")])

    received(store, work)

    assert store.groups == [["a"], ["b"]]


def test_what_waits_is_written_before_the_end() -> None:
    store = Written()

    async def work(receiver: Receiver) -> asyncio.Task[PutSpans]:
        task = asyncio.create_task(receiver.spans([part("a")]))
        await asyncio.sleep(0)
        return task

    received(store, work)

    assert store.groups == [["a"]]


def test_nothing_is_written_for_nothing() -> None:
    assert received(Written(), lambda receiver: receiver.spans([])) == PutSpans()


@pytest.mark.parametrize("fault", [StoreError("locked"), ValueError("a bug")])
def test_settling_goes_on_after_what_fails(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loopwright.workflows.receiving.AFTER_ERROR_S", 0.01)
    limits: list[int] = []

    async def run() -> None:
        stop = asyncio.Event()

        async def settle(limit: int) -> int:
            limits.append(limit)
            if len(limits) == 1:
                raise fault
            if len(limits) == 4:
                stop.set()
            return limit

        await asyncio.wait_for(keep_settling(settle, lambda: len(limits) < 2, stop), 20)

    asyncio.run(run())

    assert limits == [4, 4, 50, 50]


def test_ingest_is_under_way_while_a_request_is_and_a_moment_longer() -> None:
    with writing() as threads:
        receiver = Receiver(Written(), Clock(), threads)
        assert not receiver.busy
        with receiver.request():
            time.sleep(2 * BUSY_S)
            assert receiver.busy
        assert receiver.busy
        time.sleep(2 * BUSY_S)
        assert not receiver.busy
