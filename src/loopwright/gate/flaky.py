"""Flaky cases: how often two trials of the unchanged agent differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from loopwright.evaluate.result import EvalResult
from loopwright.gate.tally import is_pass
from loopwright.stats.flip_rate import FlipRate, flip_rate


@dataclass(frozen=True, slots=True)
class FlakyCase:
    """A case's planned trials in the accepted runs, and how often two of them differ. A trial without a verdict is no pass."""

    eval_id: str
    passes: int
    trials: int
    runs: int
    flips: FlipRate


def flaky_cases(history: Sequence[EvalResult]) -> list[FlakyCase]:
    """Every case in the history, the surest flaky ones first: by the lower end of the flip rate's interval, then by the rate.

    Two trials are compared where they are of one version: what two versions differ in is a change. Repeats are left out, since a
    failure brought them about.
    """
    found: dict[str, dict[str | None, list[EvalResult]]] = defaultdict(lambda: defaultdict(list))
    for row in history:
        if not row.repeat:
            found[row.eval_id][row.version].append(row)
    cases = [_measured(eval_id, list(versions.values())) for eval_id, versions in found.items()]
    return sorted(cases, key=lambda c: (-c.flips.low, -(c.flips.value or 0.0), c.eval_id))


def _measured(eval_id: str, versions: Sequence[Sequence[EvalResult]]) -> FlakyCase:
    counts = [(sum(map(is_pass, rows)), len(rows)) for rows in versions]
    runs = len({row.run_id for rows in versions for row in rows})
    return FlakyCase(eval_id, sum(x for x, _ in counts), sum(n for _, n in counts), runs, flip_rate(counts))
