"""How much effort a conversation usually takes: what one trace is compared with.

Fitted from a batch, deterministic, and independent of the batch's order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from loopwright.collect.trace import Trace
from loopwright.mine.reading import role_of

MIN_PEERS = 20
"""With fewer traces of the same agent nothing is called unusual."""


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
    """The usual (median) effort of each agent that has enough traces, by agent name; None is an agent without a name."""

    usual: Mapping[str | None, Effort] = field(default_factory=dict)

    def usual_for(self, trace: Trace) -> Effort | None:
        """The usual effort of the trace's agent; None with too few peers."""
        return self.usual.get(trace.agent)


def effort(trace: Trace) -> Effort:
    """Count what a trace took."""
    calls = sum(len(m.tool_calls) for m in trace.messages) or sum(step.kind == "tool" for step in trace.steps)
    return Effort(sum(role_of(m) != "system" for m in trace.messages), calls)


def fit(traces: Iterable[Trace]) -> Peers:
    """Describe a batch."""
    by_agent: dict[str | None, list[Effort]] = {}
    for trace in traces:
        by_agent.setdefault(trace.agent, []).append(effort(trace))
    return Peers(
        {
            agent: Effort(median(e.messages for e in all_), median(e.tool_calls for e in all_))
            for agent, all_ in by_agent.items()
            if len(all_) >= MIN_PEERS
        }
    )
