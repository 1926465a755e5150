"""Counterfactual replay: a recorded trace becomes the events that a guard would have been shown, and the guard is asked.

The guard sees what happened, not what would have happened had it acted: after its first action in a trace the rest is what was
recorded. That is enough to tell in which traces it would have acted, and says nothing of what came of it; verification does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopwright.collect.conversation import message_object
from loopwright.collect.trace import Message, Step, Trace
from loopwright.guards.guard import Guard, GuardDecision, GuardEvent
from loopwright.improve.proposal import Proposal, Replay
from loopwright.mine.reading import Reading, ToolUse, as_text, read, roles

GuardBuilder = Callable[[str, Mapping[str, Any]], Guard[Any]]
"""Makes a guard of a kind with the parameters of a proposal's `change`, in any mode."""

SECONDS_PER_EVENT = 1.0
"""How far apart events are taken to be where the trace does not tell its times."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a guard would have done: the event's place in the replay (from 0), the event, and the decision."""

    index: int
    event: GuardEvent
    decision: GuardDecision


@dataclass(frozen=True, slots=True)
class ReplayedTrace:
    """One trace replayed: every act of the guard, and the fault where the guard broke (it is then asked no further)."""

    trace_id: str
    acts: tuple[Act, ...] = ()
    fault: str = ""


def events(trace: Trace) -> tuple[GuardEvent, ...]:
    """The events of a recorded trace, as a live harness would have shown them.

    A tool's result follows its call. `error` is what the tracer recorded; an error that only the result's text tells of is left
    to the guard to read. Where a trace has spans and no messages, the spans' order is taken.
    """
    if not trace.messages:
        return tuple(_from_steps(trace))
    return tuple(_from_messages(trace, read(trace)))


def replay(guard: Guard[Any], trace: Trace) -> ReplayedTrace:
    """Show a guard the events of one trace; the session's state begins and ends with it. Its mode does not matter.

    `now` runs from 0 over the trace's duration, evenly; where that is not known, an event a second.
    """
    return _replay(guard, trace, events(trace))


def _replay(guard: Guard[Any], trace: Trace, shown: Sequence[GuardEvent]) -> ReplayedTrace:
    acts: list[Act] = []
    state = guard.initial()
    pace = _pace(trace, len(shown))
    for index, event in enumerate(shown):
        try:
            state, decision = guard.step(state, event, index * pace)
        except Exception as error:
            return ReplayedTrace(trace.trace_id, tuple(acts), f"{type(error).__name__}: {error}")
        if decision.action != "allow":
            acts.append(Act(index, event, decision))
    return ReplayedTrace(trace.trace_id, tuple(acts))


def measure(guard: Guard[Any], evidence: Iterable[str], traces: Sequence[Trace]) -> Replay:
    """In how many traces of the `evidence` (ids) the guard would have acted, and in how many of the others.

    Evidence that is not among `traces` does not count. A trace on which the guard breaks counts as one where it did not act, and
    among the faults.
    """
    return _measured([(guard, frozenset(evidence))], traces)[0]


def replayed(proposals: Iterable[Proposal], traces: Sequence[Trace], build: GuardBuilder) -> tuple[Proposal, ...]:
    """The proposals with what their guards would have done in `traces`."""
    given = tuple(proposals)
    measured = _measured([(build(p.kind.value, p.change), frozenset(p.evidence)) for p in given], traces)
    return tuple(replace(proposal, replay=found) for proposal, found in zip(given, measured, strict=True))


def _measured(guards: Sequence[tuple[Guard[Any], frozenset[str]]], traces: Sequence[Trace]) -> list[Replay]:
    """Each guard over all traces; a trace is read once."""
    found = [Replay(0, 0, 0, 0)] * len(guards)
    for trace in traces:
        shown = events(trace)
        for at, (guard, evidence) in enumerate(guards):
            found[at] = _counted(found[at], _replay(guard, trace, shown), trace.trace_id in evidence)
    return found


def _counted(so_far: Replay, done: ReplayedTrace, is_evidence: bool) -> Replay:
    acted = bool(done.acts)
    return Replay(
        so_far.caught + (acted and is_evidence),
        so_far.evidence + is_evidence,
        so_far.false_alarms + (acted and not is_evidence),
        so_far.others + (not is_evidence),
        so_far.faults + bool(done.fault),
    )


def _pace(trace: Trace, count: int) -> float:
    if trace.started_at is None or trace.ended_at is None or count < 2:
        return SECONDS_PER_EVENT
    return max(0.0, (trace.ended_at - trace.started_at).total_seconds()) / (count - 1)


def _from_messages(trace: Trace, reading: Reading) -> Iterator[GuardEvent]:
    by_call: dict[int, list[ToolUse]] = {}
    for use in reading.tools:
        if use.index is not None:
            by_call.setdefault(use.index, []).append(use)
    answered = {use.result_index for use in reading.tools if use.index is not None}
    alone = {use.result_index: use for use in reading.tools if use.index is None and use.result_index is not None}
    speakers = roles(trace.messages)
    plain = [message_object(m) for m in trace.messages]
    for index, (message, role) in enumerate(zip(trace.messages, speakers, strict=True)):
        if role == "tool":
            if index in alone and index not in answered:
                yield _result(alone[index])
        elif role == "agent":
            yield from _turn(plain[:index], message, by_call.get(index, []), reading.offered)
        else:
            yield _said(message)
    for use in reading.tools:
        if use.index is None and use.result_index is None:
            yield from _used(use, reading.offered)


def _turn(before: list[Any], message: Message, uses: Sequence[ToolUse], offered: frozenset[str]) -> Iterator[GuardEvent]:
    """One message of the agent: the call of its model, and then its tool calls, or its answer."""
    yield GuardEvent("model_call", {"messages": before})
    if not uses and message.text:
        yield GuardEvent("answer", {"content": message.text})
    if message.text:
        yield _said(message)
    for use in uses:
        yield from _used(use, offered)


def _used(use: ToolUse, offered: frozenset[str]) -> Iterator[GuardEvent]:
    payload: dict[str, Any] = {"id": _id(use), "name": use.name, "arguments": use.arguments}
    yield GuardEvent("tool_call", {**payload, "tools": tuple(sorted(offered))} if offered else payload)
    if use.result is not None or use.error is not None:
        yield _result(use)


def _result(use: ToolUse) -> GuardEvent:
    payload = {"id": _id(use), "name": use.name, "arguments": use.arguments, "result": use.result, "error": use.error}
    return GuardEvent("tool_result", payload)


def _id(use: ToolUse) -> str:
    return use.span_ids[0] if use.span_ids else f"call-{use.index}-{use.result_index}"


def _said(message: Message) -> GuardEvent:
    return GuardEvent("message", {"role": message.role, "content": message.content})


def _from_steps(trace: Trace) -> Iterator[GuardEvent]:
    uses = iter(read(trace).tools)
    offered = read(trace).offered
    for step in trace.steps:
        if step.kind == "tool":
            use = next(uses, None)
            yield from _used(use if use is not None else _as_use(step), offered)
        elif step.kind == "model":
            yield GuardEvent("model_call", {"messages": list(step.input) if isinstance(step.input, list | tuple) else []})


def _as_use(step: Step) -> ToolUse:
    return ToolUse(step.name, step.input, result=as_text(step.output), error=step.error, span_ids=(step.span_id,))
