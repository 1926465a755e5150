"""Text without its particulars, so that two failures of one kind read alike."""

from __future__ import annotations

import re

_QUOTED = re.compile(r"'[^'\n]{0,80}'|\"[^\"\n]{0,80}\"|`[^`\n]{0,80}`")
_PSEUDONYM = re.compile(r"<([a-z]{1,20}):[g-z]{10}>")
_URL = re.compile(r"\b(?:https?|ftp|file)://\S+|(?<!\w)(?:/[\w.-]+){2,}/?|\b[\w.+-]+@[\w-]+\.[\w.]+")
_ID = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{3,}\b|\b[0-9a-fA-F]{8,}\b")
_NUMBER = re.compile(r"[-+]?[$€£]?\d[\d,]*(?:[.:]\d+)*%?")
_RUNS = re.compile(r"(<\w+>)(?:[\s,;:/-]*\1)+")


def mask(text: str) -> str:
    """`text` with quoted parts, addresses, ids and numbers replaced by `<text>`, `<address>`, `<id>` and `<number>`."""
    for pattern, name in ((_PSEUDONYM, r"<\1>"), (_URL, "<address>"), (_QUOTED, "<text>"), (_ID, "<id>"), (_NUMBER, "<number>")):
        text = pattern.sub(name, text)
    return _RUNS.sub(r"\1", text)
