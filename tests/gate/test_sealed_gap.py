from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builders import case, result
from loopwright.evaluate.case import Suite
from loopwright.evaluate.result import EvalResult
from loopwright.evaluate.sealed import sealed_ids
from loopwright.gate.decide import decide
from loopwright.gate.decision import Outcome
from loopwright.gate.explain import explain
from loopwright.gate.policy import Policy
from loopwright.gate.sealed_gap import sealed_gap


def rows(passed_open: int, of_open: int, passed_sealed: int, of_sealed: int) -> list[EvalResult]:
    made = [result(f"o{n}", n < passed_open) for n in range(of_open)]
    return made + [result(f"s{n}", n < passed_sealed, sealed=True) for n in range(of_sealed)]


def gated(results: list[EvalResult], policy: Policy) -> Any:
    before = [EvalResult(r.eval_id, r.passed, trial=t, run_id=f"run-{t}") for r in results for t in range(3)]
    return decide(before, results, policy)


def test_the_gap_is_of_cases_that_passed_every_planned_trial() -> None:
    results = [
        *(result("a", ok, trial=t) for t, ok in enumerate([True, True])),
        *(result("b", ok, trial=t) for t, ok in enumerate([True, None])),
        result("b", True, trial=2, repeat=True),
        result("s", True, sealed=True),
    ]
    gap = sealed_gap(results)
    assert gap is not None
    assert (gap.open, gap.sealed, gap.gap) == ((1, 2), (1, 1), -0.5)


def test_without_a_sealed_part_there_is_no_gap() -> None:
    assert sealed_gap([result("a"), result("b")]) is None
    assert "sealed" not in gated(rows(40, 40, 0, 0), Policy()).statistics


@pytest.mark.parametrize(
    ("policy", "outcome", "reasons"), [("warn", Outcome.APPROVED, 1), ("block", Outcome.BLOCKED, 1), ("off", Outcome.APPROVED, 0)]
)
def test_what_follows_from_a_gap_is_the_policys(policy: Any, outcome: Outcome, reasons: int) -> None:
    decision = gated(rows(40, 40, 5, 10), Policy(sealed_gap=policy))
    assert decision.decision is outcome
    assert len(decision.reasons) == reasons
    assert decision.approved == (outcome is Outcome.APPROVED)
    if policy != "off":
        assert "tuned to the suite" in decision.reasons[0]
        assert "40 of 40 in the open part, 5 of 10 in the sealed part" in explain(decision)


def test_a_gap_that_chance_explains_changes_nothing() -> None:
    decision = gated(rows(36, 40, 9, 10), Policy(sealed_gap="block"))
    assert (decision.decision, decision.reasons) == (Outcome.APPROVED, ())
    assert decision.statistics["sealed"]["found"] is False


def test_the_other_way_round_is_no_overfitting() -> None:
    assert gated(rows(20, 40, 10, 10), Policy(sealed_gap="block")).decision is Outcome.APPROVED


def test_an_agent_that_was_not_tuned_is_warned_of_and_blocked_no_more_often_than_stated() -> None:
    """Suites of 30 to 150 cases, sealed by their ids; each case has a pass rate of its own that knows nothing of the seal."""
    rng = np.random.default_rng(7)
    policy = Policy()
    suites, warned, blocked = 800, 0, 0
    for number in range(suites):
        size = int(rng.integers(30, 150))
        ids = [f"suite-{number}-case-{n}" for n in range(size)]
        sealed = sealed_ids(Suite(tuple(case(id) for id in ids)))
        passed = rng.random(size) < rng.beta(0.8, 0.3, size)
        gap = sealed_gap([result(id, bool(ok), sealed=id in sealed) for id, ok in zip(ids, passed, strict=True)])
        warned += gap is not None and gap.p_value <= policy.gap_level
        blocked += gap is not None and gap.p_value <= policy.gap_block_level
    # Three standard deviations above the stated rates: .05 + .023, .01 + .0106.
    assert warned / suites <= 0.073
    assert blocked / suites <= 0.0206


def test_a_suite_learned_by_heart_is_found() -> None:
    """Open cases all pass; the agent's true rate, shown by the sealed ones, is 70 %: 200 cases, a fifth sealed."""
    rng = np.random.default_rng(8)
    found = [
        sealed_gap(
            [*(result(f"o{n}") for n in range(160)), *(result(f"s{n}", bool(ok), sealed=True) for n, ok in enumerate(draw))]
        )
        for draw in rng.random((200, 40)) < 0.7
    ]
    assert all(gap is not None and gap.p_value <= 0.01 for gap in found)
