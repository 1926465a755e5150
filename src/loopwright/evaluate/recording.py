"""Recorded messages in the shape that suite files and targets have: without secrets, marks and system messages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from loopwright.collect.trace import Message
from loopwright.evaluate.redaction import redact, redact_value
from loopwright.mine.reading import role_of
from loopwright.mine.speech import spoken

_LINE_END = re.compile(r"[ \t\r]+\n")


def said(messages: Sequence[Message]) -> list[Message]:
    """The messages but for the agent's own system messages, which another version brings anew, and those that are only a mark."""
    return [m for m in messages if role_of(m) != "system" and not only_marks(m)]


def only_marks(message: Message) -> bool:
    """Whether a message holds nothing but the mark with which a simulated user ends a conversation."""
    return bool(message.text.strip()) and not spoken(message.text) and not message.tool_calls and role_of(message) != "tool"


def chat(message: Message) -> dict[str, Any]:
    """A message in the OpenAI chat shape, redacted."""
    made: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        made["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call.arguments)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        made["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        made["name"] = message.name
    return made


def spoken_line(message: Message) -> str:
    """What a message says, as one line of text: its words, and the calls that it makes."""
    calls = [f"{call.name}({_arguments(call.arguments)})" for call in message.tool_calls]
    return " ".join(" ".join((spoken(message.text), *calls)).split())


def tidy(text: str) -> str:
    """Text without blanks at line ends, which say nothing and keep YAML from writing it as it is spoken."""
    return _LINE_END.sub("\n", text)


def _content(message: Message) -> Any:
    if not isinstance(message.content, str):
        return redact_value(message.content)
    return tidy(redact(message.content if role_of(message) == "tool" else spoken(message.content)))


def _arguments(value: Any) -> str:
    return redact(value) if isinstance(value, str) else json.dumps(redact_value(value), ensure_ascii=False)
