"""What an agent is given and gives, as the messages that OpenTelemetry's GenAI conventions write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

_OUTPUT_KEYS = ("output", "answer", "response", "content", "text")


def received(value: Any) -> str:
    """An agent's input as JSON: text is the user's message, a list of chat messages is itself."""
    return as_json(_messages(value, "user"))


def given(value: Any) -> str:
    """An agent's output as JSON: text, chat messages, or an object with `messages`, `output` or both."""
    if isinstance(value, Mapping):
        listed = value.get("messages")
        messages = _messages(listed, "assistant") if isinstance(listed, Sequence) and not isinstance(listed, str) else []
        said = next((value[key] for key in _OUTPUT_KEYS if isinstance(value.get(key), str)), None)
        if said is not None and not any(part.get("content") == said for m in messages[-1:] for part in m["parts"]):
            messages.append(_message("assistant", said))
        return as_json(messages or [_message("assistant", as_json(value))])
    return as_json(_messages(value, "assistant"))


def last_text(value: Any) -> str:
    """The text of what the user said last."""
    messages = _messages(value, "user")
    parts = [part["content"] for part in messages[-1]["parts"] if part["type"] == "text"] if messages else []
    return "\n".join(part for part in parts if isinstance(part, str))


def as_json(value: Any) -> str:
    """A value as JSON text; what JSON lacks is written as its `repr`."""
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (ValueError, TypeError, RecursionError):
        return json.dumps(repr(value), ensure_ascii=False)


def as_text(value: Any) -> str:
    """A tool's result: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else as_json(value)


def _messages(value: Any, role: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if isinstance(value, Mapping) and "role" in value:
        value = [value]
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, Mapping) for item in value):
        return [message for item in value for message in _chat(item, role)]
    return [_message(role, value if isinstance(value, str) else as_json(value))]


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _chat(item: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """A chat message; one that has parts already is itself."""
    if isinstance(item.get("parts"), list):
        return [dict(item)]
    role, content = str(item.get("role") or role), item.get("content")
    if role == "tool":
        return [{"role": "tool", "parts": [{"type": "tool_call_response", "id": item.get("tool_call_id"), "result": content}]}]
    parts: list[dict[str, Any]] = [] if content in (None, "") else _content(content)
    for call in item.get("tool_calls") or ():
        inner = call.get("function", call) if isinstance(call, Mapping) else {}
        made = {"type": "tool_call", "id": call.get("id") if isinstance(call, Mapping) else None}
        parts.append({**made, "name": inner.get("name"), "arguments": inner.get("arguments")})
    return [{"role": role, "parts": parts}]


def _content(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, list) and all(isinstance(part, Mapping) for part in content):
        return [
            {"type": "text", "content": part["text"]} if isinstance(part.get("text"), str) else dict(part) for part in content
        ]
    return [{"type": "text", "content": content if isinstance(content, str) else as_json(content)}]
