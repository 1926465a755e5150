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


def words(texts: Iterable[str]) -> set[str]:
    """The different words of some texts: letters and digits, in one case, without accents, cut at 64 characters.

    In scripts that leave no spaces, each character is a word.
    """
    found: set[str] = set()
    for text in texts:
        found.update(_WORD.findall(text.lower() if text.isascii() else _folded(text)))
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
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, Message):
            waiting += (value.content, *value.tool_calls)
        elif isinstance(value, ToolCall):
            waiting += (value.name, value.arguments)
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.add(str(value))
    return found


def _folded(text: str) -> str:
    spaced = _UNSPACED.sub(r" \1 ", unicodedata.normalize("NFC", text))
    plain = unicodedata.normalize("NFKD", spaced.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character)).casefold()
