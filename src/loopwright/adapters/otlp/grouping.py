"""Spans and events of one request, put together by trace: each trace's are a `SpanPart`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from loopwright.adapters.otlp.protowire import embedded
from loopwright.collect.joining import GivenFeedback
from loopwright.ports import SpanPart, Split

_SESSION = (
    "session.id", "gen_ai.conversation.id", "langfuse.session.id", "langsmith.trace.session_id",
    "traceloop.association.properties.session_id", "ai.telemetry.metadata.sessionId",
)  # fmt: skip
_USER = ("user.id", "langfuse.user.id", "enduser.id", "traceloop.association.properties.user_id", "ai.telemetry.metadata.userId")
_AGENT = ("gen_ai.agent.name", "agent.name")
_VERSION = ("gen_ai.agent.version", "langfuse.release")
_WANTED = frozenset((*_SESSION, *_USER, *_AGENT, *_VERSION))
_RESOURCE = frozenset(("service.name", "service.version", "session.id", "user.id"))
_LONGEST_KEY = 500
"""Characters: what is listed and filtered by is cut here; the span itself is kept whole."""

EVENTS = 2
"""The field of a part's data that holds a `ResourceLogs` each: log records that belong to its spans. To a reader of `TracesData`
it is a field of the future, and passed over."""


@dataclass(frozen=True, slots=True)
class Head:
    """What spans share: a resource or a scope, as the bytes of its fields, and the attributes of a resource that name things."""

    data: bytes
    named: dict[str, str] = field(default_factory=dict)


class Gathering:
    """Takes spans and events one by one, and hands out a part a trace."""

    def __init__(self) -> None:
        self._traces: dict[bytes, _TracePart] = {}
        self._feedback: list[GivenFeedback] = []
        self._taken = 0
        self._refused: Counter[str] = Counter()

    def span(self, resource: Head, scope: Head, span: Any, data: bytes) -> None:
        """Take a span, parsed and as it is kept, or refuse it for its ids."""
        trace_id, span_id, parent_id = span.trace_id, span.span_id, span.parent_span_id
        reason = why_not(trace_id, span_id, parent_id)
        if reason is not None:
            self._refused[reason] += 1
            return
        part = self._traces.get(trace_id)
        if part is None:
            part = self._traces[trace_id] = _TracePart()
        part.add(resource, scope, span, data)
        self._taken += 1

    def event(self, trace_id: bytes, span_id: bytes, resource: bytes, scope: bytes, record: bytes) -> None:
        """Take a log record that belongs to a span: `resource` and `scope` are the fields that stand around it."""
        part = self._traces.get(trace_id)
        if part is None:
            part = self._traces[trace_id] = _TracePart()
        part.add_event(span_id, embedded(EVENTS, resource + embedded(2, scope + embedded(2, record))), digest(record))
        self._taken += 1

    def feedback(self, given: GivenFeedback) -> None:
        """Take a verdict."""
        self._feedback.append(given)
        self._taken += 1

    def refuse(self, reason: str, count: int = 1) -> None:
        """Count what cannot be taken."""
        self._refused[reason] += count

    def split(self) -> Split:
        """All that was taken."""
        parts = tuple(part.made(trace_id.hex()) for trace_id, part in self._traces.items())
        return Split(parts, tuple(self._feedback), self._taken, self._refused)


def why_not(trace_id: bytes, span_id: bytes, parent_id: bytes = b"") -> str | None:
    """Why no span can have these ids; None where one can."""
    if len(trace_id) != 16 or not any(trace_id):
        return "its trace id is not 16 bytes, or all zeros"
    if len(span_id) != 8 or not any(span_id):
        return "its span id is not 8 bytes, or all zeros"
    if len(parent_id) not in (0, 8):
        return "its parent's span id is not 8 bytes"
    return None


def digest(data: bytes) -> bytes:
    """The first 8 bytes of SHA-256."""
    return sha256(data).digest()[:8]


def named(attributes: Any, wanted: frozenset[str] = _RESOURCE) -> dict[str, str]:
    """Of protobuf attributes those that name something, as text."""
    found = {}
    for pair in attributes:
        key = pair.key
        if key in wanted:
            value = pair.value
            kind = value.WhichOneof("value")
            if kind in ("string_value", "int_value"):
                text = str(getattr(value, kind)).replace("\0", "")[:_LONGEST_KEY]
                if text:
                    found[key] = text
    return found


class _TracePart:
    """The spans of one trace so far."""

    def __init__(self) -> None:
        self._ids: dict[tuple[bytes, bytes], None] = {}
        self._groups: dict[int, tuple[Head, dict[int, tuple[Head, list[bytes]]]]] = {}
        self._events: list[bytes] = []
        self._parents: set[bytes] = set()
        self._outermost: tuple[bool, int, Any, Head] | None = None
        self._root_ended = False
        self._started = self._ended = 0

    def add(self, resource: Head, scope: Head, span: Any, data: bytes) -> None:
        """Take a span; the very same once more adds nothing."""
        key = (span.span_id, digest(data))
        if key in self._ids:
            return
        self._ids[key] = None
        group = self._groups.get(id(resource))
        if group is None:
            group = self._groups[id(resource)] = (resource, {})
        scoped = group[1].get(id(scope))
        if scoped is None:
            scoped = group[1][id(scope)] = (scope, [])
        scoped[1].append(data)
        parent = span.parent_span_id
        inner = any(parent)
        start, end = span.start_time_unix_nano, span.end_time_unix_nano
        if inner:
            self._parents.add(parent)
        elif end:
            self._root_ended = True
        if start and (not self._started or start < self._started):
            self._started = start
        self._ended = max(self._ended, end)
        held = self._outermost
        if held is None or (inner, start) < held[:2]:
            self._outermost = (inner, start, span, resource)

    def add_event(self, span_id: bytes, data: bytes, digest: bytes) -> None:
        """Take a log record of a span."""
        if (span_id, digest) not in self._ids:
            self._ids[(span_id, digest)] = None
            self._events.append(data)

    def made(self, trace_id: str) -> SpanPart:
        """The part."""
        data = b"".join(
            embedded(1, resource.data + b"".join(embedded(2, scope.data + b"".join(spans)) for scope, spans in scopes.values()))
            for resource, scopes in self._groups.values()
        )
        return SpanPart(
            trace_id=trace_id,
            spans=tuple(span_id.hex() for span_id, _ in self._ids),
            digests=tuple(digest for _, digest in self._ids),
            data=data + b"".join(self._events),
            parents=tuple(sorted(parent.hex() for parent in self._parents - {span_id for span_id, _ in self._ids})),
            root_ended=self._root_ended,
            started_ns=self._started,
            ended_ns=self._ended,
            **self._told(),
        )

    def _told(self) -> dict[str, Any]:
        """What the outermost span and its resource tell."""
        if self._outermost is None:
            return {}
        _, _, span, resource = self._outermost
        own = named(span.attributes, _WANTED)
        service = resource.named.get("service.name")
        if service is not None and service.startswith("unknown_service"):
            service = None
        return {
            "error": span.status.code == 2,
            "name": span.name.replace("\0", "")[:_LONGEST_KEY] or None,
            "session_id": _first(own, _SESSION) or resource.named.get("session.id"),
            "user_id": _first(own, _USER) or resource.named.get("user.id"),
            "agent": _first(own, _AGENT) or service,
            "version": _first(own, _VERSION) or resource.named.get("service.version"),
        }


def _first(found: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((found[name] for name in names if name in found), None)
