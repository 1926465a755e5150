"""The source's rule, kept for deterministic cases and for comparison: what passed before and fails now is a regression."""

from __future__ import annotations

from collections.abc import Sequence

from loopwright.evaluate.result import EvalResult


def naive_regressions(baseline: Sequence[EvalResult], candidate: Sequence[EvalResult]) -> list[str]:
    """The cases with any passing baseline trial and any candidate trial that does not pass, by id.

    On an agent that answers differently from run to run this blocks nearly every release, changed or not.
    """
    passed = {r.eval_id for r in baseline if r.passed}
    return sorted({r.eval_id for r in candidate if not r.passed and r.eval_id in passed})
