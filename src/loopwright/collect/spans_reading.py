"""One span, read by all the dialects that it is written in, with what none of them reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, Protocol

from loopwright.collect.dialects import frameworks, genai, langfuse, langsmith, openinference, traceloop, vercel
from loopwright.collect.dialects.reading import SpanReading, Table, text
from loopwright.collect.dialects.verdicts import EVALUATION_EVENT
from loopwright.collect.record import LABELS
from loopwright.collect.trace import Span, Usage


class Dialect(Protocol):
    """A way to write spans: whether a span is written so, the span in our words, and which attributes that takes up."""

    CONTENT: frozenset[str]
    """Attributes that are read into a reading's own fields, so that they are not kept twice."""

    PREFIXES: tuple[str, ...]
    """What the names of further such attributes begin with."""

    def tells(self, span: Span, heads: frozenset[str]) -> bool:
        """Whether the span is written in this dialect; `heads` is what its attributes' names begin with, up to a dot."""

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
_IDENTITY = {"session_id": ("session.id",), "user_id": ("user.id", "enduser.id")}
_PLAIN, _PLAIN_NAMES = Table(_IDENTITY), frozenset(name for names in _IDENTITY.values() for name in names)
_READ_EVENTS = genai.EVENTS | {EVALUATION_EVENT, "exception"}
_NONE = SpanReading()


def read_span(span: Span) -> SpanReading:
    """The span as its dialects tell it."""
    heads = frozenset([_head(name) for name in span.attributes])
    dialects = tuple(dialect for dialect in DIALECTS if dialect.tells(span, heads))
    found = dialects[0].read(span) if dialects else SpanReading()
    for dialect in dialects[1:]:
        _fill(found, dialect.read(span))
    told = _PLAIN.told(span.attributes)
    found.session_id = found.session_id or text(told.get("session_id"))
    found.user_id = found.user_id or text(told.get("user_id"))
    found.rest = _rest(span, dialects, found.kind in (None, "other"))
    return found


@lru_cache(maxsize=4096)
def _head(name: str) -> str:
    return name.partition(".")[0]


def _fill(found: SpanReading, other: SpanReading) -> None:
    """Add what a reading lacks and that of another dialect tells: some instrumentations write two."""
    for name in _FIELDS:
        if not getattr(found, name) and (value := getattr(other, name)):
            setattr(found, name, value)
    if found.usage is not other.usage and other.usage != _NO_USAGE:
        found.usage = _filled(found.usage, other.usage)


_FIELDS = tuple(field.name for field in fields(SpanReading) if field.name not in ("usage", "rest"))
_USAGE = tuple(field.name for field in fields(Usage))
_NO_USAGE = Usage()


def _filled(usage: Usage, other: Usage) -> Usage:
    return Usage(*(mine if (mine := getattr(usage, name)) is not None else getattr(other, name) for name in _USAGE))


def _rest(span: Span, dialects: tuple[Dialect, ...], of_no_kind: bool) -> Mapping[str, Any]:
    """What no dialect reads: attributes, events and links; and the word for its kind, where it is none of ours."""
    kept = {name: value for name, value in span.attributes.items() if not _is_read(name, dialects) and name not in LABELS}
    if of_no_kind:
        kept |= {name: span.attributes[name] for name in _KINDS.intersection(span.attributes)}
    if span.events and (others := [event for event in span.events if event.get("name") not in _READ_EVENTS]):
        kept[EVENTS] = others
    if span.links:
        kept[LINKS] = list(span.links)
    return kept


@lru_cache(maxsize=8192)
def _is_read(name: str, dialects: tuple[Dialect, ...]) -> bool:
    return name in _PLAIN_NAMES or any(name in dialect.CONTENT or name.startswith(dialect.PREFIXES) for dialect in dialects)


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
