"""One span, read by all the dialects that it is written in, with what none of them reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, Protocol

from loopwright.collect.conversation import message_object
from loopwright.collect.dialects import frameworks, genai, langfuse, langsmith, openinference, traceloop, vercel
from loopwright.collect.dialects.reading import SpanReading, text
from loopwright.collect.dialects.verdicts import EVALUATION_EVENT
from loopwright.collect.record import LABELS
from loopwright.collect.trace import Message, Span, Usage


class Dialect(Protocol):
    """A way to write spans: whether a span is written so, the span in our words, and which attributes that takes up."""

    CONTENT: frozenset[str]
    """Attributes that are read into a reading's own fields, so that they are not kept twice."""

    PREFIXES: tuple[str, ...]
    """What the names of further such attributes begin with."""

    def tells(self, names: frozenset[str], heads: frozenset[str]) -> bool:
        """Whether spans with attributes of these names are written in it; `heads` is what the names begin with, up to a dot."""

    def read(self, span: Span) -> SpanReading:
        """The span in our words; whatever stands in it, nothing is raised."""


DIALECTS: tuple[Dialect, ...] = (openinference, langfuse, vercel, langsmith, traceloop, genai, frameworks)
"""A span is read by the first that it is written in, what that lacks by the next; in none, it is a step of the kind `other`."""

EVENTS, LINKS = "span.events", "span.links"
"""The attributes of a step that keep what else happened in its span, and what its span points to."""

_KINDS = frozenset(
    name
    for d in (genai, langfuse, langsmith, openinference, traceloop, vercel)
    for key in ("kind", "operation")
    for name in d.NAMES.get(key, ())
)
_IDENTITY = frozenset({"session.id", "user.id", "enduser.id"})
_READ_EVENTS = genai.EVENTS | {EVALUATION_EVENT, "exception"}
_NONE = SpanReading()


def read_span(span: Span) -> SpanReading:
    """The span as its dialects tell it."""
    attributes = span.attributes
    dialects, unread = _known(frozenset(attributes), any(str(event.get("name")).startswith("gen_ai.") for event in span.events))
    found = dialects[0].read(span) if dialects else SpanReading()
    for dialect in dialects[1:]:
        _fill(found, dialect.read(span))
    _act(found)
    found.session_id = found.session_id or text(attributes.get("session.id"))
    found.user_id = found.user_id or text(attributes.get("user.id")) or text(attributes.get("enduser.id"))
    found.rest = _rest(span, unread, found.kind in (None, "other"))
    return found


_ACTS = frozenset({"tool", "retrieval", "guardrail", "handoff"})


def _act(found: SpanReading) -> None:
    """What an act was given and gave are values, though a dialect that does not tell the kind may have read them as messages."""
    if found.kind not in _ACTS:
        return
    if found.arguments is None:
        found.arguments = _value(found.input)
    if found.result is None:
        found.result = _value(found.output)
    found.input = found.output = ()


def _value(said: tuple[Message, ...]) -> Any:
    """Messages as a value: the text of one, else the messages as objects; None of none."""
    if len(said) == 1 and not said[0].tool_calls:
        return said[0].content
    return [message_object(message) for message in said] or None


@lru_cache(maxsize=256)
def _known(names: frozenset[str], has_events: bool) -> tuple[tuple[Dialect, ...], tuple[str, ...]]:
    """The dialects that spans with attributes of these names are written in, and the names that none of them reads.

    The spans of one instrumentation have the same names again and again. Events of the GenAI conventions tell them too.
    """
    heads = frozenset(name.partition(".")[0] for name in names) | ({"gen_ai"} if has_events else set())
    dialects = tuple(dialect for dialect in DIALECTS if dialect.tells(names, heads))
    known = _IDENTITY.union(LABELS, *(dialect.CONTENT for dialect in dialects))
    prefixes = tuple(prefix for dialect in dialects for prefix in dialect.PREFIXES)
    return dialects, tuple(sorted(name for name in names - known if not name.startswith(prefixes)))


def _fill(found: SpanReading, other: SpanReading) -> None:
    """Add what a reading lacks and that of another dialect tells: some instrumentations write two."""
    for name in _FIELDS:
        if not getattr(found, name) and (value := getattr(other, name)):
            setattr(found, name, value)
    if found.usage is not other.usage and other.usage != _NO_USAGE:
        found.usage = filled(found.usage, other.usage)


_FIELDS = tuple(field.name for field in fields(SpanReading) if field.name not in ("usage", "rest"))
_USAGE = tuple(field.name for field in fields(Usage))
_NO_USAGE = Usage()


def filled(usage: Usage, other: Usage) -> Usage:
    """`usage`, and of what it does not tell what `other` does."""
    return Usage(*(mine if (mine := getattr(usage, name)) is not None else getattr(other, name) for name in _USAGE))


def _rest(span: Span, unread: tuple[str, ...], of_no_kind: bool) -> Mapping[str, Any]:
    """What no dialect reads: attributes, events and links; and the word for its kind, where it is none of ours."""
    attributes = span.attributes
    kept = {name: attributes[name] for name in unread}
    if of_no_kind:
        kept |= {name: attributes[name] for name in _KINDS.intersection(attributes)}
    if span.events and (others := [event for event in span.events if event.get("name") not in _READ_EVENTS]):
        kept[EVENTS] = others
    if span.links:
        kept[LINKS] = list(span.links)
    return kept


def error_of(span: Span, reading: SpanReading = _NONE) -> str | None:
    """What a span says went wrong: its exception, its status, or the type of its error; None where nothing did."""
    type = span.attributes.get("error.type")
    if span.status != "error" and not type:
        return reading.error
    for event in span.events:
        if event.get("name") == "exception":
            told = event.get("attributes") or {}
            parts = [str(told[key]) for key in ("exception.type", "exception.message") if told.get(key)]
            if parts:
                return ": ".join(parts)
    message = span.status_message.strip()
    said = f"{type}: {message}" if type and message and str(type) not in message else message
    return said or reading.error or str(type or "error")
