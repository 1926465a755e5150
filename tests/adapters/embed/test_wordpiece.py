"""WordPiece: the same pieces as the model was trained with, on odd text too."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopwright.adapters.embed.wordpiece import WordPiece, bert_uncased, words


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello, World!", ["hello", ",", "world", "!"]),
        ("unaffable embeddings", ["una", "##ffa", "##ble", "em", "##bed", "##ding", "##s"]),
        ("don't", ["don", "'", "t"]),
        ("Café NAÏVE", ["cafe", "naive"]),
        ("cafe\u0301", ["cafe"]),
        ("a\u00a0b\tc\nd", ["a", "b", "c", "d"]),
        ("zero\u200bwidth", ["zero", "##wi", "##dt", "##h"]),
        ("bell\x07\x00 \ufffd rang", ["bell", "rang"]),
        ("日本", ["日", "本"]),
        ("ﬁn", ["ﬁ", "##n"]),
        ("🙂", ["[UNK]"]),
        ("x" * 101, ["[UNK]"]),
        ("snake_case", ["snake", "_", "case"]),
        ("[SEP] <b>", ["[", "sep", "]", "<", "b", ">"]),
        ("", []),
    ],
)
def test_pieces(text: str, pieces: list[str]) -> None:
    tokens = bert_uncased()
    names = {index: piece for piece, index in tokens.vocabulary.items()}
    assert [names[i] for i in tokens.encode(text, 512)] == pieces


def test_the_vocabulary_is_whole() -> None:
    tokens = bert_uncased()
    assert len(tokens.vocabulary) == 30_522
    assert (tokens.start, tokens.end) == (101, 102)


@given(st.text(max_size=80))
def test_any_text_is_taken(text: str) -> None:
    tokens = bert_uncased()
    ids = tokens.encode(text, 16)
    assert len(ids) <= 16
    assert all(0 <= i < 30_522 for i in ids)
    assert ids == tokens.encode(text, 200)[:16]
    assert all(word and not word.isspace() for word in words(text))


@given(st.text(st.characters(max_codepoint=126), max_size=60))
def test_the_short_way_for_ascii_is_the_long_one(text: str) -> None:
    assert words(text + " é")[:-1] == words(text)


def test_the_longest_piece_wins() -> None:
    tokens = WordPiece({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "ab": 3, "abc": 4, "##c": 5, "##d": 6})
    assert tokens.encode("abcd abd ax", 9) == [4, 6, 3, 6, 0]
