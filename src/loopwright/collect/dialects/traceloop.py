"""OpenLLMetry (Traceloop): what it adds to the GenAI conventions for workflows, tasks, agents and tools."""

from __future__ import annotations

from typing import Any

from loopwright.collect.dialects.messages import plain
from loopwright.collect.dialects.reading import Names, SpanReading, Table, decoded, offered, prefixed, shared, text, unflattened
from loopwright.collect.trace import Span, StepKind

_PROPERTIES = "traceloop.association.properties."
NAMES: dict[str, Names] = {
    "kind": ("traceloop.span.kind", "llm.request.type"),
    "name": ("traceloop.entity.name",),
    "agent": ("traceloop.workflow.name",),
    "version": ("traceloop.entity.version",),
    "input": ("traceloop.entity.input",),
    "output": ("traceloop.entity.output",),
    "session_id": tuple(
        f"{_PROPERTIES}{name}" for name in ("session_id", "sessionId", "thread_id", "conversation_id", "chat_id", "session.id")
    ),
    "user_id": tuple(f"{_PROPERTIES}{name}" for name in ("user_id", "userId", "user.id")),
    "model": ("llm.response.model", "llm.request.model"),
    "input_tokens": ("llm.usage.prompt_tokens",),
    "output_tokens": ("llm.usage.completion_tokens",),
    "total_tokens": ("llm.usage.total_tokens",),
}
KINDS: dict[str, StepKind] = {
    "workflow": "agent",
    "agent": "agent",
    "tool": "tool",
    "task": "other",
    "handoff": "handoff",
    "guardrail": "guardrail",
    "retriever": "retrieval",
    "chat": "model",
    "completion": "model",
    "rerank": "retrieval",
}
PREFIXES: tuple[str, ...] = ("llm.request.functions.", _PROPERTIES)
_TABLE = Table(NAMES)
CONTENT = frozenset(name for names in NAMES.values() for name in names)


def tells(names: frozenset[str], heads: frozenset[str]) -> bool:
    """Whether spans with attributes of these names are written in this dialect."""
    return "traceloop" in heads or ("llm" in heads and "llm.request.type" in names)


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = span.attributes
    told = _TABLE.told(attributes)
    kind = KINDS.get((text(told.get("kind")) or "").lower())
    arguments, result = (_unwrapped(told.get(side)) for side in ("input", "output"))
    talks = kind in ("agent", "model", "other", None)
    given = plain(arguments, "user") if talks else ()
    gave = plain(result, "assistant") if talks else ()
    return SpanReading(
        kind,
        (text(told.get("name")) or "") if kind != "model" else "",
        given,
        gave,
        arguments=None if given else arguments,
        result=None if gave else result,
        tools=offered(unflattened(attributes, "llm.request.functions")) if kind == "model" else (),
        metadata=prefixed(attributes, _PROPERTIES),
        **shared(told),
    )


def _unwrapped(value: Any) -> Any:
    """What was handed in or out, without the names that Traceloop gives it: `inputs`, `args` and `kwargs`, `outputs`."""
    value = decoded(value)
    if not isinstance(value, dict):
        return value
    for key in ("inputs", "outputs", "input_str", "output"):
        if value.get(key) not in (None, {}, ""):
            return decoded(value[key])
    return call_arguments(value)


def call_arguments(value: Any) -> Any:
    """The arguments by name of a call that was recorded as `{"args": [], "kwargs": {...}}`; anything else as it is."""
    if isinstance(value, dict) and value and value.keys() <= {"args", "kwargs"}:
        args, kwargs = value.get("args"), value.get("kwargs")
        if not args and kwargs:
            return kwargs
        if isinstance(args, list) and len(args) == 1 and not kwargs:
            return args[0]
    return value
