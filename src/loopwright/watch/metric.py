"""Change points of a metric, each segment for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loopwright.stats.change_points import Null, change_points
from loopwright.watch.series import Series


@dataclass(frozen=True, slots=True)
class MetricChange:
    """One change of level.

    `index` is the data row (from 0) of the first point after it and `time` that row's timestamp as written. `interval` is the
    95 % interval of the place, as the data rows of its two ends, `interval_time` their timestamps. `size` is the mean after
    less the mean before, up to the neighbouring changes, in the units of the value, `size_interval` its 95 % interval, `before`
    the mean before.
    """

    index: int
    time: str
    size: float
    interval: tuple[int, int]
    interval_time: tuple[str, str]
    size_interval: tuple[float, float]
    p_value: float
    before: float
    after: float
    segment: str = ""


def metric_changes(series: Sequence[Series], *, alpha: float = 0.05, seed: int = 0) -> list[MetricChange]:
    """The changes in all segments, in order of index; `alpha` is the chance of any where nothing changed, over all segments."""
    null = Null(np.random.Generator(np.random.PCG64(seed)))
    found = [change for one in series for change in _changes(one, null, alpha / len(series))]
    return sorted(found, key=lambda change: (change.index, change.segment))


def _changes(series: Series, null: Null, alpha: float) -> list[MetricChange]:
    values = np.asarray(series.values, dtype=np.float64)
    changes = change_points(values, null, alpha)
    borders = [0, *(change.index for change in changes), values.size]
    made = []
    for number, change in enumerate(changes, start=1):
        low, high = int(change.location.low), int(change.location.high)
        made.append(
            MetricChange(
                index=series.rows[change.index],
                time=series.times[change.index],
                size=change.size,
                interval=(series.rows[low], series.rows[high]),
                interval_time=(series.times[low], series.times[high]),
                size_interval=(change.size_interval.low, change.size_interval.high),
                p_value=change.p_value,
                before=float(values[borders[number - 1] : change.index].mean()),
                after=float(values[change.index : borders[number + 1]].mean()),
                segment=series.segment,
            )
        )
    return made
