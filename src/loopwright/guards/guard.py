"""What a guard is: a pure step over a session's state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

GuardMode = Literal["off", "shadow", "enforce"]
StateT = TypeVar("StateT")


@dataclass(frozen=True)
class GuardEvent:
    """What is about to happen in the agent, or just did: a tool call, its result, a message, an error.

    `payload` holds the event's data as plain values.
    """

    kind: str
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GuardDecision:
    """What the guard says of an event: let it pass, stop it, or replace it; `reason` is for people."""

    action: Literal["allow", "block", "replace"]
    reason: str = ""
    replacement: Any = None


class Guard(Protocol, Generic[StateT]):
    """A runtime harness component.

    `step(state, event, now)` is pure: it returns the next state and the decision, and `now` is seconds. In `shadow` mode the
    decision is recorded and not acted on.
    """

    name: str
    mode: GuardMode

    def initial(self) -> StateT:
        """The state of a new session."""

    def step(self, state: StateT, event: GuardEvent, now: float) -> tuple[StateT, GuardDecision]:
        """Take one event."""
