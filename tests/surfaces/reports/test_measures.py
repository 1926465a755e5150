from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.improve.proposal import Effect, Verification
from loopwright.surfaces.reports import plots
from loopwright.surfaces.reports.measures import measures, points, signed


def tried(**effects: Effect) -> Verification:
    untold = {name: Effect(name, None, None) for name in ("failure", "success", "runtime_ms", "cost_usd")}
    return Verification("helping", 10, **{**untold, **effects})


@pytest.mark.parametrize(
    ("value", "told"), [(0.099, "+9.9 points"), (-0.5, "−50.0 points"), (0.0001, "0.0 points"), (0.0, "0.0 points")]
)
def test_a_difference_of_shares_is_in_points(value: float, told: str) -> None:
    assert points(value) == told


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert [signed(v, ",.2f") for v in (-0.001, 0.001, -1234.5)] == ["0.00", "0.00", "−1,234.50"]


@pytest.mark.parametrize(
    ("low", "high", "failure", "success"), [(-0.2, -0.1, "good", "bad"), (0.1, 0.2, "bad", "good"), (-0.1, 0.1, "", "")]
)
def test_better_and_worse_depend_on_the_measure(low: float, high: float, failure: str, success: str) -> None:
    effect = Effect("x", 0.4, 0.5, (low + high) / 2, low, high)
    rows = measures(tried(failure=effect, success=effect))
    assert (rows[0].tone, rows[1].tone) == (failure, success)


@pytest.mark.parametrize(
    ("cost", "told"), [(0.0149528, "$0.01495"), (12.5, "$12.50"), (0.0, "$0.00"), (3e-7, "$0.00000030"), (1500.0, "$1,500.00")]
)
def test_money_has_as_many_decimals_as_it_needs(cost: float, told: str) -> None:
    assert measures(tried(cost_usd=Effect("cost_usd", cost, cost)))[3].without == told


def test_short_times_are_in_milliseconds() -> None:
    row = measures(tried(runtime_ms=Effect("runtime_ms", 12.0, 10.5, -1.5, -2.0, -1.0)))[2]
    assert (row.without, row.change, row.between) == ("12.0 ms", "−1.5 ms", "−2.0 ms to −1.0 ms")


def test_a_measure_without_an_interval_is_told_and_not_drawn() -> None:
    for low, high in ((None, None), (math.nan, 1.0), (-math.inf, 1.0)):
        row = measures(tried(failure=Effect("failure", 0.4, 0.5, 0.1, low, high)))[0]
        assert (row.change, row.drawn, row.between) == ("+10.0 points", None, "")


numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers, numbers, st.floats(0, 1e6))
def test_a_difference_is_drawn_within_its_axis(value: float, low: float, high: float, reach: float) -> None:
    drawn = plots.difference(value, low, high, reach)
    assert all(0 <= place <= 100 for place in (drawn.middle, drawn.low, drawn.high))
    assert plots.difference(0.0, -reach, reach, reach).middle == 50
