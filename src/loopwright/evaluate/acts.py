"""What an agent changed in the world: the calls that did something, told from those that only looked something up.

Two answers with other words and the same acts did the same; that is what a case about an outcome compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from loopwright.collect.trace import Message, Trace
from loopwright.evaluate.data_checks import includes, same
from loopwright.mine.reading import ToolUse, read

_W = TypeVar("_W")
_M = TypeVar("_M")
_LOOKS = frozenset({
    "calculate", "calculator", "check", "compare", "compute", "count", "describe", "detail", "details", "estimate", "explain",
    "fetch", "find", "get", "grep", "info", "inspect", "list", "load", "lookup", "ls", "plan", "preview", "query", "quote",
    "read", "retrieve", "search", "show", "status", "summarize", "think", "thought", "validate", "verify", "view",
})  # fmt: skip
_HANDS_OVER = frozenset({"transfer", "escalate", "escalation", "handoff", "handover"})
_TO_WHOM = frozenset({"human", "humans", "agent", "agents", "operator", "person", "representative", "supervisor", "support"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Act:
    """A call that changed something: the tool's name, its arguments, and the index of its message."""

    name: str
    arguments: dict[str, Any]
    index: int | None = None

    def like(self, other: Act) -> bool:
        """Whether both are the same call."""
        return self.name == other.name and same(self.arguments, other.arguments)

    def within(self, other: Act) -> bool:
        """Whether the other is this call, maybe with more arguments: what a check takes for the same."""
        return self.name == other.name and includes(other.arguments, self.arguments)


def paired(wanted: Sequence[_W], made: Sequence[_M], fits: Callable[[_W, _M], bool]) -> bool:
    """Whether each of `wanted` fits one of `made`, and none is left over (a perfect matching, by augmenting paths)."""
    if len(wanted) != len(made):
        return False
    taken: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        for at, one in enumerate(made):
            if at not in tried and fits(wanted[index], one):
                tried.add(at)
                if at not in taken or place(taken[at], tried):
                    taken[at] = index
                    return True
        return False

    return all(place(index, set()) for index in range(len(wanted)))


def acts(messages: Sequence[Message]) -> tuple[Act, ...]:
    """The acts of a conversation, in order: calls that failed changed nothing, and are none."""
    return tuple(
        Act(use.name, dict(use.arguments) if isinstance(use.arguments, dict) else {}, use.index)
        for use in read(Trace("", messages=tuple(messages))).tools
        if done(use) and changes(use.name)
    )


def done(use: ToolUse) -> bool:
    """Whether a call was made, and did not end with an error."""
    return use.index is not None and bool(use.name) and use.failure is None


def changes(name: str) -> bool:
    """Whether a tool of this name changes something, by its words; one that only looks up, thinks or hands over does not.

    A name that tells neither counts as changing something.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    return not hands_over(name) and not any(word in _LOOKS for word in (*words[:1], *words[-1:]))


def hands_over(name: str) -> bool:
    """Whether a tool of this name gives the conversation to a person."""
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & {"handoff", "handover"}) or (bool(words & _HANDS_OVER) and bool(words & _TO_WHOM))
