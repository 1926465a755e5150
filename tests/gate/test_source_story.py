"""The source's own story: a change that lifts the pass rate by three points, and breaks five cases that were fixed before."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import GateDecision, Outcome, Regression

SOLVED, FLAKY, FAILING = range(70), range(70, 90), range(90, 100)
BROKEN, FIXED = range(5), range(90, 98)
HISTORY = 5


def released(case: int) -> float:
    return 1.0 if case in SOLVED else 0.5 if case in FLAKY else 0.0


def changed(case: int) -> float:
    return 0.0 if case in BROKEN else 1.0 if case in FIXED else released(case)


def run(rng: random.Random, rate: Callable[[int], float], **fields: object) -> list[EvalResult]:
    return [result(f"case-{i:02}", rng.random() < rate(i), **fields) for i in range(100)]


def gated(rng: random.Random, trials: int) -> tuple[list[GateDecision], list[EvalResult], list[EvalResult]]:
    """The decisions on the way, each followed by the trials that it asks for, until it asks for none."""
    history = [row for number in range(HISTORY) for row in run(rng, released, run_id=f"released-{number}", version="v1")]
    candidate = [row for t in range(trials) for row in run(rng, changed, trial=t, run_id="candidate", version="v2")]
    decisions = [decide(history, candidate)]
    while decisions[-1].next and len(decisions) < 60:
        for asked in decisions[-1].next:
            for _ in range(asked.trials):
                passed = rng.random() < changed(int(asked.eval_id[5:]))
                row = result(asked.eval_id, passed, trial=len(candidate), run_id="candidate", version="v2", repeat=asked.repeat)
                candidate.append(row)
        decisions.append(decide(history, candidate))
    return decisions, history, candidate


def test_the_pass_rate_rises_by_three_points() -> None:
    assert sum(map(changed, range(100))) - sum(map(released, range(100))) == pytest.approx(3)


@pytest.mark.parametrize("trials", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_blocked_and_the_five_are_named(seed: int, trials: int) -> None:
    decisions, _, candidate = gated(random.Random(seed), trials)
    last = decisions[-1]
    assert last.decision is Outcome.BLOCKED
    lost = {r.eval_id for r in last.regressions if isinstance(r, Regression) and r.level == "case"}
    assert lost == {f"case-{i:02}" for i in BROKEN}
    assert not any(isinstance(r, Regression) and r.level == "suite" for r in last.regressions)
    assert all(decision.decision is not Outcome.APPROVED for decision in decisions)
    assert len(candidate) <= 100 * (trials + 1)


def test_a_bar_for_the_pass_rate_would_have_let_it_through() -> None:
    _, history, candidate = gated(random.Random(0), 3)
    planned = [row for row in candidate if not row.repeat]
    assert sum(bool(r.passed) for r in planned) / len(planned) > sum(bool(r.passed) for r in history) / len(history)
