from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import case, result
from loopwright.evaluate.budget import PROBES, Budget, dollars, estimate, took
from loopwright.evaluate.case import Layer
from loopwright.evaluate.trial import Trial

D, S, B = Layer


def trials(count: int, layer: Layer = D) -> list[Trial]:
    return [Trial(case(f"{layer.value}-{n}", layer=layer), 0, 60.0) for n in range(count)]


def spend(budget: Budget, left: list[Trial], costs: dict[str, float | None]) -> list[str]:
    run: list[str] = []
    while wave := budget.affordable(left):
        for trial in wave:
            budget.pay(result(trial.case.id, layer=trial.case.layer.value, cost_usd=costs[trial.case.id]))
            run.append(trial.case.id)
        left = [t for t in left if t.case.id not in run]
    return run


@settings(max_examples=100, derandomize=True)
@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=40), st.floats(0.05, 20))
def test_the_budget_holds_where_no_trial_is_dearer_than_those_before(costs: list[float], limit: float) -> None:
    budget = Budget(limit, [result("old", cost_usd=max(costs), layer="deterministic")])
    priced: dict[str, float | None] = {f"deterministic-{n}": cost for n, cost in enumerate(costs)}
    run = spend(budget, trials(len(costs)), priced)
    assert budget.spent_usd <= limit + 1e-6
    assert len(run) == len(costs) or budget.spent_usd + max(costs) > limit - 1e-6


def test_a_layer_whose_cost_is_not_known_is_tried_one_at_a_time() -> None:
    budget, left = Budget(1.0), [*trials(10), *trials(3, S)]
    assert [t.case.id for t in budget.affordable(left)] == ["deterministic-0", "semantic-0"]
    budget.pay(result("deterministic-0", layer="deterministic", cost_usd=0.1))
    budget.pay(result("semantic-0", layer="semantic", cost_usd=0.5))
    assert [t.case.id for t in budget.affordable(left[1:10])] == [f"deterministic-{n}" for n in range(1, 5)]
    assert budget.affordable(trials(1, S)) == []


def test_an_agent_that_tells_no_cost_cannot_be_kept_within_a_budget() -> None:
    budget = Budget(1.0)
    run = spend(budget, trials(10), {f"deterministic-{n}": None for n in range(10)})
    assert len(run) == PROBES
    assert "tells no cost" in budget.why_stopped(trials(1))


def test_a_trial_that_tells_no_cost_counts_as_the_dearest() -> None:
    budget = Budget(1.0, [result("old", cost_usd=0.25, layer="deterministic")])
    assert len(spend(budget, trials(10), {f"deterministic-{n}": None for n in range(10)})) == 4
    assert "$0.25" in budget.why_stopped(trials(1))


def test_what_a_layer_took() -> None:
    results = [
        result("a", layer="deterministic", cost_usd=0.5),
        result("a", trial=1, layer="deterministic"),
        result("b", layer="semantic"),
    ]
    rows = took(results, trials(2, S), {D: 1.5})
    assert [(r.layer, r.cases, r.trials, r.left, r.seconds, r.cost_usd, r.untold) for r in rows] == [
        (D, 1, 2, 0, 1.5, 0.5, 1),
        (S, 3, 1, 2, None, None, 1),
    ]


def test_what_a_run_is_expected_to_take() -> None:
    history = [result("x", layer="deterministic", cost_usd=c, latency_ms=1000.0) for c in (0.1, 0.3)]
    (d, s) = estimate([*trials(10), *trials(2, S)], history, concurrency=5)
    assert (d.trials, d.history, d.seconds, d.cost_usd) == (10, 2, 2.0, pytest.approx(2.0))
    assert (s.trials, s.history, s.seconds, s.cost_usd) == (2, 0, None, None)
    assert estimate(trials(1), history, concurrency=5)[0].seconds == 1.0


def test_money_is_written_with_cents_or_with_what_it_takes() -> None:
    assert [dollars(x) for x in (0, 12.345, 0.2, 0.05, 0.00123, 1e-6)] == [
        "$0.00",
        "$12.35",
        "$0.20",
        "$0.05",
        "$0.00123",
        "$0.000001",
    ]
