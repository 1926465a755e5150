"""How many of several events happen: right against counting and against the binomial distribution."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from loopwright.stats.poisson_binomial import at_least

CHANCES = st.lists(st.floats(0, 1), max_size=8)


@given(CHANCES, st.integers(-1, 10))
def test_it_is_what_counting_all_outcomes_gives(chances: list[float], many: int) -> None:
    counted = math.fsum(
        math.prod(p if hit else 1 - p for p, hit in zip(chances, hits, strict=True))
        for hits in itertools.product((False, True), repeat=len(chances))
        if sum(hits) >= many
    )
    assert at_least(many, [(p, 1) for p in chances]) == pytest.approx(counted, abs=1e-9)


@given(st.floats(0.001, 0.999), st.integers(0, 400), st.integers(0, 400))
def test_of_equal_chances_it_is_binomial(chance: float, number: int, many: int) -> None:
    expected = float(stats.binom.sf(many - 1, number, chance))
    assert at_least(many, [(chance, number)]) == pytest.approx(expected, abs=1e-9)


@given(CHANCES, st.integers(0, 8))
def test_more_is_never_likelier(chances: list[float], many: int) -> None:
    events = [(p, 1) for p in chances]
    assert at_least(many + 1, events) <= at_least(many, events) + 1e-12


def test_what_is_sure_happens() -> None:
    assert at_least(3, [(1.0, 2), (0.5, 1)]) == pytest.approx(0.5)
    assert at_least(1, [(0.0, 9)]) == pytest.approx(0.0)
    assert at_least(1, []) == pytest.approx(0.0)
