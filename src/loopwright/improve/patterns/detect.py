"""From traces to findings of the six patterns, and from findings to proposals.

Both are pure and deterministic. The batch matters: which tools exist, and which change something, is inferred from all traces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from loopwright.collect.trace import Trace
from loopwright.improve.patterns import (
    check_consistency,
    deduplicate_calls,
    pin_instructions,
    retry_budget,
    scope_permissions,
    validate_tool_names,
)
from loopwright.improve.patterns.batch import Batch, Recorded, observe
from loopwright.improve.patterns.finding import SURE, PatternFinding
from loopwright.improve.proposal import Proposal, ProposalKind
from loopwright.mine.detector import DetectorFault
from loopwright.wording import counted, percent

MIN_TRACES = 3
"""A pattern becomes a proposal once it recurs in so many traces: the source's "three or more times"."""

MOST_QUOTES = 5

Change = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One row of the source's table: the failure pattern, the improvement, and how both are read from traces."""

    kind: ProposalKind
    failure: str
    improvement: str
    detect: Callable[[Recorded, Batch], Iterator[PatternFinding]]
    fit: Callable[[Batch, Sequence[PatternFinding]], Change]


_ROWS = (
    Pattern(
        ProposalKind.DEDUPLICATE_CALLS,
        "the agent makes the same tool call three times or more",
        "answer a repeated call with its earlier result",
        deduplicate_calls.detect,
        deduplicate_calls.fit,
    ),
    Pattern(
        ProposalKind.CHECK_CONSISTENCY,
        "answers contradict the conversation before them",
        "hold each answer against what was said and found",
        check_consistency.detect,
        check_consistency.fit,
    ),
    Pattern(
        ProposalKind.PIN_INSTRUCTIONS,
        "instructions are broken once the context is long",
        "state them again at the end of a long context",
        pin_instructions.detect,
        pin_instructions.fit,
    ),
    Pattern(
        ProposalKind.SCOPE_PERMISSIONS,
        "sensitive tools are called without permission",
        "stop such a call before it runs, and say what must come first",
        scope_permissions.detect,
        scope_permissions.fit,
    ),
    Pattern(
        ProposalKind.VALIDATE_TOOL_NAMES,
        "tools are called that do not exist",
        "check the name before the call, and name the nearest tool",
        validate_tool_names.detect,
        validate_tool_names.fit,
    ),
    Pattern(
        ProposalKind.RETRY_BUDGET,
        "failing tools are called again and again",
        "give retries a budget, and tools a circuit breaker",
        retry_budget.detect,
        retry_budget.fit,
    ),
)
PATTERNS: Mapping[ProposalKind, Pattern] = MappingProxyType({row.kind: row for row in _ROWS})


@dataclass(frozen=True, slots=True)
class PatternsFound:
    """What a look at a batch found, in order of traces, messages and kinds, and where a detector failed."""

    findings: tuple[PatternFinding, ...]
    faults: tuple[DetectorFault, ...] = ()


def find_patterns(traces: Sequence[Trace] | Batch) -> PatternsFound:
    """Every occurrence of the six patterns; weak ones are listed with low confidence.

    A detector that fails on a trace is a fault, and all others stand. Give the same `Batch` to `propose`, and it is read once.
    """
    batch = _read(traces)
    findings: list[PatternFinding] = []
    faults: list[DetectorFault] = []
    for one in batch.recorded:
        here: list[PatternFinding] = []
        for row in PATTERNS.values():
            found = look(row, one, batch)
            if isinstance(found, DetectorFault):
                faults.append(found)
            else:
                here += found
        findings += sorted(here, key=lambda f: _place(f.message_index))
    return PatternsFound(tuple(findings), tuple(faults))


def look(row: Pattern, one: Recorded, batch: Batch) -> list[PatternFinding] | DetectorFault:
    """What one pattern's detector finds in one trace, or how it failed there."""
    try:
        return list(row.detect(one, batch))
    except Exception as error:
        return DetectorFault(row.kind.value, one.trace.trace_id, f"{type(error).__name__}: {error}")


def propose(traces: Sequence[Trace] | Batch, findings: Sequence[PatternFinding]) -> tuple[Proposal, ...]:
    """One proposal for each kind whose findings of confidence `SURE` lie in `MIN_TRACES` traces or more.

    `traces` is the batch that the findings are from: parameters are fitted to it, so that the guard lets normal behaviour pass.
    """
    batch = _read(traces)
    proposals = []
    for row in _ROWS:
        sure = [f for f in findings if f.kind is row.kind and f.confidence >= SURE]
        evidence = tuple(dict.fromkeys(f.trace_id for f in sure))
        if len(evidence) >= MIN_TRACES:
            proposals.append(_proposal(row, batch, sure, evidence))
    return tuple(proposals)


def _read(traces: Sequence[Trace] | Batch) -> Batch:
    return traces if isinstance(traces, Batch) else observe(traces)


def _proposal(row: Pattern, batch: Batch, sure: Sequence[PatternFinding], evidence: tuple[str, ...]) -> Proposal:
    first: dict[str, PatternFinding] = {}
    for finding in sorted(sure, key=lambda f: -f.confidence):
        first.setdefault(finding.trace_id, finding)
    share = len(evidence) / len(batch.recorded)
    found = f"In {len(evidence)} of {counted(len(batch.recorded), 'trace')} ({percent(share)}) {row.failure}."
    return Proposal(
        row.kind,
        evidence,
        row.fit(batch, sure),
        rationale=f"{found} The change: {row.improvement}.",
        quotes=tuple(f"{f.trace_id}: {f.quote} ({f.reason})" for f in list(first.values())[:MOST_QUOTES]),
        traces=len(batch.recorded),
    )


def _place(index: int | None) -> float:
    return float("inf") if index is None else index
