"""What a comparison took, and what a design without repeats would have taken."""

import math

import pytest

from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.spending import told_cost, told_spending


def rows(run: str, cases: int, trials: int, failing: int = 0, cost: float | None = 0.5) -> list[EvalResult]:
    """So many trials of each case; the first `failing` cases fail."""
    return [EvalResult(f"c{i}", i >= failing, run_id=run, trial=t, cost_usd=cost) for i in range(cases) for t in range(trials)]


def test_trials_and_dollars_are_those_of_the_candidate() -> None:
    spent = decide(rows("old", 20, 5), rows("new", 20, 1, cost=0.25)).statistics["spent"]
    assert (spent["planned"], spent["repeats"], spent["unpriced"]) == (20, 0, 0)
    assert spent["usd"] == pytest.approx(5.0)
    assert spent["next"] == {"trials": 0, "usd": 0.0}


def test_what_is_asked_for_is_priced_by_its_case() -> None:
    new = [EvalResult("c0", False, trial=0, cost_usd=9.0), *rows("", 20, 1)[1:]]
    decision = decide(rows("old", 20, 5), new)
    assert [(r.eval_id, r.trials) for r in decision.next] == [("c0", 1)]
    assert decision.statistics["spent"]["next"] == {"trials": 1, "usd": 9.0}
    assert told_cost(decision.statistics["spent"]) == ", $9.00"


def test_the_fixed_design_is_one_whose_planned_trials_prove_a_loss() -> None:
    old = rows("old", 20, 5)
    each = decide(old, rows("new", 20, 1)).statistics["spent"]["fixed"]["each"]
    lost = decide(old, rows("new", 20, each, failing=1))
    assert "c0" in {r.eval_id for r in lost.regressions}
    fewer = decide(old, rows("new", 20, each - 1, failing=1)).statistics
    assert fewer["spent"]["fixed"] == {"each": each, "trials": 20 * each, "usd": pytest.approx(10.0 * each)}


def test_rows_without_a_usable_cost_are_counted_and_taken_for_average() -> None:
    old, new = rows("old", 20, 5), rows("new", 20, 1)
    new[0] = EvalResult("c0", True, run_id="new")
    new[1] = EvalResult("c1", True, run_id="new", cost_usd=math.nan)
    new[2] = EvalResult("c2", True, run_id="new", cost_usd=-3.0)
    spent = decide(old, new).statistics["spent"]
    assert spent["unpriced"] == 3
    assert spent["usd"] == pytest.approx(10.0)


def test_nothing_is_said_of_dollars_where_no_row_has_a_cost() -> None:
    spent = decide(rows("old", 20, 5), rows("new", 20, 1, cost=None)).statistics["spent"]
    assert [spent["usd"], spent["next"]["usd"], spent["fixed"]["usd"]] == [None, None, None]
    assert all("$" not in line for line in told_spending(spent))


def test_no_fixed_design_without_solved_cases() -> None:
    old = [EvalResult(f"c{i}", t == 0, run_id="old", trial=t) for i in range(20) for t in range(5)]
    spent = decide(old, rows("new", 20, 1)).statistics["spent"]
    assert spent["fixed"] == {"each": None, "trials": None, "usd": None}
    assert len(told_spending(spent)) == 1


def test_a_decision_recorded_without_figures_says_nothing() -> None:
    assert told_spending(None) == []
    assert told_cost(None) == ""
