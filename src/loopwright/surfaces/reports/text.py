"""Production text made fit to be read: what is invisible is shown, what is long is clipped with a count of what is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from loopwright import wording
from loopwright.wording import number

__all__ = ["Clipped", "clip", "counted", "line", "moment", "number", "percent", "signal_name", "visible", "whole_percent"]

SIGNAL_NAMES = {
    "hard_error": "hard error",
    "user_correction": "user correction",
    "abandonment": "abandonment",
    "llm_judge_fail": "judged a failure",
    "business_metric": "business metric",
}

_HIDDEN_RANGES = (
    (0x80, 0x9F), (0x61C, 0x61C), (0x200B, 0x200B), (0x200E, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0xFDD0, 0xFDEF), (0xFFFE, 0xFFFF), (0xE0000, 0xE007F),
)  # fmt: skip
_VISIBLE: dict[int, str] = {code: f"⟨U+{code:04X}⟩" for low, high in _HIDDEN_RANGES for code in range(low, high + 1)}
_VISIBLE |= {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
_VISIBLE |= {0x7F: "␡"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


NO_BREAK = "\u00a0"


def visible(text: str) -> str:
    """`text` with control, bidirectional-override and other hidden characters written out, so that none acts and none hides.

    Line breaks and tabs stay; lone surrogates, which no encoding can carry, become U+FFFD.
    """
    return text.replace("\r\n", "\n").translate(_VISIBLE)


@dataclass(frozen=True, slots=True)
class Clipped:
    """A text in three parts: the `head` that is shown, the `rest` behind a fold, and the number of characters `left` out."""

    head: str
    rest: str = ""
    left: int = 0


def clip(text: str, head: int, fold: int = 0) -> Clipped:
    """`text` cut after about `head` characters, at a space where there is one near, then after `fold` more."""
    text = text.strip()
    if len(text) <= head + min(40, head // 4):
        return Clipped(text)
    cut = text.rfind(" ", head - min(30, head // 4), head)
    cut = cut if cut > 0 else head
    rest = text[cut : cut + fold]
    return Clipped(text[:cut], rest, len(text) - cut - len(rest))


def line(text: str, limit: int) -> str:
    """`text` on one line, at most about `limit` characters; an ellipsis stands for what is left out."""
    part = clip(" ".join(text[: 4 * limit].split()), limit)
    return part.head + ("…" if part.left or len(text) > 4 * limit else "")


def percent(share: float) -> str:
    """`0.123` as `12.3 %`, never broken over two lines."""
    return wording.percent(share).replace(" ", NO_BREAK)


def whole_percent(share: float) -> str:
    """`0.2` as `20 %`: for axes."""
    return wording.percent(share, 0).replace(" ", NO_BREAK)


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 trace`, `2 traces`; a number is never parted from its noun."""
    return wording.counted(count, noun, plural).replace(" ", NO_BREAK, 1)


def moment(at: datetime) -> str:
    """A time to the minute, with its zone."""
    return f"{at:%Y-%m-%d %H:%M} {at.tzname() or ''}".strip()


def signal_name(signal_type: str) -> str:
    """A signal type in words."""
    return SIGNAL_NAMES.get(signal_type, signal_type.replace("_", " "))
