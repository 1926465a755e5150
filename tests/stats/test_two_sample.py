from __future__ import annotations

import numpy as np
import pytest

from loopwright.stats.two_sample import (
    categories_differ,
    false_discoveries_below,
    nearest_distance,
    neighbours_from_second,
    numbers_differ,
    vectors_differ,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_vectors_of_one_distribution_differ_at_the_claimed_rate() -> None:
    draw = rng(1)
    found = [vectors_differ(draw.normal(size=(40, 6)), draw.normal(size=(25, 6)), draw, 99).p_value for _ in range(400)]
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.025)
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("kind", ["moved", "new group", "scattered strangers"])
def test_each_kind_of_difference_is_seen(kind: str) -> None:
    draw = rng(2)
    found = []
    for _ in range(20):
        second = draw.normal(size=(100, 6))
        if kind == "moved":
            second[:, 0] += 0.8
        elif kind == "new group":
            second[:15] = 4 + 0.1 * draw.normal(size=(15, 6))
        else:
            second[:20] *= 3
        found.append(vectors_differ(draw.normal(size=(200, 6)), second, draw, 99).p_value <= 0.05)
    assert np.mean(found) >= 0.8


def test_the_effect_goes_from_none_to_no_overlap() -> None:
    draw = rng(3)
    same = vectors_differ(draw.normal(size=(150, 3)), draw.normal(size=(150, 3)), draw, 99)
    apart = vectors_differ(draw.normal(size=(150, 3)), draw.normal(size=(150, 3)) + 50, draw, 99)
    assert same.effect < 0.15
    assert apart == (0.01, 1.0)


def test_equal_vectors_do_not_differ() -> None:
    assert vectors_differ(np.ones((9, 4)), np.ones((7, 4)), rng(), 99).p_value > 0.05


@pytest.mark.parametrize("sizes", [(400, 300), (50, 9)])
def test_categories_of_one_distribution_differ_at_the_claimed_rate(sizes: tuple[int, int]) -> None:
    draw, weights = rng(4), [0.6, 0.3, 0.08, 0.02]
    found = [
        categories_differ(
            draw.choice(4, sizes[0], p=weights).tolist(), draw.choice(4, sizes[1], p=weights).tolist(), draw, 199
        ).p_value
        for _ in range(400)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.075


def test_a_new_category_is_seen_however_small_the_samples() -> None:
    assert categories_differ(["a"] * 30, ["a"] * 4 + ["b"] * 6, rng()).p_value < 0.01
    found = categories_differ(["a"] * 300, ["a"] * 180 + ["b"] * 120, rng())
    assert found.p_value < 1e-9
    assert found.effect == pytest.approx(0.4)


def test_ids_are_no_categories() -> None:
    assert categories_differ([f"x{i}" for i in range(50)], [f"y{i}" for i in range(50)], rng()) == (1.0, 0.0)


def test_numbers_differ_by_their_distribution() -> None:
    assert numbers_differ(np.arange(50), np.arange(50)).p_value == 1.0
    assert numbers_differ(np.arange(50), np.arange(50) + 100) == (pytest.approx(0, abs=1e-9), 1.0)


def test_nearest_distances_skip_the_point_itself() -> None:
    points = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 4.5]], dtype=np.float32)
    assert nearest_distance(points, points).tolist() == [0, 0, 0]
    assert nearest_distance(points, points, skip_self=True).tolist() == pytest.approx([25.0, 0.25, 0.25])


def test_neighbours_are_counted_by_sample() -> None:
    first, second = np.zeros((5, 2)), np.full((4, 2), 9.0)
    assert neighbours_from_second(first, second, 3).tolist() == [3, 3, 3, 3]


def test_false_discoveries_are_held_by_rank() -> None:
    assert false_discoveries_below([0.001, 0.02, 0.5, 0.8], 0.05).tolist() == [True, True, False, False]
    assert false_discoveries_below([], 0.05).tolist() == []
