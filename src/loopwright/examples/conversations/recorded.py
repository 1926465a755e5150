"""The shipped conversations as an agent under test: it answers a case with what was recorded, and needs no model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from loopwright.collect.conversation import message_object
from loopwright.collect.trace import Message, ToolCall, Trace
from loopwright.effects import CallTarget, TargetReply

HAND_OVER = "transfer_to_human_agents"


class Recorded:
    """A target that answers the case `task-07`, trial k, with the recorded conversation `7-trials[k]`.

    `without` names a tool that this version of the agent has lost: where the recording calls it, the agent hands over to a
    person instead. It stands for a release that breaks what worked.
    """

    def __init__(self, traces: Iterable[Trace], trials: Sequence[int], without: str | None = None) -> None:
        self._traces: Mapping[str, Trace] = {trace.trace_id: trace for trace in traces}
        self._trials = tuple(trials)
        self._without = without

    @property
    def name(self) -> str:
        """Which recordings it answers with."""
        lost = f" without {self._without}" if self._without else ""
        return f"recorded trials {', '.join(map(str, self._trials))}{lost}"

    async def open(self) -> None:
        """Nothing to get ready."""

    async def call(self, request: CallTarget) -> TargetReply:
        """The recorded conversation of this case and trial, or an error where there is none."""
        task = request.case_id.removeprefix("task-").lstrip("0") or "0"
        trial = self._trials[request.trial % len(self._trials)]
        trace = self._traces.get(f"{task}-{trial}")
        if trace is None:
            return TargetReply(error=f"no conversation was recorded for task {task}, trial {trial}")
        messages = [m for m in trace.messages if m.role != "system"]
        if self._without is not None:
            messages = lose_tool(messages, self._without)
        spoken = [m.text for m in messages if m.role == "assistant" and m.text]
        return TargetReply(spoken[-1] if spoken else "", tuple(message_object(m) for m in messages))

    async def close(self) -> None:
        """Nothing to release."""


def lose_tool(messages: Sequence[Message], tool: str) -> list[Message]:
    """The conversation up to the first call of `tool`, ended by handing over to a person; all of it where it is never called."""
    for index, message in enumerate(messages):
        if any(call.name == tool for call in message.tool_calls):
            call = ToolCall("hand-over", HAND_OVER, {"summary": f"{tool} is not available"})
            return [*messages[:index], Message("assistant", tool_calls=(call,)), Message("tool", "done", tool_call_id=call.id)]
    return list(messages)
