"""Counterfactual replay: a recorded trace becomes the events that a guard would have been shown, and the guard is asked.

The guard sees what happened, not what would have happened had it acted: after its first action in a trace the rest is what was
recorded. That is enough to tell in which traces it would have acted, and says nothing of what came of it; verification does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loopwright.collect.trace import Trace
from loopwright.guards.guard import Guard, GuardDecision, GuardEvent
from loopwright.improve.moments import moments
from loopwright.improve.proposal import Proposal, Replay
from loopwright.mine.reading import read

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
    """The events of a recorded trace, as a live harness would have shown them (see `moments`)."""
    return tuple(moment.event for moment in moments(trace, read(trace)))


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
