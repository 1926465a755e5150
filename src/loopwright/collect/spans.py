"""OpenTelemetry spans become traces.

Each span is read by its dialect (`loopwright.collect.dialects`); the readings of a trace are put together here. Nothing depends
on the order in which spans come, and a span that came twice counts once. A span whose parent did not come is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any, Protocol

from loopwright.audit.digest import canonical
from loopwright.collect.conversation import message_object
from loopwright.collect.dialects import genai, openinference
from loopwright.collect.dialects.reading import SpanReading
from loopwright.collect.dialects.verdicts import evaluations
from loopwright.collect.record import LABELS
from loopwright.collect.spans_conversation import Exchange, ToolRun, as_calls, called, conversation
from loopwright.collect.spans_tree import SpanTree
from loopwright.collect.trace import Feedback, Message, Span, Step, Trace, Usage


class Dialect(Protocol):
    """A way to write spans: whether a span is written so, the span in our words, and which attributes that takes up."""

    def tells(self, span: Span) -> bool:
        """Whether the span is written in this dialect."""

    def read(self, span: Span) -> SpanReading:
        """The span in our words; whatever stands in it, nothing is raised."""

    def is_content(self, name: str) -> bool:
        """Whether an attribute is read into a trace's own fields, so that it is not kept twice."""


DIALECTS: tuple[Dialect, ...] = (openinference, genai)
"""A span is read by the first that it is written in, what that lacks by the next; in none, it is a step of the kind `other`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REDACTED = "details are redacted"
"""What the OpenAI Agents SDK says in place of a tool's error; the tool's result tells it."""

_UNNAMED = "unknown_service"
_RESOURCE = ("service.name", "service.namespace", "service.instance.id", "deployment.environment.name", "deployment.environment")


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """An event that came by itself, as a log record: to which span of which trace it belongs, where it says so.

    `event` is as among `Span.events`: `name`, `at` (ISO 8601 text or None), `attributes`, and its `body`.
    """

    trace_id: str | None
    span_id: str | None
    event: dict[str, Any]
    resource: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    span: Span
    reading: SpanReading

    @property
    def id(self) -> str:
        return self.span.span_id


def assemble(spans: Iterable[Span]) -> list[Trace]:
    """The traces that these spans make up, by the time of their first span.

    The order of `spans` does not matter. Of two spans with one id the one that ended is taken, or the later or fuller one.
    """
    by_trace: dict[str, dict[str, Span]] = {}
    for span in spans:
        held = by_trace.setdefault(span.trace_id, {})
        earlier = held.get(span.span_id)
        held[span.span_id] = span if earlier is None else max(earlier, span, key=_completeness)
    traces = [assemble_one(list(held.values())) for held in by_trace.values()]
    return sorted(traces, key=lambda trace: (trace.started_at or _EPOCH, trace.trace_id))


def attach(spans: Sequence[Span], events: Iterable[SpanEvent]) -> tuple[list[Span], list[SpanEvent]]:
    """The spans with those events that belong to them, in order of time; and the events whose span is not among them."""
    waiting: dict[tuple[str | None, str | None], list[SpanEvent]] = {}
    for event in events:
        waiting.setdefault((event.trace_id, event.span_id), []).append(event)
    made = []
    for span in spans:
        found = waiting.pop((span.trace_id, span.span_id), [])
        fresh = [event.event for event in found if event.event not in span.events]
        together = sorted((*span.events, *fresh), key=lambda event: str(event.get("at") or "")) if fresh else span.events
        made.append(replace(span, events=tuple(together)) if fresh else span)
    return made, [event for left in waiting.values() for event in left]


def assemble_one(spans: Sequence[Span]) -> Trace:
    """The trace of spans that have one trace id, and ids of their own. At least one is needed."""
    read = [_Read(span, read_span(span)) for span in sorted(spans, key=_order)]
    tree = SpanTree([(item.id, item.span.parent_id, item) for item in read])
    outermost = tree.by_depth
    resource = next((item.span.resource for item in outermost if item.span.resource), {})
    messages = _messages(read, tree)
    started = min((item.span.started_at for item in read if item.span.started_at), default=None)
    ended = max((item.span.ended_at for item in read if item.span.ended_at), default=None)
    return Trace(
        trace_id=read[0].span.trace_id,
        messages=messages,
        steps=_steps(read, messages),
        session_id=_told(outermost, "session_id") or _attribute(resource, "session.id"),
        agent=_told(outermost, "agent") or _service(resource),
        version=_told(outermost, "version") or _attribute(resource, "service.version"),
        started_at=started,
        ended_at=ended,
        usage=_usage(read, tree, started, ended),
        error=next((error for item in tree.top if (error := error_of(item.span)) is not None), None),
        feedback=_feedback(read),
        attributes=_attributes(outermost, resource),
    )


def read_span(span: Span) -> SpanReading:
    """The span as its dialect tells it."""
    readings = [dialect.read(span) for dialect in DIALECTS if dialect.tells(span)]
    if not readings:
        return SpanReading(name=span.name, session_id=_attribute(span.attributes, "session.id"))
    return reduce(_filled, readings)


def error_of(span: Span) -> str | None:
    """What a span says went wrong: its exception, its status, or the type of its error; None where nothing did."""
    type = span.attributes.get("error.type")
    if span.status != "error" and not type:
        return None
    for event in span.events:
        if event.get("name") == "exception":
            told = event.get("attributes") or {}
            parts = [str(told[key]) for key in ("exception.type", "exception.message") if told.get(key)]
            if parts:
                return ": ".join(parts)
    message = span.status_message.strip()
    return (f"{type}: {message}" if type and message and str(type) not in message else message) or str(type or "error")


def _filled(found: SpanReading, other: SpanReading) -> SpanReading:
    """A reading, with what it lacks from that of another dialect: some instrumentations write two."""
    names = ("input", "output", "arguments", "result", "call_id", "session_id", "agent", "version", "model", "tools", "feedback")
    lacking = {name: getattr(other, name) for name in names if getattr(found, name) in (None, ())}
    usage = found.usage if found.usage.input_tokens is not None or found.usage.output_tokens is not None else other.usage
    return replace(found, usage=usage, **lacking)


def _completeness(span: Span) -> tuple[Any, ...]:
    content = canonical([span.attributes, list(span.events), span.status_message, span.name, span.parent_id, span.resource])
    return (
        span.ended_at is not None,
        span.ended_at or _EPOCH,
        span.status != "unset",
        len(content),
        content,
        span.status,
        span.kind,
    )


def _order(span: Span) -> tuple[datetime, datetime, str]:
    return span.started_at or _EPOCH, span.ended_at or _EPOCH, span.span_id


def _runs(read: Sequence[_Read]) -> list[ToolRun]:
    return [
        ToolRun(r.reading.name, r.reading.arguments, r.reading.result, error_of(r.span), r.reading.call_id)
        for r in read
        if r.reading.kind == "tool"
    ]


def _messages(read: Sequence[_Read], tree: SpanTree[_Read]) -> tuple[Message, ...]:
    """The conversation: by the models' histories where there are any, else by what agents and roots were given and gave.

    Models and agents within a tool are that tool's own affair, unless nothing else tells of a conversation.
    """
    talking = [item for item in read if item.reading.input or item.reading.output]
    in_tools = tree.below(item.id for item in read if item.reading.kind == "tool")
    outside = [item for item in talking if item.id not in in_tools] or talking
    models = [item for item in outside if item.reading.kind == "model"]
    others = [item for item in outside if item.reading.kind not in {"model", "tool"}]
    inner = tree.below(item.id for item in others)
    agents = [item for item in others if item.id not in inner]
    if models:
        ends = [message for item in agents for message in (*item.reading.input, *item.reading.output)]
        return conversation([Exchange(item.reading.input, item.reading.output) for item in models], _runs(read), ends)
    own = [item for item in read if item.reading.kind == "tool" and item.id not in in_tools]
    by_agent = tree.below(item.id for item in agents)
    return conversation([_agent_exchange(item, [tool for tool in own if by_agent.get(tool.id) == item.id]) for item in agents])


def _agent_exchange(agent: _Read, tools: Sequence[_Read]) -> Exchange:
    """What an agent was given and gave, with its tool calls before that, unless its own messages tell of calls."""
    gave = agent.reading.output
    calls = () if any(message.tool_calls for message in gave) else as_calls(_runs(tools))
    return Exchange(agent.reading.input, (*calls, *gave))


def _steps(read: Sequence[_Read], messages: Sequence[Message]) -> tuple[Step, ...]:
    """A step for each span. Spans around the model's repeat what it was told and said: they keep that where there is no model."""
    taken: set[int] = set()
    told = any(item.reading.kind == "model" for item in read)
    return tuple(_step(item, messages, taken, told) for item in read)


def _step(item: _Read, messages: Sequence[Message], taken: set[int], told: bool) -> Step:
    """The step of a span. A tool that was not told its arguments by name is given those of the call that it answers."""
    span, reading = item.span, item.reading
    given, gave = reading.arguments, reading.result
    if reading.kind == "tool":
        run = ToolRun(reading.name, given, gave, None, reading.call_id)
        found = called(messages, run, taken)
        if found is not None:
            taken.add(found[0])
            given = given if isinstance(given, Mapping) else found[1].arguments
    elif reading.kind in {"model", "agent", "handoff"} or (reading.kind == "other" and not told):
        given = [message_object(message) for message in reading.input] or None
        gave = [message_object(message) for message in reading.output] or None
    error = error_of(span)
    if error is not None and _REDACTED in error and isinstance(gave, str):
        error = gave
    return Step(span.span_id, reading.kind, reading.name, span.parent_id, given, gave, error)


def _usage(read: Sequence[_Read], tree: SpanTree[_Read], started: datetime | None, ended: datetime | None) -> Usage:
    """What the models took; where none says, what the agents say. A call within a call that says is in it already."""
    latency = None if started is None or ended is None else (ended - started).total_seconds() * 1000
    for kinds in ({"model"}, {"agent", "other"}):
        telling = [item for item in read if item.reading.kind in kinds and item.reading.usage != Usage()]
        inner = tree.below(item.id for item in telling)
        counted = [item.reading.usage for item in telling if item.id not in inner]
        if counted:
            return Usage(_sum(u.input_tokens for u in counted), _sum(u.output_tokens for u in counted), _cost(counted), latency)
    return Usage(latency_ms=latency)


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _cost(usages: Sequence[Usage]) -> float | None:
    known = [usage.cost_usd for usage in usages if usage.cost_usd is not None]
    return sum(known) if known else None


def _feedback(read: Sequence[_Read]) -> tuple[Feedback, ...]:
    """The verdicts on the spans, and those on the whole trace or session, once however many spans repeat them."""
    own = [verdict for item in read for verdict in (*item.reading.feedback, *evaluations(item.span))]
    wide = dict.fromkeys(verdict for item in read for verdict in item.reading.wide_feedback)
    return (*own, *wide)


def _told(outermost: Sequence[_Read], name: str) -> str | None:
    return next((value for item in outermost if (value := getattr(item.reading, name)) is not None), None)


def _attribute(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return str(value) if isinstance(value, str | int | float) and str(value) else None


def _service(resource: Mapping[str, Any]) -> str | None:
    name = _attribute(resource, "service.name")
    return None if name is None or name.startswith(_UNNAMED) else name


def _attributes(outermost: Sequence[_Read], resource: Mapping[str, Any]) -> dict[str, Any]:
    """What else the outermost span, its metadata and the resource carry, with the models called and the tools offered."""
    root = outermost[0]
    kept: dict[str, Any] = {name: resource[name] for name in _RESOURCE if name in resource}
    kept |= {name: value for name, value in root.span.attributes.items() if not any(d.is_content(name) for d in DIALECTS)}
    kept |= root.reading.metadata
    for name, values in (
        ("models", [item.reading.model for item in outermost if item.reading.model]),
        ("tools", [tool for item in outermost for tool in item.reading.tools]),
    ):
        if values:
            kept[name] = sorted(set(values))
    return {name: value for name, value in kept.items() if name not in LABELS}
