"""Parts of messages, as the providers and frameworks write them: text, calls of tools, results of tools, and all else as it came.

One table of names serves all: OpenTelemetry's parts, Anthropic's and OpenAI's content blocks, Bedrock's and Gemini's, which name
the kind by a key, and those of the Vercel AI SDK, Pydantic AI and LlamaIndex.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.collect.dialects.reading import decoded
from loopwright.collect.trace import Message, ToolCall

CALLS = frozenset({"tool_call", "tool-call", "tool_use", "function_call", "server_tool_use", "server_tool_call", "mcp_call"})
RESULTS = frozenset(
    {"tool_call_response", "tool-result", "tool_result", "tool-return", "function_call_output", "function_response", "tool-error",
     "server_tool_call_response"}
)  # fmt: skip
TEXTS = frozenset({"text", "input_text", "output_text", "user-prompt"})
THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
OTHERS = frozenset({"image", "image_url", "input_image", "audio", "input_audio", "file", "document", "blob", "uri", "refusal"})
_CALL_KEYS = ("toolUse", "functionCall", "function_call")
_RESULT_KEYS = ("toolResult", "functionResponse", "function_response")
_IDS = ("id", "tool_call_id", "toolCallId", "tool_use_id", "toolUseId", "call_id")
_CALL_IDS = ("call_id", *_IDS)
_NAMES = ("name", "tool_name", "toolName")
_ARGUMENTS = ("arguments", "args", "input", "parameters")
_SAID = ("result", "response", "content", "output", "error", "value")


def kind_of(part: Mapping[str, Any]) -> str:
    """What a part is called by its own word: its type, or the key that tells it; "" where nothing does."""
    for key in ("type", "part_kind", "block_type"):
        kind = part.get(key)
        if isinstance(kind, str):
            return kind
    for key in _CALL_KEYS:
        if isinstance(part.get(key), dict):
            return "tool_call"
    for key in _RESULT_KEYS:
        if isinstance(part.get(key), dict):
            return "tool_result"
    if isinstance(part.get("toolName"), str) and "toolCallId" in part:
        return "tool-result" if part.keys() & {"result", "output"} else "tool-call"
    return "text" if isinstance(part.get("text"), str) else ""


def is_part(value: Any) -> bool:
    """Whether a value without a role is a part of a message."""
    if not isinstance(value, dict) or "role" in value:
        return False
    kind = kind_of(value)
    return kind in TEXTS or kind in CALLS or kind in RESULTS or kind in THOUGHTS or kind in OTHERS


def call_of(part: Mapping[str, Any], number: int) -> ToolCall | None:
    """The call of a tool that a part is; None where it names no tool. Without an id it gets one by its number."""
    held = next((part[key] for key in _CALL_KEYS if isinstance(part.get(key), dict)), part)
    function = held.get("function")
    inner = function if isinstance(function, dict) else held
    name = text_of(inner, _NAMES)
    if not name:
        return None
    ids = _CALL_IDS if part.get("type") == "function_call" else _IDS
    given: Any = next((inner[key] for key in _ARGUMENTS if inner.get(key) not in (None, "")), {})
    return ToolCall(text_of(held, ids) or text_of(part, ids) or f"call-{number}", name, decoded(given))


def result_of(part: Mapping[str, Any]) -> Message:
    """The message of the result of a tool that a part is."""
    held = next((part[key] for key in _RESULT_KEYS if isinstance(part.get(key), dict)), part)
    said = next((held[key] for key in _SAID if held.get(key) is not None), None)
    return Message("tool", as_content(said_in(said)), tool_call_id=text_of(held, _IDS), name=text_of(held, _NAMES))


def said_in(result: Any) -> Any:
    """A tool's result out of the blocks that providers wrap it in: `[{"text": ...}]`, `{"type": "text", "value": ...}`."""
    result = decoded(result)
    if isinstance(result, dict) and result.get("type") in ("text", "json", "error-text", "error-json") and "value" in result:
        return result["value"]
    if isinstance(result, Sequence) and not isinstance(result, str) and result:
        blocks = [_block(item) for item in result]
        if all(isinstance(block, str) for block in blocks):
            return "\n".join(blocks)
        if len(blocks) == 1 and blocks[0] is not None:
            return blocks[0]
    return result


def _block(item: Any) -> Any:
    """What a block of a result holds, where it is nothing but that: text, or a value under `json`."""
    if isinstance(item, dict):
        if isinstance(item.get("text"), str) and item.keys() <= {"text", "type", "cache_control", "citations", "annotations"}:
            return item["text"]
        if item.keys() == {"json"}:
            return item["json"]
    return None


def content_part(part: Any) -> dict[str, Any]:
    """A part that is neither call nor result, for a message's content: text under `text`, thoughts under `content`."""
    if not isinstance(part, dict):
        return {"type": "text", "text": part if isinstance(part, str) else canonical(part)}
    kind = kind_of(part)
    if kind == "text" and part.get("thought") is True:
        return {"type": "reasoning", "content": part.get("text", part.get("content"))}
    if kind in TEXTS:
        if isinstance(said := part.get("content", part.get("text")), str):
            return {"type": "text", "text": said}
        value = next((part[key] for key in ("content", "text") if part.get(key) is not None), "")
        return {"type": "text", "text": value if isinstance(value, str) else canonical(value)}
    if kind in THOUGHTS and isinstance(part.get("text"), str):
        return {**{key: value for key, value in part.items() if key != "text"}, "type": "reasoning", "content": part["text"]}
    return dict(part)


def as_content(value: Any) -> Any:
    """A tool's result as a message's content: text as it is, None as none, all else as JSON."""
    return value if value is None or isinstance(value, str) else canonical(value)


def text_of(item: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """The first of these fields that is text or a whole number."""
    for key in keys:
        value = item.get(key)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None
