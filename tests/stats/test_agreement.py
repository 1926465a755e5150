"""Intervals are tested at the claimed rate: seeded simulation, small samples and extreme rates among it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.stats.agreement import UNDEFINED, Estimate, Table, corrected_rate, informedness, kappa, proportion, sampled_rate

RUNS = 1500
TABLES = st.builds(Table, *[st.integers(0, 60)] * 4)


def test_kappa_and_its_error_are_those_of_the_books() -> None:
    # Cohen (1960) on the textbook table of 50 proposals: 20 and 15 agreed, 5 and 10 not.
    assert kappa(Table(20, 5, 10, 15)).value == pytest.approx(0.4)
    plain = kappa(Table(2000, 500, 1000, 1500))
    assert (plain.high - plain.low) / (2 * 1.959964) == pytest.approx(0.127 / 10, rel=0.01)


def test_what_is_undefined_has_no_value_and_the_whole_range() -> None:
    assert kappa(Table(0, 0, 0, 0)) == kappa(Table(30, 0, 0, 0)) == UNDEFINED == Estimate(None, 0.0, 1.0)
    assert informedness(Table(30, 0, 2, 0)) == UNDEFINED
    assert corrected_rate(Table(10, 10, 10, 10), 5, 10) == UNDEFINED
    assert corrected_rate(Table(2, 10, 10, 2), 5, 10) == UNDEFINED
    assert proportion(0, 0) == UNDEFINED


def test_the_corrected_rate_is_rogan_and_gladens() -> None:
    table = Table(45, 5, 5, 20)
    tpr, tnr = 45 / 50, 20 / 25
    raw = (50 + 640) / (75 + 1000)
    found = corrected_rate(table, 640, 1000)
    assert found.value == pytest.approx((raw + tnr - 1) / (tpr + tnr - 1))
    assert found.low < raw < found.high


def test_with_every_item_labelled_it_is_what_people_said() -> None:
    assert corrected_rate(Table(45, 5, 5, 20), 0, 0) == proportion(50, 75)


@given(TABLES, st.integers(0, 200), st.integers(0, 200))
def test_every_value_lies_in_its_interval_and_range(table: Table, passes: int, others: int) -> None:
    for found, least in (
        (kappa(table), -1),
        (informedness(table), -1),
        (corrected_rate(table, passes, passes + others), 0),
        (sampled_rate(table, passes, passes + others), 0),
    ):
        assert least <= found.low <= found.high <= 1 + 1e-9
        if found.value is not None:
            assert found.low - 1e-9 <= found.value <= found.high + 1e-9


@given(TABLES)
def test_kappa_does_not_ask_who_is_who(table: Table) -> None:
    other = Table(table.pass_pass, table.fail_pass, table.pass_fail, table.fail_fail)
    assert kappa(table) == pytest.approx(kappa(other)) if kappa(table).value is not None else kappa(other).value is None


def draw(rng: np.random.Generator, passes: int, fails: int, tpr: float, tnr: float) -> Table:
    tp, tn = int(rng.binomial(passes, tpr)), int(rng.binomial(fails, tnr))
    return Table(tp, fails - tn, passes - tp, tn)


def covered(true: float, make: Callable[[], Estimate]) -> float:
    found = [make() for _ in range(RUNS)]
    return sum(e.low <= true <= e.high for e in found) / len(found)


@pytest.mark.parametrize("n", [20, 50, 200])
@pytest.mark.parametrize(
    ("rate", "tpr", "tnr"), [(0.5, 0.9, 0.9), (0.9, 0.95, 0.5), (0.95, 0.97, 0.9), (0.5, 0.5, 0.5), (0.8, 1, 0.95)]
)
def test_kappas_interval_covers(n: int, rate: float, tpr: float, tnr: float) -> None:
    rng = np.random.default_rng(n)
    judge = rate * tpr + (1 - rate) * (1 - tnr)
    by_chance = rate * judge + (1 - rate) * (1 - judge)
    true = (rate * tpr + (1 - rate) * tnr - by_chance) / (1 - by_chance)

    def make() -> Estimate:
        passes = int(rng.binomial(n, rate))
        return kappa(draw(rng, passes, n - passes, tpr, tnr))

    assert covered(true, make) >= 0.93


CASES = [
    (0.5, 0.9, 0.9),
    (0.9, 0.9, 0.9),
    (0.98, 0.99, 0.9),
    (0.1, 0.8, 0.95),
    (0.7, 0.7, 0.6),
    (0.5, 0.55, 0.55),
    (0.8, 1.0, 0.9),
]


@pytest.mark.parametrize(("n", "others"), [(30, 300), (100, 2000), (100, 100)])
@pytest.mark.parametrize(("rate", "tpr", "tnr"), CASES)
@pytest.mark.parametrize("labelled_rate", [None, 0.5])
def test_the_corrected_rates_interval_covers(
    n: int, others: int, rate: float, tpr: float, tnr: float, labelled_rate: float | None
) -> None:
    """Also where the labelled items are not like the others: half of them pass, whatever the rate is elsewhere."""
    rng = np.random.default_rng([n, others])
    of_labelled = rate if labelled_rate is None else labelled_rate
    true = (n * of_labelled + others * rate) / (n + others)

    def make() -> Estimate:
        passes = int(rng.binomial(n, of_labelled))
        seen = int(rng.binomial(others, rate * tpr + (1 - rate) * (1 - tnr)))
        return corrected_rate(draw(rng, passes, n - passes, tpr, tnr), seen, others)

    assert covered(true, make) >= 0.93


@pytest.mark.parametrize(("n", "others"), [(25, 300), (100, 2000)])
@pytest.mark.parametrize(("rate", "tpr", "tnr"), CASES)
def test_the_sampled_rates_interval_covers(n: int, others: int, rate: float, tpr: float, tnr: float) -> None:
    rng = np.random.default_rng([n, others])

    def make() -> Estimate:
        passes = int(rng.binomial(n, rate))
        return sampled_rate(
            draw(rng, passes, n - passes, tpr, tnr), int(rng.binomial(others, rate * tpr + (1 - rate) * (1 - tnr))), others
        )

    assert covered(rate, make) >= 0.92


def test_a_good_judge_makes_labels_say_more_and_a_useless_one_no_less() -> None:
    good, useless = Table(45, 3, 5, 47), Table(25, 25, 25, 25)
    for table, most in ((good, 0.75), (useless, 1.02)):
        alone = proportion(table.passes, table.n)
        found = sampled_rate(table, 1000, 2000)
        assert found.high - found.low < most * (alone.high - alone.low)
    assert sampled_rate(Table(20, 5, 0, 0), 50, 100) == proportion(20, 25)
    assert sampled_rate(Table(0, 0, 0, 0), 50, 100) == UNDEFINED


def test_the_corrected_rate_is_right_on_average_where_the_raw_one_is_not() -> None:
    rng = np.random.default_rng(7)
    raw = [rng.binomial(2000, 0.7 * 0.85 + 0.3 * 0.4) / 2000 for _ in range(RUNS)]
    found = []
    for _ in range(RUNS):
        passes = int(rng.binomial(150, 0.7))
        table = draw(rng, passes, 150 - passes, 0.85, 0.6)
        found.append(corrected_rate(table, int(rng.binomial(2000, 0.7 * 0.85 + 0.3 * 0.4)), 2000).value)
    assert abs(np.mean([f for f in found if f is not None]) - 0.7) < 0.015
    assert abs(np.mean(raw) - 0.7) < 0.02
    assert abs(np.mean(raw) - 0.715) < 0.002
