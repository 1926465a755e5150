"""Evidence on a group of cases: a fair bet against an unchanged one, and soon large against one that came back."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from loopwright.stats.beta_binomial import Beta, log_sequence, posterior
from loopwright.stats.lost_mode import Seen, log_evidence

SOLVED, MIXED, HARD = Beta(6.2, 0.2), Beta(3.4, 2.1), Beta(0.3, 5.5)


def chance(belief: Beta, passes: int, trials: int) -> float:
    return math.comb(trials, passes) * math.exp(float(log_sequence(passes, trials - passes, *belief)))


@pytest.mark.parametrize("trials", [(1, 1, 1), (2, 2, 2), (5, 1, 3), (9, 4, 0)])
def test_the_expectation_against_an_unchanged_group_is_one(trials: tuple[int, ...]) -> None:
    beliefs = (SOLVED, MIXED, HARD)
    total = 0.0
    for passes in itertools.product(*(range(n + 1) for n in trials)):
        cases = [Seen(b, x, n - x) for b, x, n in zip(beliefs, passes, trials, strict=True)]
        likely = math.prod(chance(b, x, n) for b, x, n in zip(beliefs, passes, trials, strict=True))
        total += likely * math.exp(log_evidence(cases))
    assert total == pytest.approx(1.0, abs=1e-9)


def test_without_trials_nothing_is_said() -> None:
    assert log_evidence([]) == pytest.approx(0.0)
    assert log_evidence([Seen(SOLVED, 0, 0)]) == pytest.approx(0.0)


def test_failures_of_cases_that_always_passed_speak_loudest() -> None:
    lost = log_evidence([Seen(SOLVED, 0, 1)] * 4)
    assert lost > log_evidence([Seen(MIXED, 0, 1)] * 4) > log_evidence([Seen(HARD, 0, 1)] * 4)
    assert log_evidence([Seen(SOLVED, 3, 0)] * 4) < 0


def test_looking_after_every_trial_does_not_raise_false_alarms() -> None:
    rng = np.random.default_rng(5)
    groups, looks, bound = 400, 8, 10.0
    alarms = 0
    for _ in range(groups):
        rates = rng.beta(0.8, 0.3, 8)
        beliefs = [posterior(Beta(0.8, 0.3), int(x), 5) for x in rng.binomial(5, rates)]
        passes, trials = np.zeros(8, int), np.zeros(8, int)
        for _ in range(looks):
            passes += rng.random(8) < rates
            trials += 1
            cases = [Seen(b, int(x), int(n - x)) for b, x, n in zip(beliefs, passes, trials, strict=True)]
            if log_evidence(cases) >= math.log(bound):
                alarms += 1
                break
    assert alarms / groups <= 1 / bound
