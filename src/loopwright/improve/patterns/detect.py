"""From traces to findings of the six patterns, and from findings to proposals.

Both are pure and deterministic. The batch matters: which tools exist, and which change something, is inferred from all traces.
"""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.collect.trace import Trace
from loopwright.improve.patterns.finding import PatternFinding
from loopwright.improve.proposal import Proposal

MIN_TRACES = 3
"""A pattern becomes a proposal once it recurs in so many traces: the source's "three or more times"."""


def find_patterns(traces: Sequence[Trace]) -> tuple[PatternFinding, ...]:
    """Every occurrence of the six patterns, in order of traces, messages and kinds; weak ones are listed with low confidence."""
    return ()


def propose(traces: Sequence[Trace], findings: Sequence[PatternFinding]) -> tuple[Proposal, ...]:
    """One proposal for each kind whose findings of confidence `SURE` lie in `MIN_TRACES` traces or more.

    `traces` is the batch that the findings are from: parameters are fitted to it, so that the guard lets normal behaviour pass.
    """
    return ()
