"""What a check is: a named, documented, pure function of one context."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from loopwright.collect.conversation import read_messages
from loopwright.collect.trace import Message, Trace
from loopwright.effects import TargetReply
from loopwright.errors import RecordError
from loopwright.evaluate.case import Check, EvalCase
from loopwright.evaluate.result import CheckOutcome
from loopwright.evaluate.shape import Choice, Field
from loopwright.mine.reading import ToolUse, read, role_of


class CannotTellError(Exception):
    """A check has not what it needs to decide: no verdict, which is not a failure and never a pass."""


@dataclass(frozen=True)
class Answer:
    """What the agent answered to a case, read once for all its checks.

    Raises `CannotTellError` where something is asked of it that the reply does not hold.
    """

    case: EvalCase
    reply: TargetReply

    @property
    def output(self) -> str:
        """The answer's text."""
        return self.reply.output

    @cached_property
    def history(self) -> tuple[Message, ...]:
        """The case's input as messages."""
        given = self.case.input
        return read_messages(given) if isinstance(given, list | tuple) else (Message("user", str(given)),)

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The messages that the agent added; those of the input, where it repeats them, are left out."""
        if not self.reply.messages:
            raise CannotTellError('the target answered without "messages", so nothing is known of its tool calls')
        try:
            told = read_messages(self.reply.messages)
        except RecordError as error:
            raise CannotTellError(f"the target's messages cannot be read: {error}") from None
        return added(self.history, told)

    @cached_property
    def tool_uses(self) -> tuple[ToolUse, ...]:
        """The tool calls that the agent made for this answer."""
        return tuple(use for use in read(Trace("", messages=self.messages)).tools if use.index is not None)

    @cached_property
    def earlier_tool_uses(self) -> tuple[ToolUse, ...]:
        """The tool calls that the case's input holds already."""
        return tuple(use for use in read(Trace("", messages=self.history)).tools if use.index is not None)

    @cached_property
    def document(self) -> Any:
        """The answer's text as JSON; raises `ValueError` where it is not."""
        try:
            return json.loads(self.output, parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("nested too deep") from None

    def text_in(self, place: str) -> str:
        """The text that a check looks at: one of `PLACES`."""
        if place == "output":
            return self.output
        wanted = (m for m in self.messages if place == "messages" or role_of(m) == "tool")
        return "\n".join(m.text for m in wanted)


PLACES = ("output", "tool_results", "messages")
IN = Field("in", Choice(PLACES), "where to look: the output (default), the tools' results, or all messages of the answer")

Verdict = tuple[bool, str]
"""Passed or not, and the reason."""


@dataclass(frozen=True, slots=True)
class CheckType:
    """A kind of check.

    `decide(answer, options)` returns whether it passed and why; it may raise `CannotTellError`. `fault(options)` finds what is
    wrong with options that the table of fields accepts, such as an invalid regex.
    """

    name: str
    help: str
    options: tuple[Field, ...]
    decide: Callable[[Answer, dict[str, Any]], Verdict]
    fault: Callable[[dict[str, Any]], str | None] = lambda _: None
    rules: tuple[dict[str, Any], ...] = ()


def apply(kind: CheckType, check: Check, answer: Answer) -> CheckOutcome:
    """Run one check; one that breaks could not tell, with the reason."""
    try:
        passed, reason = kind.decide(answer, check.options)
    except CannotTellError as error:
        return CheckOutcome(check.type, None, str(error))
    except Exception as error:
        return CheckOutcome(check.type, None, f"the check broke: {type(error).__name__}: {error}")
    return CheckOutcome(check.type, passed, reason)


def excerpt(text: str, length: int = 80) -> str:
    """Text in a reason: quoted, on one line, short."""
    flat = " ".join(text.split())
    return f'"{flat}"' if len(flat) <= length else f'"{flat[: length - 3]}..."'


def added(history: tuple[Message, ...], told: tuple[Message, ...]) -> tuple[Message, ...]:
    """`told` without the input at its front; a system message that the agent puts there is its own."""
    start = 0
    while start < len(told) and role_of(told[start]) == "system":
        start += 1
    said = [m for m in history if role_of(m) != "system"]
    if len(told) - start < len(said) or any(not _same(a, b) for a, b in zip(said, told[start:], strict=False)):
        return told
    return told[start + len(said) :]


def _same(one: Message, other: Message) -> bool:
    calls = [(c.name, c.arguments) for c in one.tool_calls]
    return (
        one.role == other.role
        and one.text.strip() == other.text.strip()
        and calls == [(c.name, c.arguments) for c in other.tool_calls]
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
