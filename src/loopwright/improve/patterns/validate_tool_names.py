"""Calls of tools that do not exist."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from loopwright.guards.tool_names import changes_something, likeness, nearest, words_of
from loopwright.improve.patterns.batch import Batch, Recorded, names_in
from loopwright.improve.patterns.finding import PatternFinding
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.reading import ToolUse
from loopwright.mine.wording import clip

_SAYS_UNKNOWN = re.compile(
    r"\b(?:unknown|undefined|unrecogni[sz]ed|no such|not an? (?:valid|known|registered|available|defined))\b"
    r"|\b(?:is )?not (?:found|defined|registered|available)\b|does(?: not|n't) exist",
    re.IGNORECASE,
)

_TOOL = re.compile(r"\b(?:tool|function|action|command)s?\b", re.IGNORECASE)

RARE = 0.05
"""In which share of the traces, at most, a name is called that may be a slip of a usual one."""

SETTLED = 0.8
"""How large a share of all calls are of names that are not rare, at least, where a rare one may be a slip."""

USUAL = 5
"""How many times as often the usual one is called, at least."""

ALIAS = 0.8
"""How large a share of a wrong name's likely meanings one tool must have, to be its alias."""


def detect(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """One finding for each call by a name that is no tool's, by what is offered, by the answer, or by all other traces."""
    for use, answered_by in _uses(one):
        why, confidence = _unknown(use, answered_by, one, batch)
        if not confidence:
            continue
        meant = answered_by or _meant(use, batch)
        near = (meant,) if meant else nearest(use.name, _real(batch, one) - {use.name}, 1)
        yield PatternFinding(
            ProposalKind.VALIDATE_TOOL_NAMES,
            one.trace.trace_id,
            use.index if use.index is not None else use.place,
            clip(use.name, 80),
            f"{use.name} is called, {why}" + (f"; {near[0]} is" if near else ""),
            confidence,
            {"tool": use.name, "near": near[0] if near else "", "meant": meant},
        )


def fit(batch: Batch, findings: Sequence[PatternFinding]) -> dict[str, Any]:
    """The tools that exist, and for each wrong name the tool that it stands for, where what it was given says so."""
    wrong = {str(f.details["tool"]) for f in findings}
    meanings: dict[str, Counter[str]] = {}
    for finding in findings:
        meanings.setdefault(str(finding.details["tool"]), Counter())[str(finding.details["meant"])] += 1
    aliases = {}
    for name, counts in sorted(meanings.items()):
        meant, count = counts.most_common(1)[0]
        if meant and meant not in wrong and count >= ALIAS * counts.total():
            aliases[name] = meant
    return {"tools": sorted(batch.tools - wrong), "aliases": aliases}


def _meant(use: ToolUse, batch: Batch) -> str:
    """The tool whose words the name has, or that takes what was given, reads or changes alike and shares a word; else ""."""
    respelt = next((tool for tool in sorted(batch.tools - {use.name}) if words_of(tool) == words_of(use.name)), "")
    if respelt:
        return respelt
    given, changes, words = names_in(use.arguments), changes_something(use.name), set(words_of(use.name))
    fitting = [
        tool
        for tool, shapes in batch.shapes.items()
        if tool != use.name
        and any(taken == given for taken, _ in shapes)
        and changes == (tool in batch.writes)
        and not words.isdisjoint(words_of(tool))
    ]
    ranked = sorted((-likeness(use.name, tool), tool) for tool in fitting)
    return ranked[0][1] if ranked and (len(ranked) == 1 or ranked[0][0] < ranked[1][0]) else ""


def _uses(one: Recorded) -> Iterator[tuple[ToolUse, str]]:
    """Each call, and the name that its result bears where that is another."""
    for use in one.reading.tools:
        if not use.name or (use.index is None and not use.span_ids):
            continue
        named = one.trace.messages[use.result_index].name if use.result_index is not None else None
        yield use, named if named and named != use.name else ""


def _unknown(use: ToolUse, answered_by: str, one: Recorded, batch: Batch) -> tuple[str, float]:
    offered = one.reading.offered
    if use.failure is not None and use.failure.unknown_tool:
        return "which does not exist, as the answer says", 0.95
    if offered:
        return ("which is not among the tools that it was given", 0.9) if use.name not in offered else ("", 0.0)
    if answered_by in batch.tools and batch.called[use.name] < batch.called[answered_by]:
        return f"and {answered_by} answers", 0.8
    if use.failure is not None and use.name not in batch.tools:
        message = use.failure.message
        said = _SAYS_UNKNOWN.search(message) and (use.name in message or _TOOL.search(message))
        return ("which never worked in any trace", 0.8) if said else ("", 0.0)
    return _slip(use, batch)


def _slip(use: ToolUse, batch: Batch) -> tuple[str, float]:
    """A rare name near to a usual one. That it worked speaks for it, unless it takes and gives what that one does.

    It is evidence, too, where nothing ever came of it, or where only its spelling differs. Where many tools are called seldom,
    being rare says nothing.
    """
    calls, silent = batch.called, not (use.result or "").strip()
    rare = max(1, RARE * len(batch.recorded))
    if calls[use.name] > rare or sum(n for n in calls.values() if n > rare) < SETTLED * sum(calls.values()):
        return "", 0.0
    usual = frozenset(tool for tool in batch.tools - {use.name} if calls[tool] >= USUAL * calls[use.name])
    near = nearest(use.name, usual, 1) or (_takers(use, usual, batch) if silent and not changes_something(use.name) else ())
    if not near:
        return "", 0.0
    if silent and near[0] not in batch.silent:
        return f"which is seldom called, and nothing came of it, unlike of {near[0]}", 0.6
    respelt = words_of(near[0]) in (words_of(use.name), words_of(use.name)[1:])
    twin = use.name in batch.shapes and batch.shapes[use.name] <= batch.shapes.get(near[0], frozenset())
    if use.name in batch.shapes and not (twin or respelt):
        return "", 0.0
    why = f"which is seldom called, and {'takes and gives what' if twin else 'is nearly'} {near[0]}{' does' if twin else ''}"
    return why, 0.7 if respelt else 0.55 if twin else 0.3


def _takers(use: ToolUse, usual: frozenset[str], batch: Batch) -> tuple[str, ...]:
    """The most called of the usual tools that only read, and take what was given."""
    given = names_in(use.arguments)
    fitting = (t for t in sorted(usual - batch.writes) if any(taken == given for taken, _ in batch.shapes.get(t, ())))
    found = max(fitting, key=lambda tool: batch.called[tool], default=None)
    return () if found is None else (found,)


def _real(batch: Batch, one: Recorded) -> frozenset[str]:
    return one.reading.offered or batch.tools
