"""How much effort a conversation usually takes: what one trace is compared with.

Fitted from a batch, deterministic, and independent of the batch's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from loopwright.collect.trace import Trace
from loopwright.mine.reading import role_of

MIN_PEERS = 20
"""With fewer traces of the same agent nothing is called unusual."""

_NORMAL = 1.4826
"""The standard deviation of a normal distribution, in median absolute deviations."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What one trace took: messages that are not instructions, and tool calls."""

    messages: float
    tool_calls: float

    @property
    def unit(self) -> Literal["tool calls", "messages"]:
        """What effort is measured in where this is the usual one: messages where most traces call no tool."""
        return "tool calls" if self.tool_calls > 0 else "messages"

    def amount(self, unit: Literal["tool calls", "messages"]) -> float:
        """The count of that unit."""
        return self.tool_calls if unit == "tool calls" else self.messages


@dataclass(frozen=True, slots=True)
class Peers:
    """The usual (median) effort of each agent that has enough traces, by agent name; None is an agent without a name.

    `spread` is how far its traces lie from that: the median absolute deviation, scaled to a normal distribution's standard
    deviation (Hampel 1974).
    """

    usual: Mapping[str | None, Effort] = field(default_factory=dict)
    spread: Mapping[str | None, Effort] = field(default_factory=dict)

    def usual_for(self, trace: Trace) -> Effort | None:
        """The usual effort of the trace's agent; None with too few peers."""
        return self.usual.get(trace.agent)

    def spread_for(self, trace: Trace) -> Effort:
        """The spread of the agent's effort; nothing with too few peers."""
        return self.spread.get(trace.agent, Effort(0.0, 0.0))


def effort(trace: Trace) -> Effort:
    """Count what a trace took."""
    calls = sum(len(m.tool_calls) for m in trace.messages) or sum(step.kind == "tool" for step in trace.steps)
    return Effort(sum(role_of(m) != "system" for m in trace.messages), calls)


def fit(traces: Iterable[Trace]) -> Peers:
    """Describe a batch."""
    by_agent: dict[str | None, list[Effort]] = {}
    for trace in traces:
        by_agent.setdefault(trace.agent, []).append(effort(trace))
    many = {agent: efforts for agent, efforts in by_agent.items() if len(efforts) >= MIN_PEERS}
    usual = {agent: Effort(median(e.messages for e in some), median(e.tool_calls for e in some)) for agent, some in many.items()}
    return Peers(usual, {agent: _spread(some, usual[agent]) for agent, some in many.items()})


def _spread(efforts: Sequence[Effort], usual: Effort) -> Effort:
    return Effort(
        _NORMAL * median(abs(e.messages - usual.messages) for e in efforts),
        _NORMAL * median(abs(e.tool_calls - usual.tool_calls) for e in efforts),
    )
