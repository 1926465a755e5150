"""Judges, their verdicts, and what people say of the same items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from loopwright.audit.digest import content_id, digest


@dataclass(frozen=True, slots=True)
class Judge:
    """A language model that is asked in a certain way. `prompts` identifies the way: another wording is another judge.

    `calibrated` says that its verdicts were compared with people's, and found usable.
    """

    model: str
    prompts: str
    calibrated: bool = False

    @property
    def judge_id(self) -> str:
        """Identifies the judge: what is known of one judge says nothing of another."""
        return content_id("judge", self.model, self.prompts)


@dataclass(frozen=True, slots=True)
class CriterionVerdict:
    """What the judge said of one criterion, and why."""

    criterion: str
    passed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judge's verdict on one item: a trace by its id, or an eval result by `result_item`.

    `passed` is True where every criterion is met. None means that there is no verdict: the model failed or its answer could not
    be read, and `error` says how. `rubric` identifies the criteria. `cost_usd` is None where the price is not known.
    """

    item_id: str
    judge_id: str
    passed: bool | None
    criteria: tuple[CriterionVerdict, ...] = ()
    rubric: str = ""
    model: str = ""
    cost_usd: float | None = None
    error: str | None = None
    at: datetime | None = None

    @property
    def score(self) -> float | None:
        """The share of the criteria that are met; None where there is no verdict."""
        return sum(c.passed for c in self.criteria) / len(self.criteria) if self.criteria else None

    @property
    def failed(self) -> tuple[CriterionVerdict, ...]:
        """The criteria that are not met."""
        return tuple(c for c in self.criteria if not c.passed)


@dataclass(frozen=True, slots=True)
class Label:
    """What a person said of an item. A person's later word on the same item replaces the earlier one."""

    item_id: str
    passed: bool
    by: str
    at: datetime
    note: str = ""


def result_item(run_id: str, eval_id: str, trial: int) -> str:
    """The item id of one trial of an eval case."""
    return f"{run_id}/{eval_id}/{trial}"


def rubric_digest(criteria: tuple[str, ...]) -> str:
    """Identifies a list of criteria."""
    return digest("rubric", list(criteria))
