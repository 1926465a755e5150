"""What a run amounts to, case by case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loopwright.errors import BLOCKED, OK, UNDECIDED
from loopwright.evaluate.result import EvalResult


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """One case's trials, counted by verdict, and what the first trial that is not a pass says."""

    eval_id: str
    passed: int
    failed: int
    undecided: int
    reason: str = ""

    @property
    def trials(self) -> int:
        """How many there were."""
        return self.passed + self.failed + self.undecided


def summarise(results: Iterable[EvalResult]) -> tuple[CaseSummary, ...]:
    """A summary per case, in the order in which the cases first appear."""
    by_case: dict[str, list[EvalResult]] = {}
    for result in results:
        by_case.setdefault(result.eval_id, []).append(result)
    return tuple(
        CaseSummary(
            eval_id,
            passed=sum(r.passed is True for r in trials),
            failed=sum(r.passed is False for r in trials),
            undecided=sum(r.passed is None for r in trials),
            reason=next((_reason(r) for verdict in (False, None) for r in trials if r.passed is verdict), ""),
        )
        for eval_id, trials in by_case.items()
    )


def exit_code(results: Iterable[EvalResult]) -> int:
    """0 when every trial passed, 1 when any failed, 2 when any has no verdict or there is none: a check of nothing is no pass."""
    verdicts = [result.passed for result in results]
    if False in verdicts:
        return BLOCKED
    return OK if verdicts and None not in verdicts else UNDECIDED


def _reason(result: EvalResult) -> str:
    if result.error is not None:
        return result.error
    return "; ".join(f"{c.type}: {c.reason}" for c in result.checks if c.passed is result.passed)
