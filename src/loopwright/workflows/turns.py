"""A conversation of several turns with a target: at once where the target plays them itself, otherwise turn by turn."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from loopwright.effects import CallTarget, TargetReply
from loopwright.evaluate.case import EvalCase
from loopwright.evaluate.check import Answer, CannotTellError
from loopwright.ports import Target

RUNTIME = "runtime"
"""The field of an answer in which a target tells its own runtime, in seconds; its time may be simulated."""


class TurnByTurn:
    """The `Target` port over another target: the user's messages of the cases named are said one after the other.

    Some targets play a list of user messages themselves, which shows in a reply that answers the first before it repeats the
    last: they are given the whole. Any other is called once a turn, with the conversation so far, the agent's own messages
    included; the reply is then of the whole conversation, with the sums of runtime, cost and tokens (None where a turn does not
    tell). A turn that fails ends it. The time-out holds for each call. What the user says is as recorded, whatever the agent
    answers.

    A runtime that the target tells itself takes the place of the time that the call took.
    """

    def __init__(self, target: Target, conversations: Collection[str]) -> None:
        self._target = target
        self._conversations = frozenset(conversations)
        self._plays: bool | None = None

    @property
    def name(self) -> str:
        """The inner target's."""
        return self._target.name

    async def open(self) -> None:
        """Get the inner target ready."""
        await self._target.open()

    async def call(self, request: CallTarget) -> TargetReply:
        """Play one conversation, or pass on a case that is none."""
        turns = request.input
        if request.case_id not in self._conversations or not isinstance(turns, list) or len(turns) < 2 or self._plays:
            return _own_runtime(await self._target.call(request))
        if self._plays is None:
            reply = await self._target.call(request)
            if reply.error is not None:
                return _own_runtime(reply)
            self._plays = _played(turns, reply.messages)
            if self._plays:
                return _own_runtime(reply)
        return await self._turn_by_turn(request, turns)

    async def close(self) -> None:
        """Release the inner target."""
        await self._target.close()

    async def _turn_by_turn(self, request: CallTarget, turns: Sequence[dict[str, Any]]) -> TargetReply:
        said: list[dict[str, Any]] = []
        replies: list[TargetReply] = []
        for turn in turns:
            said.append(turn)
            reply = _own_runtime(await self._target.call(replace(request, input=list(said))))
            replies.append(reply)
            if reply.error is not None:
                break
            said += _added(said, reply)
        told = all(reply.messages for reply in replies if reply.error is None)
        return replace(
            replies[-1],
            messages=tuple(said) if told else (),
            latency_ms=_total([reply.latency_ms for reply in replies]),
            cost_usd=_total([reply.cost_usd for reply in replies]),
            tokens=_total([reply.tokens for reply in replies]),
        )


def _played(turns: Sequence[dict[str, Any]], messages: Sequence[dict[str, Any]]) -> bool:
    """Whether the reply holds all that the user says, with an answer in between."""
    users = [index for index, message in enumerate(messages) if message.get("role") == "user"]
    answered = any(m.get("role") == "assistant" for m in messages[: users[-1]]) if users else False
    return answered and len(users) == len(turns)


def _own_runtime(reply: TargetReply) -> TargetReply:
    told = reply.extra.get(RUNTIME)
    if isinstance(told, bool) or not isinstance(told, int | float) or not math.isfinite(told) or told < 0:
        return reply
    return replace(reply, latency_ms=told * 1000.0)


def _added(said: list[dict[str, Any]], reply: TargetReply) -> list[dict[str, Any]]:
    """The messages that the agent added in this turn, in its own form."""
    try:
        count = len(Answer(EvalCase("turn", list(said)), reply).messages)
    except CannotTellError:
        count = 0
    return list(reply.messages[len(reply.messages) - count :]) if count else [{"role": "assistant", "content": reply.output}]


def _total(values: list[Any]) -> Any:
    return None if any(value is None for value in values) else sum(values)
