"""A recorded trace as the events that a live harness would have shown, each with the message where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from loopwright.collect.conversation import message_object
from loopwright.collect.trace import Message, Trace
from loopwright.guards.guard import GuardEvent
from loopwright.mine.reading import Reading, ToolUse, roles


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a recorded trace, and the message where it stands (None where the trace has spans only)."""

    index: int | None
    event: GuardEvent


def moments(trace: Trace, reading: Reading) -> Iterator[Moment]:
    """The events of a trace, in order; `reading` tells which of its tool calls there are.

    A tool's result follows its call. `error` is what the tracer recorded; an error that only the result's text tells of is left
    to the guard to read. What the agent says is an answer, also beside a call. Tool calls that no message tells of come before
    the agent's last message; where a trace has no messages at all, the spans' order is taken.
    """
    if not trace.messages:
        yield from _from_steps(trace, reading)
        return
    by_call: dict[int, list[ToolUse]] = {}
    for use in reading.tools:
        if use.index is not None:
            by_call.setdefault(use.index, []).append(use)
    alone = {use.result_index: use for use in reading.tools if use.index is None and use.result_index is not None}
    loose = [use for use in reading.tools if use.index is None and use.result_index is None]
    speakers = roles(trace.messages)
    last = max((index for index, role in enumerate(speakers) if role == "agent"), default=len(speakers))
    plain = [message_object(message) for message in trace.messages]
    for index, (message, role) in enumerate(zip(trace.messages, speakers, strict=True)):
        if index == last:
            yield from _used(loose, reading.offered)
        if role == "tool":
            if index in alone:
                yield Moment(index, _result(alone[index]))
        elif role == "agent":
            yield from _turn(index, message, plain[:index], by_call.get(index, []), reading.offered)
        else:
            yield Moment(index, _said(message))
    if last == len(speakers):
        yield from _used(loose, reading.offered)


def _turn(index: int, message: Message, before: list[Any], uses: Sequence[ToolUse], offered: frozenset[str]) -> Iterator[Moment]:
    """One message of the agent: the call of its model, then what it says, and its tool calls."""
    yield Moment(index, GuardEvent("model_call", {"messages": before}))
    if message.text:
        yield Moment(index, GuardEvent("answer", {"content": message.text}))
        yield Moment(index, _said(message))
    yield from _used(uses, offered)


def _used(uses: Iterable[ToolUse], offered: frozenset[str]) -> Iterator[Moment]:
    for use in uses:
        payload: dict[str, Any] = {"id": _id(use), "name": use.name, "arguments": use.arguments}
        yield Moment(use.index, GuardEvent("tool_call", {**payload, "tools": tuple(sorted(offered))} if offered else payload))
        if use.result is not None or use.error is not None:
            yield Moment(use.place, _result(use))


def _result(use: ToolUse) -> GuardEvent:
    payload = {"id": _id(use), "name": use.name, "arguments": use.arguments, "result": use.result, "error": use.error}
    return GuardEvent("tool_result", payload)


def _id(use: ToolUse) -> str:
    return use.span_ids[0] if use.span_ids else f"call-{use.index}-{use.result_index}"


def _said(message: Message) -> GuardEvent:
    return GuardEvent("message", {"role": message.role, "content": message.text})


def _from_steps(trace: Trace, reading: Reading) -> Iterator[Moment]:
    by_span = {span_id: use for use in reading.tools for span_id in use.span_ids}
    for step in trace.steps:
        if step.kind == "tool" and step.span_id in by_span:
            yield from _used([by_span[step.span_id]], reading.offered)
        elif step.kind == "model":
            given = list(step.input) if isinstance(step.input, list | tuple) else []
            yield Moment(None, GuardEvent("model_call", {"messages": given}))
