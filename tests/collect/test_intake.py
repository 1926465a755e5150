from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loopwright.collect.intake import Rejected, printable, shown


def test_a_refusal_is_one_line_that_names_file_line_value_and_cure():
    rejected = Rejected("a.jsonl", 3, 'id is ""', "give text")
    assert str(rejected) == 'a.jsonl:3: id is ""; give text'
    assert str(Rejected("a.gz", 0, "truncated")) == "a.gz: truncated"


def test_a_hostile_file_name_cannot_act_on_the_terminal():
    assert str(Rejected("a\n\x1b[2J.jsonl", 1, "bad")) == "a\\n\\x1b[2J.jsonl:1: bad"


@given(st.text())
def test_printable_is_one_line_of_printable_text(text):
    assert printable(text).isprintable()


values = st.recursive(
    st.none() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@given(values)
def test_a_shown_value_is_short_and_printable(value):
    text = shown(value)
    assert len(text) <= 80
    assert text.isprintable()


def test_a_long_value_is_clipped():
    assert shown("x" * 200) == '"' + "x" * 78 + "…"
