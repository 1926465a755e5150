"""Spans, traces, sessions and feedback: what happened in production, in one shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

StepKind = Literal["model", "tool", "retrieval", "guardrail", "handoff", "agent", "other"]
FeedbackKind = Literal["thumb", "rating", "correction", "escalation", "evaluation", "comment"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the agent asked for. `arguments` is the decoded JSON value, or the text as sent where it is not JSON."""

    id: str
    name: str
    arguments: Any = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, in the chat shape.

    `content` is kept as it came: text, a list of content parts, or None. `text` reads it as text.
    """

    role: str
    content: Any = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

    @property
    def text(self) -> str:
        """The content as text: parts joined by newlines, non-text parts left out."""
        if isinstance(self.content, str):
            return self.content
        if not isinstance(self.content, list | tuple):
            return ""
        parts = (p if isinstance(p, str) else p.get("text", "") if isinstance(p, dict) else "" for p in self.content)
        return "\n".join(p for p in parts if isinstance(p, str) and p)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the agent did. A model step's input and output are lists of messages.

    `model`, `response_id` and `usage` are what a call of a model told of itself. `attributes` is the rest of what the span
    carried: all that no dialect reads into another field, labels excluded; those of the outermost span are the trace's.
    """

    span_id: str
    kind: StepKind
    name: str
    parent_id: str | None = None
    input: Any = None
    output: Any = None
    error: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    model: str | None = None
    response_id: str | None = None
    usage: Usage | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a trace or a step took. Tokens are counts, cost is US dollars, latency is milliseconds; None is unknown.

    Tokens read from a cache or written to one are among the input tokens, reasoning tokens among the output tokens.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """A person's or a system's verdict on a trace or a session.

    `value` is True/False for a thumb or a pass/fail evaluation, a number for a rating or score, text for a label.
    `negative` is what the verdict amounts to: True bad, False good, None where it cannot be told.
    """

    kind: FeedbackKind
    value: bool | float | str | None = None
    negative: bool | None = None
    comment: str = ""
    source: str = "user"
    message_index: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """An OpenTelemetry span. Times are aware datetimes; `status` is `unset`, `ok` or `error`.

    `events` are objects with `name`, `at` (ISO 8601 text or None), `attributes`, and perhaps a `body`; `links` are objects with
    `trace_id`, `span_id` and `attributes`.
    """

    trace_id: str
    span_id: str
    name: str
    parent_id: str | None = None
    kind: str = "internal"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    status: Literal["unset", "ok", "error"] = "unset"
    status_message: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()
    resource: dict[str, Any] = field(default_factory=dict)
    links: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """One request's spans, or one recorded conversation, normalised.

    `messages` is the conversation once, without repeats. `trace_id` is the record's own id; a record without one gets an id
    derived from its content. `attributes` keeps whatever else the record carried, labels excluded.
    """

    trace_id: str
    messages: tuple[Message, ...] = ()
    steps: tuple[Step, ...] = ()
    session_id: str | None = None
    agent: str | None = None
    version: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    usage: Usage = field(default_factory=Usage)
    error: str | None = None
    feedback: tuple[Feedback, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """The traces of one conversation, in order of time."""

    session_id: str
    trace_ids: tuple[str, ...] = ()
