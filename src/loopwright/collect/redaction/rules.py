"""What is taken out of text, and the errors of that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from loopwright.errors import RecordError

SECRETS: tuple[str, ...] = ("pem", "jwt", "key", "token", "password", "secret")
"""Kinds that always go: private keys, JSON web tokens, API keys by shape, tokens of headers, passwords, secrets by name."""

PERSONAL: tuple[str, ...] = ("email", "phone", "card", "iban", "ip", "ssn")
"""Kinds of personal data that go where they are asked for."""

WORD = "word"
"""The kind of what the user listed."""

Plugin = Callable[[str], "str | Iterable[tuple[int, int, str]]"]
"""Text in; out comes the text in its place, or what is to go from it: start and end in characters, and a kind."""


class RedactionError(RecordError):
    """A plug-in failed: the record that it was asked about is refused, as it may not be stored as it is."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, cure="mend the redact.plugin, or leave the setting out", reason="redaction failed")


class Found(NamedTuple):
    """Bytes `start` to `end` are of this kind; `quote` goes around what takes their place, where JSON needs it."""

    start: int
    end: int
    kind: str
    quote: bytes = b""


@dataclass(frozen=True, slots=True)
class RedactionRules:
    """What is taken out, and what takes its place.

    `personal` holds kinds of `PERSONAL`. `words` are words and phrases of the user, whatever their case; `patterns` regular
    expressions of theirs. `key` makes pseudonyms (at least 16 bytes): the same text is the same mark, and cannot be guessed
    without it; with None a mark names the kind alone. `plugin` sees the text last. `brackets` stand around a mark.
    """

    personal: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    key: bytes | None = None
    plugin: Plugin | None = None
    brackets: str = "<>"

    def __post_init__(self) -> None:
        strange = self.personal - set(PERSONAL)
        if strange:
            raise ValueError(f"no kind of personal data: {', '.join(sorted(strange))}")
        if self.key is not None and not 16 <= len(self.key) <= 64:
            raise ValueError("a key has 16 to 64 bytes")
