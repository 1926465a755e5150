"""The times of spans, where several clocks told them: causes come before their effects, and nothing ends before it began.

A service's clock may be off by a constant. It is taken to be where a span of it begins before the span of another service that
called it, or a server's span after the client's call of it had ended; all spans of the service are moved by the least that mends
all of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from loopwright.collect.trace import Span

NOTE = "loopwright.clock"
"""The attribute of a step or a trace that says what was done about its times."""

_NONE = timedelta(0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHERE = ("service.name", "service.namespace", "service.instance.id", "host.name", "host.id", "k8s.pod.name", "process.pid")

Clock = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ordered:
    """Spans, causes first, with their times mended: `notes` by span id, `moved` by service in seconds."""

    spans: tuple[Span, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, float] = field(default_factory=dict)


def in_order(spans: Sequence[Span], depths: Mapping[str, int]) -> Ordered:
    """The spans of a trace, by when each can have begun: not before the span that it lies within. `depths` are by span id.

    The order in which they are given does not matter.
    """
    held = {span.span_id: span for span in spans}
    moves = _moves(held, depths)
    if moves:
        held = {id: _moved(span, moves.get(_clock(span), _NONE)) for id, span in held.items()}
    notes: dict[str, str] = {}
    for id, span in held.items():
        if span.started_at is not None and span.ended_at is not None and span.ended_at < span.started_at:
            seconds = (span.started_at - span.ended_at).total_seconds()
            notes[id] = f"ended {seconds:g} s before it began; taken as having lasted no time"
            held[id] = replace(span, ended_at=span.started_at)
    begun: dict[str, datetime] = {}
    for id in sorted(held, key=depths.__getitem__):
        span = held[id]
        above = begun.get(span.parent_id or "", _EPOCH) if depths[id] else _EPOCH
        own = span.started_at or (above if above is not _EPOCH else span.ended_at) or _EPOCH
        begun[id] = max(own, above)
    ordered = sorted(held.values(), key=lambda s: (begun[s.span_id], depths[s.span_id], s.ended_at or _EPOCH, s.span_id))
    names = {clock[0] or "a service without a name": move.total_seconds() for clock, move in sorted(moves.items()) if move}
    return Ordered(tuple(ordered), notes, names)


def _clock(span: Span) -> Clock:
    return tuple(str(span.resource.get(name, "")) for name in _WHERE)


def _moved(span: Span, by: timedelta) -> Span:
    if not by:
        return span
    return replace(
        span,
        started_at=None if span.started_at is None else span.started_at + by,
        ended_at=None if span.ended_at is None else span.ended_at + by,
    )


def _moves(held: Mapping[str, Span], depths: Mapping[str, int]) -> dict[Clock, timedelta]:
    """By how much each clock is moved, from the outermost span's inward; empty where there is one clock."""
    first = next(iter(held.values())).resource
    if all(span.resource is first or span.resource == first for span in held.values()):
        return {}
    clocks = {id: _clock(span) for id, span in held.items()}
    order = list(dict.fromkeys(clocks[id] for id in sorted(held, key=lambda id: (depths[id], _start(held[id]), id))))
    if len(order) == 1:
        return {}
    moves = {order[0]: _NONE}
    for clock in order[1:]:
        calls = [
            (caller, span)
            for id, span in held.items()
            if clocks[id] == clock and (caller := held.get(span.parent_id or "")) is not None and _clock(caller) in moves
        ]
        moves[clock] = _move([(_moved(caller, moves[_clock(caller)]), span) for caller, span in calls])
    return moves


def _move(calls: Sequence[tuple[Span, Span]]) -> timedelta:
    """The least by which the called must be moved for none to begin before its caller, else for servers to begin in time."""
    early = [
        caller.started_at - span.started_at
        for caller, span in calls
        if caller.started_at is not None and span.started_at is not None
    ]
    if early and max(early) > _NONE:
        return max(early)
    late = [
        caller.ended_at - (span.ended_at or span.started_at)
        for caller, span in calls
        if caller.kind == "client" and span.kind == "server"
        and caller.ended_at is not None and span.started_at is not None and span.started_at > caller.ended_at
    ]  # fmt: skip
    back = min(late, default=_NONE)
    room = -max(early, default=_NONE)
    return -min(-back, room) if back < _NONE else _NONE


def _start(span: Span) -> datetime:
    return span.started_at or _EPOCH
