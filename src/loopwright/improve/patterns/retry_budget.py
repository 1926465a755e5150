"""A tool that is called again and again while it fails, with no word from the user in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from loopwright.guards.outcome import as_text, call_key, denied, failure
from loopwright.improve.moments import Moment
from loopwright.improve.patterns.batch import Batch, Recorded
from loopwright.improve.patterns.finding import PatternFinding
from loopwright.improve.proposal import ProposalKind
from loopwright.mine.tool_text import error_in, unavailable
from loopwright.mine.wording import clip

STORM = 3
"""Failures of one tool in a row that make a storm."""

WEAK = 0.3

USUAL = 0.8
"""The share of the successes after failures, in sound traces, that a budget leaves room for.

A rarer one may be a storm that happened to end early; to leave room for it would be to let what is a storm pass.
"""


@dataclass(frozen=True, slots=True)
class _Failure:
    """A call that failed: the message of its result, the message that made it, what was called, and the error."""

    index: int | None
    made_at: int | None
    key: str
    error: str


def detect(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """One finding for each row of `STORM` failures or more, at its last; a weak one for one less.

    A weak one, too, for a call that had failed before with the same arguments and error and is made again after a word from the
    user, nothing having changed in between. Calls made in one message are one attempt: none of them answers to the error of
    another. A denial is not counted: that is another pattern.
    """
    found = list(_storms(one, batch))
    yield from found
    told = {finding.details["tool"] for finding in found}
    yield from (finding for finding in _again(one, batch) if finding.details["tool"] not in told)


def _storms(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    rows: dict[str, list[_Failure]] = {}
    for moment, failed in _attempts(one, batch):
        name = as_text(moment.event.payload.get("name"))
        if moment.event.kind == "message":
            yield from _ended(one, rows)
            rows = {}
        elif failed is None:
            yield from _ended(one, {name: rows.pop(name, [])})
        elif not _together(row := rows.setdefault(name, []), failed):
            row.append(failed)
    yield from _ended(one, rows)


def _again(one: Recorded, batch: Batch) -> Iterator[PatternFinding]:
    """Calls that fail as they did before the user spoke, the last of each."""
    turn = 0
    before: dict[tuple[str, str], tuple[int, int]] = {}
    found: dict[tuple[str, str], PatternFinding] = {}
    for moment, failed in _attempts(one, batch):
        name = as_text(moment.event.payload.get("name"))
        if moment.event.kind == "message":
            turn += 1
        elif failed is None:
            before = {} if name in batch.writes else before
        else:
            same = (failed.key, failed.error)
            last, count = before.get(same, (turn, 0))
            before[same] = (turn, count + 1)
            if last != turn:
                found[same] = _finding(
                    one, name, failed, count + 1, WEAK, "times with the same arguments, and the user spoke between"
                )
    yield from found.values()


def _attempts(one: Recorded, batch: Batch) -> Iterator[tuple[Moment, _Failure | None]]:
    """What the user says, and each result of a tool with its failure, None where it went well; other errors are left out."""
    made: dict[str, int | None] = {}
    for moment in one.moments:
        payload = moment.event.payload
        if moment.event.kind == "tool_call":
            made[payload["id"]] = moment.index
        elif moment.event.kind == "message" and payload["role"] == "user":
            yield moment, None
        elif moment.event.kind == "tool_result":
            name, error = as_text(payload["name"]), failure(payload)
            if error is None:
                yield moment, None
            elif not denied(error) and (name in batch.tools or not _absent(error)):
                yield moment, _Failure(moment.index, made.get(payload["id"]), call_key(name, payload["arguments"]), error)


def _together(row: Sequence[_Failure], failed: _Failure) -> bool:
    return bool(row) and failed.made_at is not None and row[-1].made_at == failed.made_at


def fit(batch: Batch, findings: Sequence[PatternFinding]) -> dict[str, Any]:
    """A tool gets as many failures as sound traces needed before it worked, 2 to 5; a session as many as they had in all."""
    ill = {f.trace_id for f in findings}
    sound = [r for r in batch.recorded if r.trace.trace_id not in ill]
    rows = sorted(n for r in sound for n in _before_success(r))
    per_tool = min(max(STORM - 1, _quantile(rows, USUAL) + 1), STORM + 2)
    totals = sorted(sum(m.event.kind == "tool_result" and failure(m.event.payload) is not None for m in r.moments) for r in sound)
    return {"per_tool": per_tool, "per_session": max(per_tool + 2, _quantile(totals, 0.99) + 2), "cooldown_seconds": 30.0}


def _ended(one: Recorded, rows: Mapping[str, Sequence[_Failure]]) -> Iterator[PatternFinding]:
    for name, row in rows.items():
        if len(row) >= STORM - 1:
            alike = len({failed.error for failed in row}) == 1
            sure = 0.95 if alike or unavailable(row[-1].error) else 0.8
            yield _finding(one, name, row[-1], len(row), sure if len(row) >= STORM else WEAK, "times in a row")


def _finding(one: Recorded, name: str, last: _Failure, count: int, confidence: float, how: str) -> PatternFinding:
    return PatternFinding(
        ProposalKind.RETRY_BUDGET,
        one.trace.trace_id,
        last.index,
        clip(last.error, 100),
        f"{name} failed {count} {how}, the last time with {clip(last.error, 80)}",
        confidence,
        {"tool": name, "count": count},
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
