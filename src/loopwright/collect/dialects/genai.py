"""OpenTelemetry's GenAI conventions: the current ones, the generations before them, and what frameworks add to them.

Content comes as JSON text or as structured values on the span, as `gen_ai.prompt.N.*` attributes, or as events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any

from loopwright.collect.dialects.messages import instructions, messages, plain
from loopwright.collect.dialects.parts import said_in
from loopwright.collect.dialects.reading import (
    Names,
    SpanReading,
    Table,
    decoded,
    mapping,
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
    "agent": ("gen_ai.agent.name", "gen_ai.workflow.name", "agent_name"),
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
        "gen_ai.aggregated_usage.cache_read.input_tokens", "gen_ai.aggregated_usage.details.cache_read_tokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write_input_tokens", "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens", "gen_ai.aggregated_usage.cache_creation.input_tokens",
        "gen_ai.aggregated_usage.cache_write.input_tokens", "gen_ai.aggregated_usage.details.cache_write_tokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens",
        "gen_ai.aggregated_usage.reasoning.output_tokens", "gen_ai.aggregated_usage.details.reasoning_tokens",
    ),
    "cost": ("gen_ai.usage.cost", "operation.cost", "gen_ai.usage.total_cost"),
    "query": ("gen_ai.retrieval.query.text",),
    "documents": ("gen_ai.retrieval.documents",),
    "status": ("gen_ai.tool.status",),
    "metadata": ("metadata",),
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
_TABLE = Table(NAMES)
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


def tells(names: frozenset[str], heads: frozenset[str]) -> bool:
    """Whether spans with attributes of these names are written in this dialect."""
    return "gen_ai" in heads


def read(span: Span) -> SpanReading:
    """The span in our words."""
    attributes = _with_details(span)
    told = _TABLE.told(attributes)
    kind = _kind(told)
    if kind in _ACTS:
        arguments, result = _acted(told, span, kind)
        given: tuple[Message, ...] = ()
        gave: tuple[Message, ...] = ()
    else:
        given, gave = _said(told, attributes, span, kind)
        arguments = None if given else decoded(_content(told, "input"))
        result = None if gave else decoded(_content(told, "output"))
    failed = kind == "tool" and told.get("status") == "error"
    return SpanReading(
        kind,
        (text(told.get(kind)) or "") if kind in _NAMED else "",
        given,
        gave,
        arguments=arguments,
        result=result,
        tools=offered(told.get("tools")),
        error=_words(result) if failed else None,
        metadata=mapping(told.get("metadata")),
        **shared(told),
    )


_ACTS = frozenset({"tool", "retrieval", "guardrail", "handoff"})
_NAMED = frozenset({"tool", "agent", "model"})


def _kind(told: Mapping[str, Any]) -> StepKind | None:
    operation = text(told.get("operation"))
    if operation in OPERATIONS:
        return OPERATIONS[operation]
    if "tool" in told:
        return "tool"
    return "model" if "model" in told and (operation is None or "input" in told) else None


_Events = list[Mapping[str, Any]]
_Reads = Callable[[Any, str], tuple[Message, ...]]


def _said(
    told: Mapping[str, Any], attributes: Mapping[str, Any], span: Span, kind: StepKind | None
) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """The messages that a model or an agent was given and gave: from attributes, from events, or from a whole history."""
    listed = listed_events(told.get("events"))
    reads: _Reads = messages if kind == "model" else plain
    given = reads(_content(told, "input"), "user")
    gave = reads(_content(told, "output"), "assistant")
    if not (given and gave) and any(name.startswith(PREFIXES) for name in attributes):
        given = given or messages(unflattened(attributes, "gen_ai.prompt"), "user")
        gave = gave or messages(unflattened(attributes, "gen_ai.completion"), "assistant")
    if span.events or listed:
        given = given or _of_events(span, listed, tuple(_ROLES))
        gave = gave or _of_events(span, listed, (_CHOICE,))
    if not given and not gave:
        given, gave = _whole(told)
    return _instructed(given, instructions(told.get("instructions"))), gave


def _instructed(given: tuple[Message, ...], system: tuple[Message, ...]) -> tuple[Message, ...]:
    """What was given, with those instructions that it does not hold already, after the system messages that it begins with."""
    held = [message.text for message in given if message.role == "system"]
    fresh = tuple(message for message in system if not any(message.text in text for text in held))
    lead = sum(1 for _ in takewhile(lambda message: message.role == "system", given))
    return (*given[:lead], *fresh, *given[lead:])


def _of_events(span: Span, listed: _Events, names: tuple[str, ...]) -> tuple[Message, ...]:
    return tuple(
        message
        for event in [*events_named(span, names), *(event for event in listed if event["event.name"] in names)]
        for message in messages(_event_message(event), _ROLES.get(event["event.name"], "assistant"))
    )


def _content(told: Mapping[str, Any], side: str) -> Any:
    """The content of a side: Google's ADK writes `{}` where there is none."""
    value = told.get(side)
    return None if value == "{}" else value


def _whole(told: Mapping[str, Any]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """What an agent was given and gave, out of its whole history: it gave what it said last."""
    history = messages(told.get("history"), "user")
    if history and history[-1].role == "assistant":
        return history[:-1], history[-1:]
    return history, messages(told.get("final"), "assistant")


def _acted(told: Mapping[str, Any], span: Span, kind: StepKind) -> tuple[Any, Any]:
    """What a tool was given and gave: in attributes of their own, or as messages that hold a call and its response."""
    if kind == "retrieval":
        return decoded(told.get("query")), decoded(told.get("documents"))
    arguments, result = decoded(told.get("arguments")), said_in(told.get("result"))
    if arguments is None:
        asked = messages(_content(told, "input"), "tool")
        arguments = next((call.arguments for message in asked for call in message.tool_calls), None)
    if arguments is None:
        events = events_named(span, ("gen_ai.tool.message",))
        arguments = next((decoded(event["content"]) for event in events if event.get("content") is not None), None)
    if result is None:
        answered = messages(_content(told, "output"), "tool")
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
    if isinstance(whole, dict):
        event = {**event, **whole}
    inner = decoded(event.get("message"))
    made = {**event, **inner} if isinstance(inner, dict) else dict(event)
    made.pop("message", None)
    if inner is not None and not isinstance(inner, dict):
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
