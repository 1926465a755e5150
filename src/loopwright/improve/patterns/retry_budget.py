"""A tool that is called again and again while it fails, with no word from the user in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

from loopwright.guards.outcome import as_text, denied, failure
from loopwright.improve.patterns.batch import Batch, Recorded
from loopwright.improve.patterns.finding import PatternFinding
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.tool_text import error_in, unavailable
from loopwright.mine.wording import clip

STORM = 3
"""Failures of one tool in a row that make a storm."""

USUAL = 0.8
"""The share of the successes after failures, in sound traces, that a budget leaves room for.

A rarer one may be a storm that happened to end early; to leave room for it would be to let what is a storm pass.
"""


def detect(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """One finding for each row of `STORM` failures or more, at its last. A denial is not counted: that is another pattern."""
    row: dict[str, list[tuple[int | None, str]]] = {}
    for moment in one.moments:
        payload = moment.event.payload
        if moment.event.kind == "message" and payload["role"] == "user":
            yield from _storms(one, row)
            row = {}
        if moment.event.kind != "tool_result":
            continue
        name, error = as_text(payload["name"]), failure(payload)
        if error is None:
            yield from _storms(one, {name: row.pop(name, [])})
        elif not denied(error) and (name in batch.tools or not _absent(error)):
            row.setdefault(name, []).append((moment.index, error))
    yield from _storms(one, row)


def fit(batch: Batch, findings: Sequence[PatternFinding]) -> dict[str, Any]:
    """A tool gets as many failures as sound traces needed before it worked, 2 to 5; a session as many as they had in all."""
    ill = {f.trace_id for f in findings}
    sound = [r for r in batch.recorded if r.trace.trace_id not in ill]
    rows = sorted(n for r in sound for n in _before_success(r))
    per_tool = min(max(STORM - 1, _quantile(rows, USUAL) + 1), STORM + 2)
    totals = sorted(sum(m.event.kind == "tool_result" and failure(m.event.payload) is not None for m in r.moments) for r in sound)
    return {"per_tool": per_tool, "per_session": max(per_tool + 2, _quantile(totals, 0.99) + 2), "cooldown_seconds": 30.0}


def _storms(one: Recorded, rows: dict[str, list[tuple[int | None, str]]]) -> Iterator[PatternFinding]:
    for name, failures in rows.items():
        if len(failures) < STORM:
            continue
        index, error = failures[-1]
        alike = len({text for _, text in failures}) == 1
        yield PatternFinding(
            ProposalKind.RETRY_BUDGET,
            one.trace.trace_id,
            index,
            clip(error, 100),
            f"{name} failed {len(failures)} times in a row, the last time with {clip(error, 80)}",
            0.95 if alike or unavailable(error) else 0.8,
            {"tool": name, "count": len(failures)},
        )


def _absent(error: str) -> bool:
    """Whether the error says that there is no such tool, which is another pattern. A tool that never worked may still exist."""
    found = error_in(error)
    return found is not None and found.unknown_tool


def _before_success(one: Recorded) -> Iterator[int]:
    """How often each tool had failed in a row, without a word from the user, when it worked."""
    row: dict[str, int] = {}
    for moment in one.moments:
        payload = moment.event.payload
        if moment.event.kind == "message" and payload["role"] == "user":
            row = {}
        if moment.event.kind != "tool_result":
            continue
        name = as_text(payload["name"])
        if failure(payload) is not None:
            row[name] = row.get(name, 0) + 1
        elif failed := row.pop(name, 0):
            yield failed


def _quantile(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, ceil(share * len(ordered)) - 1)] if ordered else 0
