"""Do two samples come from one distribution? Vectors, categories and numbers, each with a p-value and an effect in 0..1.

The test of vectors is a permutation test of three statistics together: the energy distance, which sees the whole cloud move;
the share of nearest neighbours that come from the same sample, which sees a small new group; and how far out the second sample
lies, which sees scattered strangers. Each is standardised over the permutations and the largest counts, so that the level is
exact.

Sources: Szekely and Rizzo, "Energy statistics", Journal of Statistical Planning and Inference 143 (2013); Henze, "A multivariate
two-sample test based on the number of nearest neighbor type coincidences", Annals of Statistics 16 (1988).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Single = NDArray[np.float32]

NEIGHBOURS = 10
LEAST_EXPECTED = 5.0
_BLOCK = 1024


class Difference(NamedTuple):
    """How sure it is that the samples differ, and by how much: `effect` is 0 for the same distribution, 1 for no overlap."""

    p_value: float
    effect: float


def vectors_differ(first: ArrayLike, second: ArrayLike, rng: np.random.Generator, permutations: int = 999) -> Difference:
    """Compare vectors, shapes (n, d) and (m, d), rows of any one scale, n and m at least 2.

    Takes memory for (n + m)**2 single-precision numbers. `effect` is the Henze-Penrose divergence estimated from neighbours: one
    less the share of nearest neighbours from the other sample, over what chance would give.
    """
    both = np.concatenate([np.asarray(first, np.float32), np.asarray(second, np.float32)])
    n, total = len(np.asarray(first)), len(both)
    order = rng.permutation(total)  # equal rows are neighbours in order of place, which must not tell the sample
    both = both[order]
    signs = np.concatenate([np.full(n, 1.0 / n), np.full(total - n, -1.0 / (total - n))])[order]
    labels = np.column_stack([signs, rng.permuted(np.tile(signs, (permutations, 1)), axis=1).T]).astype(np.float32)
    distance = _distances(both)
    energy = -np.einsum("np,np->p", labels, distance @ labels)
    near, radius = _neighbours(distance, min(NEIGHBOURS, total - 1))
    agreeing = _agreeing(near, labels > 0)
    outward = -(np.argsort(np.argsort(radius)) / total) @ labels
    largest = np.max([_standardised(s) for s in (energy, agreeing, outward)], axis=0)
    crossing, by_chance = 1.0 - float(agreeing[0]), 1.0 - float(agreeing[1:].mean())
    effect = 1.0 - crossing / by_chance if by_chance > 0 else 0.0
    return Difference(float(np.mean(largest >= largest[0] - 1e-6)), min(max(effect, 0.0), 1.0))


def categories_differ(
    first: Sequence[Hashable], second: Sequence[Hashable], rng: np.random.Generator, permutations: int = 9999
) -> Difference:
    """Compare categories by chi-square: from its distribution where every count expected is 5 or more, else by permutation.

    Categories seen fewer than five times in all are taken together. `effect` is the total variation distance.
    """
    table = _table(first, second)
    if table.shape[1] < 2:
        return Difference(1.0, 0.0)
    sizes, totals = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(sizes, totals) / totals.sum()
    observed = float((np.square(table - expected) / expected).sum())
    effect = float(np.abs(table[0] / sizes[0] - table[1] / sizes[1]).sum() / 2)
    if expected.min() >= LEAST_EXPECTED:
        from scipy.special import chdtrc  # noqa: PLC0415 (half a second to import)

        return Difference(float(chdtrc(table.shape[1] - 1, observed)), effect)
    drawn = rng.multivariate_hypergeometric(totals, int(sizes[1]), size=permutations)
    by_chance = (np.square(drawn - expected[1]) / expected[1]).sum(axis=1) * (1 + sizes[1] / sizes[0])
    return Difference(float((1 + np.sum(by_chance >= observed - 1e-9)) / (1 + permutations)), effect)


def numbers_differ(first: ArrayLike, second: ArrayLike) -> Difference:
    """Compare numbers by the two-sample test of Kolmogorov and Smirnov; `effect` is its largest difference."""
    from scipy.stats import ks_2samp  # noqa: PLC0415 (half a second to import)

    found = ks_2samp(np.asarray(first, np.float64), np.asarray(second, np.float64))
    return Difference(float(found.pvalue), float(found.statistic))


def nearest_distance(points: ArrayLike, among: ArrayLike, skip_self: bool = False) -> Floats:
    """For each of `points`, shape (n, d), the squared Euclidean distance to the nearest of `among`, shape (m, d).

    With `skip_self` the two are one sample, and no row is its own nearest.
    """
    rows, others = np.asarray(points, np.float32), np.asarray(among, np.float32)
    lengths = np.einsum("nd,nd->n", others, others)
    found = np.empty(len(rows))
    for begin in range(0, len(rows), _BLOCK):
        some = rows[begin : begin + _BLOCK]
        apart = lengths - 2 * (some @ others.T)
        if skip_self:
            apart[np.arange(len(some)), begin + np.arange(len(some))] = np.inf
        found[begin : begin + _BLOCK] = apart.min(axis=1) + np.einsum("nd,nd->n", some, some)
    return np.maximum(found, 0.0)


def neighbours_from_second(first: ArrayLike, second: ArrayLike, count: int = NEIGHBOURS) -> NDArray[np.int64]:
    """For each row of `second`, shape (m, d), how many of its `count` nearest others in both samples are from `second`."""
    one, two = np.asarray(first, np.float32), np.asarray(second, np.float32)
    both = np.concatenate([one, two])
    lengths = np.einsum("nd,nd->n", both, both)
    found = np.empty(len(two), dtype=np.int64)
    for begin in range(0, len(two), _BLOCK):
        some = two[begin : begin + _BLOCK]
        apart = lengths - 2 * (some @ both.T)
        apart[np.arange(len(some)), len(one) + begin + np.arange(len(some))] = np.inf
        near = np.argpartition(apart, count - 1, axis=1)[:, :count]
        found[begin : begin + _BLOCK] = (near >= len(one)).sum(axis=1)
    return found


def false_discoveries_below(p_values: ArrayLike, rate: float) -> NDArray[np.bool_]:
    """Which of the tests to believe so that the expected share of false ones among them is at most `rate`.

    Source: Benjamini and Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical Society B 57 (1995).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    below = np.flatnonzero(p[order] <= rate * np.arange(1, p.size + 1) / max(p.size, 1))
    believed = np.zeros(p.size, dtype=np.bool_)
    if below.size:
        believed[order[: below[-1] + 1]] = True
    return believed


def _standardised(statistic: Floats) -> Floats:
    spread = statistic.std()
    return np.asarray((statistic - statistic.mean()) / spread if spread > 0 else np.zeros_like(statistic), dtype=np.float64)


def _distances(rows: Single) -> Single:
    """Euclidean distances of all pairs."""
    squares = np.einsum("nd,nd->n", rows, rows)
    inner = rows @ rows.T
    squared: Single = squares[:, None] + squares[None, :] - 2 * inner
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)), dtype=np.float32)


def _neighbours(distance: Single, count: int) -> tuple[NDArray[np.intp], Floats]:
    """The nearest others of each row, shape (n, count), and the mean distance to the nearest few."""
    apart = distance.copy()
    np.fill_diagonal(apart, np.inf)
    near = np.argpartition(apart, count - 1, axis=1)[:, :count]
    far = np.sort(np.take_along_axis(apart, near, axis=1), axis=1)
    return near, np.asarray(far[:, : min(5, count)].mean(axis=1), dtype=np.float64)


def _agreeing(near: NDArray[np.intp], first: NDArray[np.bool_]) -> Floats:
    """For each column of labels, the share of neighbours with the same label."""
    return np.array([np.mean(column[near] == column[:, None]) for column in first.T])


def _table(first: Sequence[Hashable], second: Sequence[Hashable]) -> NDArray[np.int64]:
    """Counts, shape (2, categories)."""
    levels = {level: i for i, level in enumerate(dict.fromkeys([*first, *second]))}
    counts = np.zeros((2, len(levels)), dtype=np.int64)
    for row, sample in enumerate((first, second)):
        np.add.at(counts[row], [levels[level] for level in sample], 1)
    rare = counts.sum(axis=0) < LEAST_EXPECTED
    pooled = counts[:, rare].sum(axis=1, keepdims=True)
    return np.concatenate([counts[:, ~rare], pooled], axis=1) if pooled.sum() else counts
