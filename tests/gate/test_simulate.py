"""The gate followed on agents whose change is known, and what the rounds add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decision import CaseRequest, Outcome
from loopwright.gate.policy import Policy
from loopwright.gate.simulate import Played, Scenario, play, scenarios, seeded, subject, until_decided
from loopwright.gate.simulated import cell_record, reading, summarise, told_scenario

STEADY = np.tile([1.0, 1.0, 1.0, 0.9, 1.0, 0.6], 10)


def history(rates: np.ndarray = STEADY, runs: int = 5, seed: int = 1, **fields: object) -> list[EvalResult]:
    rng = np.random.default_rng(seed)
    return [
        result(f"case-{i:02}", bool(rng.random() < rate), run_id=f"run-{run}", mode_id=f"mode-{i // 10}", **fields)
        for run in range(runs)
        for i, rate in enumerate(rates)
    ]


def played(scenario: Scenario, trials: int, rounds: int, rows: list[EvalResult] | None = None) -> list[Played]:
    rng, of = seeded(2), subject(rows or history())
    found = [play(rng, of, scenario, trials, Policy()) for _ in range(rounds)]
    return [one for one in found if one is not None]


def test_the_same_seed_gives_the_same_rounds() -> None:
    assert played(Scenario("case", 1.0), 1, 3) == played(Scenario("case", 1.0), 1, 3)


def test_an_unchanged_agent_is_seldom_blocked_and_takes_few_repeats() -> None:
    found = played(Scenario(), 1, 25)
    assert Counter(one.outcome for one in found)[Outcome.BLOCKED] <= 4
    assert all(one.found is None for one in found)
    assert sum(one.trials for one in found) / 25 <= 2.5 * len(STEADY)


def test_a_lost_case_is_found_with_one_planned_trial_and_repeats() -> None:
    found = played(Scenario("case", 1.0), 1, 15)
    assert sum(bool(one.found) for one in found) >= 13
    assert all(one.most > 1 for one in found if one.found)


def test_a_lost_mode_and_a_fallen_suite_are_found() -> None:
    for scenario in (Scenario("mode", 0.6), Scenario("suite", 0.4)):
        found = played(scenario, 1, 12)
        assert sum(bool(one.found) for one in found) >= 10, scenario


def test_what_cannot_fall_is_not_played() -> None:
    nothing = history(np.zeros(12))
    assert played(Scenario("mode", 0.6), 1, 3, nothing) == []
    assert played(Scenario("suite", 0.5), 1, 3, nothing) == []
    assert played(Scenario("case", 1.0), 1, 3, nothing) == []
    assert len(played(Scenario(), 1, 3, nothing)) == 3


def test_deterministic_cases_keep_their_rate_and_never_block() -> None:
    sure = history(np.tile([1.0, 0.0], 10), deterministic=True)
    found = played(Scenario(), 1, 10, sure)
    assert {one.outcome for one in found} == {Outcome.APPROVED}


def test_cost_is_drawn_from_the_cases_own_rows() -> None:
    free = played(Scenario(), 2, 2)
    assert [one.dollars for one in free] == [None, None]
    paid = played(Scenario(), 2, 2, history(cost_usd=0.25))
    assert [one.dollars for one in paid] == [pytest.approx(0.25 * one.trials) for one in paid]


def test_a_longer_history_can_be_supposed() -> None:
    rows = history(runs=2)
    longer = subject(rows, runs=12)
    assert len(longer.rows) == 12 * len(STEADY)
    assert len({row.run_id for row in longer.rows}) == 12
    assert np.array_equal(longer.a, subject(rows).a)


def test_errors_of_the_history_are_no_passes_and_no_errors_of_the_simulation() -> None:
    rows = [replace(row, passed=None, error="timeout") if row.eval_id == "case-00" else row for row in history()]
    of = subject(rows)
    assert of.a[0] < of.b[0]
    assert all(row.error is None and row.passed is not None for row in of.rows)


def test_a_history_without_rows_supports_nothing() -> None:
    with pytest.raises(ValueError, match="without rows"):
        subject([])


def test_what_the_gate_asks_for_is_run_until_it_approves() -> None:
    before = [result(f"case-{i}", True, run_id=f"run-{r}") for i in range(20) for r in range(5)]
    candidate = [result(f"case-{i}", i != 3) for i in range(20)]
    asked: list[CaseRequest] = []

    def run(request: CaseRequest) -> list[EvalResult]:
        asked.append(request)
        return [result(request.eval_id, True, len(asked) * 100 + t, repeat=request.repeat) for t in range(request.trials)]

    decision, rows = until_decided(before, candidate, run)
    assert decision.decision is Outcome.APPROVED
    assert {request.eval_id for request in asked} == {"case-3"}
    assert len(rows) == 20 + sum(request.trials for request in asked)
    assert len(candidate) == 20


def test_rounds_add_up_with_exact_intervals() -> None:
    rounds = [Played(Outcome.BLOCKED, True, 30, 5, 0.6), *[Played(Outcome.APPROVED, False, 20, 2, 0.4)] * 3]
    cell = summarise(Scenario("case", 1.0), 2, rounds, 10)
    assert (cell.rounds, cell.trials, cell.fixed) == (4, 2.25, 2.75)
    assert cell.dollars == pytest.approx(0.45)
    assert cell.fixed_dollars == pytest.approx(0.55)
    assert cell.found is not None
    assert cell.found.value == 0.25
    assert (cell.found.low < 0.01, cell.found.high > 0.8) == (True, True)
    assert cell_record(cell)["blocked"]["value"] == 0.25


def test_the_table_is_told_in_words() -> None:
    same = summarise(Scenario(), 1, [Played(Outcome.APPROVED, None, 11, 2)] * 50, 10)
    lost = summarise(Scenario("case", 1.0), 1, [Played(Outcome.BLOCKED, True, 12, 4)] * 50, 10)
    half = summarise(Scenario("case", 0.5), 1, [Played(Outcome.APPROVED, False, 12, 4)] * 50, 10)
    first, second = reading([same, lost, half], Policy())
    assert first.startswith("An agent that did not change was blocked in 0 of 50 rounds")
    assert second == (
        "1 planned trial a case takes 1.10 a case where nothing changed, repeats included, and finds one solved case lost "
        "(100 %); seldom or never finds one solved case falls to 50 % (0 %)."
    )


def test_each_scenario_has_a_name_of_its_own() -> None:
    names = [told_scenario(scenario) for scenario in scenarios((0.05, 0.1, 0.025))]
    assert len(set(names)) == 8
    assert names[-1] == "the suite down 2.5 points"
