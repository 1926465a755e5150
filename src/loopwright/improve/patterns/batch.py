"""A batch of traces as the pattern detectors see it: each trace as events in order, and what the batch tells of its tools."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from loopwright.collect.trace import Trace
from loopwright.guards.guard import Guard, GuardDecision, was_stopped
from loopwright.guards.outcome import call_key, failure
from loopwright.guards.tool_names import changes_something
from loopwright.improve.moments import Moment, moments
from loopwright.mine.reading import Reading, ToolUse, read, roles
from loopwright.mine.tool_text import recorded_error

Shape = tuple[frozenset[str], frozenset[str]]

LEARNED = 2
"""How often a read must have changed after a tool, and nothing else, ran, for that tool to be one that changes things."""

INSISTS = 3
"""So many calls in a row that a guard stopped count as made: the agent does not go on."""


@dataclass(frozen=True)
class Recorded:
    """One trace, read, and as the events that a live harness would have shown; calls that a guard stopped are no calls."""

    trace: Trace
    reading: Reading
    roles: tuple[str, ...]

    @property
    def speakers(self) -> int:
        """How many agents talk, by their names; at least 1."""
        return max(
            1, len({m.name for m, role in zip(self.trace.messages, self.roles, strict=True) if role == "agent" and m.name})
        )

    @cached_property
    def moments(self) -> tuple[Moment, ...]:
        """The events, in order."""
        return tuple(moments(self.trace, replace(self.reading, tools=tuple(map(_told, self.reading.tools)))))

    def acts(self, guard: Guard[Any]) -> Iterator[tuple[Moment, GuardDecision]]:
        """Where a guard would have acted, an event a second."""
        state = guard.initial()
        for now, moment in enumerate(self.moments):
            state, decision = guard.step(state, moment.event, float(now))
            if decision.action != "allow":
                yield moment, decision

    def text(self, index: int | None) -> str:
        """What stands in a message; "" where there is none."""
        return "" if index is None else self.trace.messages[index].text


@dataclass(frozen=True, slots=True)
class Batch:
    """All traces, and what they tell of the tools.

    `tools` are known to exist, by having worked or by being offered; `writes` change something; `silent` ever answered with
    nothing. `called` counts the calls of each name. `shapes` holds what each took and gave where it worked: the names of its
    arguments, and of its result's fields.
    """

    recorded: tuple[Recorded, ...]
    tools: frozenset[str]
    writes: frozenset[str]
    silent: frozenset[str] = frozenset()
    called: Mapping[str, int] = field(default_factory=dict)
    shapes: Mapping[str, frozenset[Shape]] = field(default_factory=dict)


def observe(traces: Iterable[Trace]) -> Batch:
    """Read a batch."""
    recorded = tuple(Recorded(trace, _that_ran(read(trace)), tuple(roles(trace.messages))) for trace in traces)
    worked = {
        use.name for r in recorded for use in r.reading.tools if use.name and use.result is not None and use.failure is None
    }
    offered = {name for r in recorded for name in r.reading.offered}
    called = Counter(use.name for r in recorded for use in r.reading.tools)
    named = {name for name in called.keys() | offered if changes_something(name)}
    writes = frozenset(named | _learned(recorded))
    return Batch(recorded, frozenset(worked | offered), writes, _silent(recorded), called, _shapes(recorded))


def _that_ran(reading: Reading) -> Reading:
    """Without the calls that a guard stopped; those that were insisted on are kept, as failed."""
    kept: list[ToolUse] = []
    row: list[ToolUse] = []
    for use in (*reading.tools, None):
        if use is not None and use.result is not None and was_stopped(use.result):
            row.append(replace(use, error=use.result, failure=recorded_error(use.result)))
            continue
        kept += row if len(row) >= INSISTS else []
        row = []
        kept += [use] if use is not None else []
    return reading if len(kept) == len(reading.tools) and not row else replace(reading, tools=tuple(kept))


def _silent(recorded: Sequence[Recorded]) -> frozenset[str]:
    return frozenset(use.name for r in recorded for use in r.reading.tools if use.result is not None and not use.result.strip())


def _shapes(recorded: Sequence[Recorded]) -> dict[str, frozenset[Shape]]:
    found: dict[str, set[Shape]] = {}
    for one in recorded:
        for use in one.reading.tools:
            if use.name and use.failure is None and use.result and use.result.strip():
                found.setdefault(use.name, set()).add((names_in(use.arguments), names_in(use.result)))
    return {name: frozenset(shapes) for name, shapes in found.items()}


def names_in(value: Any) -> frozenset[str]:
    """The names of an object's fields, or of the first object's in a list; the kind of any other value."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return frozenset({"text"})
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return frozenset(map(str, value)) if isinstance(value, Mapping) else frozenset({type(value).__name__})


def _learned(recorded: Sequence[Recorded]) -> set[str]:
    """Tools after which, alone, the same call of another tool returned something else."""
    counts: Counter[str] = Counter()
    for one in recorded:
        last: dict[str, tuple[int, str | None]] = {}
        uses = [use for use in one.reading.tools if use.failure is None and use.result is not None]
        for at, use in enumerate(uses):
            key = call_key(use.name, use.arguments)
            before, result = last.get(key, (at, use.result))
            between = {u.name for u in uses[before + 1 : at]} - {use.name}
            if result != use.result and len(between) == 1:
                counts.update(between)
            last[key] = (at, use.result)
    return {name for name, count in counts.items() if count >= LEARNED}


def _told(use: ToolUse) -> ToolUse:
    """With the failure that only the result's text tells of as its error, where a guard would not read it."""
    if use.failure is None or failure({"result": use.result, "error": use.error}) is not None:
        return use
    return replace(use, error=use.failure.message)
