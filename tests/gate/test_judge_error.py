"""Another judge is not another agent: simulated with judges that stay, drift and are replaced, and agents that fall or do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pytest

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.judged_sides import Judges
from loopwright.judge.periods import Period, Seen

THEN, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


class Errors(NamedTuple):
    """How a judge errs: the share of good answers that it passes, and of bad ones."""

    good: float
    bad: float


EXACT = Errors(0.96, 0.1)


def calibrated(rng: np.random.Generator, was: Errors, now: Errors, items: int, judges: tuple[str, str]) -> list[Period]:
    """Two calibrations on the same labelled items; a judge that stays as it was says the same of them."""
    human = np.arange(items) % 10 < 7
    luck = rng.random(items)
    made = []
    for judge_id, errors, at in zip(judges, (was, now), (THEN, NOW), strict=True):
        passed = luck < np.where(human, errors.good, errors.bad)
        seen = {f"t{i}": Seen(bool(passed[i]), bool(human[i])) for i in range(items)}
        made.append(Period(judge_id, seen, at, at + timedelta(hours=1)))
    return made


def side(
    rng: np.random.Generator, rates: np.ndarray, luck: np.ndarray, errors: Errors, trials: int, **fields: object
) -> list[EvalResult]:
    """Judged trials; a judge errs on a case as it does, however often it is asked."""
    good = rng.random((rates.size, trials)) < rates[:, None]
    passed = luck[:, None] < np.where(good, errors.good, errors.bad)
    return [
        result(f"case-{i}", bool(passed[i, t]), trial=t, judge_calibrated=True, **fields)
        for i in range(rates.size)
        for t in range(trials)
    ]


def compared(
    rng: np.random.Generator, was: Errors, now: Errors, *, drop: float = 0.0, cases: int = 60, items: int = 120,
    judges: tuple[str, str] = ("judge-1", "judge-1"), trials: tuple[int, int] = (3, 2), known: bool = True,
) -> GateDecision:  # fmt: skip
    rates, luck = rng.beta(3, 0.4, cases), rng.random(cases)
    before = side(rng, rates, luck, was, trials[0], judge_id=judges[0], judged_at=THEN)
    after = side(rng, np.clip(rates - drop, 0, 1), luck, now, trials[1], judge_id=judges[1], judged_at=NOW)
    periods = calibrated(rng, was, now, items, judges)
    return decide(before, after, judges=Judges(tuple(periods)) if known else None)


def shares(was: Errors, now: Errors, rounds: int = 60, **fields: object) -> dict[Outcome, float]:
    rng = np.random.default_rng(11)
    found = [compared(rng, was, now, **fields).decision for _ in range(rounds)]  # type: ignore[arg-type]
    return {outcome: found.count(outcome) / rounds for outcome in Outcome}


STRICTER, LAXER = Errors(0.8, 0.05), Errors(0.99, 0.5)


@pytest.mark.parametrize("judges", [("judge-1", "judge-1"), ("judge-1", "judge-2")])
@pytest.mark.parametrize("now", [STRICTER, LAXER, Errors(0.9, 0.1)])
def test_an_unchanged_agent_under_another_judge_is_blocked_at_most_at_the_rate(now: Errors, judges: tuple[str, str]) -> None:
    assert shares(EXACT, now, judges=judges)[Outcome.BLOCKED] <= 0.05


def test_without_calibrations_drift_is_taken_for_the_agents() -> None:
    assert shares(EXACT, STRICTER, known=False, rounds=20)[Outcome.BLOCKED] >= 0.9


@pytest.mark.parametrize("now", [STRICTER, LAXER])
def test_a_real_drop_is_found_under_another_judge(now: Errors) -> None:
    assert shares(EXACT, now, drop=0.4)[Outcome.BLOCKED] >= 0.9


def test_a_real_drop_is_found_under_one_judge() -> None:
    assert shares(EXACT, EXACT, drop=0.3)[Outcome.BLOCKED] >= 0.95
