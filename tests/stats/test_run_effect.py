"""The spread between runs: right where only chance is at work, found where a whole run shares its luck."""

from __future__ import annotations

import numpy as np
import pytest

from loopwright.stats.run_effect import RunSpread, beyond_runs, pooled, run_spread


def draw(rng: np.random.Generator, runs: int, cases: int, spread: float, trials: int = 1) -> np.ndarray:
    rates = rng.beta(2.0, 1.0, cases)
    shift = spread * rng.standard_normal((runs, 1))
    return rng.binomial(trials, 1 / (1 + np.exp(-(np.log(rates / (1 - rates)) + shift))))


def test_it_is_cochrans_q_where_each_run_has_one_trial_of_each_case() -> None:
    passes = np.array([[1, 1, 0, 1, 0, 1], [1, 0, 0, 1, 1, 1], [0, 0, 0, 1, 0, 1], [1, 1, 0, 0, 1, 1]])
    k, by_run, by_case = 4, passes.sum(axis=1), passes.sum(axis=0)
    q = (k - 1) * (k * (by_run**2).sum() - by_run.sum() ** 2) / (k * by_case.sum() - (by_case**2).sum())
    found = run_spread(passes, np.ones_like(passes))
    assert found.ratio * found.df == pytest.approx(q)
    assert (found.df, found.per_run) == (3, 1.0)


@pytest.mark.parametrize("runs", [3, 5, 10])
def test_where_only_chance_is_at_work_it_is_seldom_said_to_be_more(runs: int) -> None:
    rng = np.random.default_rng(runs)
    found = [run_spread(draw(rng, runs, 60, 0.0), np.ones((runs, 60))) for _ in range(600)]
    assert np.mean([spread.p_value <= 0.1 for spread in found]) == pytest.approx(0.1, abs=0.035)
    assert np.mean([spread.ratio for spread in found]) == pytest.approx(1.0, abs=0.12)


def test_runs_that_lack_trials_are_weighed_by_what_they_have() -> None:
    rng = np.random.default_rng(4)
    found = []
    for _ in range(600):
        trials = rng.binomial(2, [[0.3], [0.9], [0.9], [0.6]], (4, 80))
        found.append(run_spread(rng.binomial(trials, rng.beta(2, 1, 80)), trials))
    assert np.mean([spread.p_value <= 0.1 for spread in found]) == pytest.approx(0.1, abs=0.04)


def test_shared_luck_is_found() -> None:
    rng = np.random.default_rng(5)
    found = [run_spread(draw(rng, 5, 1000, 0.4), np.ones((5, 1000))) for _ in range(50)]
    assert np.mean([spread.p_value <= 0.1 for spread in found]) >= 0.9


def test_groups_with_luck_of_their_own_tell_more_together() -> None:
    rng = np.random.default_rng(6)
    apart, alike = (
        [pooled([run_spread(draw(rng, 5, 10, by), np.ones((5, 10))) for _ in range(20)]) for _ in range(100)] for by in (1.0, 0.0)
    )
    assert np.mean([spread.p_value <= 0.1 for spread in apart]) >= 0.95
    assert np.mean([spread.p_value <= 0.1 for spread in alike]) <= 0.1 + 3 * (0.09 / 100) ** 0.5
    assert {(spread.df <= 80, spread.runs) for spread in alike} == {(True, 5)}


def test_groups_that_cannot_differ_say_nothing_among_others() -> None:
    same, apart = RunSpread(1.0, 0, 1.0, 1.0, 5), RunSpread(3.0, 4, 0.02, 1.0, 5)
    assert pooled([same, apart]) == pytest.approx((3.0, 4, pooled([apart]).p_value, 1.0, 5))
    assert pooled([same, same]) == same
    with pytest.raises(ValueError, match="no spread"):
        pooled([])


def test_without_anything_that_could_differ_nothing_does() -> None:
    assert run_spread(np.ones((3, 4)), np.ones((3, 4))) == RunSpread(1.0, 0, 1.0, 0.0, 3)
    assert run_spread(np.ones((1, 4)), np.ones((1, 4))).df == 0
    assert run_spread(np.zeros((0, 0)), np.zeros((0, 0))).p_value == 1.0
    assert beyond_runs(9.0, RunSpread(1.0, 0, 1.0, 1.0, 1), 1.0) == 1.0


@pytest.mark.parametrize(("passes", "trials"), [([[2]], [[1]]), ([[-1]], [[1]]), ([1], [1]), ([[1]], [[1, 1]])])
def test_counts_that_cannot_be_are_refused(passes: list[object], trials: list[object]) -> None:
    with pytest.raises(ValueError, match="shape"):
        run_spread(passes, trials)


@pytest.mark.parametrize(("per_run", "now"), [(1, 1), (1, 3), (2, 1)])
def test_a_fall_among_runs_that_differ_is_held_against_how_far_they_do(per_run: int, now: int) -> None:
    """Runs with normal luck of their own: the t test keeps its level whatever their spread is."""
    rng = np.random.default_rng(6)
    chance, between, runs = 1.0 / per_run, 3.0, 5
    below = 0
    for _ in range(4000):
        history = rng.normal(0, np.sqrt(between + chance), runs)
        candidate = rng.normal(0, np.sqrt(between + 1.0 / now))
        fall = (history.mean() - candidate) / np.sqrt(chance / runs + 1.0 / now)
        spread = RunSpread(float(history.var(ddof=1)) / chance, runs - 1, 0.0, per_run, runs)
        below += beyond_runs(fall, spread, now) <= 0.05
    assert below / 4000 <= 0.075
