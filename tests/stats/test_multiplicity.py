from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.stats.multiplicity import bonferroni, holm


def test_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert bonferroni([0.01, 0.4]) == pytest.approx([0.02, 0.8])


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_keeps_the_order_and_never_exceeds_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert np.all(adjusted <= bonferroni(p_values) + 1e-12)
    assert np.all(adjusted >= np.asarray(p_values))
    assert np.all(np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0)


@pytest.mark.parametrize("method", [holm, bonferroni])
def test_any_false_rejection_is_as_rare_as_claimed(method: object) -> None:
    rng = np.random.default_rng(3)
    rounds = 4000
    wrong = sum(bool(method(rng.random(10)).min() <= 0.05) for _ in range(rounds))  # type: ignore[operator]
    assert wrong / rounds <= 0.05 + 3 * (0.05 * 0.95 / rounds) ** 0.5
