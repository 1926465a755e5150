from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from loopwright.effects import Embed
from loopwright.watch.drift import Shift, compare
from loopwright.watch.inputs import Input


def run(reference: Sequence[Input], current: Sequence[Input], **options: float) -> Shift:
    step = compare(reference, current, **options)  # type: ignore[arg-type]
    try:
        asked = next(step)
        assert isinstance(asked, Embed)
        step.send(np.array([[len(text), text.count("a")] for text in asked.texts], dtype=np.float32))
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it asked twice")


def vectors(draw: np.random.Generator, count: int, **attributes: object) -> list[Input]:
    return [Input(embedding=tuple(row), attributes=attributes) for row in draw.normal(size=(count, 5)).tolist()]


def mixed(draw: np.random.Generator, count: int) -> list[Input]:
    return [
        Input(embedding=tuple(row), attributes={"channel": str(draw.choice(["web", "app"])), "turns": float(draw.poisson(9))})
        for row in draw.normal(size=(count, 5)).tolist()
    ]


def test_the_same_distribution_is_called_shifted_at_most_at_the_claimed_rate() -> None:
    draw = np.random.default_rng(0)
    found = [run(mixed(draw, 30), mixed(draw, 20)).shifted for _ in range(50)]
    assert np.mean(found) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 50)


def test_a_new_crowd_shifts_the_inputs_and_is_named() -> None:
    draw = np.random.default_rng(1)
    crowd = [Input(embedding=tuple(6 + 0.1 * row)) for row in draw.normal(size=(15, 5))]
    shift = run(vectors(draw, 200), [*vectors(draw, 85), *crowd])
    assert shift.shifted
    assert set(range(85, 100)) <= set(shift.novel)
    assert len(shift.novel) <= 18


def test_an_attribute_alone_can_shift_them() -> None:
    draw = np.random.default_rng(2)
    shift = run([*vectors(draw, 60, lang="en"), *vectors(draw, 40, lang="de")], vectors(draw, 50, lang="de"))
    assert shift.shifted
    assert shift.by_attribute["lang"].p_adjusted < 0.001
    assert shift.effect == shift.by_attribute["lang"].effect
    assert shift.inputs is not None
    assert shift.inputs.p_value > 0.05


def test_numbers_ids_and_gaps_are_compared_as_what_they_are() -> None:
    before = [Input(attributes={"id": f"a{i}", "turns": i % 20, "same": 1}) for i in range(100)]
    after = [Input(attributes={"id": f"b{i}", "turns": i % 20 if i % 2 else None, "same": 1}) for i in range(100)]
    shift = run(before, after)
    assert set(shift.by_attribute) == {"turns"}
    assert shift.by_attribute["turns"].kind == "number"
    assert shift.shifted
    assert shift.novel == ()


def test_texts_are_embedded_and_the_answer_is_the_same_every_time() -> None:
    before, after = [Input("a" * (i % 7)) for i in range(40)], [Input("a" * (i % 7 + 9)) for i in range(30)]
    first = run(before, after)
    assert first.shifted
    assert first == run(before, after)


def test_too_little_and_nothing_that_varies_are_undecided() -> None:
    few = run([Input("a")] * 4, [Input("b")] * 100)
    assert few.shifted is None
    assert "4 reference" in few.message
    assert run([Input(attributes={"a": 1})] * 9, [Input(attributes={"a": 1})] * 9).shifted is None


def test_of_many_inputs_a_part_is_looked_at_and_said() -> None:
    draw = np.random.default_rng(3)
    shift = run(vectors(draw, 300), [*vectors(draw, 390), *(Input(embedding=(9.0,) * 5) for _ in range(30))], most=100)
    assert (shift.reference, shift.current) == ((100, 300), (100, 420))
    assert "100 of 300 reference" in shift.message
    assert set(shift.novel) & set(range(390, 420))
