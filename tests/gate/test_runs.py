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


def lost_in_a_mode(swings: float, repeats: int) -> GateDecision:
    """Ten modes of ten cases whose rates swing from run to run; one solved case of a steady mode fails all its trials."""
    rng = np.random.default_rng(11)
    rows = []
    for number in range(8):
        luck = np.repeat(np.r_[0.0, swings * rng.choice([-1, 1], 9)], 10)
        rates = np.clip(np.where(np.arange(100) < 10, 1.0, 0.6 + luck), 0, 1)
        rows += [result(f"case-{i}", bool(rng.random() < r), run_id=f"run-{number}", mode_id=f"mode-{i // 10}")
                 for i, r in enumerate(rates)]  # fmt: skip
    now = [result(f"case-{i}", i != 0, run_id="now", mode_id=f"mode-{i // 10}") for i in range(100)]
    now += [result("case-0", False, 1 + t, run_id="now", mode_id="mode-0", repeat=True) for t in range(repeats)]
    return decide(rows, now)


def test_a_lost_case_needs_more_evidence_where_runs_swing_and_is_proved_by_it() -> None:
    few = next(n for n in range(1, 40) if lost_in_a_mode(0.0, n).decision is Outcome.BLOCKED)
    held = lost_in_a_mode(0.15, few)
    assert held.decision is Outcome.UNDECIDED
    assert any("8 runs differ from each other" in reason for reason in held.reasons)
    assert {request.eval_id for request in held.next} >= {"case-0"}
    proved = lost_in_a_mode(0.15, 50)
    assert {r.eval_id for r in proved.regressions if r.level == "case"} == {"case-0"}


def fallen(swings: float) -> GateDecision:
    """Five runs with equal totals, whose ten modes swing; in the candidate most modes have a bad day at once."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(6):
        bad = 8 if number == 5 else 5
        signs = rng.permutation(np.r_[-np.ones(bad), np.ones(10 - bad)])
        rates = 0.6 + np.repeat((swings if number < 5 else 0.2) * signs, 20)
        passed = (np.tile(np.arange(20) + 0.5, 10) / 20) < rates
        rows += [result(f"case-{i}", bool(ok), run_id=f"run-{number}", mode_id=f"mode-{i // 20}")
                 for i, ok in enumerate(rng.permuted(passed.reshape(10, 20), axis=1).ravel())]  # fmt: skip
    return decide(rows[:1000], rows[1000:])


def test_modes_that_swing_tell_of_a_suite_whose_runs_had_equal_totals() -> None:
    assert suite_blocks(fallen(0.0))
    held = fallen(0.2)
    assert not suite_blocks(held)
    assert any("5 runs differ from each other" in reason for reason in held.reasons)
