"""The stated error rate, by seeded simulation of the whole gate: suite, modes and cases together."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from builders import result
from loopwright.evaluate.result import EvalResult
from loopwright.gate.decide import decide
from loopwright.gate.decision import Outcome
from loopwright.gate.policy import Policy

SHAPES = {"steady": (20.0, 0.1), "two-faced": (0.15, 0.2), "noisy": (0.6, 0.8), "good": (1.2, 0.2)}


def draw(rng: np.random.Generator, rates: np.ndarray, trials: int) -> list[EvalResult]:
    passed = rng.random((len(rates), trials)) < rates[:, None]
    return [result(f"case-{i}", bool(passed[i, t]), t, mode_id=f"mode-{i % 5}") for i in range(len(rates)) for t in range(trials)]


def outcomes(
    rng: np.random.Generator, shape: str, cases: int, trials: tuple[int, int], loss: float, rounds: int
) -> Counter[Outcome]:
    counted: Counter[Outcome] = Counter()
    for _ in range(rounds):
        rates = rng.beta(*SHAPES[shape], cases)
        decision = decide(draw(rng, rates, trials[0]), draw(rng, rates * (1 - loss), trials[1]))
        assert decision.decision is not None
        counted[decision.decision] += 1
    return counted


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("cases", "trials"), [(15, (3, 3)), (60, (1, 1)), (60, (3, 2))])
def test_an_unchanged_agent_is_rarely_blocked_and_mostly_approved(shape: str, cases: int, trials: tuple[int, int]) -> None:
    rounds, alpha = 60, Policy().alpha
    counted = outcomes(np.random.default_rng(11), shape, cases, trials, 0.0, rounds)
    assert counted[Outcome.BLOCKED] / rounds <= alpha + 3 * (alpha * (1 - alpha) / rounds) ** 0.5
    if cases >= 60:
        assert counted[Outcome.APPROVED] / rounds >= 0.8


def test_over_all_designs_the_rate_is_below_alpha() -> None:
    rng = np.random.default_rng(12)
    total: Counter[Outcome] = Counter()
    for shape in SHAPES:
        for cases, trials in ((10, (5, 1)), (30, (2, 2)), (30, (5, 5))):
            total += outcomes(rng, shape, cases, trials, 0.0, 20)
    assert total[Outcome.BLOCKED] / total.total() <= 0.05


@pytest.mark.parametrize(
    ("shape", "cases", "trials", "loss"), [("noisy", 80, (3, 2), 0.4), ("good", 100, (2, 2), 0.15), ("steady", 30, (1, 1), 0.4)]
)
def test_a_large_drop_is_blocked(shape: str, cases: int, trials: tuple[int, int], loss: float) -> None:
    counted = outcomes(np.random.default_rng(13), shape, cases, trials, loss, 40)
    assert counted[Outcome.BLOCKED] >= 0.85 * 40
