"""OpenInference: flattened messages, the kind of span in an attribute, verdicts inline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loopwright.collect.dialects.messages import messages, plain
from loopwright.collect.dialects.reading import Names, SpanReading, count, decoded, first, number, offered, text, unflattened
from loopwright.collect.dialects.verdicts import verdict
from loopwright.collect.trace import Feedback, Message, Span, StepKind, Usage

NAMES: dict[str, Names] = {
    "kind": ("openinference.span.kind",),
    "session_id": ("session.id",),
    "agent": ("agent.name", "graph.node.name", "graph.node.id"),
    "version": ("loopwright.agent.version",),
    "model": ("llm.response.model_name", "llm.model_name", "llm.request.model_name"),
    "tool": ("tool.name",),
    "call_id": ("tool.id", "tool_call.id"),
    "input": ("input.value",),
    "output": ("output.value",),
    "input_tokens": ("llm.token_count.prompt",),
    "output_tokens": ("llm.token_count.completion",),
    "cost": ("llm.cost.total",),
    "metadata": ("metadata",),
}
KINDS: dict[str, StepKind] = {
    "LLM": "model",
    "AGENT": "agent",
    "TOOL": "tool",
    "RETRIEVER": "retrieval",
    "GUARDRAIL": "guardrail",
}
_FLATTENED = (
    "llm.input_messages.", "llm.output_messages.", "llm.tools.", "annotations.", "evaluations.", "trace.annotations.",
    "trace.evaluations.", "session.annotations.", "session.evaluations.", "retrieval.documents.",
)  # fmt: skip


def tells(span: Span) -> bool:
    """Whether the span is written in this dialect."""
    return NAMES["kind"][0] in span.attributes or any(name.startswith("llm.") for name in span.attributes)


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = span.attributes
    kind = KINDS.get((text(attributes, NAMES["kind"]) or "LLM").upper(), "other")
    metadata = decoded(first(attributes, NAMES["metadata"]))
    result, call_id = _result(attributes) if kind in ("tool", "retrieval") else (None, None)
    return SpanReading(
        kind,
        text(attributes, NAMES["tool"] if kind == "tool" else NAMES["agent"] if kind == "agent" else ()) or span.name,
        _messages(attributes, "input", "user", kind),
        _messages(attributes, "output", "assistant", kind),
        arguments=_arguments(first(attributes, NAMES["input"])) if kind in ("tool", "retrieval") else None,
        result=result,
        call_id=text(attributes, NAMES["call_id"]) or call_id,
        usage=Usage(
            count(attributes, NAMES["input_tokens"]), count(attributes, NAMES["output_tokens"]), number(attributes, NAMES["cost"])
        ),
        session_id=text(attributes, NAMES["session_id"]),
        agent=text(attributes, NAMES["agent"]) if kind == "agent" else None,
        version=text(attributes, NAMES["version"]),
        model=text(attributes, NAMES["model"]),
        tools=offered(unflattened(attributes, "llm.tools")),
        feedback=tuple(_verdicts(attributes, "")),
        wide_feedback=tuple(v for scope in ("trace.", "session.") for v in _verdicts(attributes, scope)),
        metadata=metadata if isinstance(metadata, Mapping) else {},
    )


def is_content(name: str) -> bool:
    """Whether an attribute is read into a trace's own fields, so that it is not kept twice."""
    return name in _CONTENT or name.startswith(_FLATTENED)


_CONTENT = {name for names in NAMES.values() for name in names} | {"input.mime_type", "output.mime_type"}


def _messages(attributes: Mapping[str, Any], side: str, role: str, kind: StepKind) -> tuple[Message, ...]:
    """The flattened messages of a model span; of any other, those in its value, which has more than was flattened of it."""
    value = first(attributes, NAMES[side])
    flat = tuple(
        message for item in _items(unflattened(attributes, f"llm.{side}_messages")) for message in messages(_chat(item), role)
    )
    if kind == "model":
        return flat or plain(value, role)
    return () if kind == "tool" else plain(value, role) or flat


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _chat(item: Any) -> Any:
    """A flattened message in the chat shape: parts from `contents`, calls from `tool_calls`."""
    message = item.get("message") if isinstance(item, Mapping) else None
    if not isinstance(message, Mapping):
        return item
    made = {key: value for key, value in message.items() if key not in ("contents", "tool_calls")}
    if "content" not in made and isinstance(message.get("contents"), list):
        made["content"] = [_part(part.get("message_content", part)) for part in message["contents"] if isinstance(part, Mapping)]
    calls = [call.get("tool_call", call) for call in _items(message.get("tool_calls")) if isinstance(call, Mapping)]
    if calls:
        made["tool_calls"] = calls
    return made


def _part(part: Any) -> Any:
    return dict(part) if isinstance(part, Mapping) else {"type": "text", "text": str(part)}


def _arguments(value: Any) -> Any:
    return decoded(value)


def _result(attributes: Mapping[str, Any]) -> tuple[Any, str | None]:
    """A tool's result, out of the message that some frameworks wrap it in, and the id of its call, where that tells."""
    value = decoded(first(attributes, NAMES["output"]))
    if isinstance(value, Mapping) and value.get("type") == "tool" and isinstance(value.get("data"), Mapping):
        data = value["data"]
        id = data.get("tool_call_id")
        return data.get("content"), id if isinstance(id, str) else None
    if value is None:
        documents = unflattened(attributes, "retrieval.documents")
        return documents, None
    return value, None


def _verdicts(attributes: Mapping[str, Any], scope: str) -> Iterator[Feedback]:
    for form, inner in (("annotations", "annotation"), ("evaluations", "evaluation")):
        for item in _items(unflattened(attributes, f"{scope}{form}")):
            told = item.get(inner, item) if isinstance(item, Mapping) else None
            found = verdict(told) if isinstance(told, Mapping) else None
            if found is not None:
                yield found
