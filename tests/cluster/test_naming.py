"""Names: contrastive, readable, never empty, never the same twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopwright.cluster.naming import Document, contrastive_terms, names, words_of


def documents(*groups: list[str]) -> list[Document]:
    return [Document(text, index, 1) for index, texts in enumerate(groups) for text in texts]


def test_terms_set_a_group_apart() -> None:
    rows = documents(
        ["refund my flight", "flight refund please", "refund for a flight"],
        ["change my flight", "flight change", "change the flight"],
    )
    first, second = contrastive_terms(rows, 2)
    assert first[0] == "refund"
    assert second[0] == "change"


def test_names_are_in_spoken_order_and_do_not_inflect_twice() -> None:
    rows = documents(
        ["reset my password", "reset passwords", "reset the password now"], ["what weather", "weather today", "sunny weather"]
    )
    name = names(rows, 2, ["", ""])[0]
    assert name.index("reset") < name.index("password")
    assert name.count("password") == 1


def test_marks_and_stop_words_name_nothing() -> None:
    assert words_of("the <id> of my <number> orders at <path>") == ["orders"]
    assert words_of("get_user_details failed: don't") == ["get_user_details", "failed"]


def test_equal_texts_get_different_names() -> None:
    made = names(documents(["same words"] * 3, ["same words"] * 3, ["same words"] * 3), 3, ["", "", ""])
    assert len(set(made)) == 3
    assert all(made)


def test_a_group_without_words_is_named_by_its_fallback() -> None:
    assert names(documents(["<id>", "12"], ["?"]), 2, ["without words: x", "without words: x"]) == [
        "without words: x",
        "without words: x (2)",
    ]


@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=4), min_size=1, max_size=5))
def test_any_text_gives_names(groups: list[list[str]]) -> None:
    made = names(documents(*groups), len(groups), ["x"] * len(groups))
    assert len(set(made)) == len(groups)
    assert all(made)


def test_marks_of_the_end_are_no_words() -> None:
    assert words_of("Refund late ###STOP### the user leaves") == ["refund", "late", "leaves"]
