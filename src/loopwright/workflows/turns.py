"""A conversation of several turns with a target that answers one turn at a time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from loopwright.effects import CallTarget, TargetReply
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.check import Answer, CannotTellError
from loopwright.ports import Target


class TurnByTurn:
    """The `Target` port over another target: the user messages of the cases named are said one after the other.

    Each turn is a call with the conversation so far, the agent's own messages included; what the user says is as recorded,
    whatever the agent answers. The reply is of the whole conversation: its messages, and the sums of runtime, cost and tokens
    (None where a turn does not tell). A turn that fails ends it. The time-out holds for each turn.
    """

    def __init__(self, target: Target, conversations: Collection[str]) -> None:
        self._target = target
        self._conversations = frozenset(conversations)

    @property
    def name(self) -> str:
        """The inner target's."""
        return self._target.name

    async def open(self) -> None:
        """Get the inner target ready."""
        await self._target.open()

    async def call(self, request: CallTarget) -> TargetReply:
        """Play one conversation, or pass on a case that is none."""
        if request.case_id not in self._conversations or not isinstance(request.input, list) or len(request.input) < 2:
            return await self._target.call(request)
        said: list[dict[str, Any]] = []
        replies: list[TargetReply] = []
        for turn in request.input:
            said.append(turn)
            reply = await self._target.call(replace(request, input=list(said)))
            replies.append(reply)
            if reply.error is not None:
                break
            said += _added(said, reply)
        whole = replies[-1]
        return replace(
            whole,
            messages=tuple(said) if all(reply.messages for reply in replies if reply.error is None) else (),
            latency_ms=_total([reply.latency_ms for reply in replies]),
            cost_usd=_total([reply.cost_usd for reply in replies]),
            tokens=_total([reply.tokens for reply in replies]),
        )

    async def close(self) -> None:
        """Release the inner target."""
        await self._target.close()


def _added(said: list[dict[str, Any]], reply: TargetReply) -> list[dict[str, Any]]:
    """The messages that the agent added in this turn, in its own form."""
    try:
        count = len(Answer(EvalCase("turn", list(said)), reply).messages)
    except CannotTellError:
        count = 0
    return list(reply.messages[len(reply.messages) - count :]) if count else [{"role": "assistant", "content": reply.output}]


def _total(values: list[Any]) -> Any:
    return None if any(value is None for value in values) else sum(values)
