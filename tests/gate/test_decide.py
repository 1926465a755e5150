"""What is approved, what is blocked, and everything that is neither."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome, Regression
from loopwright.gate.policy import Policy


def rows(passes: list[int], trials: int, run: str = "", **fields: Any) -> list[EvalResult]:
    """A case per entry, that passes so many of its trials."""
    return [result(f"case-{i:03}", t < passed, t, run_id=run, **fields) for i, passed in enumerate(passes) for t in range(trials)]


def history(cases: int, runs: int, **fields: Any) -> list[EvalResult]:
    """Runs in which every case passed."""
    return [row for r in range(runs) for row in rows([1] * cases, 1, f"run-{r}", **fields)]


def levels(decision: GateDecision) -> list[str]:
    return [r.level for r in decision.regressions if isinstance(r, Regression)]


def test_nothing_changed() -> None:
    decision = decide(rows([2] * 30, 2), rows([2] * 30, 2))
    assert decision.decision is Outcome.APPROVED
    assert decision.regressions == ()
    assert decision.new_evals_queued == 0


def test_a_clean_improvement_is_approved() -> None:
    decision = decide(rows([0] * 20 + [3] * 20, 3), rows([3] * 40, 3))
    assert decision.decision is Outcome.APPROVED
    assert len(decision.fixed) == 20


def test_an_improvement_from_nothing_is_approved_and_nothing_from_nothing_is_not() -> None:
    assert decide(rows([0] * 20, 1), rows([1] * 15 + [0] * 5, 1)).decision is Outcome.APPROVED
    stuck = decide(rows([0] * 20, 1), rows([0] * 20, 1))
    assert stuck.decision is Outcome.UNDECIDED
    assert "passes nothing" in stuck.message


def test_a_drop_of_the_suite_blocks() -> None:
    decision = decide(rows([2] * 40, 2), rows([2] * 20 + [1] * 20, 2))
    assert decision.decision is Outcome.BLOCKED
    assert levels(decision) == ["suite"]
    suite = decision.regressions[0]
    assert isinstance(suite, Regression)
    assert suite.p_value is not None
    assert suite.p_value < 0.001
    assert (suite.before, suite.after) == ((80, 80), (60, 80))


def test_up_three_points_overall_and_five_cases_broken_is_blocked() -> None:
    """The source's own story: the average improves, and problems that were solved come back."""
    before = [10] * 60 + [0] * 40
    after = [10] * 55 + [0] * 5 + [10] * 8 + [0] * 32
    decision = decide(rows(before, 10), rows(after, 10))
    assert sum(after) == sum(before) + 30
    assert decision.decision is Outcome.BLOCKED
    assert levels(decision) == ["case"] * 5
    assert [r.eval_id for r in decision.regressions] == [f"case-{i:03}" for i in range(55, 60)]
    assert len(decision.fixed) == 8


def test_a_mode_that_is_lost_blocks_where_the_suite_does_not() -> None:
    def suite(lost: int) -> list[EvalResult]:
        return [
            result(f"{mode}-{i}", not (mode == 3 and i < lost), t, mode_id=f"mode-{mode}")
            for mode in range(40)
            for i in range(5)
            for t in range(3)
        ]

    decision = decide(suite(0), [*suite(3), result("extra", True)])
    assert "mode" in levels(decision)
    assert next(r.mode_id for r in decision.regressions if isinstance(r, Regression) and r.level == "mode") == "mode-3"


def test_one_failure_of_a_deterministic_case_is_proof() -> None:
    candidate = rows([1] * 20, 1, deterministic=True)
    candidate[7] = result("case-007", False, deterministic=True)
    decision = decide(rows([1] * 20, 1), candidate)
    assert decision.decision is Outcome.BLOCKED
    assert [(r.eval_id, r.level, r.p_value) for r in decision.regressions if isinstance(r, Regression)] == [
        ("case-007", "deterministic", None)
    ]


def test_the_layer_deterministic_is_no_such_declaration() -> None:
    candidate = rows([1] * 20, 1, layer="deterministic")
    candidate[7] = result("case-007", False, layer="deterministic")
    assert decide(rows([1] * 20, 1, layer="deterministic"), candidate).decision is not Outcome.BLOCKED


def test_proof_blocks_even_where_half_the_cases_are_missing() -> None:
    decision = decide(rows([1] * 20, 1, deterministic=True), rows([0] * 10, 1, deterministic=True))
    assert decision.decision is Outcome.BLOCKED
    assert len(levels(decision)) == 10
    assert "missing" in decision.reasons[0]


def test_a_deterministic_case_without_a_verdict_is_asked_for_again() -> None:
    candidate = rows([1] * 20, 1, deterministic=True)
    candidate[7] = result("case-007", None, error="connection reset", deterministic=True)
    decision = decide(rows([1] * 20, 1), candidate)
    assert decision.decision is Outcome.UNDECIDED
    assert [(r.eval_id, r.trials) for r in decision.next] == [("case-007", 1)]


def test_a_long_history_without_variance_makes_one_failure_proof_and_a_short_one_does_not() -> None:
    for runs, expected in ((1, Outcome.APPROVED), (5, Outcome.UNDECIDED), (200, Outcome.BLOCKED)):
        candidate = rows([0] + [1] * 19, 1, "new")
        decision = decide(history(20, runs), candidate)
        assert decision.decision is expected, runs
        assert ("case-000" in decision.message) == (expected is not Outcome.BLOCKED)


def test_repeats_convict_a_lost_case_and_clear_a_noisy_one() -> None:
    before, candidate = history(50, 5), rows([0] + [1] * 49, 1, "new")
    for verdict, expected in ((False, Outcome.BLOCKED), (True, Outcome.APPROVED)):
        seen, rounds = list(candidate), 0
        decision = decide(before, seen)
        while decision.decision is Outcome.UNDECIDED:
            assert [r.eval_id for r in decision.next] == ["case-000"]
            seen += [
                result("case-000", verdict, len(seen) + k, run_id="new", repeat=True) for k in range(decision.next[0].trials)
            ]
            decision, rounds = decide(before, seen), rounds + 1
        assert decision.decision is expected
        assert rounds <= 8
        assert len(seen) - len(candidate) <= 12


@pytest.mark.parametrize("trials", [1, 2, 3])
def test_a_solved_case_that_passes_none_of_a_few_planned_trials_is_repeated(trials: int) -> None:
    before = [row for r in range(5) for row in rows([1] * 60 + [(r + i) % 2 for i in range(60)], 1, f"run-{r}")]
    lost = rows([0] + [trials] * 59 + [trials * (i % 2) for i in range(60)], trials)
    first = decide(before, lost)
    assert first.decision is Outcome.UNDECIDED
    assert [asked.eval_id for asked in first.next] == ["case-000"]
    again = [result("case-000", False, trials + i, repeat=True) for i in range(12)]
    assert levels(decide(before, [*lost, *again])) == ["case"]
    assert decide(before, [*lost, *(result("case-000", True, r.trial, repeat=True) for r in again)]).approved


@pytest.mark.parametrize(("lost", "outcome"), [(1, Outcome.APPROVED), (6, Outcome.UNDECIDED)])
def test_a_better_agent_that_lost_several_solved_cases_is_not_approved(lost: int, outcome: Outcome) -> None:
    """None of them has the history to be proved lost alone, and the suite rose; but so many are no noise."""
    before = rows([3] * 40 + [1, 2] * 5 + [0] * 30, 3)
    better = rows([0] * lost + [2] * (40 - lost) + [1] * 10 + [2] * 30, 2)
    decision = decide(before, better)
    assert decision.decision is outcome
    assert {asked.eval_id for asked in decision.next} >= ({f"case-{i:03}" for i in range(lost)} if lost > 1 else set())
    again = [result(f"case-{i:03}", True, 2 + t, repeat=True) for i in range(lost) for t in range(3)]
    assert decide(before, [*better, *again]).approved


def test_several_failures_of_solved_cases_hold_an_unchanged_agent_no_more_often_than_stated() -> None:
    rng, rounds = np.random.default_rng(8), 200
    policy, never = Policy(), Policy(several=0.0)
    held = 0
    for _ in range(rounds):
        rates = rng.beta(0.3, 0.2, 80)
        before, after = (rows(rng.binomial(n, rates).tolist(), n) for n in (3, 2))
        held += decide(before, after, policy).decision is not decide(before, after, never).decision
    assert held / rounds <= policy.several + 2 * (policy.several * (1 - policy.several) / rounds) ** 0.5


def test_repeats_are_kept_out_of_the_suite_test() -> None:
    before, candidate = rows([2] * 30, 2), rows([2] * 28 + [1] * 2, 2)
    repeats = [result("case-000", False, 100 + t, repeat=True) for t in range(10)]
    with_repeats, without = decide(before, candidate + repeats), decide(before, candidate)
    assert with_repeats.statistics["suite"] == without.statistics["suite"]


def test_flaky_cases_are_named() -> None:
    assert decide(rows([2] * 29 + [1], 2), rows([2] * 28 + [1, 2], 2)).flaky == ("case-028", "case-029")


def test_new_cases_are_no_regression_and_are_told() -> None:
    decision = decide(rows([1] * 30, 1), rows([1] * 30 + [0], 1))
    assert decision.decision is Outcome.APPROVED
    assert decision.statistics["new"] == ["case-030"]
    assert decision.new_evals_queued == 1


def one_duplicate() -> list[EvalResult]:
    return [*rows([1] * 30, 1), result("case-003", True, 0)]


BEFORE = rows([1] * 30, 1, suite_digest="s1", version="v1")
NEVER_APPROVED: dict[str, tuple[list[EvalResult], list[EvalResult], str]] = {
    "no candidate": (BEFORE, [], "no candidate results"),
    "no baseline": ([], BEFORE, "no baseline results"),
    "nothing at all": ([], [], "no baseline results"),
    "half the cases missing": (BEFORE, BEFORE[:15], "15 of the baseline's 30 cases are missing"),
    "other cases altogether": (BEFORE, [result(f"other-{i}") for i in range(30)], "30 of the baseline's 30"),
    "all errored": (BEFORE, [result(f"case-{i:03}", None, error="boom") for i in range(30)], "100 % of the candidate's"),
    "an error and a verdict of true": (BEFORE, [result(f"case-{i:03}", True, error="boom") for i in range(30)], "no verdict"),
    "scores that are no number": (BEFORE, [result(f"case-{i:03}", True, score=math.nan) for i in range(30)], "no verdict"),
    "a scorer that did not load": (BEFORE, [result(f"case-{i:03}", None) for i in range(30)], "no verdict"),
    "a baseline of errors": ([result(f"case-{i:03}", None) for i in range(30)], BEFORE, "100 % of the baseline's"),
    "a trial fed twice": (BEFORE, BEFORE + BEFORE, "more than once"),
    "a baseline fed twice": (BEFORE + BEFORE, BEFORE, "more than once"),
    "one trial twice": (BEFORE, one_duplicate(), "trial 0 of case-003 more than once"),
    "another suite": (BEFORE, rows([1] * 30, 1, suite_digest="s2"), "the suite changed"),
    "two suites": (BEFORE, rows([1] * 15, 1, suite_digest="s1") + rows([1] * 30, 1, suite_digest="s2")[15:], "different suites"),
    "two versions": (BEFORE, rows([1] * 15, 1, version="v1") + rows([1] * 30, 1, version="v2")[15:], "mixes versions"),
    "few cases": (BEFORE[:4], BEFORE[:4], "4 comparable cases"),
    "one trial of five cases": (BEFORE[:5], BEFORE[:5], "too few trials"),
    "three of four trials gone": (
        rows([4] * 30, 4),
        [r for r in rows([4] * 30, 4) if r.trial < 1 or r.eval_id > "case-014"],
        "no verdict",
    ),
}


@pytest.mark.parametrize("name", NEVER_APPROVED)
def test_what_is_never_approved(name: str) -> None:
    before, after, why = NEVER_APPROVED[name]
    decision = decide(before, after)
    assert decision.decision is Outcome.UNDECIDED
    assert not decision.approved
    assert why in " ".join(decision.reasons)
    assert set(decision.statistics) >= {"alpha", "suite", "modes", "cases", "min_detectable_drop"}


def test_swapped_files_are_seen_where_the_rows_carry_a_version() -> None:
    old, new = rows([1] * 30, 1, version="v1"), rows([1] * 30, 1, version="v2")
    assert decide(old, new, candidate_version="v2").decision is Outcome.APPROVED
    swapped = decide(new, old, candidate_version="v2")
    assert swapped.decision is Outcome.UNDECIDED
    assert "swapped" in swapped.message


def test_a_doubt_of_the_callers_stands_against_approval() -> None:
    decision = decide(BEFORE, BEFORE, doubts=["the run was cut short"])
    assert decision.decision is Outcome.UNDECIDED
    assert decision.message == "Undecided: the run was cut short."


def test_a_few_missing_trials_are_failures() -> None:
    before, after = rows([3] * 60, 3), rows([3] * 60, 3)
    decision = decide(before, after[:-1])
    assert decision.statistics["suite"]["after"] == [179, 180]
    assert decide(before, after[:-3]).missing == ("case-059",)


def test_too_few_trials_ask_for_as_many_as_would_do() -> None:
    decision = decide(BEFORE[:8], BEFORE[:8])
    assert decision.decision is Outcome.UNDECIDED
    assert {r.eval_id for r in decision.next} == {f"case-{i:03}" for i in range(8)}
    more = 1 + decision.next[0].trials
    assert decide(BEFORE[:8], rows([more] * 8, more, suite_digest="s1")).decision is Outcome.APPROVED


def test_what_the_run_could_have_seen() -> None:
    drops = [decide(rows([3] * n, 3), rows([3] * n, 3)).statistics["min_detectable_drop"] for n in (10, 40, 160)]
    assert drops[0] > drops[1] > drops[2] > 0


def test_the_naive_rule_stands_beside_the_decision() -> None:
    rng = np.random.default_rng(1)
    noisy = rng.beta(0.6, 0.8, 50)
    before, after = (
        [result(f"case-{i}", bool(rng.random() < p), t) for i, p in enumerate(noisy) for t in range(2)] for _ in range(2)
    )
    decision = decide(before, after)
    assert decision.decision is Outcome.APPROVED
    assert len(decision.statistics["naive"]["regressions"]) > 3


def test_the_policy_decides() -> None:
    before, after = rows([2] * 40, 2), rows([2] * 34 + [1] * 6, 2)
    assert decide(before, after, Policy(alpha=0.05)).decision is Outcome.BLOCKED
    assert decide(before, after, Policy(alpha=0.001)).decision is Outcome.UNDECIDED
    assert decide(before, after[:-2], Policy(max_missing=0.5)).missing
