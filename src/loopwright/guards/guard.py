"""What a guard is: a pure step over a session's state, and the events that it is shown.

| event | when | payload |
|---|---|---|
| `message` | a message joins the conversation | `role`, `content` |
| `model_call` | the model is about to be called | `messages`: a list of chat messages |
| `tool_call` | a tool is about to run | `id`, `name`, `arguments`, `tools`: the names that exist (absent where unknown) |
| `tool_result` | a tool has run | `id`, `name`, `arguments`, `result`, `error`: text, or None where it did not fail |
| `answer` | the agent is about to answer the user | `content` |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

GuardMode = Literal["off", "shadow", "enforce"]
EventKind = Literal["message", "model_call", "tool_call", "tool_result", "answer"]
MODES: tuple[GuardMode, ...] = ("off", "shadow", "enforce")
StateT = TypeVar("StateT")


@dataclass(frozen=True, slots=True)
class GuardEvent:
    """What is about to happen in the agent, or just did. `payload` holds plain values (see the module's table)."""

    kind: EventKind
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GuardDecision:
    """What a guard says of an event: let it pass, stop it, or replace it; `reason` is for people, and for the agent's model.

    `replacement` stands for what the event was about: the result of a `tool_call` that need not run, the messages of a
    `model_call`, the content of an `answer`. `instead` names the tool that a blocked `tool_call` should have been of: a loop that
    can may call it with the same arguments, any other gives the model `reason`.
    """

    action: Literal["allow", "block", "replace"] = "allow"
    reason: str = ""
    replacement: Any = None
    instead: str = ""


ALLOW = GuardDecision()

STOPPED = "not run by the harness: "
"""How the reason begins for which a tool call did not run: the agent's model reads it, and so does who looks at traces later."""


def was_stopped(result: str) -> bool:
    """Whether what stands in place of a tool's result says that a guard stopped the call, or answered it."""
    return STOPPED in result


class Guard(Protocol, Generic[StateT]):
    """A runtime harness component.

    `step(state, event, now)` is pure: it returns the next state and the decision; `now` is seconds since any fixed moment, and
    never runs backwards within a session. In `shadow` mode the decision is recorded and not acted on.
    """

    @property
    def name(self) -> str:
        """The kind of guard, such as `retry_budget`."""

    @property
    def mode(self) -> GuardMode:
        """Whether its decisions are not made, recorded only, or acted on."""

    def initial(self) -> StateT:
        """The state of a new session."""

    def step(self, state: StateT, event: GuardEvent, now: float) -> tuple[StateT, GuardDecision]:
        """Take one event."""
