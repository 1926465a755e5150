"""Ids of modes: kept by overlap, never used again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopwright.cluster.identity import name_groups


def test_the_founder_gives_the_id() -> None:
    assert name_groups([["a", "b"], ["c"]], {}) == name_groups([["a", "z"], ["c", "d"]], {})
    assert name_groups([["a"]], {}) != name_groups([["b"]], {})


def test_the_larger_part_of_a_split_keeps_the_id() -> None:
    previous = dict.fromkeys("abcde", "mode-1")
    big, small = name_groups([["a", "b", "c"], ["d", "e"]], previous)
    assert big == "mode-1"
    assert small != "mode-1"


def test_of_merged_modes_the_larger_keeps_its_id() -> None:
    previous = dict.fromkeys("abc", "mode-1") | dict.fromkeys("de", "mode-2")
    assert name_groups([["a", "b", "c", "d", "e"]], previous) == ["mode-1"]


def test_a_few_strays_do_not_carry_an_id_away() -> None:
    previous = dict.fromkeys("abcdefgh", "mode-1") | dict.fromkeys("xyz", "mode-2")
    assert name_groups([["a", "x", "y", "z"]], previous) == ["mode-2"]


def test_an_id_that_was_ever_given_is_not_given_again() -> None:
    first = name_groups([["a", "b"]], {})[0]
    again = name_groups([["a", "b"]], {}, taken=[first])[0]
    assert again != first
    assert name_groups([["a", "b"]], {"q": first})[0] != first


@given(
    st.dictionaries(st.integers(0, 30).map(str), st.sampled_from(["m1", "m2", "m3"])), st.lists(st.integers(0, 4), max_size=30)
)
def test_ids_are_distinct(previous: dict[str, str], labels: list[int]) -> None:
    groups = [[str(i) for i, at in enumerate(labels) if at == g] for g in sorted(set(labels))]
    ids = name_groups(groups, previous)
    assert len(set(ids)) == len(groups)
