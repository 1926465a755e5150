"""Cost, latency and tokens against their margins: what blocks, what is within, what is undecided, and how often each is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import result
from loopwright.errors import SettingError
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome
from loopwright.gate.exchange import decision_record
from loopwright.gate.explain import explain
from loopwright.gate.policy import Policy
from loopwright.gate.policy_change import differences, more_lenient, policy_of, policy_record, told_differences
from loopwright.gate.why import why
from loopwright.surfaces.reports.gate_annotations import gate_annotations
from loopwright.surfaces.reports.gate_junit import gate_junit
from loopwright.surfaces.reports.gate_markdown import gate_markdown
from loopwright.surfaces.reports.gate_page import gate_page

HELD = Policy(cost_margin=0.1)


def priced(times: float = 1.0, *, cases: int = 40, trials: int = 3, seed: int = 0, field: str = "cost_usd") -> list[EvalResult]:
    """A run in which every case passes, and takes what is usual for it, give or take a few percent."""
    rng = np.random.default_rng(seed)
    takes = 0.01 * (1 + np.arange(cases) % 5)
    return [
        result(f"c{i}", True, t, run_id=f"run-{seed}", **{field: float(times * takes[i] * rng.lognormal(0, 0.1))})
        for i in range(cases)
        for t in range(trials)
    ]


def changed(rows: list[EvalResult], change: Callable[[EvalResult], dict[str, Any]]) -> list[EvalResult]:
    return [replace(row, **change(row)) for row in rows]


def margin(decision: GateDecision, metric: str = "cost") -> dict[str, Any]:
    found: list[dict[str, Any]] = decision.statistics["margins"]["measured"]
    return next(row for row in found if row["metric"] == metric)


def test_what_costs_more_than_its_margin_blocks() -> None:
    decision = decide(priced(), priced(1.3, seed=1), HELD)
    assert decision.decision is Outcome.BLOCKED
    assert [(r.level, r.eval_id) for r in decision.regressions] == [("cost", None)]
    assert "it costs more than its margin allows" in decision.message
    row = margin(decision)
    assert row["verdict"] == "above"
    assert 1.1 < row["low"] < row["ratio"] < row["high"]
    assert row["rose"][0]["after"] > row["rose"][0]["before"]


def test_what_costs_as_much_as_before_is_within() -> None:
    decision = decide(priced(), priced(1.0, seed=1), HELD)
    assert decision.approved
    assert margin(decision)["verdict"] == "within"
    assert margin(decision)["high"] <= 1.1


def test_what_may_be_either_is_undecided_and_says_what_would_tell() -> None:
    decision = decide(priced(), priced(1.08, trials=1, seed=1), HELD)
    assert decision.decision is Outcome.UNDECIDED
    assert "the margin allows 1.1" in decision.message
    assert {r.repeat for r in decision.next} == {False}
    assert {r.eval_id for r in decision.next} == {f"c{i}" for i in range(40)}
    assert len({r.trials for r in decision.next}) == 1


def test_without_a_margin_the_ratio_is_told_and_nothing_follows() -> None:
    decision = decide(priced(), priced(5.0, seed=1), Policy())
    assert decision.approved
    assert margin(decision)["ratio"] == pytest.approx(5, rel=0.1)
    assert margin(decision)["verdict"] == "none"
    assert "no margin is set" in explain(decision)


def test_without_figures_there_is_nothing_to_tell() -> None:
    rows = [result(f"c{i}", True, t) for i in range(20) for t in range(3)]
    assert "margins" not in decide(rows, rows).statistics


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: {"cost_usd": None}, "120 of 120 judged trials of the candidate have no cost_usd"),
        (
            lambda row: {"cost_usd": None if row.trial else row.cost_usd},
            "80 of 120 judged trials of the candidate have no cost_usd",
        ),
        (
            lambda row: {"cost_usd": None if int(row.eval_id[1:]) % 3 == 0 else row.cost_usd},
            "14 of 40 cases with cost_usd before",
        ),
        (lambda row: {"cost_usd": math.nan if row.eval_id == "c3" else row.cost_usd}, "cost_usd of 3 trials of the candidate"),
        (lambda row: {"cost_usd": -1.0 if row.eval_id == "c3" else row.cost_usd}, "is no amount"),
        (lambda row: {"cost_usd": math.inf if row.eval_id == "c3" else row.cost_usd}, "is no amount"),
        (lambda row: {"cost_usd": row.cost_usd / 1000}, "as if in another unit"),
    ],
)
def test_what_is_not_measured_is_not_passed(change: Callable[[EvalResult], dict[str, Any]], said: str) -> None:
    decision = decide(priced(), changed(priced(seed=1), change), HELD)
    assert decision.decision is Outcome.UNDECIDED
    assert said in decision.message
    assert margin(decision)["verdict"] == "unmeasured"
    assert "undecided: see why" in explain(decision)


def test_a_baseline_without_figures_holds_up_too() -> None:
    decision = decide(changed(priced(), lambda row: {"cost_usd": None}), priced(seed=1), HELD)
    assert decision.decision is Outcome.UNDECIDED
    assert "of the baseline have no cost_usd" in decision.message


def test_what_costs_nothing_anywhere_is_not_known_to_be_measured() -> None:
    free = changed(priced(), lambda row: {"cost_usd": 0.0})
    decision = decide(free, free, HELD)
    assert decision.decision is Outcome.UNDECIDED
    assert "cost_usd is 0 in every trial" in decision.message


def test_a_figure_that_was_nothing_blocks_when_it_is_something() -> None:
    decision = decide(changed(priced(), lambda row: {"cost_usd": 0.0}), priced(seed=1), HELD)
    assert decision.decision is Outcome.BLOCKED
    assert margin(decision)["ratio"] is None
    assert "more than nothing" in explain(decision)
    json.dumps(decision_record(decision), allow_nan=False)


def test_a_trial_that_crashes_early_saves_nothing() -> None:
    """A third of the trials cost next to nothing, without a verdict; what is left costs a third more."""

    def crash(row: EvalResult) -> dict[str, Any]:
        return {"passed": None, "error": "killed", "cost_usd": 1e-6} if row.trial == 2 else {}

    decision = decide(priced(), changed(priced(1.3, seed=1), crash), Policy(cost_margin=0.1, max_errors=0.5))
    assert margin(decision)["verdict"] == "above"
    assert margin(decision)["left_out"] == [0, 40]


def test_a_trial_that_runs_into_its_limit_counts_with_what_it_took() -> None:
    def hang(row: EvalResult) -> dict[str, Any]:
        return {"passed": None, "error": "timed out", "cost_usd": 1.0} if row.trial == 2 else {}

    decision = decide(priced(), changed(priced(1.0, seed=1), hang), Policy(cost_margin=0.1, max_errors=0.5))
    assert margin(decision)["verdict"] == "above"
    assert margin(decision)["left_out"] == [0, 0]


def test_repeats_do_not_count() -> None:
    dear = [result(f"c{i}", True, 9, run_id="run-1", repeat=True, cost_usd=50.0) for i in range(40)]
    plain = decide(priced(), priced(1.0, seed=1), HELD)
    assert margin(decide(priced(), [*priced(1.0, seed=1), *dear], HELD)) == margin(plain)


def test_new_cases_do_not_count() -> None:
    dear = [result("fresh", True, t, run_id="run-1", cost_usd=50.0) for t in range(3)]
    plain = decide(priced(), priced(1.0, seed=1), HELD)
    assert margin(decide(priced(), [*priced(1.0, seed=1), *dear], HELD))["ratio"] == margin(plain)["ratio"]


@given(seed=st.integers(0, 2**20))
@settings(max_examples=5, deadline=None, derandomize=True)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    before, after = priced(cases=25), priced(1.05, cases=25, seed=1)
    mixed = np.random.default_rng(seed)
    other = decide([before[i] for i in mixed.permutation(len(before))], [after[i] for i in mixed.permutation(len(after))], HELD)
    assert other == decide(before, after, HELD)


def test_each_metric_is_held_by_its_own_field() -> None:
    for field, metric in (("latency_ms", "latency"), ("cost_usd", "cost")):
        policy = Policy(**{f"{metric}_margin": 0.1})
        decision = decide(priced(field=field), priced(1.4, seed=1, field=field), policy)
        assert [r.level for r in decision.regressions] == [metric]
    tokens = [changed(rows, lambda row: {"tokens": round(1e5 * (row.cost_usd or 0))}) for rows in (priced(), priced(1.4, seed=1))]
    assert [r.level for r in decide(*tokens, Policy(tokens_margin=0.1)).regressions] == ["tokens"]


def test_what_margins_spend_is_taken_from_the_suite() -> None:
    free, one, three = Policy(), HELD, Policy(cost_margin=0.1, latency_margin=0.1, tokens_margin=0.1)
    assert (free.margin_level, one.margin_level) == (0.0, 0.005)
    assert three.margin_level == pytest.approx(0.005 / 3)
    for policy in (free, one, three):
        held = sum(margin > 0 for margin in policy.margins.values())
        others = policy.mode_level + policy.mode_repeat_level + policy.case_level + policy.repeat_level + policy.together_level
        assert policy.suite_ceiling + others + held * policy.margin_level == pytest.approx(policy.alpha)
    assert one.suite_level == free.suite_level
    with pytest.raises(SettingError, match="would spend"):
        Policy(cost_margin=0.1, suite_share=0.55)


@pytest.mark.parametrize("wrong", [-0.1, math.nan, math.inf])
def test_a_margin_is_a_share(wrong: float) -> None:
    with pytest.raises(SettingError, match="cost_margin"):
        Policy(cost_margin=wrong)


def test_an_agent_at_the_margin_is_blocked_and_waved_through_no_more_often_than_stated() -> None:
    """Heavy tails, few cases, unequal trials; and one that did not change is hardly ever blocked."""
    rng = np.random.default_rng(4)
    rounds, above, within, unchanged = 100, 0, 0, 0
    policy = Policy(cost_margin=0.1, alpha=0.05)
    for _ in range(rounds):
        sizes = rng.lognormal(0, 1, 15)
        before, same = (
            [result(f"c{i}", True, t, cost_usd=float(s * rng.lognormal(0, 1))) for i, s in enumerate(sizes) for t in range(n)]
            for n in (4, 2)
        )
        at_it = changed(same, lambda row: {"cost_usd": 1.1 * (row.cost_usd or 0)})
        found = margin(decide(before, at_it, policy))
        above += found["p_above"] <= 0.05
        within += found["verdict"] == "within"
        unchanged += margin(decide(before, same, policy))["verdict"] == "above"
    allowed = 0.05 + 3.1 * math.sqrt(0.05 * 0.95 / rounds)
    assert above / rounds <= allowed
    assert within / rounds <= allowed
    assert unchanged <= 3


def test_wider_margins_and_none_are_more_lenient() -> None:
    file = Policy(cost_margin=0.1, latency_margin=0.2)
    used = Policy(cost_margin=0.3, latency_margin=0.0, tokens_margin=0.5)
    assert more_lenient(file, used) == {"cost_margin": (0.1, 0.3), "latency_margin": (0.2, 0.0)}
    assert not more_lenient(Policy(), file)


def test_the_policy_survives_a_file() -> None:
    policy = Policy(cost_margin=0.1, zero_tolerance=("safety", "pii"))
    record = json.loads(json.dumps(policy_record(policy)))
    assert policy_of(record) == policy
    assert not differences(record, policy_record(policy))
    lenient = more_lenient(policy, Policy(cost_margin=0.1, zero_tolerance=("pii",)))
    assert told_differences(lenient) == "zero_tolerance from safety, pii to pii"


def test_every_report_says_what_it_takes() -> None:
    decision = decide(priced(), priced(1.3, seed=1), HELD)
    text, markdown, page = explain(decision), gate_markdown(decision), gate_page(decision)
    for report in (text, markdown, page):
        assert "above its margin" in report
        assert "1.3" in report
    assert "all cases" in text
    assert "at the margin" in text
    assert "::error title=Margin exceeded::cost: $0.0304 before" in gate_annotations(decision)
    assert '<testcase classname="loopwright.gate.margins" name="cost">' in gate_junit(decision)
    assert 'class="allowed"' in page


def test_an_explanation_can_be_checked() -> None:
    decision = decide(priced(), priced(1.3, seed=1), HELD)
    row, told = margin(decision), why(decision, "cost")
    assert f"{row['before']:.6g} before and {row['after']:.6g} now" in told
    assert "10,000 exchanges" in told
    assert "cost" in why(decision).splitlines()[0]
    assert "Cost: 40 cases measured on both sides" in why(decision)
    assert "that rose most" in why(decision)
    assert "there is nothing to tell" in why(decision, "tokens")


def test_a_fall_and_a_rise_are_both_told() -> None:
    fails = changed(priced(1.3, seed=1), lambda row: {"passed": int(row.eval_id[1:]) > 20})
    assert {"suite", "cost"} <= {r.level for r in decide(priced(), fails, HELD).regressions}


def test_a_margin_is_no_judges_word() -> None:
    judged = [changed(rows, lambda row: {"judge_id": "j", "judge_calibrated": False}) for rows in (priced(), priced(1.3, seed=1))]
    assert decide(*judged, HELD).decision is Outcome.BLOCKED


@pytest.mark.parametrize(
    "silent",
    [lambda row: row.eval_id in {f"c{i}" for i in range(7)}, lambda row: row.trial == 0],
    ids=["dear cases", "dear trials"],
)
def test_the_dear_ones_cannot_leave_their_cost_out(silent: Callable[[EvalResult], bool]) -> None:
    after = changed(priced(seed=1), lambda row: {"cost_usd": None} if silent(row) else {})
    decision = decide(priced(), after, HELD)
    assert decision.decision is Outcome.UNDECIDED
    assert "the dear ones may be among them" in decision.message
    assert decide(changed(priced(), lambda row: {"cost_usd": None} if silent(row) else {}), after, HELD).approved


@pytest.mark.parametrize("cost", [1e308, 10**400])
def test_a_number_beyond_all_bounds_is_no_cost(cost: float) -> None:
    after = changed(priced(seed=1), lambda row: {"cost_usd": cost})
    assert decide(priced(), after, HELD).decision is Outcome.UNDECIDED
    assert decide(priced(), after, Policy()).statistics["spent"]["usd"] is None
