from __future__ import annotations

import pytest

from loopwright.watch.inputs import Input, columns, input_of, unlike


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({}, "nothing to compare"),
        ({"text": None, "attributes": {}}, "nothing to compare"),
        ({"text": 3}, "text is of type int"),
        ({"attributes": [1]}, "not an object"),
        ({"embedding": []}, "not a list of finite numbers"),
        ({"embedding": [1.0, float("nan")]}, "not a list of finite numbers"),
        ({"embedding": [True, False]}, "not a list of finite numbers"),
        ({"embedding": "0.1 0.2"}, "not a list of finite numbers"),
    ],
)
def test_a_row_that_cannot_be_compared_says_why(row: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        input_of(row)


def test_rows_are_compared_by_the_same_of_text_and_embedding() -> None:
    text, vector, attributes = input_of({"text": "hi"}), input_of({"embedding": [1, 2]}), input_of({"attributes": {"a": 1}})
    assert [one.form for one in (text, vector, attributes)] == ["text", "embedding", "attributes"]
    assert unlike(text, input_of({"text": ""})) == ""
    assert "compared by embedding" in unlike(text, vector)
    assert "length 3" in unlike(vector, input_of({"embedding": [1, 2, 3]}))


def test_attributes_are_columns_with_gaps() -> None:
    found = columns([Input(attributes={"a": {"b": 1, "c": "x"}, "d": [1]}), Input(attributes={"a": {"b": None}, "e": True})])
    assert found == {"a.b": [1.0, None], "a.c": ["x", None], "d": ["[1]", None], "e": [None, "true"]}
