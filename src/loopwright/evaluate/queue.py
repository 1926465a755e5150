"""Failures of a released suite that wait for an eval of their own: what a person, or a draft, takes up next."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from loopwright.audit.digest import content_id
from loopwright.evaluate.result import EvalResult


@dataclass(frozen=True, slots=True)
class Queued:
    """A failing trial that waits for eval generation. `taken_at` is when somebody took it up, `taken_by` who or what did."""

    result: EvalResult
    queued_at: datetime
    decision_id: str | None = None
    taken_at: datetime | None = None
    taken_by: str | None = None

    @property
    def queued_id(self) -> str:
        """Derived from the case and its content: a case that fails in every release waits once."""
        return content_id("queued", self.result.eval_id, self.result.case_digest)


def new_failures(results: Iterable[EvalResult]) -> tuple[EvalResult, ...]:
    """The first failed trial of each case that failed, in the order given.

    A trial without a verdict shows no failure of the agent. Sealed cases are left out: a draft made of one would open it.
    """
    found: dict[str, EvalResult] = {}
    for result in results:
        if result.passed is False and not result.sealed:
            found.setdefault(result.eval_id, result)
    return tuple(found.values())


def waiting(queue: Iterable[Queued], ids: Collection[str] = ()) -> tuple[Queued, ...]:
    """Those that nobody took yet; with `ids`, of these alone."""
    return tuple(q for q in queue if q.taken_at is None and (not ids or q.queued_id in ids))
