"""The agent's loop over model calls and tool calls, under guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from loopwright.examples.airline.belief import NOT_SENT
from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.faults import ToolError
from loopwright.examples.airline.model import ChatModel, Completion, ModelError, ToolRequest
from loopwright.examples.airline.phrasing import SYSTEM_PROMPT
from loopwright.examples.airline.spans import ConversationSpans
from loopwright.examples.airline.toolbox import Toolbox, content_of
from loopwright.guards.harness import GuardedSession

MAX_STEPS = 14
"""Model calls that one message of the customer may take."""

GIVE_UP = "I am sorry, I could not finish that just now. Could you tell me once more what you need?"
NO_MODEL = "I am sorry, I cannot answer at the moment. Please try again in a few minutes."
WITHHELD = "I would rather have a colleague confirm this before I answer. They will contact you within the hour."


@dataclass(slots=True)
class AirlineAgent:
    """One conversation with the agent. `turn` answers a message; `messages` is all that was said and done, in the chat shape.

    `worked` is seconds of simulated time that the agent took, `cost` dollars, `errors` what failed in the model.
    """

    model: ChatModel
    toolbox: Toolbox
    guarded: GuardedSession
    clock: SimulatedClock
    spans: ConversationSpans
    messages: list[dict[str, Any]] = field(default_factory=list)
    worked: float = 0.0
    tokens: int = 0
    model_cost: float = 0.0
    errors: list[str] = field(default_factory=list)
    _shown: int = 0

    def __post_init__(self) -> None:
        self._add({"role": "system", "content": SYSTEM_PROMPT})

    @property
    def cost(self) -> float:
        """Dollars spent so far, on the model and on tools."""
        return self.model_cost + self.toolbox.spent

    def turn(self, text: str) -> str:
        """Take a message of the customer; returns the answer that was sent."""
        started = self.clock.now
        self._add({"role": "user", "content": text})
        answer = self._work()
        self._add({"role": "assistant", "content": answer})
        self.worked += self.clock.now - started
        return answer

    def finish(self) -> None:
        """The conversation is over."""
        self._record_guards()
        self.spans.end(self.messages)

    def _work(self) -> str:
        objections = 0
        note: dict[str, Any] | None = None
        for _ in range(MAX_STEPS):
            completion = self._ask([*self.messages, note] if note else self.messages)
            if completion is None:
                return NO_MODEL
            if completion.calls:
                self._call_tools(completion)
                continue
            decision = self._guard(partial(self.guarded.answer, completion.text))
            if decision.action == "replace":
                return str(decision.replacement)
            if decision.action == "allow":
                return completion.text
            objections += 1
            if objections > 1:
                return self._withhold(decision.reason)
            note = {"role": "system", "content": f"{NOT_SENT}{decision.reason}. Answer again."}
        return self._give_up()

    def _ask(self, messages: Sequence[Mapping[str, Any]]) -> Completion | None:
        """One model call; None where the model failed."""
        given = self._guard(lambda: self.guarded.model_call(messages))
        started = self.clock.nanoseconds
        try:
            completion = self.model.complete(given, self.toolbox.tools)
        except ModelError as error:
            self.errors.append(str(error))
            self.spans.chat(started, given, None, str(error))
            return None
        self.clock.advance(completion.seconds)
        self.tokens += completion.input_tokens + completion.output_tokens
        self.model_cost += completion.cost or 0.0
        self.spans.chat(started, given, completion)
        return completion

    def _call_tools(self, completion: Completion) -> None:
        calls = [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in completion.calls]
        self._add({"role": "assistant", "content": completion.text or None, "tool_calls": calls})
        for call in completion.calls:
            content = self._call(call)
            self._add({"role": "tool", "tool_call_id": call.id, "name": call.name, "content": content})

    def _call(self, call: ToolRequest) -> str:
        """Run a tool, or not, as the guards say; the text that the model is given for it."""
        decision = self._guard(lambda: self.guarded.tool_call(call.name, call.arguments, call.id, tuple(self.toolbox.tools)))
        if decision.action == "block":
            return content_of({"blocked": decision.reason or "stopped by the harness"})
        if decision.action == "replace":
            return content_of({"result": decision.replacement, "note": decision.reason or "answered without running it again"})
        started, spent = self.clock.nanoseconds, self.toolbox.spent
        kind = message = ""
        result: Any = None
        try:
            result = self.toolbox.call(call.name, call.arguments)
            content = content_of(result)
        except ToolError as error:
            kind, message = error.kind, str(error)
            content = content_of({"error": kind, "message": message})
        self.spans.tool(started, call, content, kind, message, self.toolbox.spent - spent)
        error_text = f"{kind}: {message}" if kind else None
        self._guard(lambda: self.guarded.tool_result(call.name, call.arguments, result, error_text, call.id))
        return content

    def _give_up(self) -> str:
        decision = self._guard(lambda: self.guarded.answer(GIVE_UP))
        return str(decision.replacement) if decision.action == "replace" else GIVE_UP

    def _withhold(self, reason: str) -> str:
        """Two answers were stopped: a colleague answers instead."""
        try:
            self.toolbox.call("transfer_to_human", {"summary": f"an answer was stopped twice: {reason}"})
        except ToolError as error:
            self.toolbox.handed_over = f"an answer was stopped twice ({error})"
        return WITHHELD

    def _add(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        if message["role"] != "tool" and message.get("content"):
            self._guard(lambda: self.guarded.message(message["role"], message["content"]))

    def _guard(self, show: Callable[[], Any]) -> Any:
        """Show the guards something, and put what they say into the trace."""
        decision = show()
        if len(self.guarded.records) > self._shown:
            self._record_guards()
        return decision

    def _record_guards(self) -> None:
        for record in self.guarded.records[self._shown :]:
            self.spans.guard(record)
        self._shown = len(self.guarded.records)
