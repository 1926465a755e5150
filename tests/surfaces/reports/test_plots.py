from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopwright.surfaces.reports.palette import COLOURS, ONE_OFF, SHAPES, look
from loopwright.surfaces.reports.plots import (
    LABEL_HEIGHT,
    LABEL_WIDTH,
    MAP_HEIGHT,
    MAP_WIDTH,
    Placed,
    bar,
    histogram,
    labels,
    scatter,
    timeline,
    top_of,
)
from loopwright.workflows.analysis import Period
from loopwright.workflows.rates import rate

coordinate = st.floats(allow_nan=True, allow_infinity=True)


def enumerate_as_text(places: list[tuple[float, float]]) -> list[tuple[str, tuple[float, float]]]:
    return [(str(i), place) for i, place in enumerate(places)]


@given(st.lists(st.tuples(coordinate, coordinate), max_size=30))
def test_every_mark_lies_inside_the_map(places: list[tuple[float, float]]) -> None:
    points = [Placed(str(i), look(1 + i % 3), "title") for i in range(len(places))]
    marks, _ = scatter(points, {str(i): place for i, place in enumerate(places)})
    assert all(0 <= m.x <= 100 and 0 <= m.y <= 100 for m in marks)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=40))
def test_labels_stand_at_marks_and_never_on_each_other(places: list[tuple[float, float]]) -> None:
    marks, _ = scatter([Placed(str(i), look(1 + i % 9), "") for i in range(len(places))], dict(enumerate_as_text(places)))
    written = labels(marks)
    assert all((label.x, label.y, label.rank) in {(m.x, m.y, m.look.rank) for m in marks} for label in written)
    assert len({label.rank for label in written}) == len(written)
    spots = [(label.x / 100 * MAP_WIDTH, label.y / 100 * MAP_HEIGHT + label.down) for label in written]
    for i, (x, y) in enumerate(spots):
        assert all(abs(x - u) >= LABEL_WIDTH or abs(y - v) >= LABEL_HEIGHT for u, v in spots[:i])
        assert y - LABEL_HEIGHT >= -40
        assert y <= MAP_HEIGHT + 44
    assert bool(written) == bool(marks)


def test_a_label_goes_below_its_mark_where_a_better_one_is_above() -> None:
    points = [Placed(str(i), look(1 + i), "") for i in range(3)]
    marks, _ = scatter(points, {"0": (0.0, 0.0), "1": (0.01, 0.0), "2": (1.0, 1.0)})
    first, second, third = labels(marks)
    assert first.down < 0 < second.down
    assert third.down < 0


def test_failures_at_one_place_are_one_mark_whose_size_grows() -> None:
    points = [Placed(str(i), look(1), f"t{i}", f"#{i}") for i in range(4)] + [Placed("x", ONE_OFF, "alone")]
    marks, _ = scatter(points, {**{str(i): (1.0, 1.0) for i in range(4)}, "x": (2.0, 0.0)})
    assert [(m.look.rank, m.href) for m in marks] == [(1, "#0"), (0, "")]
    assert marks[0].scale > marks[1].scale
    assert marks[0].title == "t0 and 3 more with the same text"


def test_a_failure_without_a_place_is_left_out() -> None:
    assert scatter([Placed("a", look(1), "a")], {}) == ([], 0)


def test_the_first_failures_are_drawn_and_the_others_counted() -> None:
    points = [Placed(str(i), look(1), str(i)) for i in range(5)]
    marks, left = scatter(points, {str(i): (float(i), 0.0) for i in range(5)}, limit=3)
    assert {m.title for m in marks} == {"0", "1", "2"}
    assert left == 2


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_bar_holds_its_share_between_the_ends_of_its_interval(count: int, more: int) -> None:
    drawn = bar(rate(count, count + more), 1.0)
    assert 0 <= drawn.low <= drawn.width <= drawn.high <= 100


@given(st.lists(st.floats(0, 1)))
def test_the_histogram_holds_every_score(scores: list[float]) -> None:
    columns = histogram(scores)
    assert sum(int(c.title.rsplit(" ", 1)[1]) for c in columns) == len(scores)
    assert all(0 <= c.height <= 100 for c in columns)


def test_an_empty_period_has_a_place_and_no_interval() -> None:
    columns = timeline([Period("2026-01-01", rate(1, 4)), Period("2026-01-02", rate(0, 0))], 1.0)
    assert columns[0].low is not None
    assert columns[1].low is None
    assert columns[1].x > columns[0].x


def test_the_axis_ends_at_a_round_number() -> None:
    assert top_of([0.03, 0.15]) == 0.2
    assert top_of([]) == 0.05
    assert top_of([1.0]) == 1.0


def test_looks_differ_until_colours_and_shapes_are_used_up() -> None:
    looks = {(look(rank).css, look(rank).path) for rank in range(1, COLOURS * len(SHAPES) + 1)}
    assert len(looks) == COLOURS * len(SHAPES)
