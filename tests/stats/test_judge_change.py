"""The fall beyond two judges' errors, at its claimed rate; and exact tests of flips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.stats.agreement import Table
from loopwright.stats.judge_change import Flips, JudgeChange, JudgedFall, judged_fall

COUNTS = st.integers(0, 30)
Errors = tuple[float, float]


def test_flips_are_tested_by_the_fair_coin() -> None:
    assert Flips(50, 8, 0, 2).p_value == 2 / 2**8
    assert Flips(50, 3, 3, 2).p_value == 1.0
    assert Flips(50, 0, 0, 0).p_value == 1.0
    assert Flips(5, 2000, 0, 0).p_value < 1e-100


def drawn(
    rng: np.random.Generator, errors: tuple[float, float], now: tuple[float, float], drop: float, paired: bool
) -> JudgedFall:
    human, luck, other = np.arange(100) % 10 < 7, rng.random(100), rng.random(100)
    was = luck < np.where(human, *errors)
    said = (luck if paired else other) < np.where(human, *now)
    tables = [Table(*(int(((v == a) & (human == b)).sum()) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0)))) for v in (was, said)]
    flips = [
        Flips(*(int(((was == a) & (said == b) & (human == kind)).sum()) for a, b in ((1, 1), (1, 0), (0, 1), (0, 0))))
        for kind in (True, False)
    ]
    rates, lucky = rng.beta(3, 0.5, 80), rng.random((80, 1))
    sides = []
    for rate, trials, (good, bad) in ((rates, 3, errors), (np.clip(rates - drop, 0, 1), 2, now)):
        passes = rng.random((80, trials)) < rate[:, None]
        sides.append((lucky < np.where(passes, good, bad)).mean(axis=1))
    change = JudgeChange(*tables, *(flips if paired else (Flips(), Flips())))
    found = judged_fall((sides[0] - sides[1]).tolist(), 1.0, float(sides[0].mean()), change, 5)
    assert found is not None
    return found


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("now", [(0.95, 0.1), (0.8, 0.05), (0.97, 0.4)])
def test_an_unchanged_agent_rarely_falls_beyond_the_judges_errors(now: Errors, paired: bool) -> None:
    rng = np.random.default_rng(2)
    found = [drawn(rng, (0.95, 0.1), now, 0.0, paired) for _ in range(200)]
    assert sum(f.p_value <= 0.03 for f in found) <= 10
    assert sum(f.low <= 0 <= f.high for f in found) >= 185


def test_a_fall_is_found_where_a_lenient_judge_hides_half_of_it() -> None:
    rng = np.random.default_rng(2)
    found = [drawn(rng, (0.95, 0.1), (0.97, 0.4), 0.4, paired=True) for _ in range(50)]
    assert sum(f.p_value <= 0.03 for f in found) >= 40


@given(*[st.builds(Table, COUNTS, COUNTS, COUNTS, COUNTS)] * 2, st.lists(st.floats(-1, 1), max_size=6), st.floats(0, 1))
def test_the_value_lies_in_its_interval_and_p_is_a_chance(a: Table, b: Table, falls: list[float], rate: float) -> None:
    found = judged_fall(falls, 1.0, rate, JudgeChange(a, b, Flips(), Flips()), 5)
    if found is not None:
        assert 0 <= found.p_value <= 1
        assert -1 <= found.low <= found.high <= 1
