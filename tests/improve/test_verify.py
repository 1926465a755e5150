from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pytest

from builders import result
from loopwright.evaluate.result import CheckOutcome
from loopwright.evaluate.trial import NEEDS_JUDGE
from loopwright.improve.verify import Outcome, Pair, VerifyPolicy, judge, outcome, pairs

POLICY = VerifyPolicy()


@dataclass(frozen=True)
class Guard:
    """What a simulated guard does: to the chance of the failure, and of success, and to runtime and cost, as factors."""

    failure: float = 1.0
    success: float = 0.0
    runtime: float = 1.0
    cost: float = 1.0


@dataclass(frozen=True)
class Agent:
    """Cases differ in how often they show the failure, and in how often they succeed."""

    failure: float = 0.3
    success: float = 0.8
    cases: int = 30
    trials: int = 5


def tried(agent: Agent, guard: Guard, rng: np.random.Generator) -> list[Pair]:
    failing = rng.beta(0.6, 0.6 * (1 - agent.failure) / agent.failure, agent.cases)[:, None]
    passing = rng.beta(4 * agent.success, 4 * (1 - agent.success), agent.cases)[:, None]
    pace = rng.lognormal(7, 0.5, agent.cases)[:, None]
    shape = (agent.cases, agent.trials)

    def side(of: Guard) -> list[Outcome]:
        fails = rng.random(shape) < failing * of.failure
        passes = rng.random(shape) < passing + of.success
        runtime = pace * of.runtime * rng.lognormal(0, 0.3, shape)
        cost = 1e-6 * pace * of.cost * rng.lognormal(0, 0.3, shape)
        return [Outcome(*row) for row in zip(*(a.ravel().tolist() for a in (fails, passes, runtime, cost)), strict=True)]

    names = [f"case-{case}" for case in range(agent.cases) for _ in range(agent.trials)]
    rows = zip(names, side(Guard()), side(guard), strict=True)
    return [Pair(name, at % agent.trials, without, with_) for at, (name, without, with_) in enumerate(rows)]


def verdicts(agent: Agent, guard: Guard, seed: int, repeats: int, **options: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return [judge(tried(agent, guard, rng), POLICY, **options).verdict for _ in range(repeats)]


def rate(of: str, found: Iterable[str]) -> float:
    listed = list(found)
    return listed.count(of) / len(listed)


USELESS = {
    "nothing": Guard(),
    "nothing, and faster": Guard(runtime=0.6, cost=0.6),
    "fewer failures, fewer successes": Guard(failure=0.1, success=-0.12),
    "fewer failures, slower": Guard(failure=0.1, success=0.05, runtime=1.27),
    "fewer failures, dearer": Guard(failure=0.1, success=0.05, cost=1.27),
}


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        *((name, Agent()) for name in USELESS),
        ("nothing", Agent(failure=0.08, success=0.9)),
        ("fewer failures, fewer successes", Agent(cases=12, trials=20)),
    ],
    ids=str,
)
def test_six_guards_that_do_not_help_are_called_helping_at_most_as_often_as_claimed(name: str, agent: Agent) -> None:
    families = 80
    found = np.array(verdicts(agent, USELESS[name], seed=7, repeats=families * 6)).reshape(families, 6)
    called = (found == "helping").any(axis=1).mean()
    assert called <= POLICY.alpha + 2.6 * (POLICY.alpha * (1 - POLICY.alpha) / families) ** 0.5
    assert rate("harmful", found.ravel()) <= (0.06 if name.startswith("nothing") else 1)


def test_looking_again_until_it_helps_does_not_raise_the_rate() -> None:
    rng = np.random.default_rng(8)
    called = 0
    for _ in range(150):
        called += any(judge(tried(Agent(cases=15), Guard(), rng), POLICY, look=look).verdict == "helping" for look in range(1, 6))
    assert called / 150 <= POLICY.alpha / POLICY.kinds + 0.02
    assert sum(POLICY.level(look) for look in range(1, 200)) <= POLICY.alpha / POLICY.kinds + 1e-12


def test_a_guard_that_helps_is_called_so() -> None:
    found = verdicts(Agent(), Guard(failure=0.1, success=0.05), seed=9, repeats=60)
    assert rate("helping", found) >= 0.8
    assert rate("harmful", found) == 0


@pytest.mark.parametrize(
    ("guard", "reason"),
    [
        (Guard(success=-0.3), "success fell"),
        (Guard(runtime=2), "it takes longer"),
        (Guard(cost=2), "it costs more"),
        (Guard(failure=2.5), "the failure became more frequent"),
    ],
    ids=str,
)
def test_a_guard_that_harms_is_called_so_with_the_reason(guard: Guard, reason: str) -> None:
    rng = np.random.default_rng(10)
    found = [judge(tried(Agent(), guard, rng), POLICY) for _ in range(20)]
    assert rate("harmful", [v.verdict for v in found]) >= 0.9
    assert sum(reason in v.reason for v in found) >= 18


def test_few_trials_are_undecided_and_many_without_an_effect_are_none() -> None:
    few = [judge(tried(Agent(cases=4, trials=2), Guard(), np.random.default_rng(seed)), POLICY) for seed in range(20)]
    assert {v.verdict for v in few} == {"undecided"}
    assert all("too few trials" in v.reason for v in few)
    many = verdicts(Agent(cases=60, trials=10), Guard(), seed=11, repeats=20)
    assert rate("no_effect", many) >= 0.85


def uniform(count: int, without: Outcome, with_: Outcome) -> list[Pair]:
    return [Pair(f"case-{n % 20}", n // 20, without, with_) for n in range(count)]


FINE = Outcome(failed=False, success=True, runtime_ms=10, cost_usd=0.01)
FAILING = Outcome(failed=True, success=True, runtime_ms=10, cost_usd=0.01)


def test_the_verification_tells_what_it_rests_on() -> None:
    found = judge(uniform(160, FAILING, FINE), POLICY, look=1, suite_digest="abc")
    assert (found.verdict, found.trials, found.cases, found.suite_digest, found.look) == ("helping", 160, 20, "abc", 1)
    assert (found.failure.without, found.failure.with_, found.failure.difference) == (1.0, 0.0, -1.0)
    assert found.failure.p_value == pytest.approx(0, abs=1e-40)
    assert found.success.difference == 0
    assert found.success.low == pytest.approx(-0.0234, abs=1e-3)
    assert found.level == pytest.approx(0.00625)
    assert "100 % of trials without the guard, 0 % with it" in found.reason


def test_a_small_fall_of_success_for_a_rarer_failure_is_left_to_a_person() -> None:
    lost = Outcome(failed=False, success=False, runtime_ms=10, cost_usd=0.01)
    found = judge([*uniform(400, FAILING, FINE), *uniform(12, FAILING, lost)], POLICY)
    assert found.verdict == "undecided"
    assert "success fell by 2.9 points, within its margin: a person has to weigh" in found.reason
    many = judge([*uniform(400, FAILING, FINE), *uniform(60, FAILING, lost)], POLICY)
    assert (many.verdict, many.reason) == ("harmful", "success fell")


def test_a_failure_that_never_occurs_is_no_effect() -> None:
    found = judge(uniform(160, FINE, FINE), POLICY)
    assert (found.verdict, found.reason) == ("no_effect", "the failure did not occur without the guard")


def test_nothing_tried_is_undecided() -> None:
    assert judge([], POLICY).verdict == "undecided"


def test_an_agent_without_messages_is_undecided() -> None:
    found = judge(uniform(160, Outcome(success=True), Outcome(success=True)), POLICY)
    assert found.verdict == "undecided"
    assert "without messages" in found.reason


def test_cost_that_is_not_told_is_not_held_against_the_guard() -> None:
    found = judge(uniform(160, Outcome(failed=True, success=True), Outcome(failed=False, success=True)), POLICY)
    assert found.verdict == "helping"
    assert found.cost_usd.without is None


def test_success_that_nobody_could_judge_is_not_success() -> None:
    found = judge(uniform(160, Outcome(failed=True), Outcome(failed=False)), POLICY)
    assert found.verdict == "undecided"
    assert "no verdict on success" in found.reason


def test_a_guard_that_breaks_the_agent_where_it_would_have_failed_does_not_help() -> None:
    broken = Outcome(failed=None, success=False, runtime_ms=10, cost_usd=0.01, broke=True)
    found = judge([*uniform(60, FAILING, broken), *uniform(100, FINE, FINE)], POLICY)
    assert (found.verdict, found.reason) == ("harmful", "success fell")


def test_small_runtimes_are_kept_within_the_floor() -> None:
    rng = np.random.default_rng(12)

    def some(failed: bool, base: float) -> Outcome:
        return Outcome(failed, True, base + float(rng.exponential(1)), 0.0)

    tried = [Pair(f"c{n % 20}", n // 20, some(True, 1), some(False, 3)) for n in range(160)]
    assert judge(tried, POLICY).verdict == "helping"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (result(passed=True, latency_ms=5.0, cost_usd=0.1), Outcome(True, True, 5.0, 0.1)),
        (result(passed=None, error="timed out after 2 s"), Outcome(None, False, broke=True)),
        (result(passed=None, error=NEEDS_JUDGE), Outcome(True, None)),
        (result(passed=None, error="regex: no", checks=(CheckOutcome("regex", None, "no"),)), Outcome(True, None)),
        (result(passed=False, checks=(CheckOutcome("regex", False, "no"),)), Outcome(True, False)),
    ],
)
def test_a_result_is_what_is_measured_of_it(row: object, expected: Outcome) -> None:
    assert outcome(row, True) == expected  # type: ignore[arg-type]


def test_trials_are_paired_by_case_and_number() -> None:
    without = [result("a", trial=0), result("a", trial=1), result("b", trial=0)]
    with_ = [result("b", trial=0), result("a", passed=False, trial=1)]
    never: Callable[[object], bool] = lambda _: False  # noqa: E731
    assert [(p.case_id, p.trial, p.with_.success) for p in pairs(without, with_, never)] == [("a", 1, False), ("b", 0, True)]
