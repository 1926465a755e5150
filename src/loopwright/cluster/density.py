"""DBSCAN, as the source has it: kept so that the two can be compared."""

from __future__ import annotations

import numpy as np

from loopwright.cluster.linkage import Grouping, Labels, kept
from loopwright.cluster.space import Array
from loopwright.errors import MissingExtraError

EPSILON = 0.3


def group(x: Array, weights: Labels, min_size: int) -> Grouping:
    """DBSCAN(eps=0.3, min_samples=min_size) on the vectors as they are; row i stands for `weights[i]` failures.

    Raises `MissingExtraError` if scikit-learn is not installed.
    """
    try:
        from sklearn.cluster import DBSCAN  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("the dbscan method", "dbscan") from None
    found = DBSCAN(eps=EPSILON, min_samples=min_size).fit_predict(x, sample_weight=weights)
    labels = np.asarray(found, np.int64)
    inside = labels >= 0
    if inside.any():
        labels[inside] = kept(labels[inside], weights[inside], 1)
    return Grouping(labels, None, None)
