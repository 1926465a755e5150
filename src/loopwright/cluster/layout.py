"""The map: where modes and failures lie in two dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from loopwright.cluster.linkage import Labels
from loopwright.cluster.space import Array

_ENOUGH_MODES = 4


def positions(x: Array, labels: Labels) -> NDArray[np.float64]:
    """Coordinates in -1..1 for each row of `x`, shape (n, 2): the first two principal axes of the groups' centres.

    With fewer than four groups the axes are those of the rows. Signs are fixed, so that equal data gives an equal map.
    """
    if len(x) == 0:
        return np.zeros((0, 2))
    inside = labels >= 0
    groups = np.unique(labels[inside])
    basis = np.stack([x[labels == g].mean(axis=0) for g in groups]) if len(groups) >= _ENOUGH_MODES else x
    centre = basis.mean(axis=0)
    spread = (basis - centre).astype(np.float64)
    axes = _axes(spread)
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    placed = (x - centre) @ axes
    if placed.shape[1] < 2:
        placed = np.pad(placed, ((0, 0), (0, 2 - placed.shape[1])))
    return np.asarray(placed / max(float(np.abs(placed).max()), 1e-9))


def _axes(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first two principal axes of centred rows, as columns, by the cheaper of the two ways."""
    if len(x) < x.shape[1]:
        return np.linalg.svd(x, full_matrices=False)[2][:2].T
    return np.linalg.eigh(x.T @ x)[1][:, ::-1][:, :2]
