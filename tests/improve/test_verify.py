from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

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
    """Cases differ in how often they show the failure, and in how often they succeed; trials of a case may all be the same."""

    failure: float = 0.3
    success: float = 0.8
    cases: int = 40
    trials: int = 4
    alike: bool = False
    spread: float = 2.0


def tried(agent: Agent, guard: Guard, rng: np.random.Generator) -> list[Pair]:
    failing = rng.beta(agent.spread * agent.failure, agent.spread * (1 - agent.failure), agent.cases)[:, None]
    passing = rng.beta(4 * agent.success, 4 * (1 - agent.success), agent.cases)[:, None]
    pace = rng.lognormal(7, 0.5, agent.cases)[:, None]
    shape = (agent.cases, 1 if agent.alike else agent.trials)

    def side(of: Guard) -> list[Outcome]:
        fails = rng.random(shape) < failing * of.failure
        passes = rng.random(shape) < passing + of.success
        runtime = pace * of.runtime * rng.lognormal(0, 0.3, shape)
        cost = 1e-6 * pace * of.cost * rng.lognormal(0, 0.3, shape)
        told = (np.broadcast_to(a, (agent.cases, agent.trials)).ravel().tolist() for a in (fails, passes, runtime, cost))
        return [Outcome(*row) for row in zip(*told, strict=True)]

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


AGENTS = {
    "trials of their own": Agent(),
    "all trials of a case the same": Agent(alike=True),
    "cases unlike each other": Agent(spread=0.3),
    "seldom failing": Agent(failure=0.08, success=0.9),
    "few cases, many trials": Agent(cases=12, trials=20),
}


@pytest.mark.parametrize("agent", AGENTS)
def test_six_guards_that_make_no_failure_rarer_are_called_helping_at_most_as_often_as_claimed(agent: str) -> None:
    families = 60
    found = np.array(verdicts(AGENTS[agent], USELESS["nothing, and faster"], seed=7, repeats=families * 6)).reshape(families, 6)
    assert (found == "helping").any(axis=1).mean() <= bound(POLICY.alpha, families)
    assert rate("harmful", found.ravel()) <= bound(POLICY.harm_alpha, families * 6)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("name", [name for name in USELESS if name.startswith("fewer")])
def test_a_guard_that_costs_a_margin_is_called_helping_at_most_as_often_as_claimed(name: str, agent: str) -> None:
    assert rate("helping", verdicts(AGENTS[agent], USELESS[name], seed=13, repeats=120)) <= bound(POLICY.margin_alpha, 120)


def test_a_guard_that_breaks_one_case_in_ten_for_good_is_called_helping_at_most_as_often_as_claimed() -> None:
    rng = np.random.default_rng(14)
    called = 0
    for _ in range(300):
        breaks = rng.random(40) < POLICY.success_margin
        fails = rng.random(40) < 0.5
        sides = [(Outcome(bool(f), True, 10, 0.01), Outcome(False, not b, 10, 0.01)) for f, b in zip(fails, breaks, strict=True)]
        called += judge([Pair(f"c{n}", t, *side) for n, side in enumerate(sides) for t in range(5)]).verdict == "helping"
    assert called / 300 <= bound(POLICY.margin_alpha, 300)


def bound(level: float, repeats: int) -> float:
    return level + 2.6 * (level * (1 - level) / repeats) ** 0.5


def test_looking_again_until_it_helps_does_not_raise_the_rate() -> None:
    rng = np.random.default_rng(8)
    called = 0
    for _ in range(100):
        called += any(judge(tried(Agent(cases=15), Guard(), rng), POLICY, look=look).verdict == "helping" for look in range(1, 6))
    assert called / 100 <= POLICY.alpha / POLICY.kinds + 0.02
    assert sum(POLICY.spent(look) for look in range(1, 200)) <= 1 + 1e-12


def staged(agent: Agent, guard: Guard, seed: int, repeats: int) -> list[str]:
    """What is said at the end of up to three stages, each with twice the trials."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        pairs = tried(agent, guard, rng)
        for stages in ((2,), (2, 4), (2, 4, 8)):
            said = judge([p for p in pairs if p.trial < stages[-1]], POLICY, stages=stages)
            if not said.more:
                break
        found.append(said.verdict)
    return found


def test_going_on_until_it_is_decided_keeps_the_rate_and_decides_more() -> None:
    agent = Agent(trials=8)
    dearer = staged(agent, Guard(failure=0.1, success=0.05, cost=1.25), seed=15, repeats=120)
    assert rate("helping", dearer) <= bound(POLICY.margin_alpha, 120)
    assert rate("helping", staged(agent, Guard(runtime=0.6), seed=16, repeats=120)) <= bound(POLICY.level(1), 120)
    a_little = Guard(failure=0.1, success=0.05, cost=1.12)
    at_once = verdicts(Agent(trials=2), a_little, seed=17, repeats=40)
    assert rate("helping", staged(agent, a_little, seed=17, repeats=40)) >= rate("helping", at_once) + 0.2


def test_what_a_stage_has_shown_stays_shown_and_every_stage_is_a_look() -> None:
    pairs = uniform(320, FAILING, FINE)
    assert judge(pairs, POLICY, look=2).verdict == "undecided"
    found = judge(pairs, POLICY, stages=(4, 8))
    assert (found.verdict, found.look, found.level) == ("helping", 2, pytest.approx(POLICY.level(2)))


def test_what_gets_worse_later_is_harmful_whatever_was_shown() -> None:
    late = [Pair(p.case_id, p.trial + 4, p.without, replace(p.with_, cost_usd=0.03)) for p in uniform(160, FAILING, FINE)]
    found = judge([*uniform(160, FAILING, FINE), *late], POLICY, stages=(4, 8))
    assert (found.verdict, found.reason) == ("harmful", "it costs more")


def test_the_same_trial_many_times_is_one_observation() -> None:
    once = judge([Pair("a", 0, FAILING, FINE), Pair("b", 0, FINE, FINE)])
    often = judge([Pair("a", n, FAILING, FINE) for n in range(50)] + [Pair("b", n, FINE, FINE) for n in range(50)])
    assert (once.verdict, once.failure, once.success) == (often.verdict, often.failure, often.success)
    assert (often.cases, often.trials, often.verdict, often.more) == (2, 100, "undecided", False)


def test_too_few_cases_to_show_that_success_is_kept_are_said_so() -> None:
    found = judge([Pair(f"c{n}", t, FAILING, FINE) for n in range(20) for t in range(10)])
    assert (found.verdict, found.more) == ("undecided", False)
    assert "add cases: 20 are too few to show that success is kept, it takes 32" in found.reason


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
    return [Pair(f"case-{n % 40}", n // 40, without, with_) for n in range(count)]


FINE = Outcome(failed=False, success=True, runtime_ms=10, cost_usd=0.01)
FAILING = Outcome(failed=True, success=True, runtime_ms=10, cost_usd=0.01)


def test_the_verification_tells_what_it_rests_on() -> None:
    found = judge(uniform(160, FAILING, FINE), POLICY, look=1, suite_digest="abc")
    assert (found.verdict, found.trials, found.cases, found.suite_digest, found.look) == ("helping", 160, 40, "abc", 1)
    assert (found.failure.without, found.failure.with_, found.failure.difference) == (1.0, 0.0, -1.0)
    assert found.failure.p_value == pytest.approx(2**-40)
    assert found.success.difference == 0
    assert found.success.low == pytest.approx(-0.0876, abs=1e-3)
    assert found.level == pytest.approx(0.00625)
    assert "100 % of trials without the guard, 0 % with it" in found.reason


def test_a_small_fall_of_success_for_a_rarer_failure_is_left_to_a_person() -> None:
    lost = Outcome(failed=False, success=False, runtime_ms=10, cost_usd=0.01)

    def some(share: float) -> list[Pair]:
        return [Pair(f"c{n}", 0, FAILING, lost if n < 400 * share else FINE) for n in range(400)]

    found = judge(some(0.03), POLICY)
    assert found.verdict == "undecided"
    assert "success fell by 3.0 points, within its margin: a person has to weigh" in found.reason
    assert not found.more
    many = judge(some(0.13), POLICY)
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
    found = judge([Pair(f"c{n}", 0, *((FAILING, broken) if n < 20 else (FINE, FINE))) for n in range(60)], POLICY)
    assert (found.verdict, found.reason) == ("harmful", "success fell")


def test_small_runtimes_are_kept_within_the_floor() -> None:
    rng = np.random.default_rng(12)

    def some(failed: bool, base: float) -> Outcome:
        return Outcome(failed, True, base + float(rng.exponential(1)), 0.0)

    tried = [Pair(f"c{n % 40}", n // 40, some(True, 1), some(False, 3)) for n in range(160)]
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


def test_a_fall_of_success_where_users_cannot_answer_is_no_harm() -> None:
    fell = replace(FINE, success=False)
    tried = [Pair(f"c{n}", t, FAILING, fell if n % 3 == 0 else FINE) for n in range(60) for t in range(3)]
    tried = [replace(pair, without=replace(pair.without, success=True)) for pair in tried]
    ids = {pair.case_id for pair in tried}
    assert judge(tried).verdict == "harmful"
    found = judge(tried, replayed=ids)
    assert found.verdict == "undecided"
    assert "recorded users do not answer" in found.reason
    assert judge(tried, replayed=sorted(ids)[:20]).verdict == "harmful"
