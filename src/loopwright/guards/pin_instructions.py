"""The guard against instructions lost in a long context: they are stated again at its end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from loopwright.guards.guard import ALLOW, GuardDecision, GuardEvent, GuardMode

MARK = "Instructions that still hold:"
"""How a pinned message begins; an earlier one is taken out when a new one is put in."""

MOST_STANDING = 10
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_STANDING = re.compile(
    r"\b(?:always|never|from now on|at all times|in every (?:reply|answer|message)|for the rest of|going forward|every time"
    r"|under no circumstances"
    r"|(?:please |just )?(?:don'?t|do not) ever|(?:keep|bear) (?:that|this|it) in mind|whatever (?:else )?(?:happens|comes)"
    r"|(?:pay(?:ing)? (?:with|by|from|using)|use|charge(?: it)? to) my)\b"
    r"|\b(?:want|take|accept|eat|drink|need|consider|fly|book|like) only\b|\bonly (?:want|take|accept|eat|drink|consider)\b"
    r"|(?:^|, |\b(?:and|but|so|please,?) )(?:only|no) (?!one\b|problem|thank|worr|idea|need\b|rush|matter|doubt|longer|more\b"
    r"|way\b|luck|reply|answer|chance|if\b|when\b|because|then\b|the\b|that\b|it\b|i\b|you\b|we\b|to\b|in\b|for\b)[a-z]{3}",
    re.IGNORECASE,
)
_REPORTS = re.compile(
    r"\b(?:i|we|you|it|they|he|she|that|this)(?:'ve| have| had|'s|'m| am| was| were|'d)? (?:always|never)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class PinInstructions:
    """Puts `instructions` at the end of the messages of a `model_call` once the context is long.

    Long is `after_messages` messages or `after_characters` characters of text. With `standing`, sentences in which the user gave
    a standing instruction ("from now on ...", "never ...", "only ...", "no ... please") are pinned too, the last ten at most.
    `role` is that of the message which is added. The same messages always give the same result: an earlier pin is replaced, not
    repeated.
    """

    mode: GuardMode = "shadow"
    instructions: tuple[str, ...] = ()
    after_messages: int = 20
    after_characters: int = 12000
    standing: bool = True
    role: str = "system"

    def __post_init__(self) -> None:
        for name in ("after_messages", "after_characters"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.role not in ("system", "developer", "user"):
            raise ValueError(f"role is {self.role!r}; give system, developer or user")

    @property
    def name(self) -> str:
        """`pin_instructions`."""
        return "pin_instructions"

    def initial(self) -> None:
        """No state: the messages say all."""
        return

    def step(self, state: None, event: GuardEvent, now: float) -> tuple[None, GuardDecision]:
        """Take one event."""
        messages = event.payload.get("messages")
        if event.kind != "model_call" or not isinstance(messages, list | tuple):
            return None, ALLOW
        kept = [m for m in messages if not _is_pin(m)]
        pinned = (*self.instructions, *(standing(kept) if self.standing else ()))
        if not pinned or not self._is_long(kept):
            return None, ALLOW
        content = "\n".join((MARK, *(f"- {line}" for line in dict.fromkeys(pinned))))
        reason = f"{len(kept)} messages: {len(set(pinned))} instruction{'s' if len(set(pinned)) != 1 else ''} stated again"
        return None, GuardDecision("replace", reason, [*kept, {"role": self.role, "content": content}])

    def _is_long(self, messages: Sequence[Any]) -> bool:
        return len(messages) >= self.after_messages or sum(len(_text(m)) for m in messages) >= self.after_characters


def standing(messages: Sequence[Any]) -> tuple[str, ...]:
    """The sentences in which the user gave a standing instruction, the last `MOST_STANDING` of them."""
    found = [
        sentence
        for m in messages
        if isinstance(m, Mapping) and m.get("role") == "user"
        for sentence in sentences(_text(m))
        if gives_standing_instruction(sentence)
    ]
    return tuple(found[-MOST_STANDING:])


@lru_cache(maxsize=4096)
def gives_standing_instruction(sentence: str) -> bool:
    """Whether a sentence of the user asks for something that is to hold from then on, rather than telling of a habit."""
    return len(sentence) <= 300 and "?" not in sentence and _STANDING.search(_REPORTS.sub(" ", sentence)) is not None


@lru_cache(maxsize=1024)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of what a user says."""
    return tuple(sentence.strip() for sentence in _SENTENCE.split(text[:4000]))


def _text(message: Any) -> str:
    content = message.get("content") if isinstance(message, Mapping) else None
    return content if isinstance(content, str) else ""


def _is_pin(message: Any) -> bool:
    return _text(message).startswith(MARK)
