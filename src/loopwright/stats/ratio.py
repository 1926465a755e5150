"""How much more of something one side takes than the other: cost, time, tokens; heavy-tailed, over few cases of few trials.

Each case is compared with itself. If the second side takes R times what the first takes, its trials divided by R might as well be
the first side's, and those of the first side multiplied by R the second's. So trials of a case are exchanged between the sides.
An exchange says R or less where what left the second side is at most R times what came in its place; the true division of the
trials is as likely to be at either end as any other. That needs no shape of the amounts: where R holds for every case, the
chances below are exact. The same exchanges answer for all R at once, so that tests and interval agree.

Exchanges are rotations: the trials of a case stand in a ring, and the second side is any arc of its length. Those are a group,
which is what a test by exchange needs. Where there are no more than `EXCHANGES` of them over all cases, all are looked at;
otherwise as many, scattered among them in one way that is the same for whatever amounts: nothing depends on luck or on the order
of rows, and an amount that grows on the second side never makes it look cheaper.

Sources: Fisher, "The Design of Experiments" (1935), section 21; Pitman, "Significance tests which may be applied to samples from
any populations", Supplement to the JRSS 4 (1937); Hartigan, "Using subsample values as typical values", JASA 64 (1969), for the
interval; Dwass, "Modified randomization tests for nonparametric hypotheses", Annals of Mathematical Statistics 28 (1957), for
drawn exchanges with the true one among them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from loopwright.stats.intervals import normal_quantile

Floats = NDArray[np.float64]

EXCHANGES = 10_000
"""So many exchanges are looked at, the true division among them."""
BLOCKS = 200
"""Of more cases than this, several are exchanged together."""
_TIE = 1e-9
"""Amounts that differ by less than this share of the whole are the same: sums of floats are not exact."""


class Ratio(NamedTuple):
    """What the second side takes, as a multiple of the first, case by case.

    `before` and `after` are the means over cases of each case's mean. `left` and `came`, shape (exchanges,), are what leaves
    the second side in each exchange and what comes in its place, each case's trials weighted alike on both sides, as a share of
    the largest amount; the true division is the first, with 0 and 0. `spare` are the means over cases of one over the trials, of
    either side.
    """

    before: float
    after: float
    cases: int
    left: Floats
    came: Floats
    spare: tuple[float, float]
    unit: float

    @property
    def value(self) -> float:
        """The ratio; infinite where the first side took nothing and nan where neither did."""
        if self.before > 0:
            return self.after / self.before
        return math.inf if self.after > 0 else math.nan


def compare(cases: Sequence[tuple[ArrayLike, ArrayLike]]) -> Ratio:
    """Compare amounts of at least 0, per case those of the first side and those of the second, at least one of each.

    Every case counts once, whatever its number of trials. Cases keep their order: the same order, the same exchanges. Raises
    `ValueError` without cases, for a case without trials on a side, and for an amount that is negative or not finite.
    """
    sides = tuple(_flat([pair[side] for pair in cases]) for side in (0, 1))
    if not len(cases) or any(not side.sizes.all() for side in sides):
        raise ValueError("each case needs an amount on either side")
    if not all(np.all(np.isfinite(side.amounts)) and np.all(side.amounts >= 0) for side in sides):
        raise ValueError("amounts must be finite and at least 0")
    unit = float(max(side.amounts.max() for side in sides)) or 1.0
    one, two = (side._replace(amounts=side.amounts / unit) for side in sides)
    left, came = _exchanged(_blocks(one, two))
    (before, spare0), (after, spare1) = _means(one), _means(two)
    return Ratio(before * unit, after * unit, len(cases), left, came, (spare0, spare1), unit)


class _Side(NamedTuple):
    """The amounts of one side, case after case, and where those of each case begin and how many they are, shape (cases,)."""

    amounts: Floats
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def of(self, cases: NDArray[np.int64]) -> Floats:
        """The amounts of these cases, which have as many each: a row a case."""
        return np.asarray(self.amounts[self.starts[cases][:, None] + np.arange(self.sizes[cases[0]])])


def _flat(side: Sequence[ArrayLike]) -> _Side:
    lists = [amounts if isinstance(amounts, list) else np.ravel(np.asarray(amounts)).tolist() for amounts in side]
    sizes = np.array([len(amounts) for amounts in lists], dtype=np.int64)
    return _Side(np.array(list(chain.from_iterable(lists)), dtype=np.float64), np.cumsum(sizes) - sizes, sizes)


def chance_above(found: Ratio, bound: float) -> float:
    """The p-value of "the second side takes at most `bound` times as much", against more."""
    return float(np.mean(found.left <= bound * found.came + _slack(found, bound)))


def chance_below(found: Ratio, bound: float) -> float:
    """The p-value of "the second side takes at least `bound` times as much", against less."""
    return float(np.mean(found.left >= bound * found.came - _slack(found, bound)))


def bounds(found: Ratio, level: float) -> tuple[float, float]:
    """The least and the largest ratio that neither one-sided test at `level` excludes; 0 and infinity where none is excluded."""
    tie = _slack(found, 1.0)
    left, came = np.where(found.left <= tie, 0.0, found.left), np.where(found.came <= tie, 0.0, found.came)
    nothing = (left == 0) & (came == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = left / came
    at = min(int(level * ratios.size + _TIE), ratios.size - 1)
    low = np.sort(np.where(nothing, 0.0, ratios))[at]
    high = np.sort(np.where(nothing, math.inf, ratios))[ratios.size - 1 - at]
    return float(low), float(high)


class Wanted(NamedTuple):
    """Trials a case that would likely settle on which side of a bound the ratio is, of either side; None: no number would."""

    before: int
    after: int | None


def trials_to_settle(found: Ratio, bound: float, level: float, power: float, cap: int) -> Wanted:
    """How many trials a case it would take, were the ratio what it seems to be, with the chance `power`.

    Of the second side alone, where that is at most `cap`; else of both alike, `after` None where that is above `cap` too. By the
    normal approximation, since this decides nothing: it says what to try.
    """
    of_first, of_second = found.spare
    gap = abs(found.after - bound * found.before) / found.unit * found.cases
    spread = float(np.std(bound * found.came - found.left))
    needed = normal_quantile(1 - level) + normal_quantile(power)
    now = math.ceil(1 / of_first)
    if spread <= 0 or gap <= 0:
        return Wanted(now, None)
    room = (of_first + of_second) * (gap / (needed * spread)) ** 2
    if room > of_first and 1 / (room - of_first) <= cap:
        return Wanted(now, math.ceil(1 / (room - of_first)))
    both = math.ceil(2 / room) if room > 2 / cap else None
    return Wanted(max(now, both or 0), both)


def _slack(found: Ratio, bound: float) -> float:
    return _TIE * found.cases * (found.before + bound * found.after) / found.unit


def _means(side: _Side) -> tuple[float, float]:
    """The mean over cases of each case's mean, and of one over its trials."""
    sums = np.add.reduceat(side.amounts, side.starts)
    return float(np.mean(sums / side.sizes)), float(np.mean(1 / side.sizes))


def _blocks(before: _Side, after: _Side) -> list[tuple[Floats, Floats]]:
    """By block, what leaves and what comes for each rotation of its ring, shape (ring,); cases of a block have rings alike."""
    shapes: dict[tuple[int, int], list[int]] = defaultdict(list)
    for case, shape in enumerate(zip(before.sizes.tolist(), after.sizes.tolist(), strict=True)):
        shapes[shape].append(case)
    made = []
    for (first, second), cases in sorted(shapes.items()):
        ring = first + second
        group = np.array(cases, dtype=np.int64)
        one, two = before.of(group), after.of(group)
        weight = 1 / first + 1 / second
        left = weight * (two.sum(axis=1, keepdims=True) - _arcs(np.hstack([two, np.zeros_like(one)]), second))
        came = weight * _arcs(np.hstack([np.zeros_like(two), one]), second)
        left[:, 0] = came[:, 0] = 0.0
        every = before.sizes.size
        blocks = len(group) if every <= BLOCKS else max(1, round(BLOCKS * len(group) / every))
        place = np.arange(len(group)) % blocks
        for block in range(blocks):
            some = place == block
            made.append((left[some].sum(axis=0).reshape(ring), came[some].sum(axis=0).reshape(ring)))
    return made


def _arcs(ring: Floats, length: int) -> Floats:
    """The sum of each arc of `length` slots, by where it begins; a row a case."""
    summed = np.cumsum(np.hstack([np.zeros((len(ring), 1)), ring, ring[:, : length - 1]]), axis=1)
    return np.asarray(np.maximum(summed[:, length:] - summed[:, :-length], 0.0), dtype=np.float64)


def _exchanged(blocks: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    rings = [left.size for left, _ in blocks]
    total = math.prod(rings)
    left, came = np.zeros(min(total, EXCHANGES)), np.zeros(min(total, EXCHANGES))
    stride = 1
    for block, (size, (leaves, comes)) in enumerate(zip(rings, blocks, strict=True)):
        turn = _scattered(block, size) if total > EXCHANGES else np.arange(total) // stride % size
        stride *= size
        left += leaves[turn]
        came += comes[turn]
    return left, came


@lru_cache(maxsize=2 * BLOCKS)
def _scattered(block: int, size: int) -> NDArray[np.unsignedinteger]:
    """A block's turn in each exchange, 0 to `size` - 1, spread as by lot; in the first exchange 0. Nobody changes it.

    The numbers are splitmix64's at fixed places (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    """
    mixed = (np.arange(EXCHANGES, dtype=np.uint64) + np.uint64(block * EXCHANGES + 1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    turn = ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(size)).astype(np.min_scalar_type(size))
    turn[0] = 0
    return turn
