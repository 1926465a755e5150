"""Shows a guard events, as a harness would."""

from __future__ import annotations

from typing import Any

from loopwright.guards.guard import Guard, GuardDecision, GuardEvent


class Shown:
    """One session of one guard; each method shows an event, a second after the last, and gives the decision."""

    def __init__(self, guard: Guard[Any]) -> None:
        self.guard = guard
        self.state = guard.initial()
        self.now = 0.0

    def show(self, kind: Any, **payload: Any) -> GuardDecision:
        self.now += 1.0
        self.state, decision = self.guard.step(self.state, GuardEvent(kind, payload), self.now)
        return decision

    def user(self, content: str) -> GuardDecision:
        return self.show("message", role="user", content=content)

    def call(self, name: str, arguments: Any = None, **more: Any) -> GuardDecision:
        return self.show("tool_call", id="", name=name, arguments=arguments, **more)

    def result(self, name: str, result: Any, arguments: Any = None, error: str | None = None) -> GuardDecision:
        return self.show("tool_result", id="", name=name, arguments=arguments, result=result, error=error)

    def both(self, name: str, result: Any, arguments: Any = None, error: str | None = None) -> GuardDecision:
        """A call, and its result where it was let pass."""
        decision = self.call(name, arguments)
        if decision.action == "allow":
            self.result(name, result, arguments, error)
        return decision

    def answer(self, content: str) -> GuardDecision:
        return self.show("answer", content=content)
