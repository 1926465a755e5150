"""A conversation as text that a judge can read."""

from __future__ import annotations

import json
from collections.abc import Sequence

from loopwright.collect.trace import Message, Trace

WHOLE = 40_000
"""Characters of a transcript: of a longer one, the middle is left out."""
PART = 4_000
"""Characters of one message or tool result."""
INSTRUCTIONS = 20_000
"""Characters of the agent's instructions, by which it is judged."""
LIMITS = (WHOLE, PART, INSTRUCTIONS)
"""What of a conversation a judge sees is part of how it is asked."""


def transcript(trace: Trace) -> str:
    """The conversation of a trace, a message a block, with tool calls and results, then the error that it ended with."""
    ended = [f"[the trace ended with an error] {_cut(trace.error, PART)}"] if trace.error else []
    return _cut("\n\n".join([of_messages(trace.messages), *ended]).strip(), WHOLE)


def of_messages(messages: Sequence[Message]) -> str:
    """Messages as blocks of text, each with its number (from 0) and role."""
    return "\n\n".join(_block(number, message) for number, message in enumerate(messages))


def _block(number: int, message: Message) -> str:
    who = f"{message.role} ({message.name})" if message.name else message.role
    lines = [f"[{number}] {who}:"]
    if message.text.strip():
        lines.append(_cut(message.text, INSTRUCTIONS if message.role in ("system", "developer") else PART))
    for call in message.tool_calls:
        arguments = (
            call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False, default=str)
        )
        lines.append(f"calls {call.name}({_cut(arguments, PART)})")
    return "\n".join(lines)


def _cut(text: str, length: int) -> str:
    """The beginning and the end of a longer text, and how much is left out between."""
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters are left out ...]\n{text[-half:]}"
