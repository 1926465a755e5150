"""Where the level of a series changes, each change with its significance, its size and their 95 % intervals.

Neighbouring values of a metric are alike, and a test that forgets it finds changes everywhere. So the series is whitened first,
by a first-order autoregression whose coefficient is taken from differences, which a change of level leaves alone. The whitened
values are ranked, which tames spikes, and the largest standardised difference of two neighbouring stretches, over a fixed set
of nested intervals, is compared with the same maximum over permutations. Where it is significant the series is cut there and
both sides are looked at again, each with its share of the level. A trend that explains more than a step is taken out first.

Sources: Chakar, Lebarbier, Levy-Leduc and Robin, "A robust approach for estimating change-points in the mean of an AR(1)
process", Bernoulli 23 (2017), for whitening by differences; Kovacs, Buehlmann, Li and Munk, "Seeded binary segmentation",
Biometrika 110 (2023), for the intervals; Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics
28 (1979), for ranks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopwright.stats.intervals import Interval, normal_quantile

Floats = NDArray[np.float64]

MIN_POINTS = 10
"""A shorter stretch is not looked at: no permutation of it would be rare enough."""

MIN_RUN = 3
"""A level that holds for fewer points is a spike."""

_MOST_LIKE = 0.98
_ALLOWED = 3.3  # one and a half standard errors of the estimate by differences, times the root of n; by simulation
_TRIMMED = 0.1
_STEP_FROM = 20
_GROWTH = 1.25
_CLIP = 4.0
_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Change:
    """One change of level.

    `index` is the first point after it; `location` its 95 % interval, in indices; `size` the level after less the level before,
    and `size_interval` the 95 % interval of that; `p_value` that of the test that found it.
    """

    index: int
    location: Interval
    size: float
    size_interval: Interval
    p_value: float


class Null:
    """What the largest rank difference is by chance, by the number of points: drawn once with `rng` for each size of a grid.

    A number between two sizes is compared with the larger one, which errs towards finding nothing.
    """

    def __init__(self, rng: np.random.Generator, draws: int = 999) -> None:
        self.rng = rng
        self._draws = draws
        self._drawn: dict[int, Floats] = {}

    def p_value(self, largest: float, points: int) -> float:
        """The share of draws, the observed one among them, that reach `largest`."""
        size = MIN_POINTS
        while size < points:
            size = math.ceil(size * _GROWTH)
        if size not in self._drawn:
            self._drawn[size] = np.sort(self._draw(size))
        drawn = self._drawn[size]
        reached = drawn.size - int(np.searchsorted(drawn, largest - 1e-9))
        return (1 + reached) / (1 + drawn.size)

    def _draw(self, size: int) -> Floats:
        """The maxima of so many permutations, in blocks that fit into memory."""
        block = max(1, 4_000_000 // size)
        found: list[Floats] = []
        for begin in range(0, self._draws, block):
            rows = min(block, self._draws - begin)
            shuffled = self.rng.permuted(np.tile(_scores(np.arange(size)), (rows, 1)), axis=1)
            found.append(_largest(shuffled)[0])
        return np.concatenate(found)


def autocorrelation(values: ArrayLike) -> float:
    """The lag-one autocorrelation of a first-order autoregression around a level that may jump, in 0..0.98, rather high than low.

    The smallest of three estimates, each corrected for small samples and with an allowance for its error: from the residuals of a
    straight line, precise where the level is steady; from those of the best single step, by simulation of its bias; and from the
    mean squared differences at lags one and two without the largest tenth, which several jumps leave alone. A negative one counts
    as 0: too high a value costs power, too low a one finds what is not there.
    """
    y = np.asarray(values, dtype=np.float64)
    if y.size < MIN_POINTS:
        return 0.0
    root = math.sqrt(y.size)
    one, two = _trimmed(np.square(y[1:] - y[:-1])), _trimmed(np.square(y[2:] - y[:-2]))
    by_differences = two / one - 1.0 if one > 0 else 0.0
    time = np.arange(y.size) - (y.size - 1) / 2
    centred = y - y.mean()
    slope = float(time @ centred) / float(time @ time)
    by_line = min((_correlation(centred - time * slope) * y.size + 1) / (y.size - 4), 1.0)
    allowed = [by_differences + _ALLOWED / root, by_line + math.sqrt(1 - min(by_line**2, 1.0)) / root]
    if y.size >= _STEP_FROM:
        by_step = (_correlation(_without_step(centred)) * y.size + 3.5) / (y.size - 9.5)
        allowed.append(by_step + root / (y.size - 9.5))
    return min(max(min(allowed), 0.0), _MOST_LIKE)


def _correlation(residuals: Floats) -> float:
    variance = float(residuals @ residuals)
    return float(residuals[1:] @ residuals[:-1]) / variance if variance > 0 else 0.0


def _without_step(centred: Floats) -> Floats:
    """Values with mean 0, less the two means of the best single step, at least three points from either end."""
    left = np.arange(MIN_RUN, centred.size - MIN_RUN + 1)
    explained = np.square(np.cumsum(centred)[left - 1]) / (left * (centred.size - left))
    place = int(left[explained.argmax()])
    return np.concatenate([centred[:place] - centred[:place].mean(), centred[place:] - centred[place:].mean()])


def _trimmed(squares: Floats) -> float:
    return float(np.sort(squares)[: max(1, int(squares.size * (1 - _TRIMMED)))].mean())


def change_points(values: ArrayLike, null: Null, alpha: float = 0.05) -> tuple[Change, ...]:
    """The changes of level in `values`, shape (n,), finite and evenly spaced or nearly so, in order.

    The chance of finding any in a first-order autoregression around a constant level or a straight trend is about `alpha`.
    """
    y = np.asarray(values, dtype=np.float64)
    spread = float(np.ptp(y)) if y.size else 0.0
    if y.size < MIN_POINTS or not spread > 0:
        return ()
    y = (y - y.min()) / spread
    rho = autocorrelation(y)
    white = y[1:] - rho * y[:-1]
    cuts = sorted(_cut(white, 0, white.size, alpha, null))
    ends = [0, *(place for place, _ in cuts), white.size]
    located = [
        (_locate(white[ends[i] : ends[i + 2]], ends[i + 1] - ends[i], rho, null.rng), ends[i], p_value)
        for i, (_, p_value) in enumerate(cuts)
    ]
    borders = [0, *(place.index + begin + 1 for place, begin, _ in located), y.size]
    return tuple(
        _change(y, borders, number, place, p_value, rho, spread) for number, (place, _, p_value) in enumerate(located, start=1)
    )


def _cut(white: Floats, begin: int, end: int, alpha: float, null: Null) -> Iterator[tuple[int, float]]:
    """The places within begin..end where the level changes, with their p-values; `alpha` is shared out by length."""
    points = end - begin
    if points < MIN_POINTS:
        return
    piece = _without_trend(white[begin:end])
    largest, place = _largest(_scores(piece)[None, :])
    p_value = null.p_value(float(largest[0]), points)
    if p_value > alpha * points / white.size:
        return
    middle = begin + int(place[0])
    yield middle, p_value
    yield from _cut(white, begin, middle, alpha, null)
    yield from _cut(white, middle, end, alpha, null)


def _scores(values: NDArray[np.generic]) -> Floats:
    """Ranks, equal values sharing theirs, with mean 0 and standard deviation 1; zeros where all are equal."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    centred = ranks - ranks.mean()
    spread = centred.std()
    return np.asarray(centred / spread if spread > 0 else centred, dtype=np.float64)


def _largest(scores: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """For each row, the largest standardised difference of two neighbouring stretches, and where the second begins."""
    rows, points = scores.shape
    sums = np.zeros((rows, points + 1))
    np.cumsum(scores, axis=1, out=sums[:, 1:])
    best, place = np.full(rows, -1.0), np.zeros(rows, dtype=np.int64)
    for begin, end in _intervals(points):
        length = end - begin
        left = np.arange(MIN_RUN, length - MIN_RUN + 1)
        part = sums[:, begin + left] - sums[:, [begin]] - left / length * (sums[:, [end]] - sums[:, [begin]])
        np.abs(part, out=part)
        part *= np.sqrt(length / (left * (length - left)))
        at = part.argmax(axis=1)
        most = part[np.arange(rows), at]
        better = most > best
        best[better] = most[better]
        place[better] = begin + left[at[better]]
    return best, place


def _intervals(points: int) -> Iterator[tuple[int, int]]:
    """Nested intervals: each layer half as long as the one before, neighbours overlapping by half."""
    length = float(points)
    while length >= max(MIN_POINTS, 2 * MIN_RUN):
        count = max(1, 2 * math.ceil(points / length) - 1)
        step = (points - length) / (count - 1) if count > 1 else 0.0
        for number in range(count):
            begin = math.floor(number * step)
            yield begin, min(points, math.ceil(number * step + length))
        length /= 2


def _tamed(values: Floats) -> Floats:
    """The values, those far out moved in to four robust standard deviations from the median."""
    middle = float(np.median(values))
    scale = _CLIP * _MAD * float(np.median(np.abs(values - middle)))
    return np.asarray(np.clip(values, middle - scale, middle + scale) if scale > 0 else values)


def _without_trend(piece: Floats) -> Floats:
    """The piece less its straight line, unless the best single step explains clearly more of it than the line does.

    Clearly is by what the step's free place is worth: log n times the variance left (Schwarz's criterion).
    """
    piece = _tamed(piece)
    time = np.arange(piece.size) - (piece.size - 1) / 2
    centred = piece - piece.mean()
    line = float(time @ centred) ** 2 / float(time @ time)
    left = np.arange(1, piece.size)
    sums = np.cumsum(centred)[:-1]
    step = float(np.max(np.square(sums) * piece.size / (left * (piece.size - left))))
    left_over = (float(centred @ centred) - max(step, line)) / piece.size
    return (
        piece
        if step >= line + left_over * math.log(piece.size)
        else centred - time * (float(time @ centred) / float(time @ time))
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a step in a whitened piece is: its index there, and how far left and right it may lie."""

    index: int
    low: int
    high: int


def _locate(white: Floats, near: int, rho: float, rng: np.random.Generator, draws: int = 399) -> _Place:
    """The most likely place of one step in an autoregression, and its 95 % interval by a bootstrap of the residuals.

    In the whitened series a step of one is a point of one, followed by a level of 1 - rho. It is looked for nearer to `near`,
    where the test found it, than to either end, so that neighbouring changes stay apart.
    """
    inner = slice(max(1, (near + 1) // 2), max(2, (near + white.size) // 2))
    tame = _tamed(white)
    index = inner.start + int(_steps(tame[None, :], rho)[:, inner].argmax())
    shape = np.zeros(white.size)
    shape[index], shape[index + 1 :] = 1.0, 1.0 - rho
    centred = shape - shape.mean()
    size = float(centred @ tame) / float(centred @ centred)
    fitted = tame.mean() + size * centred
    residuals = tame - fitted
    drawn = fitted + residuals[rng.integers(0, white.size, (draws, white.size))]
    offset = inner.start + _steps(drawn, rho)[:, inner].argmax(axis=1) - index
    low, high = np.quantile(offset, [0.025, 0.975], method="closest_observation")
    return _Place(index, max(0, index - int(high)), min(white.size - 1, index - int(low)))


def _steps(white: Floats, rho: float) -> Floats:
    """For each row and place, how much of the row's variance a step there explains."""
    points = white.shape[1]
    after = np.arange(points - 1, -1, -1)
    later = np.zeros_like(white)
    later[:, :-1] = np.cumsum(white[:, :0:-1], axis=1)[:, ::-1]
    total = 1 + (1 - rho) * after
    square = 1 + (1 - rho) ** 2 * after - total**2 / points
    along = white + (1 - rho) * later - total * white.mean(axis=1, keepdims=True)
    return np.asarray(np.square(along) / np.maximum(square, 1e-12))


def _change(y: Floats, borders: list[int], number: int, place: _Place, p_value: float, rho: float, spread: float) -> Change:
    """The change at `borders[number]`, in the units of the values."""
    begin, index, end = borders[number - 1], borders[number], borders[number + 1]
    before, after = y[begin:index], y[index:end]
    size = float(after.mean() - before.mean())
    residuals = np.concatenate([before - before.mean(), after - after.mean()])
    noise = residuals[1:] - rho * residuals[:-1]
    variance = float(np.mean(np.square(noise))) / (1 - rho) ** 2
    half = normal_quantile(0.975) * math.sqrt(variance * (1 / before.size + 1 / after.size))
    shift = index - place.index
    return Change(
        index,
        Interval(place.low + shift, place.high + shift),
        size * spread,
        Interval((size - half) * spread, (size + half) * spread),
        p_value,
    )
