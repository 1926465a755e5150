from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.surfaces.reports.text import clip, counted, line, number, percent, signal_name, visible


@given(st.text(alphabet=st.characters()))
def test_nothing_that_acts_or_hides_is_left(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not {c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"}
    assert not {
        c for c in shown if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    }
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred", "␛[31mred"),
        ("a\x00b", "a␀b"),
        ("\u202egnp.exe", "⟨U+202E⟩gnp.exe"),
        ("a\r\nb\rc", "a\nb␍c"),
        ("\ud83d", "\ufffd"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("naïve 你好 👩\u200d🚀\tx", "naïve 你好 👩\u200d🚀\tx"),
    ],
)
def test_hidden_characters_are_written_out(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@given(st.text(max_size=400), st.integers(1, 60), st.integers(0, 60))
def test_a_clipped_text_accounts_for_every_character(text: str, head: int, fold: int) -> None:
    part = clip(text, head, fold)
    whole = text.strip()
    assert whole.startswith(part.head + part.rest)
    assert len(part.head) + len(part.rest) + part.left == len(whole)
    assert len(part.head) <= head + min(40, head // 4)
    assert len(part.rest) <= fold


@given(st.text(max_size=2000), st.integers(8, 100))
def test_a_line_is_one_line_of_bounded_length(text: str, limit: int) -> None:
    short = line(text, limit)
    assert "\n" not in short
    assert len(short) <= limit + limit // 4 + 1


def test_a_line_says_that_something_is_left_out() -> None:
    assert line("word " * 100, 20).endswith("…")
    assert line("short", 20) == "short"


def test_words_for_numbers() -> None:
    assert percent(0.1234) == "12.3\u00a0%"
    assert percent(0.0) == "0\u00a0%"
    assert percent(1.0) == "100\u00a0%"
    assert percent(0.9999) == "100.0\u00a0%"
    assert number(1234567) == "1,234,567"
    assert counted(1, "trace") == "1\u00a0trace"
    assert counted(2000, "trace") == "2,000\u00a0traces"
    assert signal_name("hard_error") == "hard error"
    assert signal_name("my_own") == "my own"
