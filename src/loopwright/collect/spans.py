"""OpenTelemetry spans become traces.

Each span is read by its dialect (`loopwright.collect.dialects`); the readings of a trace are put together here. Nothing depends
on the order in which spans come, and a span that came twice counts once. A span whose parent did not come is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.collect.conversation import message_object
from loopwright.collect.dialects.reading import SpanReading
from loopwright.collect.dialects.verdicts import evaluations
from loopwright.collect.record import LABELS
from loopwright.collect.spans_clock import NOTE, Ordered, in_order
from loopwright.collect.spans_conversation import Exchange, ToolRun, as_calls, called, conversation
from loopwright.collect.spans_reading import error_of, filled, read_span
from loopwright.collect.spans_tree import SpanTree, depths_of
from loopwright.collect.trace import Feedback, Message, Span, Step, Trace, Usage

__all__ = ["SpanEvent", "assemble", "assemble_one", "attach", "error_of", "read_span", "total"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REDACTED = "details are redacted"
"""What the OpenAI Agents SDK says in place of a tool's error; the tool's result tells it."""

_UNNAMED = "unknown_service"
_RESOURCE = (
    "service.name", "service.namespace", "service.instance.id", "deployment.environment.name", "deployment.environment",
    "openinference.project.name", "vcs.ref.head.revision", "vcs.repository.url.full",
)  # fmt: skip
_PROJECTS = ("openinference.project.name",)


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
    error: str | None

    @property
    def id(self) -> str:
        return self.span.span_id

    @property
    def kind(self) -> str:
        return self.reading.kind or "other"

    @property
    def name(self) -> str:
        return self.reading.name or self.span.name


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
    ordered = in_order(spans, depths_of({span.span_id: span.parent_id for span in spans}))
    read = [_read(span) for span in ordered.spans]
    tree = SpanTree([(item.id, item.span.parent_id, item) for item in read])
    outermost = tree.by_depth
    resource = next((item.span.resource for item in outermost if item.span.resource), {})
    messages = _messages(read, tree)
    started = min((item.span.started_at for item in read if item.span.started_at), default=None)
    ended = max((item.span.ended_at for item in read if item.span.ended_at), default=None)
    return Trace(
        trace_id=read[0].span.trace_id,
        messages=messages,
        steps=_steps(read, messages, outermost[0], ordered),
        session_id=_told(outermost, "session_id") or _attribute(resource, "session.id"),
        agent=_told(outermost, "agent") or _service(resource) or (outermost[0].name if outermost[0].kind == "agent" else None),
        version=_told(outermost, "version") or _attribute(resource, "service.version"),
        started_at=started,
        ended_at=ended,
        usage=_usage(read, tree, started, ended),
        error=next((item.error for item in tree.top if item.error is not None), None) or _ended_by(read, tree),
        feedback=_feedback(read),
        attributes=_attributes(outermost, resource, ordered),
        user_id=_told(outermost, "user_id") or _attribute(resource, "user.id"),
    )


def _read(span: Span) -> _Read:
    reading = read_span(span)
    error = error_of(span, reading)
    if error is not None and _REDACTED in error and isinstance(reading.result, str):
        error = reading.result
    return _Read(span, reading, error)


def _ended_by(read: Sequence[_Read], tree: SpanTree[_Read]) -> str | None:
    """The error within that ended a trace of which the outermost span tells none: nothing was said by its end, nor later."""
    in_tools = tree.below(item.id for item in read if item.kind == "tool")
    outside = [item for item in read if item.id not in in_tools and item.reading.kind in _TALKING and item.span.ended_at]
    said = max((item.span.ended_at or _EPOCH for item in outside if item.reading.output), default=_EPOCH)
    failed = [item for item in outside if item.error is not None and (item.span.ended_at or _EPOCH) >= said]
    return failed[0].error if failed else None


_TALKING = frozenset({"model", "agent", "guardrail", "handoff", "other"})


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


def _runs(read: Sequence[_Read]) -> list[ToolRun]:
    return [
        ToolRun(item.name, item.reading.arguments, item.reading.result, item.error, item.reading.call_id)
        for item in read
        if item.kind == "tool"
    ]


def _messages(read: Sequence[_Read], tree: SpanTree[_Read]) -> tuple[Message, ...]:
    """The conversation: by the models' histories where there are any, else by what agents and roots were given and gave.

    Models and agents within a tool are that tool's own affair, unless nothing else tells of a conversation. A side that nothing
    tells is the value that the outermost step was given, or gave.
    """
    found = _told_messages(read, tree)
    root = tree.by_depth[0]
    if root.kind not in {"agent", "other"}:
        return found
    roles = {message.role for message in found}
    given = () if "user" in roles else _spoken(root.reading.arguments, "user")
    gave = () if "assistant" in roles else _spoken(root.reading.result, "assistant")
    lead = sum(1 for _ in takewhile(lambda message: message.role == "system", found))
    return (*found[:lead], *given, *found[lead:], *gave)


def _spoken(value: Any, role: str) -> tuple[Message, ...]:
    """A value as a message: the one text that it holds, or its JSON; none where it holds nothing."""
    held = [item for item in value.values() if item is not None] if isinstance(value, Mapping) else [value]
    if not held or held[0] in (None, "", [], {}):
        return ()
    return (Message(role, held[0] if len(held) == 1 and isinstance(held[0], str) else canonical(value)),)


def _told_messages(read: Sequence[_Read], tree: SpanTree[_Read]) -> tuple[Message, ...]:
    """The messages that the spans themselves tell as such."""
    talking = [item for item in read if item.reading.input or item.reading.output]
    in_tools = tree.below(item.id for item in read if item.kind == "tool")
    outside = [item for item in talking if item.id not in in_tools] or talking
    models = [item for item in outside if item.kind == "model"]
    others = [item for item in outside if item.kind not in {"model", "tool"}]
    inner = tree.below(item.id for item in others)
    agents = [item for item in others if item.id not in inner]
    if models:
        ends = [message for item in agents for message in (*item.reading.input, *item.reading.output)]
        return conversation([Exchange(item.reading.input, item.reading.output) for item in models], _runs(read), ends)
    own = [item for item in read if item.kind == "tool" and item.id not in in_tools]
    by_agent = tree.below(item.id for item in agents)
    return conversation([_agent_exchange(item, [tool for tool in own if by_agent.get(tool.id) == item.id]) for item in agents])


def _agent_exchange(agent: _Read, tools: Sequence[_Read]) -> Exchange:
    """What an agent was given and gave, with its tool calls before that, unless its own messages tell of calls."""
    gave = agent.reading.output
    calls = () if any(message.tool_calls for message in gave) else as_calls(_runs(tools))
    return Exchange(agent.reading.input, (*calls, *gave))


def _steps(read: Sequence[_Read], messages: Sequence[Message], root: _Read, ordered: Ordered) -> tuple[Step, ...]:
    """A step for each span, with what it was given and gave, though spans around the model's repeat that."""
    taken: set[int] = set()
    return tuple(
        _step(item, _content(item, messages, taken), {} if item is root else _rest(item), ordered.notes.get(item.id))
        for item in read
    )


def _step(item: _Read, content: tuple[Any, Any], attributes: dict[str, Any], note: str | None) -> Step:
    span, reading = item.span, item.reading
    if note is not None:
        attributes = {**attributes, NOTE: note}
    return Step(
        span.span_id,
        reading.kind or "other",
        item.name,
        span.parent_id,
        *content,
        item.error,
        span.started_at,
        span.ended_at,
        reading.model,
        reading.response_id,
        None if reading.usage == _NO_USAGE else reading.usage,
        attributes,
    )


_NO_USAGE = Usage()


def _rest(item: _Read) -> dict[str, Any]:
    return {**item.reading.rest, **item.reading.metadata}


def _content(item: _Read, messages: Sequence[Message], taken: set[int]) -> tuple[Any, Any]:
    """What a step was given and gave. A tool that was not told its arguments by name is given those of the call it answers."""
    reading = item.reading
    given, gave = reading.arguments, reading.result
    if item.kind == "tool":
        found = called(messages, ToolRun(item.name, given, gave, None, reading.call_id), taken)
        if found is not None:
            taken.add(found[0])
            given = given if isinstance(given, Mapping) else found[1].arguments
            gave = _answer_to(found[1].id, messages) if gave is None else gave
    else:
        given = [message_object(message) for message in reading.input] or given
        gave = [message_object(message) for message in reading.output] or gave
    return given, gave


def _answer_to(id: str, messages: Sequence[Message]) -> Any:
    """What a conversation tells that a call gave; None where nothing does."""
    return next((message.content for message in messages if message.role == "tool" and message.tool_call_id == id), None)


def _usage(read: Sequence[_Read], tree: SpanTree[_Read], started: datetime | None, ended: datetime | None) -> Usage:
    """What the models took; what none of them tells, as the agents tell it. A call within a call that tells is in it already."""
    latency = None if started is None or ended is None else max((ended - started).total_seconds() * 1000, 0.0)
    counted = _NO_USAGE
    for kinds in ({"model"}, {"agent", "other"}):
        telling = [item for item in read if item.kind in kinds and item.reading.usage != _NO_USAGE]
        inner = tree.below(item.id for item in telling)
        counted = filled(counted, total([item.reading.usage for item in telling if item.id not in inner]))
    return replace(counted, latency_ms=latency)


def total(usages: Sequence[Usage]) -> Usage:
    """The sum of what is known, field by field; None where nothing is."""
    sums: dict[str, Any] = {}
    for name in _USAGE:
        known = [value for usage in usages if (value := getattr(usage, name)) is not None]
        sums[name] = sum(known) if known else None
    return Usage(**sums)


_USAGE = tuple(field.name for field in fields(Usage))


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
    if name is None or name.startswith(_UNNAMED):
        return next((project for key in _PROJECTS if (project := _attribute(resource, key)) not in (None, "default")), None)
    return name


def _models(read: Sequence[_Read]) -> list[str]:
    """The models called, as their calls name them; as agents do where no call is told."""
    named = [item for item in read if item.reading.model]
    called = [item for item in named if item.kind == "model"] or named
    return [item.reading.model for item in called if item.reading.model]


def _attributes(outermost: Sequence[_Read], resource: Mapping[str, Any], ordered: Ordered) -> dict[str, Any]:
    """What else the outermost span, its metadata and the resource carry, with the models called and the tools offered."""
    kept: dict[str, Any] = {name: resource[name] for name in _RESOURCE if name in resource}
    kept |= outermost[0].reading.rest
    kept |= next((item.reading.metadata for item in outermost if item.reading.metadata), {})
    for name, values in (
        ("models", _models(outermost)),
        ("tools", [tool for item in outermost for tool in item.reading.tools]),
    ):
        if values:
            kept[name] = sorted(set(values))
    if ordered.moved:
        kept[NOTE] = dict(ordered.moved)
    return {name: value for name, value in kept.items() if name not in LABELS}
