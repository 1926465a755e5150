"""The one driver of steps that ask the world: it answers what a generator yields, through the ports."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from loopwright.effects import CallTarget, Embed, Request
from loopwright.errors import UsageError
from loopwright.ports import Embedder, Model, Target

T = TypeVar("T")


async def drive(
    step: Generator[Any, Any, T],
    *,
    model: Model | None = None,
    embedder: Embedder | None = None,
    target: Target | None = None,
) -> T:
    """Run `step` to its end and return its result.

    Each `Request`, `Embed` or `CallTarget` that it yields is answered through the port of that kind; raises `UsageError` where
    that port was not given.
    """
    reply: Any = None
    while True:
        try:
            asked = step.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        reply = await _answer(asked, model, embedder, target)


async def _answer(asked: object, model: Model | None, embedder: Embedder | None, target: Target | None) -> Any:
    match asked:
        case Embed(texts=texts) if embedder is not None:
            return embedder.embed(texts)
        case Request() if model is not None:
            return await model.complete(asked)
        case CallTarget() if target is not None:
            return await target.call(asked)
        case Embed() | Request() | CallTarget():
            raise UsageError(f"this step asks for {type(asked).__name__}, and nothing is configured to answer it")
        case _:
            raise TypeError(f"a step yielded {asked!r}; it may yield Request, Embed or CallTarget")
