"""The words of a trace, by which it is found: of what went in and what came out, in messages and steps."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from loopwright.collect.trace import Message, ToolCall, Trace

LONGEST = 64
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile("([\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff])")
_ASCII = bytes(code if chr(code).isalnum() and code < 128 else 32 for code in range(256)).lower()


def words(texts: Iterable[str]) -> set[str]:
    """The different words of some texts: letters and digits, in one case, without accents, cut at 64 characters.

    In scripts that leave no spaces, each character is a word.
    """
    plain: list[str] = []
    others: list[str] = []
    for text in texts:
        (plain if text.isascii() else others).append(text)
    found = set(" ".join(plain).encode().translate(_ASCII).decode().split())
    for text in others:
        found.update(_WORD.findall(_folded(text)))
    return {word if len(word) <= LONGEST else word[:LONGEST] for word in found}


def texts(trace: Trace) -> set[str]:
    """The texts of a trace's messages, of its steps' inputs, outputs and errors, and of its own error; each once."""
    found: set[str] = set()
    waiting: list[Any] = [trace.error]
    waiting.extend(trace.messages)
    for step in trace.steps:
        waiting += (step.name, step.input, step.output, step.error)
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is str:
            found.add(value)
        elif kind is dict:
            waiting.extend(value.values())
        elif kind is list or kind is tuple:
            waiting.extend(value)
        elif kind is Message:
            waiting += (value.content, *value.tool_calls)
        elif kind is ToolCall:
            waiting += (value.name, value.arguments)
        elif kind is int or kind is float:
            found.add(str(value))
    return found


def _folded(text: str) -> str:
    spaced = _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFC", text))
    plain = unicodedata.normalize("NFKD", spaced.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character)).casefold()
