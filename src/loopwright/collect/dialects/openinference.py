"""OpenInference: flattened messages, the kind of span in an attribute, verdicts inline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from loopwright.collect.dialects.messages import messages, plain
from loopwright.collect.dialects.reading import (
    Names,
    SpanReading,
    Table,
    decoded,
    groups_of,
    number,
    offered,
    shared,
    text,
    unflattened,
)
from loopwright.collect.dialects.verdicts import verdict
from loopwright.collect.trace import Feedback, Message, Span, StepKind

NAMES: dict[str, Names] = {
    "kind": ("openinference.span.kind",),
    "session_id": ("session.id",),
    "user_id": ("user.id",),
    "agent": ("agent.name", "graph.node.name", "graph.node.id"),
    "version": ("loopwright.agent.version",),
    "model": (
        "llm.response.model_name", "llm.model_name", "llm.request.model_name", "embedding.model_name", "reranker.model_name",
    ),
    "query": ("reranker.query",),
    "response_id": ("llm.response.id",),
    "tool": ("tool.name",),
    "call_id": ("tool.id", "tool_call.id"),
    "input": ("input.value",),
    "output": ("output.value",),
    "input_tokens": ("llm.token_count.prompt",),
    "output_tokens": ("llm.token_count.completion",),
    "total_tokens": ("llm.token_count.total",),
    "cache_read_tokens": ("llm.token_count.prompt_details.cache_read",),
    "cache_write_tokens": ("llm.token_count.prompt_details.cache_write",),
    "reasoning_tokens": ("llm.token_count.completion_details.reasoning",),
    "cost": ("llm.cost.total",),
    "metadata": ("metadata",),
}  # fmt: skip
KINDS: dict[str, StepKind] = {
    "llm": "model",
    "agent": "agent",
    "tool": "tool",
    "retriever": "retrieval",
    "reranker": "retrieval",
    "guardrail": "guardrail",
}
_COST_PARTS = ("llm.cost.prompt", "llm.cost.completion")
_AGENT = "lc_agent_name"
"""What LangChain calls an agent's name among the metadata of its spans."""
_PRINTED = re.compile(r"""(?:^|\[|["'])(?:Chat|Human|AI|System|Tool)?Message\(\w+=""")
_HANDOFF = "handoff to "
"""What the spans of the OpenAI Agents SDK are called that hand over to another agent; their kind is TOOL."""

PREFIXES: tuple[str, ...] = (
    "llm.input_messages.", "llm.output_messages.", "llm.tools.", "annotations.", "evaluations.", "trace.annotations.",
    "trace.evaluations.", "session.annotations.", "session.evaluations.", "retrieval.documents.", "reranker.input_documents.",
    "reranker.output_documents.",
)  # fmt: skip


_TABLE = Table(NAMES)
CONTENT = frozenset(name for names in NAMES.values() for name in names) | {"input.mime_type", "output.mime_type"}
_MARKS = ("llm.input_messages.", "llm.output_messages.", "llm.token_count.", "llm.model_name")
_VERDICTS = (("annotations", "annotation"), ("evaluations", "evaluation"))


def tells(names: frozenset[str], heads: frozenset[str]) -> bool:
    """Whether spans with attributes of these names are written in this dialect."""
    return "openinference" in heads or ("llm" in heads and any(name.startswith(_MARKS) for name in names))


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = span.attributes
    told = _TABLE.told(attributes)
    kind: StepKind = KINDS.get((text(told.get("kind")) or "LLM").lower(), "other")
    if kind == "tool" and span.name.startswith(_HANDOFF):
        kind = "handoff"
    groups = groups_of(attributes) if any(name.startswith(PREFIXES) for name in attributes) else {}
    metadata = decoded(told.get("metadata"))
    value, made = (decoded(told.get(side)) for side in ("input", "output"))
    given = _messages(groups.get("llm.input_messages"), "input", value, "user", kind)
    gave = _messages(groups.get("llm.output_messages"), "output", made, "assistant", kind)
    if "cost" not in told and (cost := _cost(attributes)) is not None:
        told["cost"] = cost
    found = shared(told)
    if kind != "agent":
        found.pop("agent", None)
    if isinstance(metadata, Mapping) and (named := text(metadata.get(_AGENT))) is not None:
        found.setdefault("agent", named)
    if kind in _ACTS:
        value = told.get("query") if value is None else _arguments(value)
        result, call_id = _result(made, groups)
        found.setdefault("call_id", call_id)
    else:
        value, result = None if given else value, None if gave else made
    if kind == "model" and isinstance(made, dict) and isinstance(made.get("id"), str):
        found.setdefault("response_id", made["id"])
    return SpanReading(
        kind,
        (text(told.get(kind)) or "") if kind in ("tool", "agent") else "",
        given,
        gave,
        arguments=value,
        result=result,
        tools=offered(unflattened(groups.get("llm.tools", {}), "llm.tools")),
        feedback=tuple(_verdicts(groups, "")),
        wide_feedback=tuple(v for scope in ("trace.", "session.") for v in _verdicts(groups, scope)),
        metadata=metadata if isinstance(metadata, Mapping) else {} if metadata is None else {"metadata": metadata},
        **found,
    )


_ACTS = frozenset({"tool", "retrieval", "guardrail", "handoff"})


def _cost(attributes: Mapping[str, Any]) -> float | None:
    parts = [cost for name in _COST_PARTS if (cost := number(attributes.get(name))) is not None]
    return sum(parts) if parts else None


def _messages(flat: Mapping[str, Any] | None, side: str, value: Any, role: str, kind: StepKind) -> tuple[Message, ...]:
    """The flattened messages of a model span; of any other, those in its value, which has more than was flattened of it."""
    if kind in _ACTS:
        return ()
    told = tuple(
        message
        for item in _items(unflattened(flat, f"llm.{side}_messages") if flat else None)
        for message in messages(_chat(item), role)
        if message.content is not None or message.tool_calls
    )
    if kind == "model":
        return told or _unprinted(plain(value, role) or messages(value, role))
    return _unprinted(plain(value, role)) or told


def _unprinted(found: tuple[Message, ...]) -> tuple[Message, ...]:
    """The messages of a value; none where they are objects as Python prints them, as LlamaIndex's wrappers of a call do."""
    return () if any(_PRINTED.search(message.text) for message in found) else found


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _chat(item: Any) -> Any:
    """A flattened message in the chat shape: parts from `contents`, calls from `tool_calls`."""
    message = item.get("message") if isinstance(item, Mapping) else None
    if not isinstance(message, Mapping):
        return item
    made = {key: value for key, value in message.items() if key not in ("contents", "tool_calls")}
    if "content" not in made and isinstance(message.get("contents"), list):
        parts = [_part(part.get("message_content", part)) for part in message["contents"] if isinstance(part, Mapping)]
        texts = [part["text"] for part in parts if part.keys() == {"type", "text"}]
        made["content"] = texts[0] if len(texts) == len(parts) == 1 else parts
    calls = [call.get("tool_call", call) for call in _items(message.get("tool_calls")) if isinstance(call, Mapping)]
    if calls:
        made["tool_calls"] = calls
    return made


def _part(part: Any) -> Any:
    if not isinstance(part, Mapping):
        return {"type": "text", "text": str(part)}
    image = part.get("image")
    if isinstance(image, Mapping) and isinstance(image.get("image"), Mapping):
        return {"type": "image_url", "image_url": dict(image["image"])}
    return dict(part)


def _arguments(value: Any) -> Any:
    """A tool's arguments by name, out of the call that some frameworks tell: its `kwargs`, where nothing is given by place."""
    if isinstance(value, Mapping) and isinstance(value.get("kwargs"), Mapping) and not value.get("args"):
        return value["kwargs"] or value
    return value


def _result(value: Any, groups: Mapping[str, Mapping[str, Any]]) -> tuple[Any, str | None]:
    """A tool's result, out of the message that some frameworks wrap it in, and the id of its call, where that tells."""
    if isinstance(value, Mapping) and value.get("type") == "tool":
        data = value.get("data") if isinstance(value.get("data"), Mapping) else value
        if isinstance(data, Mapping) and "content" in data:
            id = data.get("tool_call_id")
            return data.get("content"), id if isinstance(id, str) else None
    if isinstance(value, Mapping) and {"raw_output", "tool_name"} <= value.keys():
        return value["raw_output"], None
    for name in ("retrieval.documents", "reranker.output_documents"):
        if name in groups:
            return [_document(item) for item in _items(unflattened(groups[name], name))], None
    return value, None


def _document(item: Any) -> Any:
    """A flattened document without its wrapping, its metadata decoded."""
    held = item.get("document") if isinstance(item, Mapping) else None
    if not isinstance(held, Mapping):
        return item
    return {key: decoded(value) if key == "metadata" else value for key, value in held.items()}


def _verdicts(groups: Mapping[str, Mapping[str, Any]], scope: str) -> Iterator[Feedback]:
    for form, inner in _VERDICTS:
        name = f"{scope}{form}"
        for item in _items(unflattened(groups[name], name)) if name in groups else ():
            told = item.get(inner, item) if isinstance(item, Mapping) else None
            found = verdict(told) if isinstance(told, Mapping) else None
            if found is not None:
                yield found
