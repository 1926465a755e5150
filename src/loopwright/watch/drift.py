"""Distribution shift: whether the inputs of now still look like those of the reference, and which of them are new.

Vectors are compared by one test, each attribute by one of its own; half of the level is the vectors', half the attributes',
shared among them. So the chance to call inputs shifted that are not is at most alpha, whatever the tests have to do with one
another.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loopwright.effects import Embed
from loopwright.stats.multiplicity import holm
from loopwright.stats.two_sample import (
    NEIGHBOURS,
    Difference,
    categories_differ,
    false_discoveries_below,
    nearest_distance,
    neighbours_from_second,
    numbers_differ,
    vectors_differ,
)
from loopwright.watch.inputs import Input, Level, columns
from loopwright.wording import counted

TESTED = 1500
"""So many vectors of each side enter the test, whose memory grows with their square; novelty is looked for among all."""

FEWEST = 5
"""With fewer inputs on a side nothing can be said."""

FAR_RATE = 0.3
CROWDED_RATE = 0.1
_CONTINUOUS = 10

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison: its p-value, alone and adjusted for the comparisons of its kind, and its effect in 0..1."""

    kind: str
    p_value: float
    p_adjusted: float
    effect: float


@dataclass(frozen=True, slots=True)
class Shift:
    """Whether current inputs differ from the reference, and where.

    `shifted` is None, as are `p_value` and `effect`, where there is too little to compare. `effect` is that of the comparison
    that speaks most clearly; `inputs` is that of the vectors. `novel` are indices into the current inputs, in order.
    `reference` and `current` say how many of how many inputs were looked at.
    """

    shifted: bool | None
    p_value: float | None
    effect: float | None
    inputs: Part | None = None
    by_attribute: Mapping[str, Part] = field(default_factory=dict)
    novel: tuple[int, ...] = ()
    reference: tuple[int, int] = (0, 0)
    current: tuple[int, int] = (0, 0)
    message: str = ""


def compare(
    reference: Sequence[Input], current: Sequence[Input], *, alpha: float = 0.05, most: int = 5000, seed: int = 0
) -> Generator[Embed, Any, Shift]:
    """Compare inputs of one form (see `inputs.unlike`); where they have texts and no vectors, asks for the vectors.

    Of more than `most` on a side, so many drawn with `seed` are looked at. The same inputs and seed give the same answer.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    ours, theirs = _drawn(len(reference), most, rng), _drawn(len(current), most, rng)
    before, after = [reference[i] for i in ours], [current[i] for i in theirs]
    counts = ((len(before), len(reference)), (len(after), len(current)))
    if min(len(before), len(after)) < FEWEST:
        few = (
            f"{counted(len(reference), 'reference input')} and {counted(len(current), 'current input')}; {FEWEST} "
            "of each are needed to compare"
        )
        return Shift(None, None, None, reference=counts[0], current=counts[1], message=few)
    vectors = yield from _vectors([*before, *after])
    inputs, novel = None, np.zeros(len(after), dtype=np.bool_)
    if vectors is not None:
        inputs = _inputs(vectors[: len(before)], vectors[len(before) :], rng)
        novel = novel_among(vectors[: len(before)], vectors[len(before) :])
    attributes = _attributes(columns([*before, *after]), len(before), rng)
    parts = [*([inputs] if inputs else []), *attributes.values()]
    if not parts:
        return Shift(None, None, None, reference=counts[0], current=counts[1], message="nothing varies in either file")
    half = 2.0 if inputs and attributes else 1.0
    clearest = min(parts, key=lambda part: (part.p_adjusted, -part.effect))
    p_value = min(1.0, half * clearest.p_adjusted)
    return Shift(
        shifted=p_value <= alpha,
        p_value=p_value,
        effect=clearest.effect,
        inputs=inputs,
        by_attribute=attributes,
        novel=tuple(int(theirs[i]) for i in np.flatnonzero(novel)),
        reference=counts[0],
        current=counts[1],
        message=_message(counts),
    )


def novel_among(reference: Vectors, current: Vectors) -> NDArray[np.bool_]:
    """Which rows of `current` are new: farther from every reference point than those are from one another, or in a new crowd.

    Far: the distance to the nearest reference point, among those that reference points have to one another, with at most 30 %
    false ones expected among those named. In a new crowd: among the ten nearest inputs of both samples clearly more are current
    than chance has it, 10 % false ones expected, and farther out than half the reference. Shapes (n, d) and (m, d).
    """
    from scipy.stats import binom  # noqa: PLC0415 (half a second to import)

    usual = np.sort(nearest_distance(reference, reference, skip_self=True))
    found = nearest_distance(current, reference)
    outlying = (1 + usual.size - np.searchsorted(usual, found * (1 - 1e-6))) / (1 + usual.size)
    count = min(NEIGHBOURS, len(reference) + len(current) - 1)
    others = (len(current) - 1) / (len(reference) + len(current) - 1)
    crowded = binom.sf(neighbours_from_second(reference, current, count) - 1, count, others)
    in_crowd = false_discoveries_below(crowded, CROWDED_RATE) & (outlying <= 0.5)
    return np.asarray(false_discoveries_below(outlying, FAR_RATE) | in_crowd, dtype=np.bool_)


def _drawn(count: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """All indices, or so many of them, in order."""
    return np.sort(rng.permutation(count)[:most]) if count > most else np.arange(count)


def _vectors(inputs: Sequence[Input]) -> Generator[Embed, Any, Vectors | None]:
    form = inputs[0].form
    if form == "embedding":
        return np.asarray([one.embedding for one in inputs], dtype=np.float32)
    if form == "text":
        made = yield Embed(tuple(one.text or "" for one in inputs))
        return np.asarray(made, dtype=np.float32)
    return None


def _inputs(before: Vectors, after: Vectors, rng: np.random.Generator) -> Part:
    some, others = before[_drawn(len(before), TESTED, rng)], after[_drawn(len(after), TESTED, rng)]
    found = vectors_differ(some, others, rng)
    return Part("vectors", found.p_value, found.p_value, found.effect)


def _attributes(values: Mapping[str, Sequence[Level]], border: int, rng: np.random.Generator) -> dict[str, Part]:
    """One comparison for each attribute that varies; the first `border` values are the reference's."""
    found: dict[str, tuple[str, Difference]] = {}
    for name, column in values.items():
        kind = _kind(column)
        if kind == "number":
            found[name] = (kind, _numbers(column, border, rng))
        elif kind == "category":
            found[name] = (kind, categories_differ(column[:border], column[border:], rng))
    adjusted = holm([difference.p_value for _, difference in found.values()])
    return {
        name: Part(kind, difference.p_value, float(p_adjusted), difference.effect)
        for (name, (kind, difference)), p_adjusted in zip(found.items(), adjusted, strict=True)
    }


def _kind(column: Sequence[Level]) -> str:
    """`number`, `category`, or nothing where all values are alike or nearly all are different, as ids are."""
    present = [value for value in column if value is not None]
    distinct = len(set(present))
    if present and all(isinstance(value, float) for value in present) and distinct > _CONTINUOUS:
        return "number"
    varies = distinct > 1 or 0 < len(present) < len(column)
    return "category" if varies and distinct <= max(_CONTINUOUS, len(present) / 2) else ""


def _numbers(column: Sequence[Level], border: int, rng: np.random.Generator) -> Difference:
    """The values, and where some are missing also whether as many are."""
    before, after = ([v for v in side if v is not None] for side in (column[:border], column[border:]))
    both = numbers_differ(before, after) if before and after else Difference(1.0, 0.0)
    if len(before) + len(after) == len(column):
        return both
    there = categories_differ([v is None for v in column[:border]], [v is None for v in column[border:]], rng)
    return Difference(min(1.0, 2 * min(both.p_value, there.p_value)), max(both.effect, there.effect))


def _message(counts: tuple[tuple[int, int], tuple[int, int]]) -> str:
    """What was looked at, where that was not all."""
    said = [
        f"{some:,} of {all_:,} {name}" for (some, all_), name in zip(counts, ("reference", "current"), strict=True) if some < all_
    ]
    return f"looked at {' and '.join(said)} inputs, drawn at random" if said else ""
