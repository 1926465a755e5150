"""OpenTelemetry's GenAI conventions: the current ones, the generations before them, and what frameworks add to them.

Content comes as JSON text or as structured values on the span, as `gen_ai.prompt.N.*` attributes, or as events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loopwright.collect.dialects.messages import instructions, messages, plain
from loopwright.collect.dialects.parts import said_in
from loopwright.collect.dialects.reading import (
    Names,
    SpanReading,
    decoded,
    first,
    offered,
    shared,
    text,
    unflattened,
)
from loopwright.collect.dialects.span_events import events_named, listed_events
from loopwright.collect.trace import Message, Span, StepKind

NAMES: dict[str, Names] = {
    "operation": ("gen_ai.operation.name",),
    "session_id": (
        "gen_ai.conversation.id", "session.id", "gcp.vertex.agent.session_id", "gen_ai.thread.id", "gen_ai.agent.thread.id",
    ),
    "user_id": ("user.id", "enduser.id", "gen_ai.user.id", "gcp.vertex.agent.user_id"),
    "agent": ("gen_ai.agent.name", "gen_ai.workflow.name"),
    "version": ("gen_ai.agent.version", "loopwright.agent.version"),
    "model": ("gen_ai.response.model", "gen_ai.request.model"),
    "response_id": ("gen_ai.response.id",),
    "tool": ("gen_ai.tool.name",),
    "call_id": ("gen_ai.tool.call.id", "gen_ai.tool_call.id"),
    "arguments": ("gen_ai.tool.call.arguments", "gen_ai.tool.arguments", "tool_arguments", "gcp.vertex.agent.tool_call_args"),
    "result": ("gen_ai.tool.call.result", "gen_ai.tool.result", "tool_response", "gcp.vertex.agent.tool_response"),
    "tools": ("gen_ai.tool.definitions", "model_request_parameters", "gen_ai.agent.tools", "gen_ai.request.tools"),
    "instructions": ("gen_ai.system_instructions", "gen_ai.request.instructions", "gen_ai.agent.system_prompt"),
    "input": ("gen_ai.input.messages", "gen_ai.prompt", "gcp.vertex.agent.llm_request"),
    "output": ("gen_ai.output.messages", "gen_ai.completion", "gcp.vertex.agent.llm_response"),
    "history": ("pydantic_ai.all_messages", "all_messages_events"),
    "final": ("final_result",),
    "events": ("events",),
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "gen_ai.aggregated_usage.input_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "gen_ai.aggregated_usage.output_tokens"),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.details.cache_read_tokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write_input_tokens", "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens",
    ),
    "cost": ("gen_ai.usage.cost", "operation.cost", "gen_ai.usage.total_cost"),
    "query": ("gen_ai.retrieval.query.text",),
    "documents": ("gen_ai.retrieval.documents",),
    "status": ("gen_ai.tool.status",),
}  # fmt: skip
OPERATIONS: dict[str, StepKind] = {
    "chat": "model",
    "chat.completions": "model",
    "chat.streaming_completions": "model",
    "completion": "model",
    "text.completions": "model",
    "text_completion": "model",
    "generate_content": "model",
    "responses": "model",
    "call_llm": "model",
    "invoke_agent": "agent",
    "invoke_workflow": "agent",
    "execute_tool": "tool",
    "retrieval": "retrieval",
    "search": "retrieval",
    "guardrail": "guardrail",
    "apply_guardrail": "guardrail",
    "handoff": "handoff",
    "embeddings": "other",
    "chain": "other",
    "create_agent": "other",
    "plan": "other",
}
PREFIXES: tuple[str, ...] = ("gen_ai.prompt.", "gen_ai.completion.")
HEADS = frozenset({"gen_ai"})
"""What the names of attributes begin with by which the dialect is told."""

CONTENT = frozenset(name for names in NAMES.values() for name in names)
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"
_DETAILS = ("gen_ai.client.inference.operation.details", "gen_ai.content.prompt", "gen_ai.content.completion")
EVENTS = frozenset({*_ROLES, _CHOICE, *_DETAILS})
"""The events that are read into a step's own fields."""


def tells(span: Span, heads: frozenset[str]) -> bool:
    """Whether the span is written in this dialect."""
    return "gen_ai" in heads or any(str(event.get("name")).startswith("gen_ai.") for event in span.events)


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = _with_details(span)
    kind = _kind(attributes)
    arguments, result, given, gave = _acted(attributes, span, kind) if kind in _ACTS else _told(attributes, span, kind)
    failed = kind == "tool" and text(attributes, NAMES["status"]) == "error"
    return SpanReading(
        kind,
        text(attributes, _NAMED.get(kind, ())) or "",
        given,
        gave,
        arguments=arguments,
        result=result,
        tools=offered(first(attributes, NAMES["tools"])),
        error=_words(result) if failed else None,
        **shared(attributes, NAMES),
    )


_ACTS = frozenset({"tool", "retrieval", "guardrail", "handoff"})
_NAMED: dict[StepKind | None, Names] = {"tool": NAMES["tool"], "agent": NAMES["agent"], "model": NAMES["model"]}


def _kind(attributes: Mapping[str, Any]) -> StepKind | None:
    operation = text(attributes, NAMES["operation"])
    if operation in OPERATIONS:
        return OPERATIONS[operation]
    if first(attributes, NAMES["tool"]) is not None:
        return "tool"
    if first(attributes, NAMES["model"]) is None or (operation is not None and first(attributes, NAMES["input"]) is None):
        return None
    return "model"


_Events = list[Mapping[str, Any]]
_Reads = Callable[[Any, str], tuple[Message, ...]]
_Told = tuple[Any, Any, tuple[Message, ...], tuple[Message, ...]]


def _told(attributes: Mapping[str, Any], span: Span, kind: StepKind | None) -> _Told:
    """What a model or an agent was given and gave: as messages, or, where there are none, as it stands."""
    listed = listed_events(first(attributes, NAMES["events"]))
    reads = messages if kind == "model" else plain
    given, gave = _input(attributes, span, listed, reads), _output(attributes, span, listed, reads)
    if not given and not gave:
        given, gave = _whole(attributes)
    sides: list[Any] = [
        None if said else decoded(_content(attributes, side)) for said, side in ((given, "input"), (gave, "output"))
    ]
    return sides[0], sides[1], given, gave


def _acted(attributes: Mapping[str, Any], span: Span, kind: StepKind | None) -> _Told:
    if kind != "retrieval":
        return *_tool(attributes, span), (), ()
    asked, found = (decoded(first(attributes, NAMES[name])) for name in ("query", "documents"))
    return asked, found, (), ()


def _input(attributes: Mapping[str, Any], span: Span, told: _Events, reads: _Reads) -> tuple[Message, ...]:
    system = instructions(first(attributes, NAMES["instructions"]))
    given = reads(_content(attributes, "input"), "user") or messages(_flattened(attributes, "gen_ai.prompt"), "user")
    if not given:
        given = tuple(
            message
            for event in [*events_named(span, tuple(_ROLES)), *(event for event in told if event["event.name"] in _ROLES)]
            for message in messages(_event_message(event), _ROLES[event["event.name"]])
        )
    return system + given if not given or given[0].role != "system" or not system else given


def _output(attributes: Mapping[str, Any], span: Span, told: _Events, reads: _Reads) -> tuple[Message, ...]:
    gave = reads(_content(attributes, "output"), "assistant")
    gave = gave or messages(_flattened(attributes, "gen_ai.completion"), "assistant")
    return gave or tuple(
        message
        for event in [*events_named(span, (_CHOICE,)), *(event for event in told if event["event.name"] == _CHOICE)]
        for message in messages(_event_message(event), "assistant")
    )


def _flattened(attributes: Mapping[str, Any], prefix: str) -> Any:
    return unflattened(attributes, prefix) if any(name.startswith(PREFIXES) for name in attributes) else None


def _content(attributes: Mapping[str, Any], side: str) -> Any:
    """Content by its first name that holds any: Google's ADK writes `{}` where there is none."""
    return next((value for name in NAMES[side] if (value := attributes.get(name)) and value != "{}"), None)


def _whole(attributes: Mapping[str, Any]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """What an agent was given and gave, out of its whole history: it gave what it said last."""
    history = messages(first(attributes, NAMES["history"]), "user")
    gave = history[-1:] if history and history[-1].role == "assistant" else ()
    if not gave:
        gave = messages(first(attributes, NAMES["final"]), "assistant")
        return history, gave
    return history[:-1], gave


def _tool(attributes: Mapping[str, Any], span: Span) -> tuple[Any, Any]:
    """What a tool was given and gave: in attributes of their own, or as messages that hold a call and its response."""
    arguments = decoded(first(attributes, NAMES["arguments"]))
    result = decoded(first(attributes, NAMES["result"]))
    if arguments is None:
        asked = messages(first(attributes, NAMES["input"]), "tool")
        arguments = next((call.arguments for message in asked for call in message.tool_calls), None)
        if arguments is None:
            events = events_named(span, ("gen_ai.tool.message",))
            arguments = next((decoded(event["content"]) for event in events if event.get("content") is not None), None)
    if result is None:
        answered = messages(first(attributes, NAMES["output"]), "tool")
        result = next((message.content for message in answered if message.content is not None), None)
        if result is None:
            events = events_named(span, (_CHOICE,))
            result = next((said_in(event["message"]) for event in events if event.get("message") is not None), None)
    return arguments, result


def _words(result: Any) -> str:
    return result if isinstance(result, str) and result else "error"


def _event_message(event: Mapping[str, Any]) -> dict[str, Any]:
    """A message out of an event: `gen_ai.choice` has it under `message`, Azure's events have all under `gen_ai.event.content`."""
    whole = decoded(event.get("gen_ai.event.content"))
    if isinstance(whole, Mapping):
        event = {**event, **whole}
    inner = decoded(event.get("message"))
    made = {**event, **inner} if isinstance(inner, Mapping) else dict(event)
    made.pop("message", None)
    if inner is not None and not isinstance(inner, Mapping):
        made["content"] = inner
    made["tool_calls"] = decoded(made.get("tool_calls"))
    if event["event.name"] == "gen_ai.tool.message":
        made.setdefault("tool_call_id", made.get("id"))
    return {key: made[key] for key in _MESSAGE_KEYS if made.get(key) is not None}


_MESSAGE_KEYS = ("role", "content", "tool_calls", "tool_call_id", "name", "parts")


def _with_details(span: Span) -> Mapping[str, Any]:
    """The attributes, with those of the events that carry content in the same names."""
    merged: dict[str, Any] = {}
    for event in events_named(span, _DETAILS):
        merged |= event
    return {**merged, **span.attributes} if merged else span.attributes
