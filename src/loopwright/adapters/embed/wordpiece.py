"""WordPiece tokenisation, as BERT's uncased models expect it, with the standard library alone.

Two steps: the text is cleaned, stripped of accents, lowercased and split into words and punctuation; each word is then cut into
the longest pieces that the vocabulary knows, from left to right. The method is that of Wu et al. 2016 (arXiv:1609.08144) and of
Devlin et al. 2018 (arXiv:1810.04805); docs/decisions/0002-embedders.md says how far the ids agree with another implementation.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache
from importlib.resources import files

from loopwright.errors import InputError

VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
UNKNOWN, START, END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100
_CACHED_WORDS = 200_000
_ASCII_WORD = re.compile(r"[a-z0-9]+|[^a-z0-9\s]")
_WHITESPACE = "\t\n\r"
_UNSEEN = ("Cc", "Cf", "Co", "Cs")


class WordPiece:
    """A tokeniser over `vocabulary` (piece to id). Pieces that continue a word begin with `##`. Not for several threads."""

    def __init__(self, vocabulary: dict[str, int]) -> None:
        self.vocabulary = vocabulary
        self.start = vocabulary[START]
        self.end = vocabulary[END]
        self._unknown = [vocabulary[UNKNOWN]]
        self._words: dict[str, list[int]] = {}

    def encode(self, text: str, limit: int) -> list[int]:
        """The first `limit` ids of `text`, without the ids that mark its start and its end."""
        found: list[int] = []
        for word in words(text):
            found += self._pieces(word)
            if len(found) >= limit:
                return found[:limit]
        return found

    def _pieces(self, word: str) -> list[int]:
        known = self._words.get(word)
        if known is None:
            known = self._cut(word) if len(word) <= _LONGEST_WORD else self._unknown
            if len(self._words) < _CACHED_WORDS:
                self._words[word] = known
        return known

    def _cut(self, word: str) -> list[int]:
        pieces: list[int] = []
        begin = 0
        while begin < len(word):
            prefix = "##" if begin else ""
            for end in range(len(word), begin, -1):
                piece = self.vocabulary.get(prefix + word[begin:end])
                if piece is not None:
                    break
            else:
                return self._unknown
            pieces.append(piece)
            begin = end
        return pieces


def words(text: str) -> list[str]:
    """`text` as lowercase words without accents, each punctuation mark and each CJK character on its own."""
    if text.isascii():
        cleaned = "".join(c for c in text if c.isprintable() or c in _WHITESPACE)
        return _ASCII_WORD.findall(cleaned.lower())
    spaced: list[str] = []
    for char in unicodedata.normalize("NFD", "".join(map(_clean, text))):
        if unicodedata.category(char) != "Mn":
            lowered = char.lower()
            spaced.append(f" {lowered} " if _is_punctuation(char) else lowered)
    return "".join(spaced).split()


def _clean(char: str) -> str:
    """A space for whitespace, nothing for what cannot be seen, CJK characters set apart, all else as it is."""
    if char in _WHITESPACE or unicodedata.category(char) == "Zs":
        return " "
    if char == "\ufffd" or unicodedata.category(char) in _UNSEEN:
        return ""
    return f" {char} " if _is_cjk(ord(char)) else char


def _is_punctuation(char: str) -> bool:
    return (char.isascii() and char.isprintable() and not char.isalnum() and char != " ") or unicodedata.category(char)[0] == "P"


_CJK = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def _is_cjk(point: int) -> bool:
    return any(low <= point <= high for low, high in _CJK)


@cache
def bert_uncased() -> WordPiece:
    """The tokeniser of the `bert-base-uncased` vocabulary that ships with the package (30,522 pieces).

    Raises `InputError` if the file is not the one that was shipped: wrong ids would make wrong vectors without a word.
    """
    data = files(__package__).joinpath("vocab.txt").read_bytes()
    if hashlib.sha256(data).hexdigest() != VOCABULARY_SHA256:
        raise InputError("is not the vocabulary that was shipped", source="vocab.txt", cure="install loopwright again")
    return WordPiece({piece: index for index, piece in enumerate(data.decode("utf-8").split("\n")[:-1])})
