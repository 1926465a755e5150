"""LangSmith's attributes: a kind of run, metadata, and the run's inputs and outputs as GenAI prompts and completions."""

from __future__ import annotations

from typing import Any

from loopwright.collect.dialects.messages import messages, plain
from loopwright.collect.dialects.reading import Names, SpanReading, Table, decoded, mapping, prefixed, shared, text, usage_of
from loopwright.collect.trace import Span, StepKind, Usage

_METADATA = "langsmith.metadata."
NAMES: dict[str, Names] = {
    "kind": ("langsmith.span.kind",),
    "name": ("langsmith.trace.name",),
    "session_id": tuple(f"{_METADATA}{name}" for name in ("session_id", "thread_id", "conversation_id")),
    "user_id": tuple(f"{_METADATA}{name}" for name in ("user_id", "user.id", "user")),
    "agent": tuple(f"{_METADATA}{name}" for name in ("agent_name", "lc_agent_name")),
    "version": tuple(f"{_METADATA}{name}" for name in ("revision_id", "agent_version")),
    "input": ("gen_ai.prompt",),
    "output": ("gen_ai.completion",),
    "input_details": ("gen_ai.usage.input_token_details",),
    "output_details": ("gen_ai.usage.output_token_details",),
}
_COUNTS = Table(
    {
        "cache_read_tokens": ("cache_read",),
        "cache_write_tokens": ("cache_creation", "cache_write"),
        "reasoning_tokens": ("reasoning",),
    }
)
_SESSION, _PROJECT = "langsmith.trace.session_id", "langsmith.trace.session_name"
"""What LangSmith calls a session is a project, where it is told by name too; without a name it is what the user set."""

KINDS: dict[str, StepKind] = {
    "llm": "model",
    "tool": "tool",
    "retriever": "retrieval",
    "chain": "other",
    "prompt": "other",
    "parser": "other",
    "embedding": "other",
    "agent": "agent",
}
PREFIXES: tuple[str, ...] = (_METADATA,)
_TABLE = Table(NAMES)
CONTENT = frozenset(name for names in NAMES.values() for name in names)


def tells(names: frozenset[str], heads: frozenset[str]) -> bool:
    """Whether spans with attributes of these names are written in this dialect."""
    return "langsmith" in heads


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = span.attributes
    told = _TABLE.told(attributes)
    kind = KINDS.get((text(told.get("kind")) or "").lower())
    arguments, result = (decoded(told.get(side)) for side in ("input", "output"))
    if result == {"output": None}:  # what a run that failed is told to have put out
        result = None
    reads = messages if kind == "model" else plain
    talks = kind not in ("tool", "retrieval")
    given = reads(arguments, "user") if talks else ()
    gave = reads(result, "assistant") if talks else ()
    found = shared(told)
    if "session_id" not in found and _PROJECT not in attributes and (session := text(attributes.get(_SESSION))):
        found["session_id"] = session
    used = mapping(mapping(result).get("usage_metadata"))
    details = {
        name: value
        for side in ("input", "output")
        for held in (used.get(f"{side}_token_details"), told.get(f"{side}_details"))
        for name, value in mapping(held).items()
    }
    return SpanReading(
        kind,
        (text(told.get("name")) or "") if kind != "model" else "",
        given,
        gave,
        arguments=None if given else arguments,
        result=None if gave else _result(result) if kind == "tool" else result,
        usage=usage_of(_COUNTS.told(details)) or Usage(),
        metadata=prefixed(attributes, _METADATA),
        **found,
    )


def _result(value: Any) -> Any:
    """A tool's result, out of the object that a run's outputs are."""
    inner = value.get("output") if isinstance(value, dict) and value.keys() == {"output"} else None
    if isinstance(inner, dict) and inner.get("type") == "tool" and "content" in inner:
        return inner["content"]
    return value if inner is None else inner
