"""What was really said: text without the marks that end a conversation, and whether it only says goodbye."""

from __future__ import annotations

import re

from loopwright.mine.agent_wording import OFFERS_MORE
from loopwright.mine.likeness import words
from loopwright.mine.user_wording import CLOSES, NEGATIVE, THANKS_ELSEWHERE

_MARKS = re.compile(r"(?<!#)#{2,}+[ \t]*+[A-Z][A-Z0-9_-]{0,40}[ \t]*+#{2,}+|<\|\w{1,30}\|>")
_LAST_MARK = re.compile(
    r"(?:\[/?(?:END|STOP|DONE|EXIT|EOS|TERMINATE|END[ _-]OF[ _-](?:CONVERSATION|CHAT|DIALOGUE))\]|</s>"
    r"|(?:(?<=[.!?\n])|(?<=[.!?\n] )|(?<![\s\S]))(?:TERMINATE|TASK_DONE|END_OF_CONVERSATION|END_CONVERSATION)[.!]?)\s*\Z"
)
_LAST_LETTERS = ("]", ">", "E", "E.", "E!", "N", "N.", "N!")
"""What a last mark ends with."""
_PARTS = re.compile(r"[.,;:!\n\u3002\uff01\uff0c\u3001\u00a1-]+|\band\b")
_FILLERS = re.compile(
    r"(?:(?:ok(?:ay)?|great|perfect|alright|all right|well|no+|nope|yes|yeah|oh|so|i|really|super|very|hello) +)+"
)
_TURNS = re.compile(
    r"\b(?:but|however|still|please|(?:can|could|would|will) you|i (?:want|need to|would like)|i'd like to|aber|pero)\b"
)
_SETTLED = re.compile(
    r"(?:that|this|it)(?:'s| is| has| was| all)? ?(?:very |really |so |been )?(?:resolve|solve|help|answer|work|fix|clear)"
)
_LONGEST = 300
# fmt: off
_CLOSING_WORDS = frozenset({
    "again", "all", "already", "alright", "appreciat", "assist", "assistance", "awesome", "bless", "bye", "cool", "day", "done",
    "else", "evening", "everyth", "everything", "excellent", "got", "happy", "i'll", "kind", "lot", "lovely", "more", "much",
    "night", "noth", "nothing", "now", "patience", "set", "support", "super", "take", "team", "time", "very", "weekend",
    "wonderful", "care", "have", "see", "soon", "later", "thx", "cheer", "cheers", "goodbye", "far", "today", "never", "mind",
})
# fmt: on


def spoken(text: str) -> str:
    """`text` without the marks with which simulated users and frameworks end a conversation, such as `###STOP###`.

    `##MARK##` and `<|mark|>` are left out anywhere, `[END]`, `</s>` and a lone `TERMINATE` at the end only. What holds no mark
    comes back as it is; what holds nothing else is empty.
    """
    if "##" not in text and "<|" not in text and not text[-60:].rstrip().endswith(_LAST_LETTERS):
        return text
    bare = _MARKS.sub(" ", text)
    found = _LAST_MARK.search(bare)
    if found is not None:
        return bare[: found.start()].strip()
    return text if bare == text else bare.strip()


def closing(plain: str, before: str = "") -> bool:
    """Whether a user's message only says thanks or goodbye, or declines the offer of more help that came `before`.

    Both are plain text (`reading.plain`). A question, or a request that comes with the thanks, is none.
    """
    if not plain.strip() or len(plain) > _LONGEST or "?" in plain or "\uff1f" in plain:
        return False
    parts = [part.strip() for part in _PARTS.split(plain) if part.strip()]
    if OFFERS_MORE.search(before[-300:]) and parts and NEGATIVE.fullmatch(parts[0]):
        return all(_closes(part) for part in parts[1:])
    thanked = any(CLOSES.search(part) or THANKS_ELSEWHERE.search(part) for part in parts)
    return thanked and all(_closes(part) for part in parts)


def _closes(part: str) -> bool:
    rest = _FILLERS.sub("", part, count=1) if _FILLERS.match(part) else part
    if _TURNS.search(part):
        return False
    starts = CLOSES.match(rest) is not None or _SETTLED.match(rest) is not None
    elsewhere = THANKS_ELSEWHERE.search(part) is not None and len(part.split()) <= 8
    return starts or elsewhere or NEGATIVE.fullmatch(part) is not None or not words(part) - _CLOSING_WORDS
