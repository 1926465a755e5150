"""Langfuse's attributes: observations of a type, their input and output, usage and cost as objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from loopwright.collect.dialects.messages import messages, plain
from loopwright.collect.dialects.reading import (
    NOTHING,
    Names,
    SpanReading,
    Table,
    count,
    decoded,
    mapping,
    number,
    offered,
    prefixed,
    shared,
    text,
    usage_of,
)
from loopwright.collect.dialects.traceloop import call_arguments
from loopwright.collect.trace import Span, StepKind, Usage

NAMES: dict[str, Names] = {
    "kind": ("langfuse.observation.type", "langfuse.span.type"),
    "session_id": ("langfuse.session.id", "session.id", "langfuse.trace.session_id"),
    "user_id": ("langfuse.user.id", "user.id", "langfuse.trace.user_id"),
    "version": ("langfuse.release", "langfuse.version"),
    "model": ("langfuse.observation.model.name", "langfuse.observation.model"),
    "input": ("langfuse.observation.input", "langfuse.trace.input"),
    "output": ("langfuse.observation.output", "langfuse.trace.output"),
    "usage": ("langfuse.observation.usage_details",),
    "cost": ("langfuse.observation.cost_details",),
    "tools": ("langfuse.observation.tool_definitions",),
    "metadata": ("langfuse.observation.metadata", "langfuse.trace.metadata"),
}
COUNTS: dict[str, Names] = {
    "input_tokens": ("input", "input_tokens", "prompt_tokens", "promptTokens", "inputTokens"),
    "output_tokens": ("output", "output_tokens", "completion_tokens", "completionTokens", "outputTokens"),
    "cache_read_tokens": ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read", "input_cached", "cached_tokens"),
    "cache_write_tokens": (
        "cache_creation_input_tokens",
        "input_cache_creation",
        "input_cache_write",
        "cache_write_input_tokens",
    ),
    "reasoning_tokens": ("output_reasoning_tokens", "reasoning_tokens", "output_reasoning"),
}
"""What Langfuse's objects of counts call them; its API uses the same names."""

KINDS: dict[str, StepKind] = {
    "generation": "model",
    "agent": "agent",
    "tool": "tool",
    "retriever": "retrieval",
    "guardrail": "guardrail",
}
PREFIXES: tuple[str, ...] = ("langfuse.observation.metadata.", "langfuse.trace.metadata.")
_TABLE, _COUNTED = Table(NAMES), Table(COUNTS)
CONTENT = frozenset(name for names in NAMES.values() for name in names)


def tells(names: frozenset[str], heads: frozenset[str]) -> bool:
    """Whether spans with attributes of these names are written in this dialect."""
    return "langfuse" in heads


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = span.attributes
    told = _TABLE.told(attributes)
    kind = KINDS.get((text(told.get("kind")) or "").lower())
    arguments, result = (call_arguments(decoded(told.get(side))) for side in ("input", "output"))
    arguments, definitions = _without_definitions(arguments)
    reads = messages if kind == "model" else plain
    talks = kind not in ("tool", "retrieval", "guardrail")
    given = reads(arguments, "user") if talks else ()
    gave = reads(result, "assistant") if talks else ()
    found = shared({field: value for field, value in told.items() if field != "cost"})
    usage = _usage(mapping(told.get("usage")), cost_of(told.get("cost")))
    failed = str(attributes.get("langfuse.observation.level", "")).upper() == "ERROR"
    return SpanReading(
        kind,
        input=given,
        output=gave,
        arguments=None if given else arguments,
        result=None if gave else result,
        usage=usage,
        error=(text(attributes.get("langfuse.observation.status_message")) or "error") if failed else None,
        tools=offered(told.get("tools")) or offered(arguments.get("tools") if isinstance(arguments, dict) else definitions),
        metadata=_metadata(attributes),
        **found,
    )


def _without_definitions(value: Any) -> tuple[Any, list[Any]]:
    """What a model was given, and the definitions of tools that Langfuse's handler for LangChain lists among its messages."""
    if not isinstance(value, list):
        return value, []
    found = [item["content"] for item in value if _is_definition(item)]
    return [item for item in value if not _is_definition(item)] if found else value, found


def _is_definition(item: Any) -> bool:
    content = item.get("content") if isinstance(item, Mapping) and item.get("role") == "tool" else None
    return isinstance(content, Mapping) and content.get("type") == "function" and isinstance(content.get("function"), Mapping)


def _usage(details: Mapping[str, Any], cost: float | None) -> Usage:
    """Tokens from a cache, to one, and for reasoning are counted beside the others, or among them where the sum says so."""
    usage = usage_of(_COUNTED.told(details), cost) or NOTHING
    whole = count(details.get("total", details.get("totalTokens")))
    if usage.input_tokens is None or whole == usage.input_tokens + (usage.output_tokens or 0):
        return usage
    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    made = None if usage.output_tokens is None else usage.output_tokens + (usage.reasoning_tokens or 0)
    return replace(usage, input_tokens=usage.input_tokens + cached, output_tokens=made)


def cost_of(details: Any) -> float | None:
    """The whole cost in an object of costs: its total, or the sum of the others."""
    held = mapping(details)
    for name in ("total", "total_cost", "totalCost"):
        if (total := number(held.get(name))) is not None:
            return total
    parts = [cost for value in held.values() if (cost := number(value)) is not None]
    return sum(parts) if parts else None


def _metadata(attributes: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in reversed(NAMES["metadata"]):
        held = decoded(attributes.get(name))
        found |= held if isinstance(held, dict) else {} if held is None else {name: held}
        found |= prefixed(attributes, f"{name}.")
    return found
