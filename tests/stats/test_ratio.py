"""Ratios by exchange: exact where the exchanges can be counted, and right at the claimed rate where they are many."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopwright.stats import ratio

Cases = list[tuple[list[float], list[float]]]

amounts = st.floats(0, 1000, allow_subnormal=False).map(lambda value: round(value, 3))


@st.composite
def few_cases(draw: st.DrawFn) -> Cases:
    """Up to three cases of up to two trials on a side."""
    side = st.lists(amounts, min_size=1, max_size=2)
    return draw(st.lists(st.tuples(side, side), min_size=1, max_size=3))


def turned(cases: Cases, turns: tuple[int, ...]) -> Cases:
    """The trials after an exchange: the second side is another arc of each case's ring."""
    made = []
    for (one, two), turn in zip(cases, turns, strict=True):
        ring = [*two, *one]
        ring = ring[turn:] + ring[:turn]
        made.append((ring[len(two) :], ring[: len(two)]))
    return made


def all_turns(cases: Cases) -> list[tuple[int, ...]]:
    return list(product(*(range(len(one) + len(two)) for one, two in cases)))


def total(cases: Cases) -> float:
    return math.fsum(float(np.mean(two) - np.mean(one)) for one, two in cases)


@given(cases=few_cases())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_the_chance_is_the_share_of_exchanges_that_look_as_dear(cases: Cases) -> None:
    totals = [total(turned(cases, turns)) for turns in all_turns(cases)]
    slack = 1e-6 * (1 + max(map(abs, totals)))
    clear = [t for t in totals if abs(t - totals[0]) > slack]
    ties = len(totals) - len(clear)
    found = ratio.compare(cases)
    dearer = sum(t > totals[0] for t in clear) + ties
    cheaper = sum(t < totals[0] for t in clear) + ties
    assert ratio.chance_above(found, 1.0) == pytest.approx(dearer / len(totals), abs=(ties - 1 + 1e-9) / len(totals))
    assert ratio.chance_below(found, 1.0) == pytest.approx(cheaper / len(totals), abs=(ties - 1 + 1e-9) / len(totals))


@given(cases=few_cases(), level=st.sampled_from([0.05, 0.1, 0.3]))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_whatever_the_amounts_no_more_exchanges_than_the_level_are_found(cases: Cases, level: float) -> None:
    turns = all_turns(cases)
    for chance in (ratio.chance_above, ratio.chance_below):
        found = sum(chance(ratio.compare(turned(cases, turn)), 1.0) <= level for turn in turns)
        assert found <= level * len(turns)


@pytest.mark.parametrize("spread", [0.5, 1.5])
@pytest.mark.parametrize(("cases", "before", "after"), [(14, 3, 2), (24, 5, 1)])
def test_at_the_bound_neither_side_is_shown_more_often_than_the_level(cases: int, before: int, after: int, spread: float) -> None:
    rng = np.random.default_rng(7)
    above = within = 0
    rounds = 150
    for _ in range(rounds):
        sizes = rng.lognormal(0, 1, cases)
        sides = [
            (size * rng.lognormal(0, spread, rng.integers(1, before + 1)), 1.2 * size * rng.lognormal(0, spread, after))
            for size in sizes
        ]
        found = ratio.compare(sides)
        above += ratio.chance_above(found, 1.2) <= 0.05
        within += ratio.chance_below(found, 1.2) <= 0.05
    allowed = 0.05 + 3.1 * math.sqrt(0.05 * 0.95 / rounds)
    assert above / rounds <= allowed
    assert within / rounds <= allowed


def test_bounds_and_chances_agree() -> None:
    rng = np.random.default_rng(3)
    found = ratio.compare([(rng.lognormal(size=3), rng.lognormal(size=2)) for _ in range(30)])
    low, high = ratio.bounds(found, 0.05)
    assert low < found.value < high
    assert ratio.chance_above(found, low * 0.999) <= 0.05 < ratio.chance_above(found, low * 1.001)
    assert ratio.chance_below(found, high * 1.001) <= 0.05 < ratio.chance_below(found, high * 0.999)


@given(extra=st.floats(0, 50), at=st.integers(0, 29))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_an_amount_that_grows_now_never_looks_cheaper(extra: float, at: int) -> None:
    rng = np.random.default_rng(5)
    cases = [(list(rng.lognormal(size=2)), list(rng.lognormal(size=2))) for _ in range(30)]
    before = ratio.compare(cases)
    cases[at][1][0] += extra
    after = ratio.compare(cases)
    assert ratio.chance_above(after, 1.1) <= ratio.chance_above(before, 1.1)
    assert ratio.chance_below(after, 1.1) >= ratio.chance_below(before, 1.1)


def test_many_cases_are_exchanged_in_blocks_and_each_counts_once() -> None:
    rng = np.random.default_rng(11)
    sides = [(rng.lognormal(0, 0.5, 1 + i % 3), 1.3 * rng.lognormal(0, 0.5, 2)) for i in range(1500)]
    found = ratio.compare(sides)
    assert found.cases == 1500
    assert found.left.size == ratio.EXCHANGES
    assert found.value == pytest.approx(float(np.mean([b.mean() for _, b in sides]) / np.mean([a.mean() for a, _ in sides])))
    low, high = ratio.bounds(found, 0.05)
    assert 1.2 < low < 1.3 < high < 1.4


def test_nothing_is_no_number() -> None:
    free = ratio.compare([([0.0], [0.0]), ([0.0], [0.0])])
    assert math.isnan(free.value)
    assert ratio.bounds(free, 0.05) == (0.0, math.inf)
    dearer = ratio.compare([([0.0], [1.0])] * 6)
    assert dearer.value == math.inf
    assert ratio.chance_above(dearer, 1.1) == 1 / 64
    assert ratio.chance_below(dearer, 1.1) == 1.0


@pytest.mark.parametrize("sides", [[], [([1.0], [])], [([-1.0], [1.0])], [([math.nan], [1.0])], [([1.0], [math.inf])]])
def test_what_is_no_amount_is_refused(sides: Cases) -> None:
    with pytest.raises(ValueError, match="amount"):
        ratio.compare(sides)


def test_large_and_small_amounts_are_compared_alike() -> None:
    cases = [([1.0, 2.0], [3.0]), ([0.5], [0.25, 0.75]), ([2.0], [2.5])]
    chances = {
        round(ratio.chance_above(ratio.compare([(np.array(a) * unit, np.array(b) * unit) for a, b in cases]), 1.1), 9)
        for unit in (1e-90, 1.0, 1e90)
    }
    assert len(chances) == 1


def test_the_trials_that_would_settle_it_settle_it() -> None:
    """Thirty cases with one trial each leave open whether 1.0 is below 1.2; with the trials that are named they mostly do not."""
    rng = np.random.default_rng(2)

    def drawn(trials: int) -> ratio.Ratio:
        return ratio.compare([(rng.lognormal(0, 0.6, 8), rng.lognormal(0, 0.6, trials)) for _ in range(30)])

    open_ones = [found for found in (drawn(1) for _ in range(20)) if ratio.chance_below(found, 1.2) > 0.05 and found.value < 1.1]
    wanted = [ratio.trials_to_settle(found, 1.2, 0.05, 0.8, 60).after for found in open_ones]
    assert wanted
    assert all(trials is not None and 1 < trials <= 60 for trials in wanted)
    assert np.mean([ratio.chance_below(drawn(max(wanted, key=lambda w: w or 0) or 1), 1.2) <= 0.05 for _ in range(20)]) >= 0.7


def test_where_no_number_of_trials_would_settle_it_none_is_named() -> None:
    same = ratio.compare([([1.0, 2.0], [1.2, 2.4])] * 5)
    assert ratio.trials_to_settle(same, 1.2, 0.05, 0.8, 60).after is None
