"""Tests of falls with a shape: exact, and more powerful where the fall has it."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.stats.beta_binomial import Beta, fit
from loopwright.stats.scored import Kind, Scores, lost_scores, relative_scores, scored_p_value
from loopwright.stats.stratified import drop_test

BELIEF = Beta(1.5, 0.6)
ROUNDS = 200


@st.composite
def strata(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    sides = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=5))
    return [(a, draw(st.integers(0, a)), b, draw(st.integers(0, b))) for a, b in sides]


def enumerated(rows: list[tuple[int, int, int, int]], scores: Scores) -> float:
    """The same chance by listing all outcomes of all strata."""
    free = [(Kind(a, b, x + y), y) for a, x, b, y in rows if a and b and 0 < x + y < a + b]
    if not free or max(np.ptp(scores(kind)) for kind, _ in free) == 0:
        return 1.0
    reach = max(np.ptp(scores(kind)) for kind, _ in free)
    rounded = [np.rint((scores(kind) - scores(kind).min()) / reach * 1024) for kind, _ in free]
    told = sum(score[y - kind.least] for (kind, y), score in zip(free, rounded, strict=True))
    chance = 0.0
    for at in product(*(range(kind.outcomes.size) for kind, _ in free)):
        if sum(score[i] for i, score in zip(at, rounded, strict=True)) >= told:
            ways = [
                comb(kind.trials1, kind.least + i) * comb(kind.trials0, kind.success - kind.least - i)
                / comb(kind.trials0 + kind.trials1, kind.success)
                for i, (kind, _) in zip(at, free, strict=True)
            ]  # fmt: skip
            chance += float(np.prod(ways))
    return chance


@pytest.mark.parametrize("scores", [relative_scores(BELIEF), lost_scores(BELIEF)])
@given(rows=strata())
def test_the_chance_is_that_of_all_outcomes_listed(scores: Scores, rows: list[tuple[int, int, int, int]]) -> None:
    n0, x0, n1, x1 = zip(*rows, strict=True)
    assert scored_p_value(n0, x0, n1, x1, scores) == pytest.approx(enumerated(rows, scores), abs=1e-9)


def test_equal_strata_give_the_plain_test() -> None:
    n0, x0, n1, x1 = [1] * 9, [1] * 7 + [0] * 2, [1] * 9, [0] * 7 + [1] * 2
    plain = drop_test(n0, x0, n1, x1).p_value
    assert scored_p_value(n0, x0, n1, x1, relative_scores(BELIEF)) == pytest.approx(plain)


def share_found(level: float, kind: str, drop: float) -> tuple[float, float]:
    """How often the plain test and that of a shape find a drop, or, with none, call one."""
    rng = np.random.default_rng(8)
    plain, shaped, n0, n1 = 0, 0, np.full(120, 3), np.full(120, 2)
    for _ in range(ROUNDS):
        before = rng.beta(*BELIEF, 120)
        after = before * (1 - drop) if kind == "relative" else np.where(rng.random(120) < drop, 0.0, before)
        x0, x1 = rng.binomial(n0, before), rng.binomial(n1, after)
        belief = fit(x0 + x1, n0 + n1)
        scores = relative_scores(belief) if kind == "relative" else lost_scores(belief)
        plain += drop_test(n0, x0, n1, x1).p_value <= level
        shaped += scored_p_value(n0, x0, n1, x1, scores) <= level
    return plain / ROUNDS, shaped / ROUNDS


@pytest.mark.parametrize("kind", ["relative", "lost"])
def test_nothing_changed_is_called_a_drop_at_most_as_often_as_stated(kind: str) -> None:
    _, shaped = share_found(0.05, kind, 0.0)
    assert shaped <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / ROUNDS)


@pytest.mark.parametrize(("kind", "drop"), [("relative", 0.07), ("lost", 0.07)])
def test_a_drop_of_its_shape_is_found_more_often_than_by_the_plain_sum(kind: str, drop: float) -> None:
    plain, shaped = share_found(0.05, kind, drop)
    assert shaped >= plain + 0.08
