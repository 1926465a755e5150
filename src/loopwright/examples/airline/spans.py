"""The agent's telemetry: one trace a conversation, in OpenTelemetry's GenAI conventions, at simulated times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, format_trace_id, set_span_in_context

from loopwright.examples.airline.clock import SimulatedClock
from loopwright.examples.airline.model import Completion, ToolRequest
from loopwright.guards.harness import GuardRecord

AGENT = "airline-support"
TRACER = "loopwright.examples.airline"


class SeededIds(IdGenerator):
    """Trace and span ids from a seed, so that the same simulation exports the same ids."""

    def __init__(self, seed: int | str) -> None:
        self._rng = Random(f"spans {seed}")

    def generate_trace_id(self) -> int:
        """The next trace id."""
        return self._rng.getrandbits(128) or 1

    def generate_span_id(self) -> int:
        """The next span id."""
        return self._rng.getrandbits(64) or 1


def provider(version: str, seed: int | str, processors: Iterable[SpanProcessor] = ()) -> TracerProvider:
    """A tracer provider for the agent: its name and version as the resource, ids from `seed`, spans to `processors`."""
    resource = Resource({"service.name": AGENT, "service.version": version})
    made = TracerProvider(resource=resource, id_generator=SeededIds(seed), shutdown_on_exit=False)
    for processor in processors:
        made.add_span_processor(processor)
    return made


class ConversationSpans:
    """One conversation's trace: a root span for the whole of it, a child for each model call and each tool that ran."""

    def __init__(self, tracer: Tracer, clock: SimulatedClock, session_id: str, version: str) -> None:
        self._tracer, self._clock = tracer, clock
        self._session_id = session_id
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": "loopwright",
            "gen_ai.agent.name": AGENT,
            "gen_ai.conversation.id": session_id,
            "loopwright.agent.version": version,
        }
        self.root = tracer.start_span(
            f"invoke_agent {AGENT}", Context(), SpanKind.INTERNAL, attributes=attributes, start_time=clock.nanoseconds
        )
        self._inside = set_span_in_context(self.root, Context())
        self._current: Span = self.root

    @property
    def trace_id(self) -> str:
        """The trace's id in hexadecimal; empty where nothing is recorded."""
        context = self.root.get_span_context()
        return format_trace_id(context.trace_id) if context.is_valid else ""

    def chat(self, started: int, given: Sequence[Mapping[str, Any]], reply: Completion | None, error: str = "") -> None:
        """A model call that began at `started` and ends now; `reply` None where it failed, for the reason `error`."""
        model = reply.model if reply else "unknown"
        span = self._tracer.start_span(f"chat {model}", self._inside, SpanKind.CLIENT, start_time=started)
        if span.is_recording():
            span.set_attributes(_chat_attributes(self._session_id, given, reply))
            if error:
                _failed(span, "model_error", error)
        self._end(span)

    def tool(self, started: int, call: ToolRequest, content: str, kind: str = "", message: str = "", cost: float = 0.0) -> None:
        """A tool that ran from `started` to now, giving `content`; `kind` is set where it failed."""
        span = self._tracer.start_span(f"execute_tool {call.name}", self._inside, SpanKind.INTERNAL, start_time=started)
        if span.is_recording():
            span.set_attributes(
                {
                    "gen_ai.operation.name": "execute_tool",
                    "gen_ai.conversation.id": self._session_id,
                    "gen_ai.tool.name": call.name,
                    "gen_ai.tool.type": "function",
                    "gen_ai.tool.call.id": call.id,
                    "gen_ai.tool.call.arguments": json.dumps(call.arguments),
                    "gen_ai.tool.call.result": content,
                    "loopwright.tool.cost_usd": cost,
                }
            )
            if kind:
                _failed(span, kind, message)
        self._end(span)

    def guard(self, record: GuardRecord) -> None:
        """What a guard said, as an event of the conversation's span."""
        self.root.add_event(
            "loopwright.guard.decision",
            {
                "loopwright.guard.name": record.guard,
                "loopwright.guard.mode": record.mode,
                "loopwright.guard.event": record.event.kind,
                "loopwright.guard.action": record.decision.action,
                "loopwright.guard.reason": record.fault or record.decision.reason,
                "loopwright.guard.acted": record.acted,
                **({"gen_ai.tool.name": str(record.event.payload["name"])} if "name" in record.event.payload else {}),
            },
            timestamp=self._clock.nanoseconds,
        )

    def end(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """The conversation is over; `messages` is all of it."""
        last = max((i for i, m in enumerate(messages) if m["role"] == "assistant"), default=len(messages))
        if self.root.is_recording():
            self.root.set_attribute("gen_ai.input.messages", _joined(m for m in messages[:last] if m["role"] != "system"))
            self.root.set_attribute("gen_ai.output.messages", _joined(messages[last:]))
        self.root.end(self._clock.nanoseconds)

    def _end(self, span: Span) -> None:
        span.end(self._clock.nanoseconds)


def _failed(span: Span, kind: str, message: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, message))


def _chat_attributes(session_id: str, given: Sequence[Mapping[str, Any]], reply: Completion | None) -> dict[str, Any]:
    head = given[0] if given and given[0]["role"] == "system" else None
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": session_id,
        "gen_ai.input.messages": _joined(given[1:] if head else given),
    }
    if head:
        attributes["gen_ai.system_instructions"] = _instructions(str(head["content"]))
    if reply is None:
        return attributes
    said = {"role": "assistant", "content": reply.text, "tool_calls": [_plain(c) for c in reply.calls]}
    attributes |= {
        "gen_ai.provider.name": reply.provider,
        "gen_ai.request.model": reply.model,
        "gen_ai.response.model": reply.model,
        "gen_ai.response.finish_reasons": ("tool_calls" if reply.calls else "stop",),
        "gen_ai.output.messages": _joined([said]),
        "gen_ai.usage.input_tokens": reply.input_tokens,
        "gen_ai.usage.output_tokens": reply.output_tokens,
    }
    return attributes if reply.cost is None else attributes | {"gen_ai.usage.cost": reply.cost}


def _plain(call: ToolRequest) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


@lru_cache(maxsize=64)
def _instructions(text: str) -> str:
    return json.dumps([{"type": "text", "content": text}])


def _joined(messages: Iterable[Mapping[str, Any]]) -> str:
    """The messages as JSON in the conventions' shape: a role, and parts."""
    return "[" + ",".join(_message(m["role"], m.get("content") or "", m) for m in messages) + "]"


def _message(role: str, content: Any, message: Mapping[str, Any]) -> str:
    text = str(content)
    if role == "tool":
        return _tool_message(str(message.get("tool_call_id", "")), text)
    calls = message.get("tool_calls")
    if not calls:
        return _text_message(role, text)
    parts: list[dict[str, Any]] = [{"type": "text", "content": text}] if text else []
    parts += [{"type": "tool_call", "id": c["id"], "name": c["name"], "arguments": c["arguments"]} for c in calls]
    return json.dumps({"role": role, "parts": parts})


@lru_cache(maxsize=8192)
def _text_message(role: str, text: str) -> str:
    return json.dumps({"role": role, "parts": [{"type": "text", "content": text}]})


@lru_cache(maxsize=8192)
def _tool_message(call_id: str, text: str) -> str:
    return json.dumps({"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "result": text}]})
