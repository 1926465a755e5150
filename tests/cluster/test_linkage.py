"""Linking and cutting, on made-up vectors whose groups are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from loopwright.cluster import linkage
from loopwright.cluster.linkage import companion_cosines, cut, group, in_company, join, kept, link
from loopwright.cluster.space import chance, normalised


def blobs(
    groups: int, of: int, alone: int, spread: float, seed: int = 0, d: int = 48
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    centres = normalised(rng.normal(size=(groups, d)).astype(np.float32))
    rows = np.repeat(centres, of, axis=0) + rng.normal(size=(groups * of, d)) * spread / d**0.5
    x = normalised(np.concatenate([rows, rng.normal(size=(alone, d))]).astype(np.float32))
    order = rng.permutation(len(x))
    truth = np.concatenate([np.repeat(np.arange(groups), of), np.full(alone, -1)])
    return x[order], truth[order]


def agreement(truth: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    same = (truth[:, None] == truth) & (truth[:, None] >= 0)
    found = (labels[:, None] == labels) & (labels[:, None] >= 0)
    return float((same & found).sum() / (same | found).sum())


@pytest.mark.parametrize("spread", [0.4, 0.6, 0.8])
@pytest.mark.parametrize(("groups", "of", "alone"), [(40, 12, 120), (6, 80, 100), (3, 5, 5), (40, 12, 0)])
def test_known_groups_are_found_at_a_cut_chosen_from_the_data(groups: int, of: int, alone: int, spread: float) -> None:
    x, truth = blobs(groups, of, alone, spread)
    found = group(x, np.ones(len(x), np.int64), 3)
    assert agreement(truth, found.labels) > 0.9
    assert (found.labels[truth < 0] < 0).all() or (found.labels[truth < 0] < 0).mean() > 0.8


def test_the_tree_is_scipys_average_linkage() -> None:
    from scipy.cluster.hierarchy import linkage as reference
    from scipy.spatial.distance import pdist

    x, _ = blobs(4, 9, 5, 0.7)
    np.testing.assert_allclose(link(x)[:, 2], reference(pdist(x.astype(float), "cosine"), "average")[:, 2], atol=1e-5)


def test_noise_alone_makes_hardly_any_groups() -> None:
    rng = np.random.default_rng(3)
    x = normalised(rng.normal(size=(400, 64)).astype(np.float32))
    found = group(x, np.ones(400, np.int64), 3, granularity=4.0)
    assert (found.labels >= 0).mean() < 0.05


def test_more_rows_than_are_linked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x, truth = blobs(20, 40, 200, 0.8)
    whole = group(x, np.ones(len(x), np.int64), 3)
    monkeypatch.setattr(linkage, "AT_ONCE", 250)
    parts = group(x, np.ones(len(x), np.int64), 3)
    assert agreement(truth, whole.labels) > 0.9
    assert agreement(truth, parts.labels) > 0.85
    assert sorted(set(parts.labels[parts.labels >= 0].tolist())) == list(range(parts.labels.max() + 1))


def test_chance_is_what_random_pairs_have() -> None:
    rng = np.random.default_rng(1)
    x = normalised(rng.normal(size=(3000, 100)).astype(np.float32))
    found = chance(x)
    assert abs(found.median) < 0.01
    assert found.deviation == pytest.approx(0.1, rel=0.05)
    assert chance(x[:1]) == chance(x[:0])
    assert 0 < chance(np.repeat(x[:1], 5, axis=0)).threshold(8) < 1


def test_small_groups_dissolve_and_numbers_close_up() -> None:
    labels = np.array([0, 0, 1, 2, 2, 2])
    assert kept(labels, np.ones(6, np.int64), 2).tolist() == [0, 0, -1, 1, 1, 1]
    assert kept(labels, np.array([1, 1, 9, 1, 1, 1]), 3).tolist() == [-1, -1, 0, 1, 1, 1]


def test_companions_are_others_and_duplicates() -> None:
    x = normalised(np.array([[1, 0], [1, 0.01], [1, 0.02], [0, 1], [0.7, 0.7]], np.float32))
    labels, one = np.zeros(5, np.int64), np.ones(5, np.int64)
    assert companion_cosines(x, labels, one) == pytest.approx([0.9998, 0.99995, 0.9998, 0.02, 0.714], abs=1e-3)
    assert companion_cosines(x, labels, np.array([1, 1, 1, 3, 2])) == pytest.approx([1, 1, 1, 1, 0.72], abs=0.02)
    assert companion_cosines(x[:2], labels[:2], one[:2]).tolist() == [-1.0, -1.0]
    assert companion_cosines(x, np.full(5, -1), one).tolist() == [-1.0] * 5


def test_company_is_near_or_as_near_as_usual() -> None:
    cosines, labels = np.array([0.9, 0.8, 0.85, 0.3, 0.9], np.float32), np.array([0, 0, 0, 0, -1])
    assert in_company(cosines, labels, 0.5).tolist() == [True, True, True, False, False]
    assert in_company(cosines, labels, 0.95).tolist() == [True, True, True, False, False]
    assert not in_company(cosines, np.full(5, -1), 0.5).any()


def test_a_row_joins_the_nearest_group_or_none() -> None:
    x = normalised(np.array([[1, 0, 0], [1, 0.1, 0], [0, 1, 0], [0, 1, 0.1], [1, 0.2, 0], [0, 0, 1]], np.float32))
    labels = np.array([0, 0, 1, 1, -1, -1])
    join(x, labels, 0.5)
    assert labels.tolist() == [0, 0, 1, 1, 0, -1]


def test_nothing_to_link() -> None:
    assert cut(link(np.zeros((1, 4), np.float32)), 1, 0.5).tolist() == [0]
    assert cut(link(np.zeros((0, 4), np.float32)), 0, 0.5).tolist() == []
