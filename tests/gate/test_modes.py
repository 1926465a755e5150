"""A failure mode that comes back: proved with repeats of its cases, and of no others."""

from __future__ import annotations

import numpy as np
import pytest

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.policy import Policy

MODES, CASES = 6, 8


def rows(rng: np.random.Generator, rates: np.ndarray, trials: int) -> list[EvalResult]:
    return [row(case, bool(rng.random() < rate), t) for case, rate in enumerate(rates) for t in range(trials)]


def row(case: int, passed: bool, trial: int, repeat: bool = False) -> EvalResult:
    return EvalResult(f"case-{case}", passed, trial=trial, mode_id=f"mode-{case // CASES}", repeat=repeat)


def decided(rng: np.random.Generator, before: list[EvalResult], rates: np.ndarray) -> tuple[GateDecision, int]:
    """The gate's last word when all that it asks for is run, and how many trials it took."""
    candidate = rows(rng, rates, 1)
    for _ in range(40):
        decision = decide(before, candidate)
        if decision.decision is not Outcome.UNDECIDED or not decision.next:
            break
        for asked in decision.next:
            case = int(asked.eval_id.removeprefix("case-"))
            candidate += [row(case, bool(rng.random() < rates[case]), len(candidate) + n, True) for n in range(asked.trials)]
    return decision, len(candidate)


def blocked_modes(decision: GateDecision) -> set[str | None]:
    return {r.mode_id for r in decision.regressions if r.level == "mode"}


@pytest.fixture
def rates() -> np.ndarray:
    return np.tile([0.98, 0.95, 0.9, 0.9, 0.8, 0.7, 0.5, 0.97], MODES)


def test_a_mode_that_loses_half_its_passes_is_found_with_repeats_of_its_cases(rates: np.ndarray) -> None:
    rng = np.random.default_rng(11)
    worse = rates.copy()
    worse[:CASES] = np.clip(worse[:CASES] - 0.5, 0, 1)
    found = blocked = took = 0
    for _ in range(30):
        decision, trials = decided(rng, rows(rng, rates, 5), worse)
        assert blocked_modes(decision) <= {"mode-0"}
        found += "mode-0" in blocked_modes(decision)
        blocked += decision.decision is Outcome.BLOCKED
        took += trials
    assert found >= 24
    assert blocked >= 27
    assert took / 30 / len(rates) <= 3


def test_an_unchanged_agent_is_blocked_for_no_mode(rates: np.ndarray) -> None:
    rng = np.random.default_rng(12)
    outcomes = [decided(rng, rows(rng, rates, 5), rates)[0] for _ in range(40)]
    assert sum(bool(blocked_modes(decision)) for decision in outcomes) <= 1
    assert sum(decision.approved for decision in outcomes) >= 34


def test_repeats_are_asked_for_all_cases_of_the_mode_and_no_others(rates: np.ndarray) -> None:
    noisy = range(7, len(rates), CASES)
    before = [row(case, case not in noisy or t > 2, t) for case in range(len(rates)) for t in range(5)]
    after = [row(case, case not in (0, 1, 15, 23, 31), 0) for case in range(len(rates))]
    decision = decide(before, after)
    assert decision.decision is Outcome.UNDECIDED
    assert {asked.eval_id for asked in decision.next} == {f"case-{n}" for n in range(CASES)}
    assert all(asked.repeat for asked in decision.next)
    assert any("mode-0 may fail more often than it did" in reason for reason in decision.reasons)
    (suspect,) = decision.statistics["modes"]["suspects"]
    assert (suspect["mode_id"], suspect["before"], suspect["after"]) == ("mode-0", [37, 40], [6, 8])


def test_more_planned_trials_hold_an_approval_only_where_it_is_unlikely(rates: np.ndarray) -> None:
    rng = np.random.default_rng(13)
    held = [decide(rows(rng, rates, 5), rows(rng, rates, 3)).statistics["modes"]["suspects"] for _ in range(60)]
    assert sum(map(bool, held)) <= 60 * Policy().mode_suspicion / 2


def test_a_mode_is_named_once_whichever_test_shows_it(rates: np.ndarray) -> None:
    before = [row(case, True, t) for case in range(len(rates)) for t in range(5)]
    after = [row(case, case >= CASES, t) for case in range(len(rates)) for t in range(5)]
    decision = decide(before, after)
    assert [r.mode_id for r in decision.regressions if r.level == "mode"] == ["mode-0"]
