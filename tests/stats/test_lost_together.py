from __future__ import annotations

import numpy as np
import pytest

from loopwright.stats.lost_together import LOOKS, chance_together


def test_by_hand() -> None:
    assert chance_together([], 3) == 1.0
    assert chance_together([(1, 2)], 0) == pytest.approx(1 / 3)
    assert chance_together([(1, 2)] * 3, 0) == pytest.approx(1 / 27)
    assert chance_together([(3, 2)], 0) == pytest.approx(1 / 10)
    assert chance_together([(1, 1)], 1) == pytest.approx(3 / 4)


def test_more_failures_and_fewer_others_make_it_less_likely() -> None:
    assert chance_together([(1, 5)] * 4, 2) < chance_together([(1, 4)] * 4, 2)
    assert chance_together([(1, 5)] * 4, 2) < chance_together([(1, 5)] * 4, 3)


@pytest.mark.parametrize("rates", [0.05, 0.2, 0.5, None])
def test_an_unchanged_agent_is_found_lost_no_more_often_than_stated(rates: float | None) -> None:
    """Cases that passed once are repeated for as long as they fail, and looked at each time; at the pass rates that fool most."""
    rng = np.random.default_rng(5)
    rounds, level, blocked = 3000, 0.05, 0
    for _ in range(rounds):
        p = rng.beta(0.3, 0.6, 20) if rates is None else np.full(20, rates)
        before = rng.random(20) < p
        fails = rng.geometric(np.maximum(p, 1e-9)) - 1
        others = int((~before).sum())
        p_values = [
            len(LOOKS) * chance_together([(1, 1 + look)] * int((before & (fails >= 1 + look)).sum()), others) for look in LOOKS
        ]
        blocked += min(p_values) <= level
    assert blocked / rounds <= level + 3 * (level * (1 - level) / rounds) ** 0.5
