"""Recorded calls of a hosted agent's API: a line a call, `["client.beta.sessions.events.stream", {...}]`.

The events of a file make up one conversation: what the user sent, what the agent said, its calls of tools and what came of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from loopwright.collect.conversation import read_messages, read_steps
from loopwright.collect.dialects.parts import as_content
from loopwright.collect.formats.found import label, mapping, present, time
from loopwright.collect.trace import Trace, Usage

NAME = "agent-calls"
_CALLS = ("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use")
_RESULTS = ("agent.tool_result", "agent.mcp_tool_result", "user.custom_tool_result")


def tells(value: Any) -> bool:
    """Whether a line is the record of one call."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and value[0].startswith("client.")
        and isinstance(value[1], Mapping | list)
    )


@dataclass(slots=True)
class Calls:
    """The calls of one file so far."""

    line: int = 0
    size: int = 0
    _session: str | None = None
    _agent: Mapping[str, Any] = field(default_factory=dict)
    _messages: list[dict[str, Any]] = field(default_factory=list)
    _sent: list[dict[str, Any]] = field(default_factory=list)
    _tokens: list[int] = field(default_factory=lambda: [0, 0, 0])
    _times: list[datetime] = field(default_factory=list)
    _error: str | None = None

    def take(self, method: str, payload: Any) -> None:
        """Take one call."""
        if isinstance(payload, Mapping) and payload.get("type") == "session":
            self._session = label(payload, "id")
            self._agent = mapping(payload.get("agent"))
            return
        if isinstance(payload, list):
            self._session = self._session or next((one for one in payload if isinstance(one, str)), None)
            listed = [
                event
                for one in payload
                if isinstance(one, Mapping)
                for event in one.get("events") or []
                if isinstance(event, Mapping)
            ]
            self._sent += [made for event in listed if (made := self._message(event)) is not None]
            return
        if isinstance(payload, Mapping):
            self._event(payload)

    def _event(self, event: Mapping[str, Any]) -> None:
        at = time(event, "processed_at", "created_at")
        if at is not None:
            self._times.append(at)
        usage = mapping(event.get("model_usage"))
        cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
        read = [value if type(value := usage.get(name)) is int else 0 for name in (*cached, "input_tokens", "output_tokens")]
        self._tokens = [self._tokens[0] + sum(read[:3]), self._tokens[1] + read[3], self._tokens[2] + read[0]]
        if event.get("type") == "session.error":
            self._error = label(mapping(event.get("error")), "message") or "error"
        made = self._message(event)
        if made is not None:
            self._messages.append(made)

    def _message(self, event: Mapping[str, Any]) -> dict[str, Any] | None:
        kind, content = event.get("type"), event.get("content")
        if kind in ("user.message", "agent.message"):
            return {"role": "user" if kind == "user.message" else "assistant", "content": _plain(content)}
        if kind in _CALLS:
            call = {"id": label(event, "id"), "name": label(event, "name") or "tool", "arguments": event.get("input")}
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        if kind in _RESULTS:
            return {
                "role": "tool",
                "content": as_content(_plain(content)),
                "tool_call_id": label(event, "tool_use_id", "mcp_tool_use_id", "custom_tool_use_id"),
            }
        return None

    def trace(self) -> Trace | None:
        """The conversation; None where nothing was said in it. What was sent counts only where no event repeats it."""
        said = self._messages if any(one["role"] == "user" for one in self._messages) else [*self._sent, *self._messages]
        if not said or self._session is None:
            return None
        system = [{"role": "system", "content": text}] if (text := label(self._agent, "system")) else []
        messages = read_messages([*system, *said])
        started, ended = min(self._times, default=None), max(self._times, default=None)
        latency = (ended - started).total_seconds() * 1000 if started is not None and ended is not None else None
        tokens = self._tokens if any(self._tokens) else [None, None, None]
        return Trace(
            self._session,
            messages,
            read_steps(messages),
            session_id=self._session,
            agent=label(self._agent, "name"),
            version=label(self._agent, "version"),
            started_at=started,
            ended_at=ended,
            usage=Usage(tokens[0], tokens[1], None, latency, cache_read_tokens=tokens[2]),
            error=self._error,
            attributes=present(
                {
                    "agent.id": label(self._agent, "id"),
                    "models": [model] if (model := label(mapping(self._agent.get("model")), "id")) else None,
                }
            ),
        )


def _plain(content: Any) -> Any:
    """One text as text; anything else as it came."""
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], Mapping) and content[0].get("type") == "text":
        return content[0].get("text")
    return content
