"""How wording is read: cues, each with how sure it makes one.

Patterns see plain text (`reading.plain`): lower case, single blanks, straight quotes. They are English; in other languages the
detectors that need no words still work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cue:
    """One thing that wording can tell: a name that completes "the user ...", a pattern, and a confidence in 0..1."""

    name: str
    pattern: re.Pattern[str]
    confidence: float


def cue(name: str, confidence: float, *alternatives: str) -> Cue:
    """A cue that any of the alternatives gives."""
    return Cue(name, any_of(*alternatives), confidence)


def any_of(*alternatives: str) -> re.Pattern[str]:
    """A pattern for any of the alternatives, each beginning at a word's start; `^` at the text's."""
    return re.compile(r"\b(?:" + "|".join(alternatives) + ")")


def strongest(cues: Iterable[Cue], text: str) -> Cue | None:
    """The cue of highest confidence that the text gives."""
    best: Cue | None = None
    for candidate in cues:
        if (best is None or candidate.confidence > best.confidence) and candidate.pattern.search(text):
            best = candidate
    return best


def clip(text: str, limit: int = 120) -> str:
    """One line of at most `limit` characters, quoted, cut at a word where possible."""
    line = " ".join(text[: 4 * limit].split())
    if len(line) > limit:
        line = line[: limit - 1].rsplit(" ", 1)[0][: limit - 1].rstrip(",;:. ") + "…"
    return f"“{line}”"
