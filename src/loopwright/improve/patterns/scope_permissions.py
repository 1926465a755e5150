"""A sensitive tool called without the right to, and what had come before where it worked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from loopwright.guards.outcome import as_text, denied, failure
from loopwright.improve.patterns.batch import Batch, Recorded
from loopwright.improve.patterns.finding import PatternFinding
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.wording import clip

MIN_GRANTED = 5
"""Successful calls of a tool that are needed to say what must have come before."""

ALWAYS = 0.95
"""In how many of the successful calls a tool had succeeded before, at least, to be required."""

SELDOM = 0.2
"""In how many of the denied calls, at most."""


def detect(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """One finding for each denied call."""
    for moment in one.moments:
        if moment.event.kind != "tool_result":
            continue
        error = failure(moment.event.payload)
        if error is None or not denied(error):
            continue
        name = as_text(moment.event.payload["name"])
        yield PatternFinding(
            ProposalKind.SCOPE_PERMISSIONS,
            one.trace.trace_id,
            moment.index,
            clip(error, 100),
            f"{name or 'a tool'} was denied: {clip(error, 80)}",
            0.9,
            {"tool": name},
        )


def fit(batch: Batch, findings: Sequence[PatternFinding]) -> dict[str, Any]:
    """What each denied tool requires: tools that had nearly always succeeded when it was granted, and seldom when it was denied.

    A tool that was denied and never granted, in `MIN_GRANTED` traces or more, is not permitted at all.
    """
    tools = sorted({str(f.details["tool"]) for f in findings if f.details["tool"]})
    requires = {tool: needed for tool in tools if (needed := _required(batch, tool))}
    refused = Counter(tool for tool, _ in {(str(f.details["tool"]), f.trace_id) for f in findings})
    never = [tool for tool in tools if tool not in batch.tools and refused[tool] >= MIN_GRANTED]
    change: dict[str, Any] = {"denials": 1 if requires or never else 2}
    if requires:
        change["requires"] = requires
    return {**change, "denied": never} if never else change


def _required(batch: Batch, tool: str) -> list[str]:
    granted: list[frozenset[str]] = []
    refused: list[frozenset[str]] = []
    for one in batch.recorded:
        before: set[str] = set()
        for moment in one.moments:
            if moment.event.kind != "tool_result":
                continue
            name, error = as_text(moment.event.payload["name"]), failure(moment.event.payload)
            if name == tool and (error is None or denied(error)):
                (granted if error is None else refused).append(frozenset(before))
            if error is None:
                before.add(name)
    if len(granted) < MIN_GRANTED or not refused:
        return []
    candidates = set().union(*granted) - {tool}
    share = {name: (_share(name, granted), _share(name, refused)) for name in candidates}
    return sorted(name for name, (with_, without) in share.items() if with_ >= ALWAYS and without <= SELDOM)


def _share(name: str, sets: Sequence[frozenset[str]]) -> float:
    return sum(name in held for held in sets) / len(sets)
