"""The driver answers what a step yields, through the ports."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from loopwright.effects import CallTarget, Embed, TargetReply
from loopwright.errors import UsageError
from loopwright.workflows.driver import drive


class Lengths:
    """An embedder whose vectors are the lengths of the texts."""

    name = "lengths"

    def embed(self, texts: Sequence[str]) -> Any:
        return [[len(t)] for t in texts]


class Echo:
    """A target that answers with its input."""

    name = "echo"

    async def call(self, request: CallTarget) -> TargetReply:
        return TargetReply(str(request.input))

    async def close(self) -> None:
        pass


def test_each_request_is_answered_by_its_port() -> None:
    def step() -> Generator[Any, Any, tuple[Any, str]]:
        vectors = yield Embed(("a", "bb"))
        reply = yield CallTarget("hello", "case-1", 0, 1.0)
        return vectors, reply.output

    assert asyncio.run(drive(step(), embedder=Lengths(), target=Echo())) == ([[1], [2]], "hello")


def test_a_request_that_nothing_answers_is_an_error() -> None:
    def step() -> Generator[Any, Any, None]:
        yield Embed(("a",))

    with pytest.raises(UsageError, match="asks for Embed"):
        asyncio.run(drive(step()))


def test_a_step_may_yield_nothing_else() -> None:
    def step() -> Generator[Any, Any, None]:
        yield "something"

    with pytest.raises(TypeError, match="yielded 'something'"):
        asyncio.run(drive(step()))


def test_a_step_without_requests_just_returns() -> None:
    def step() -> Generator[Any, Any, int]:
        return 3
        yield

    assert asyncio.run(drive(step())) == 3
