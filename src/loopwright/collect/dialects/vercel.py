"""The Vercel AI SDK's attributes: one span for a call of the SDK, and within it one for each call of the model or a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopwright.collect.dialects.messages import messages, plain
from loopwright.collect.dialects.parts import said_in
from loopwright.collect.dialects.reading import Names, SpanReading, Table, decoded, offered, prefixed, shared, text
from loopwright.collect.trace import Message, Span, StepKind

_METADATA = "ai.telemetry.metadata."
NAMES: dict[str, Names] = {
    "operation": ("ai.operationId", "operation.name"),
    "session_id": tuple(
        f"{_METADATA}{name}"
        for name in (
            "sessionId", "session_id", "session.id", "langfuseSessionId", "threadId", "thread_id", "conversationId", "chatId",
        )
    ),
    "user_id": tuple(f"{_METADATA}{name}" for name in ("userId", "user_id", "user.id", "langfuseUserId")),
    "agent": ("ai.telemetry.functionId", "resource.name"),
    "model": ("ai.response.model", "ai.model.id"),
    "response_id": ("ai.response.id",),
    "tool": ("ai.toolCall.name",),
    "call_id": ("ai.toolCall.id",),
    "arguments": ("ai.toolCall.args", "ai.toolCall.input"),
    "result": ("ai.toolCall.result", "ai.toolCall.output"),
    "input": ("ai.prompt.messages", "ai.prompt", "ai.value", "ai.values"),
    "text": ("ai.response.text", "ai.result.text"),
    "object": ("ai.response.object", "ai.result.object"),
    "calls": ("ai.response.toolCalls", "ai.result.toolCalls"),
    "thoughts": ("ai.response.reasoning",),
    "tools": ("ai.prompt.tools",),
    "input_tokens": ("ai.usage.inputTokens", "ai.usage.promptTokens"),
    "output_tokens": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
    "total_tokens": ("ai.usage.totalTokens", "ai.usage.tokens"),
    "cache_read_tokens": ("ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"),
    "cache_write_tokens": ("ai.usage.inputTokenDetails.cacheWriteTokens",),
    "reasoning_tokens": ("ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"),
}  # fmt: skip
KINDS: dict[str, StepKind] = {
    "doGenerate": "model",
    "doStream": "model",
    "generateText": "agent",
    "streamText": "agent",
    "generateObject": "agent",
    "streamObject": "agent",
    "toolCall": "tool",
    "embed": "other",
    "embedMany": "other",
    "doEmbed": "other",
}
"""By the last word of the operation: `ai.streamText.doStream`."""

PREFIXES: tuple[str, ...] = (_METADATA,)
_TABLE = Table(NAMES)
CONTENT = frozenset(name for names in NAMES.values() for name in names)


def tells(names: frozenset[str], heads: frozenset[str]) -> bool:
    """Whether spans with attributes of these names are written in this dialect."""
    return "ai" in heads


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = span.attributes
    told = _TABLE.told(attributes)
    operation = (text(told.get("operation")) or span.name).split(" ")[0]
    kind = KINDS.get(operation.rpartition(".")[2])
    given = decoded(told.get("input"))
    asked = (messages(given, "user") if kind == "model" else plain(given, "user")) if kind != "tool" else ()
    tool = kind == "tool"
    return SpanReading(
        kind,
        (text(told.get("tool" if tool else "agent")) or "") if tool or kind == "agent" else "",
        asked,
        _answer(told),
        arguments=decoded(told.get("arguments")) if tool else None if asked else given,
        result=said_in(told.get("result")) if tool else None,
        tools=offered(told.get("tools")),
        metadata=prefixed(attributes, _METADATA),
        **shared(told),
    )


def _answer(told: Mapping[str, Any]) -> tuple[Message, ...]:
    """What the model answered: its text or object, its thoughts and its calls, in one message."""
    content, calls = told.get("text"), told.get("calls")
    made = told.get("object")
    thoughts = told.get("thoughts")
    if content is None and made is not None:
        content = made
    if content is None and calls is None and thoughts is None:
        return ()
    parts = [{"type": "reasoning", "content": thoughts}] if isinstance(thoughts, str) else []
    if content is not None:
        parts.append({"type": "text", "text": content if isinstance(content, str) else str(content)})
    return messages({"role": "assistant", "parts": parts, "tool_calls": decoded(calls)}, "assistant")
