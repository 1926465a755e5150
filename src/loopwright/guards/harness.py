"""The live wrapper: it shows the guards what an agent is doing, keeps their state for each session, and acts on what they say.

A guard that breaks never breaks the agent: its event passes, and the fault is recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from loopwright.guards.guard import ALLOW, EventKind, Guard, GuardDecision, GuardEvent, GuardMode


@dataclass(frozen=True, slots=True)
class GuardRecord:
    """One decision that was not `allow`, or one fault: what was said, in which mode, and whether it was acted on.

    `at` is seconds, by the harness's clock. `fault` is set where the guard itself failed.
    """

    session_id: str
    guard: str
    mode: GuardMode
    event: GuardEvent
    decision: GuardDecision
    at: float
    acted: bool
    fault: str = ""


Recorder = Callable[[GuardRecord], None]


class Harness:
    """All guards of one agent. `session(session_id)` gives what the agent's loop talks to.

    Guards are asked in the order given. Once one that enforces stops an event, or answers it, the others are not asked: for them
    it does not happen. `clock` gives seconds; `record` is told of every decision that is not `allow`, and may be called from
    several threads. State lives in this process: several processes share nothing. `faults` say which guards were to be here and
    could not be made.
    """

    def __init__(
        self,
        guards: Sequence[Guard[Any]] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        record: Recorder | None = None,
        faults: Sequence[str] = (),
    ) -> None:
        self.faults = tuple(faults)
        self.guards = tuple(guard for guard in guards if guard.mode != "off")
        self._clock = clock
        self._record = record
        self._sessions: dict[str, GuardedSession] = {}
        self._lock = Lock()

    def keeping_time(self, clock: Callable[[], float]) -> Harness:
        """The same guards and recorder by another clock, such as a simulated one; sessions of their own."""
        return Harness(self.guards, clock=clock, record=self._record, faults=self.faults)

    def session(self, session_id: str) -> GuardedSession:
        """The session of that id: the same object until `end` forgets it."""
        with self._lock:
            if session_id not in self._sessions:
                self._sessions[session_id] = GuardedSession(session_id, self.guards, self._clock, self._record)
            return self._sessions[session_id]

    def end(self, session_id: str) -> None:
        """Forget a session's state; an unknown id is fine."""
        with self._lock:
            self._sessions.pop(session_id, None)


class GuardedSession:
    """One conversation under guard. Every method may be called from any thread."""

    def __init__(
        self, session_id: str, guards: Sequence[Guard[Any]], clock: Callable[[], float], record: Recorder | None
    ) -> None:
        self.session_id = session_id
        self.records: list[GuardRecord] = []
        self._guards = guards
        self._states: list[Any] = [guard.initial() for guard in guards]
        self._clock = clock
        self._record = record
        self._lock = Lock()

    def message(self, role: str, content: Any) -> None:
        """A message joined the conversation."""
        self._show("message", {"role": role, "content": content})

    def model_call(self, messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The messages to call the model with: those given, or what the guards make of them."""
        decision = self._show("model_call", {"messages": list(messages)})
        return list(decision.replacement) if decision.action == "replace" else list(messages)

    def tool_call(self, name: str, arguments: Any, id: str = "", tools: Sequence[str] | None = None) -> GuardDecision:
        """What to do with a tool call: `allow` it; `block` it, telling the model why; or take `replacement` for its result."""
        payload = {"id": id, "name": name, "arguments": arguments}
        return self._show("tool_call", payload if tools is None else {**payload, "tools": tuple(tools)})

    def tool_result(self, name: str, arguments: Any, result: Any, error: str | None = None, id: str = "") -> None:
        """A tool has run, and gave `result`, or failed with `error`."""
        self._show("tool_result", {"id": id, "name": name, "arguments": arguments, "result": result, "error": error})

    def answer(self, content: str) -> GuardDecision:
        """What to do with an answer: `allow` it; `block` it, giving the model `reason`; or send `replacement` instead."""
        return self._show("answer", {"content": content})

    def _show(self, kind: EventKind, payload: Mapping[str, Any]) -> GuardDecision:
        made: list[GuardRecord] = []
        with self._lock:
            final = self._ask(GuardEvent(kind, payload), self._clock(), made)
            self.records.extend(made)
        if self._record is not None:
            for record in made:
                self._record(record)
        return final

    def _ask(self, event: GuardEvent, now: float, made: list[GuardRecord]) -> GuardDecision:
        """Ask each guard in turn: a `model_call` passes through all of them, anything else stops at the first that acts."""
        final = ALLOW
        for index, guard in enumerate(self._guards):
            try:
                self._states[index], decision = guard.step(self._states[index], event, now)
            except Exception as error:
                fault = f"{type(error).__name__}: {error}"
                made.append(GuardRecord(self.session_id, guard.name, guard.mode, event, ALLOW, now, acted=False, fault=fault))
                continue
            if decision.action == "allow":
                continue
            acts = guard.mode == "enforce"
            made.append(GuardRecord(self.session_id, guard.name, guard.mode, event, decision, now, acted=acts))
            if not acts:
                continue
            final = decision
            if event.kind != "model_call" or decision.action != "replace":
                break
            event = GuardEvent("model_call", {"messages": list(decision.replacement)})
        return final
