"""Average linkage on cosine, and where to cut it.

The cut is a cosine: two groups are one mode while the mean cosine between their members stays above it. It is counted in robust
standard deviations above what random pairs have (`granularity`), and chosen from the data where none is given: see `choose`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster import hierarchy

from loopwright.cluster.space import Array, Chance, chance

Labels = NDArray[np.int64]

AT_ONCE = 10_000  # rows that are linked exactly: 50 million pairs, 0.8 GB
WITHOUT_GROUPS = 4.0  # the granularity where no cut makes any group
CUTS = np.arange(1.5, 8.01, 0.25)
APART = 0.8  # a row stands clearly in its mode if no other mode comes nearer than this share of its own nearness
ENOUGH = 0.9  # of the best share of clear rows
NEARER = 1.5  # robust standard deviations above the cut: how near a member's second companion is
USUAL = 0.8  # or this share of what it is for most members
_BLOCK = 1024


class Grouping(NamedTuple):
    """Groups of rows: `labels` from 0 (-1 for a row in no group), the cosine of the cut, and the granularity behind it."""

    labels: Labels
    threshold: float | None
    granularity: float | None


def group(x: Array, weights: Labels, min_size: int, granularity: float = 0.0) -> Grouping:
    """Group the L2-normalised rows of `x`, of which row i stands for `weights[i]` failures.

    Groups of fewer than `min_size` failures are none, and a row is in one only if it has company there (see `in_company`).
    `granularity` 0 is chosen from the data. Above 10,000 rows, 10,000 of them
    are linked exactly, the others join the group with the highest mean cosine to its members if that clears the cut, and the
    same is done with those that are left, 10,000 at a time: memory stays bounded. Rows are taken in the order given, which
    should be one that has nothing to do with what they say.
    """
    first = np.arange(min(len(x), AT_ONCE))
    by_chance = chance(x[first])
    tree = link(x[first])
    z = granularity or choose(x[first], tree, by_chance, weights[first], min_size)
    threshold = by_chance.threshold(z)
    labels = np.full(len(x), -1, np.int64)
    labels[first] = kept(cut(tree, len(first), threshold), weights[first], min_size)
    for begin in range(AT_ONCE, len(x), AT_ONCE):
        join(x, labels, threshold)
        rest = begin + np.flatnonzero(labels[begin : begin + AT_ONCE] < 0)
        found = kept(cut(link(x[rest]), len(rest), threshold), weights[rest], min_size)
        labels[rest] = np.where(found >= 0, found + labels.max(initial=-1) + 1, -1)
    if len(x) > AT_ONCE:
        join(x, labels, threshold)
    labels[~in_company(companion_cosines(x, labels, weights), labels, by_chance.threshold(z + NEARER))] = -1
    inside = labels >= 0
    labels[inside] = kept(labels[inside], weights[inside], min_size)
    return Grouping(labels, threshold, float(z))


def link(x: Array) -> NDArray[np.float64]:
    """The tree of merges, in scipy's form; empty for fewer than two rows."""
    n = len(x)
    if n < 2:
        return np.zeros((0, 4))
    distances = np.empty(n * (n - 1) // 2, np.float64)
    at = 0
    for begin in range(0, n - 1, _BLOCK):
        cosines = x[begin : begin + _BLOCK] @ x[begin:].T
        for row in range(min(_BLOCK, n - 1 - begin)):
            some = cosines[row, row + 1 :]
            distances[at : at + len(some)] = some
            at += len(some)
    np.subtract(1.0, distances, out=distances)
    np.clip(distances, 0.0, None, out=distances)
    return np.asarray(hierarchy.linkage(distances, "average"))


def cut(tree: NDArray[np.float64], n: int, threshold: float) -> Labels:
    """The group of each of `n` rows when merges below the cosine `threshold` are undone."""
    if len(tree) == 0:
        return np.arange(n, dtype=np.int64)
    return np.asarray(hierarchy.fcluster(tree, 1.0 - threshold, "distance"), np.int64) - 1


def kept(labels: Labels, weights: Labels, min_size: int) -> Labels:
    """Groups renumbered from 0, those of fewer than `min_size` failures dissolved (-1)."""
    counts = np.bincount(labels, weights=weights, minlength=1)
    numbers = np.cumsum(counts >= min_size) - 1
    return np.where(counts[labels] >= min_size, numbers[labels], -1)


def join(x: Array, labels: Labels, threshold: float) -> None:
    """Put each row without a group into the one with the highest mean cosine to its members, where that clears `threshold`."""
    if labels.max(initial=-1) < 0:
        return
    means = _sums(x, labels) / np.bincount(labels[labels >= 0])[:, None]
    free = np.flatnonzero(labels < 0)
    for begin in range(0, len(free), _BLOCK):
        rows = free[begin : begin + _BLOCK]
        cosines = x[rows] @ means.T
        best = cosines.argmax(axis=1)
        labels[rows] = np.where(cosines[np.arange(len(rows)), best] >= threshold, best, -1)


def in_company(cosines: Array, labels: Labels, near: float) -> NDArray[np.bool_]:
    """Which rows have two companions in their group, given the cosine of each row's second nearest.

    Average linkage lets a row join that is a little like all members and near to none, and makes groups of such rows: most are
    one-offs. Near is the cosine `near`, or 0.8 of what is usual in all groups if that is less, so that groups which are hardly
    tighter than the cut do not dissolve.
    """
    if labels.max(initial=-1) < 0:
        return np.zeros(len(labels), np.bool_)
    return (labels >= 0) & (cosines >= min(near, USUAL * float(np.median(cosines[labels >= 0]))))


def companion_cosines(x: Array, labels: Labels, weights: Labels) -> Array:
    """For each row the cosine of its group's second nearest other failure: 1 for its own duplicates, -1 where there is none."""
    found = np.full(len(x), -1.0, np.float32)
    for group in range(int(labels.max(initial=-1)) + 1):
        rows = np.flatnonzero(labels == group)
        for begin in range(0, len(rows), _BLOCK):
            some = rows[begin : begin + _BLOCK]
            cosines = np.concatenate([x[some] @ x[rows].T, np.full((len(some), 2), -1.0, np.float32)], axis=1)
            cosines[np.arange(len(some)), begin + np.arange(len(some))] = -1.0
            nearest = np.argsort(-cosines, axis=1)[:, :2]
            first, second = np.take_along_axis(cosines, nearest, axis=1).T
            doubled = np.append(weights[rows], [1, 1])[nearest[:, 0]] > 1
            found[some] = np.select([weights[some] > 2, (weights[some] == 2) | doubled], [1.0, first], second)
    return found


def choose(x: Array, tree: NDArray[np.float64], by_chance: Chance, weights: Labels, min_size: int) -> float:
    """The granularity for these rows: the finest cut at which nearly as many rows as at any cut stand clearly in one mode.

    A cut that is too coarse puts rows into modes whose other members are hardly nearer than those of the next mode; one that is
    too fine leaves rows in no mode, or in one of several halves that lie equally near. Between them the share of rows in a mode
    that is clearly the nearest is high. Of the cuts with at least 0.9 of its best value the finest keeps one-offs out; the
    one before it is taken, since beyond it the share may fall steeply.
    docs/decisions/0003-granularity.md has the measurements.
    """
    shares = np.array([clear_share(x, kept(cut(tree, len(x), by_chance.threshold(z)), weights, min_size)) for z in CUTS])
    if shares.max() <= 0:
        return WITHOUT_GROUPS
    return float(CUTS[max(np.flatnonzero(shares >= ENOUGH * shares.max())[-1] - 1, 0)])


def clear_share(x: Array, labels: Labels) -> float:
    """The share of rows whose mean cosine to every other group is at most 0.8 of that to the rest of their own."""
    inside = np.flatnonzero(labels >= 0)
    if len(inside) == 0:
        return 0.0
    sums, counts = _sums(x, labels), np.bincount(labels[inside])
    clear = 0
    for begin in range(0, len(inside), _BLOCK):
        rows = inside[begin : begin + _BLOCK]
        own, at = labels[rows], np.arange(len(rows))
        cosines = x[rows] @ sums.T
        others = counts[own] - 1
        near = np.where(others > 0, (cosines[at, own] - 1.0) / np.maximum(others, 1), 1.0)
        cosines /= counts
        cosines[at, own] = -1.0
        clear += int((cosines.max(axis=1) <= APART * near).sum())
    return clear / len(x)


def _sums(x: Array, labels: Labels) -> Array:
    sums = np.zeros((int(labels.max()) + 1, x.shape[1]), np.float32)
    inside = labels >= 0
    np.add.at(sums, labels[inside], x[inside])
    return sums
