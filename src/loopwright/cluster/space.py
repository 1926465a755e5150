"""The space that failures are compared in: vectors without what they all share, and what cosine counts as alike by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loopwright.cluster.recipe import Key

Array = NDArray[np.float32]

FIELD_WEIGHT = 0.3  # of a structured field: measured best; from 0.7 on, every value becomes one mode
LABEL_WEIGHT = 0.4  # of a reason that a few sentences repeat, and of the input where the reason is telling
PAIRS = 200_000
FEW = 50  # rows as good as which the assumptions about unseen data count
_SPREAD = 1.4826  # of a normal distribution, in median absolute deviations


class Chance(NamedTuple):
    """Cosines of random pairs: their median and their robust standard deviation."""

    median: float
    deviation: float

    def threshold(self, z: float) -> float:
        """The cosine that lies `z` robust standard deviations above the median, at most just under 1."""
        return min(self.median + z * self.deviation, 0.999)


ASSUMED = Chance(0.0, 0.09)  # of unrelated texts, with either embedder, after centring; a few texts cannot tell


def vectors_of(keys: Sequence[Key], inputs: Array, reasons: Array) -> Array:
    """One L2-normalised row a key: its input's and its reason's vector, each without the mean over all keys, and its fields.

    `inputs` and `reasons` have shape (len(keys), d), rows L2-normalised. A part that is the same everywhere vanishes.
    """
    telling = np.array([key.telling for key in keys])
    varied = len({key.reason for key in keys}) / max(len({key.input for key in keys}), 1)
    of_input = np.where(telling, LABEL_WEIGHT, 1.0)[:, None]
    of_reason = np.where(telling, 1.0, np.clip(varied, LABEL_WEIGHT, 1.0))[:, None]
    parts = [of_input * centred(inputs), of_reason * centred(reasons), FIELD_WEIGHT * _indicators(keys)]
    return normalised(np.concatenate(parts, axis=1))


def centred(x: Array) -> Array:
    """Rows without their mean. With few rows it is drawn towards zero: it is as much those texts as what all share."""
    share = len(x) / (len(x) + FEW)
    same = bool((x == x[:1]).all())
    return np.asarray(x - (1.0 if same else share) * x.mean(axis=0), np.float32)


def normalised(x: Array) -> Array:
    """Rows of length 1; a row of zeros stays."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9), np.float32)


def chance(x: Array) -> Chance:
    """What cosine two rows have by chance: over all pairs, or over about 200,000 spread evenly where there are more.

    Few rows say little about it, so that the estimate is drawn towards what unrelated texts have.
    """
    n = len(x)
    if n < 2:
        return ASSUMED
    cosines = _pair_cosines(x)
    median = float(np.median(cosines))
    deviation = float(_SPREAD * np.median(np.abs(cosines - median)))
    share = n / (n + FEW)
    return Chance(
        share * median + (1 - share) * ASSUMED.median,
        max(share * deviation + (1 - share) * ASSUMED.deviation, 1e-3),
    )


def _pair_cosines(x: Array) -> Array:
    """Of rows i and i + step, for steps spread over 1..n/2 by the golden ratio: the same pairs for the same rows."""
    n = len(x)
    steps = np.arange(1, n // 2 + 1)
    if n * len(steps) > PAIRS:
        count = max(PAIRS // n, 1)
        steps = np.unique(1 + ((np.arange(1, count + 1) * 0.6180339887498949 % 1.0) * (n // 2)).astype(np.int64))
    return np.concatenate([np.einsum("ij,ij->i", x, np.roll(x, -int(step), axis=0)) for step in steps])


def _indicators(keys: Sequence[Key]) -> Array:
    """One centred column for each value of a structured field."""
    columns = {pair: index for index, pair in enumerate(sorted({pair for key in keys for pair in key.fields}))}
    made = np.zeros((len(keys), max(len(columns), 1)), np.float32)
    for row, key in enumerate(keys):
        for pair in key.fields:
            made[row, columns[pair]] = 1.0
    return np.asarray(made - made.mean(axis=0), np.float32)
