"""OpenTelemetry's GenAI conventions: the current ones, and the generations before them.

Content comes as JSON text or as structured values on the span, as `gen_ai.prompt.N.*` attributes, or as events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopwright.collect.dialects.messages import instructions, messages
from loopwright.collect.dialects.reading import (
    Names,
    SpanReading,
    count,
    decoded,
    events_named,
    first,
    number,
    offered,
    text,
    unflattened,
)
from loopwright.collect.trace import Message, Span, StepKind, Usage

NAMES: dict[str, Names] = {
    "operation": ("gen_ai.operation.name",),
    "session_id": ("gen_ai.conversation.id", "session.id"),
    "agent": ("gen_ai.agent.name", "gen_ai.workflow.name"),
    "version": ("gen_ai.agent.version", "loopwright.agent.version"),
    "model": ("gen_ai.response.model", "gen_ai.request.model"),
    "tool": ("gen_ai.tool.name",),
    "call_id": ("gen_ai.tool.call.id",),
    "arguments": ("gen_ai.tool.call.arguments",),
    "result": ("gen_ai.tool.call.result",),
    "tools": ("gen_ai.tool.definitions",),
    "instructions": ("gen_ai.system_instructions",),
    "input": ("gen_ai.input.messages", "gen_ai.prompt"),
    "output": ("gen_ai.output.messages", "gen_ai.completion"),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cost": ("gen_ai.usage.cost",),
    "query": ("gen_ai.retrieval.query.text",),
    "documents": ("gen_ai.retrieval.documents",),
}
OPERATIONS: dict[str, StepKind] = {
    "chat": "model",
    "generate_content": "model",
    "text_completion": "model",
    "invoke_agent": "agent",
    "invoke_workflow": "agent",
    "execute_tool": "tool",
    "retrieval": "retrieval",
}
_EVENT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CONTENT_EVENTS = ("gen_ai.client.inference.operation.details", "gen_ai.content.prompt", "gen_ai.content.completion")


def tells(span: Span) -> bool:
    """Whether the span is written in this dialect."""
    return any(name.startswith("gen_ai.") for name in span.attributes)


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = span.attributes
    kind = _kind(attributes)
    given, gave = _input(span), _output(span)
    return SpanReading(
        kind,
        _name(span, kind),
        given,
        gave,
        arguments=decoded(first(attributes, NAMES["query" if kind == "retrieval" else "arguments"])),
        result=decoded(first(attributes, NAMES["documents" if kind == "retrieval" else "result"])),
        call_id=text(attributes, NAMES["call_id"]),
        usage=Usage(
            count(attributes, NAMES["input_tokens"]), count(attributes, NAMES["output_tokens"]), number(attributes, NAMES["cost"])
        ),
        session_id=text(attributes, NAMES["session_id"]),
        agent=text(attributes, NAMES["agent"]),
        version=text(attributes, NAMES["version"]),
        model=text(attributes, NAMES["model"]),
        tools=offered(first(attributes, NAMES["tools"])),
    )


def is_content(name: str) -> bool:
    """Whether an attribute is read into a trace's own fields, so that it is not kept twice."""
    return name in _CONTENT or name.startswith(("gen_ai.prompt.", "gen_ai.completion."))


_CONTENT = {name for names in NAMES.values() for name in names}


def _kind(attributes: Mapping[str, Any]) -> StepKind:
    operation = text(attributes, NAMES["operation"])
    if operation is not None:
        return OPERATIONS.get(operation, "other")
    if first(attributes, NAMES["tool"]) is not None:
        return "tool"
    return "model" if first(attributes, NAMES["model"]) is not None else "other"


def _name(span: Span, kind: StepKind) -> str:
    named: Names = {"tool": NAMES["tool"], "agent": NAMES["agent"], "model": NAMES["model"]}.get(kind, ())
    return text(span.attributes, named) or span.name


def _input(span: Span) -> tuple[Message, ...]:
    attributes = _with_content_events(span)
    system = instructions(first(attributes, NAMES["instructions"]))
    given = messages(first(attributes, NAMES["input"]), "user") or messages(unflattened(attributes, "gen_ai.prompt"), "user")
    if not given:
        given = tuple(
            message
            for event in events_named(span, tuple(_EVENT_ROLES))
            for message in messages(_event_message(event), _EVENT_ROLES[event["event.name"]])
        )
    return system + given if not given or given[0].role != "system" or not system else given


def _output(span: Span) -> tuple[Message, ...]:
    attributes = _with_content_events(span)
    gave = messages(first(attributes, NAMES["output"]), "assistant")
    gave = gave or messages(unflattened(attributes, "gen_ai.completion"), "assistant")
    if gave:
        return gave
    return tuple(
        message for event in events_named(span, ("gen_ai.choice",)) for message in messages(_event_message(event), "assistant")
    )


def _event_message(event: Mapping[str, Any]) -> dict[str, Any]:
    """A message out of an event: `gen_ai.choice` has it under `message`; ids of tool messages are `id`."""
    inner = decoded(event.get("message"))
    made = {**event, **inner} if isinstance(inner, Mapping) else dict(event)
    made.pop("message", None)
    made["content"] = decoded(made.get("content")) if isinstance(made.get("content"), list) else made.get("content")
    made["tool_calls"] = decoded(made.get("tool_calls"))
    if event["event.name"] == "gen_ai.tool.message":
        made.setdefault("tool_call_id", made.get("id"))
    return made


def _with_content_events(span: Span) -> Mapping[str, Any]:
    """The attributes, with those of the events that carry content in the same names."""
    merged: dict[str, Any] = {}
    for event in events_named(span, _CONTENT_EVENTS):
        merged |= event
    return {**merged, **span.attributes} if merged else span.attributes
