"""Text without its particulars, so that two failures of one kind read alike."""

from __future__ import annotations

import re
from typing import NamedTuple


class Mask(NamedTuple):
    """What is recognised, and the mark that takes its place."""

    mark: str
    pattern: re.Pattern[str]


_SEGMENT = r"[\w.@%+~-]+"

PARTICULARS: tuple[Mask, ...] = (
    Mask(r"<\1>", re.compile(r"<([a-z]{1,20}):[g-z]{10}>")),  # a pseudonym of redaction
    Mask("<url>", re.compile(r"\b(?:[a-z][a-z0-9+.-]*://|www\.)[^\s<>\"'`)\]}]+", re.IGNORECASE)),
    Mask("<email>", re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    Mask("<id>", re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)),
    Mask("<ip>", re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b", re.IGNORECASE)),
    Mask("<time>", re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?\b")),
    Mask("<date>", re.compile(r"\b(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}/\d{1,2}/\d{2})\b")),
    Mask("<time>", re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?(?:\s?[ap]\.?m\b)?", re.IGNORECASE)),
    Mask(
        "<path>",
        re.compile(rf"(?<![\w<>/.~])(?:~|\.{{1,2}})?/{_SEGMENT}(?:/{_SEGMENT})+/?|\b[a-z]:\\[^\s\"'<>|]+", re.IGNORECASE),
    ),
    Mask("<hex>", re.compile(r"\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}\b", re.IGNORECASE)),
    Mask("<id>", re.compile(r"(?<![\w<-])#?(?=[\w-]*[a-z])(?=(?:[\w-]*\d){2})[\w-]{6,}(?![\w>-])", re.IGNORECASE)),
    Mask(
        "<number>",
        re.compile(r"(?<![\w<.])[-+]?[$€£¥]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?%?(?![\w>])", re.IGNORECASE),
    ),
)
_QUOTED = re.compile(r"(?<![\w<])(?:'[^'\n]{1,200}'|\"[^\"\n]{1,200}\"|`[^`\n]{1,200}`|“[^”\n]{1,200}”)(?!\w)")
_REPEATED = re.compile(r"(<[a-z]+>)(?:[\s,;:/|-]*\1)+")
_SPACES = re.compile(r"\s+")


def mask_prose(text: str) -> str:
    """What a person wrote, with addresses, ids, dates, paths and numbers replaced by marks such as `<id>`; case is kept.

    A number written together with letters stays where it is short, as in `401k` or `mp3`: it is part of the word.
    """
    for mark, pattern in PARTICULARS:
        text = pattern.sub(mark, text)
    return _SPACES.sub(" ", _REPEATED.sub(r"\1", text)).strip()


def mask_message(text: str) -> str:
    """What a machine wrote: as prose, and quoted values are replaced by `<value>` too."""
    return mask_prose(_QUOTED.sub("<value>", text))
