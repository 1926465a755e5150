"""How alike two requests are, by their words or by their meaning."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?", re.UNICODE)
# fmt: off
_STOP = frozenset({
    "a", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "could", "did", "do", "does", "for", "from", "get",
    "give", "go", "had", "has", "have", "help", "hi", "hello", "hey", "how", "i", "i'd", "i'm", "i've", "if", "in", "is",
    "it", "it's", "just", "let", "like", "me", "my", "need", "no", "not", "of", "ok", "okay", "on", "one", "or", "out",
    "please", "so", "sure", "thank", "thanks", "that", "that's", "the", "their", "them", "then", "there", "these", "they",
    "this", "those", "to", "too", "um", "uh", "up", "us", "want", "was", "we", "what", "when", "where", "which", "who",
    "will", "with", "would", "yes", "yeah", "you", "your", "sounds", "sound", "good", "great", "nice", "perfect", "fine",
    "works", "work", "right", "correct", "well", "really",
})
# fmt: on
_ENDINGS = ("ings", "ing", "edly", "ed", "es", "s", "ly")


def words(plain: str) -> frozenset[str]:
    """The words that carry meaning, without their endings."""
    return frozenset(_stem(word) for word in _WORD.findall(plain) if word not in _STOP)


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared words over all words of the two (Jaccard), 0..1."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def cosine(one: Any, other: Any) -> float:
    """The cosine of two vectors of length 1."""
    return float(one @ other)


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
