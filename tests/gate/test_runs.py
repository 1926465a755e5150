"""A fall among runs that differ: blocked where it is more than they differ by, undecided where it may be one run's luck."""

from __future__ import annotations

import numpy as np

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome

CASES = 400


def run(rng: np.random.Generator, run_id: str, rates: np.ndarray, shift: float = 0.0) -> list[EvalResult]:
    passed = rng.random(len(rates)) < np.clip(rates + shift, 0, 1)
    return [result(f"case-{i}", bool(ok), run_id=run_id) for i, ok in enumerate(passed)]


def compared(history: list[float], now: float, seed: int = 3) -> GateDecision:
    """A history of runs that lie apart by these shifts of their pass rates, and a candidate."""
    rng = np.random.default_rng(seed)
    rates = np.tile([0.5, 0.6, 0.7, 0.6], CASES // 4)
    before = [row for i, shift in enumerate(history) for row in run(rng, f"run-{i}", rates, shift)]
    return decide(before, run(rng, "candidate", rates, now))


def suite_blocks(decision: GateDecision) -> bool:
    return any(r.level == "suite" for r in decision.regressions)


def test_a_fall_no_deeper_than_the_runs_differ_is_undecided_and_says_so() -> None:
    decision = compared([0.1, -0.1, 0.08, -0.12, 0.1], -0.11)
    assert decision.decision is Outcome.UNDECIDED
    assert any("5 runs differ from each other by more than chance" in reason for reason in decision.reasons)
    assert decision.statistics["runs"]["variance_ratio"] > 2
    assert not suite_blocks(decision)


def test_the_same_fall_after_runs_alike_is_blocked() -> None:
    decision = compared([0.0] * 5, -0.11)
    assert decision.decision is Outcome.BLOCKED
    assert suite_blocks(decision)
    assert "runs" not in decision.statistics


def test_a_fall_far_below_all_runs_is_blocked_though_they_differ() -> None:
    decision = compared([0.06, -0.06, 0.05, -0.05, 0.04, -0.04, 0.06, -0.05], -0.5)
    assert decision.decision is Outcome.BLOCKED
    assert suite_blocks(decision)


def test_one_run_of_history_tells_nothing_of_how_runs_differ() -> None:
    decision = compared([0.1], -0.11)
    assert suite_blocks(decision)
    assert [note for note in decision.notes if "the history is one run" in note]
    assert not compared([0.1], 0.1).notes
    assert not compared([0.0] * 5, -0.11).notes


def test_what_a_deterministic_case_proves_stands_beside_the_doubt() -> None:
    rng = np.random.default_rng(3)
    rates = np.tile([0.5, 0.6, 0.7, 0.6], CASES // 4)
    before = [row for i, shift in enumerate([0.1, -0.1, 0.08, -0.12, 0.1]) for row in run(rng, f"run-{i}", rates, shift)]
    before += [result("sure", True, run_id=f"run-{i}", deterministic=True) for i in range(5)]
    after = [*run(rng, "candidate", rates, -0.11), result("sure", False, run_id="candidate", deterministic=True)]
    decision = decide(before, after)
    assert decision.decision is Outcome.BLOCKED
    assert {r.level for r in decision.regressions} == {"deterministic"}
