"""Another judge is not another agent: simulated with judges that stay, drift and are replaced, and agents that fall or do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pytest

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome, Regression
from loopwright.gate.exchange import decision_record
from loopwright.gate.explain import explain
from loopwright.gate.judged_sides import Judges
from loopwright.judge.periods import Period, Seen
from loopwright.judge.verdict import Verdict
from loopwright.surfaces.reports.gate_markdown import gate_markdown

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


def shares(was: Errors, now: Errors, rounds: int = 40, **fields: object) -> dict[Outcome, float]:
    rng = np.random.default_rng(11)
    found = [compared(rng, was, now, **fields).decision for _ in range(rounds)]  # type: ignore[arg-type]
    return {outcome: found.count(outcome) / rounds for outcome in Outcome}


STRICTER, LAXER = Errors(0.8, 0.05), Errors(0.99, 0.5)


@pytest.mark.parametrize(
    ("now", "judges"),
    [(STRICTER, ("judge-1", "judge-1")), (LAXER, ("judge-1", "judge-2")), (Errors(0.9, 0.1), ("judge-1", "judge-1"))],
)
def test_an_unchanged_agent_under_another_judge_is_blocked_at_most_at_the_rate(now: Errors, judges: tuple[str, str]) -> None:
    assert shares(EXACT, now, judges=judges)[Outcome.BLOCKED] <= 0.05


def test_without_calibrations_drift_is_taken_for_the_agents() -> None:
    assert shares(EXACT, STRICTER, known=False, rounds=20)[Outcome.BLOCKED] >= 0.9


@pytest.mark.parametrize(("now", "least"), [(STRICTER, 0.9), (LAXER, 0.6)])
def test_a_real_drop_is_found_under_another_judge(now: Errors, least: float) -> None:
    found = shares(EXACT, now, drop=0.4)
    assert found[Outcome.BLOCKED] >= least
    assert found[Outcome.APPROVED] <= 0.05


def test_a_real_drop_is_found_under_one_judge() -> None:
    assert shares(EXACT, EXACT, drop=0.3, rounds=20)[Outcome.BLOCKED] >= 0.95


def one(drop: float = 0.0, now: Errors = STRICTER, **fields: object) -> GateDecision:
    return compared(np.random.default_rng(5), EXACT, now, drop=drop, **fields)  # type: ignore[arg-type]


def test_what_the_judges_explain_is_undecided_and_says_what_decides() -> None:
    decision = one()
    assert (decision.decision, decision.regressions) == (Outcome.UNDECIDED, ())
    assert "the judge of 60 cases changed" in decision.message
    assert "loopwright judge again" in decision.message
    (part,) = decision_record(decision)["statistics"]["judged"]["parts"]
    assert part["changed"]
    assert part["drift"]["found"]
    assert any("is not what it was" in note for note in decision.notes)
    for name in ("before", "after"):
        known = part[name]
        assert known["corrected"]["low"] <= known["corrected"]["value"] <= known["corrected"]["high"]
        assert (known["judge_id"], known["calibration"]["labels"]) == ("judge-1", 120)
    told = explain(decision)
    assert "Decided by a judge: 60 cases; the judge changed in between." in told
    assert "TPR and TNR moved between the two calibrations" in told
    assert "Decided by a judge" in gate_markdown(decision)


def test_what_falls_beyond_the_judges_blocks_and_is_told_as_such() -> None:
    decision = one(drop=0.5)
    (found,) = decision.regressions
    assert isinstance(found, Regression)
    assert (found.level, found.eval_id) == ("judged", None)
    assert decision.message.startswith("Blocked: more fell than the judges' errors explain in 60 cases whose judge changed")
    assert "UNDECIDED" not in explain(decision)


def test_other_cases_block_for_themselves() -> None:
    rng = np.random.default_rng(3)
    judged_before = side(rng, np.full(20, 0.95), rng.random(20), EXACT, 3, judge_id="judge-1", judged_at=THEN)
    judged_after = side(rng, np.full(20, 0.95), rng.random(20), EXACT, 3, judge_id="judge-2", judged_at=NOW)
    checked = [[result(f"checked-{i}", passed, trial=t) for i in range(20) for t in range(3)] for passed in (True, False)]
    periods = calibrated(rng, EXACT, EXACT, 120, ("judge-1", "judge-2"))
    decision = decide([*judged_before, *checked[0]], [*judged_after, *checked[1]], judges=Judges(tuple(periods)))
    assert decision.decision is Outcome.BLOCKED
    assert {r.level for r in decision.regressions if isinstance(r, Regression)} >= {"suite"}


def test_missing_verdicts_are_failures_and_too_many_decide_nothing() -> None:
    rng = np.random.default_rng(3)
    before = side(rng, np.full(30, 0.95), np.zeros(30), EXACT, 3, judge_id="judge-1", judged_at=THEN)
    none = [result(f"case-{i}", None, trial=t, error="the judge gave no verdict", judge_id="judge-2", judge_calibrated=True,
                   judged_at=NOW) for i in range(30) for t in range(3)]  # fmt: skip
    periods = calibrated(rng, EXACT, EXACT, 120, ("judge-1", "judge-2"))
    decision = decide(before, none, judges=Judges(tuple(periods)))
    assert decision.decision is Outcome.UNDECIDED
    (part,) = decision.statistics["judged"]["parts"]
    assert (part["after"]["counts"], part["after"]["judged"], part["blocked"]) == ([0, 90], [0, 0], False)


def test_answers_that_were_judged_again_are_compared_case_by_case() -> None:
    rng = np.random.default_rng(4)
    luck = rng.random(40)
    before = side(rng, np.full(40, 0.98), luck, EXACT, 3, judge_id="judge-1", judged_at=THEN, run_id="r0")
    after = side(rng, np.full(40, 0.98), luck, STRICTER, 3, judge_id="judge-2", judged_at=NOW, run_id="r1")
    periods = tuple(calibrated(rng, EXACT, STRICTER, 120, ("judge-1", "judge-2")))
    assert decide(before, after, judges=Judges(periods)).decision is Outcome.UNDECIDED
    again = tuple(
        Verdict(f"r0/{row.eval_id}/{row.trial}", "judge-2", bool(luck[int(row.eval_id[5:])] < STRICTER.good), at=NOW)
        for row in before
    )
    decision = decide(before, after, judges=Judges(periods, again=again))
    assert decision.decision is Outcome.APPROVED
    assert decision.statistics["judged"]["again"] == 120
    assert not decision.statistics["judged"]["parts"][0]["changed"]
    worse = [result(r.eval_id, r.passed and r.eval_id != "case-7", trial=r.trial, judge_id="judge-2", judge_calibrated=True,
                    judged_at=NOW, run_id="r1") for r in after]  # fmt: skip
    assert decide(before, worse, judges=Judges(periods, again=again)).decision is not Outcome.APPROVED


def test_without_calibrations_another_judge_is_another_test() -> None:
    decision = one(judges=("judge-1", "judge-2"), known=False)
    assert decision.decision is Outcome.UNDECIDED
    assert len(decision.statistics["changed"]) == 60
