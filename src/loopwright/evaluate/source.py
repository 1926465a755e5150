"""One recorded failure, cut: what the agent was given, the answer that failed, and what the user said next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopwright.collect.trace import Message, Trace
from loopwright.evaluate.expectation import request_in
from loopwright.evaluate.recording import chat, only_marks, tidy
from loopwright.evaluate.redaction import redact, redact_value
from loopwright.mine.likeness import words
from loopwright.mine.reading import Reading, ToolUse, plain, read, role_of
from loopwright.mine.signal import FailureTrace, Signal
from loopwright.mine.speech import closing, spoken
from loopwright.mine.tool_text import unavailable

EFFORT = "unusual_effort"
USERS_WORD = frozenset({"user_correction", "user_refusal", "user_reask", "human_request", "frustration"})
"""Detectors of what the user says about an answer, after it."""


@dataclass(frozen=True, slots=True)
class Source:
    """One recorded failure: the `given` messages up to the user's, the `answer` that failed, and what was said `next`.

    `signal` is the one that told of the failure, `use` the tool call that it points at, where there is one. It `recovered`
    when that call failed, and a later one of the same tool did not: then something else may be what went wrong.
    """

    failure: FailureTrace
    signal: Signal | None
    given: tuple[Message, ...]
    answer: tuple[Message, ...]
    next: str = ""
    use: ToolUse | None = None
    recovered: bool = False

    @property
    def detector(self) -> str:
        """The detector of its signal; empty where there is none."""
        return self.signal.detector if self.signal is not None else ""

    @property
    def tool(self) -> str:
        """The tool's name, or words for it."""
        return self.use.name if self.use is not None and self.use.name else "the tool"

    @property
    def down(self) -> bool:
        """Whether a tool failed because what is behind it did not answer."""
        if self.signal is None or self.detector != "tool_error":
            return False
        error = self.use.failure if self.use is not None else None
        return unavailable(error.message if error is not None else self.signal.reason)

    @property
    def request(self) -> str:
        """What the user asked for: in the conversation, else in the failure's own record."""
        return request_in(self.given) if self.given else _recorded_request(self.failure.input_payload)

    @property
    def sentence(self) -> str:
        """What went wrong; the name of a tool at its beginning stays as it is written."""
        flat = " ".join((self.signal.reason if self.signal else self.failure.failure_reason).split())
        named = self.use is not None and bool(self.use.name) and flat.startswith(self.use.name)
        return flat if named else flat[:1].upper() + flat[1:]

    def input(self) -> Any:
        """A case's input: text where the user spoke once, else the messages; without a conversation, what the record holds."""
        if not self.given:
            payload = self.failure.input_payload
            text = _recorded_request(payload)
            return redact(text) if text else redact(json.dumps(redact_value(payload), ensure_ascii=False, default=str))
        return as_input(self.given)


def as_input(messages: Sequence[Message]) -> Any:
    """Messages as a case's input: text where there is one alone."""
    if len(messages) == 1 and messages[0].text.strip():
        return tidy(redact(spoken(messages[0].text)))
    return [chat(m) for m in messages]


def cut(failure: FailureTrace, messages: Sequence[Message], detector: str | None) -> Source:
    """The conversation before the failure, and the answer that failed, by the strongest signal of `detector`, else by any.

    Effort is a matter of the whole conversation: it is cut at the first request. No case is about thanks or a goodbye. System
    messages are left out: they are the agent's own, and another version brings its own.
    """
    own = [s for s in failure.signals if s.detector == detector] or list(failure.signals)
    signal = max(own, key=lambda s: s.severity * s.confidence, default=None)
    users = [i for i, m in enumerate(messages) if role_of(m) == "user" and not only_marks(m)]
    if not users:
        return Source(failure, signal, (), ())
    reading = read(Trace("", messages=tuple(messages)))
    at = signal.where.message_index if signal is not None else None
    last = _last_request(reading, users, len(messages) - 1 if at is None or at >= len(messages) else at, signal)
    follow = next((i for i in users if i > last), len(messages))
    given = tuple(m for m in messages[: last + 1] if role_of(m) != "system" and not only_marks(m))
    after = messages[follow].text if follow < len(messages) else ""
    use = next((u for u in reading.tools if at is not None and at in (u.index, u.result_index)), None)
    return Source(failure, signal, given, tuple(messages[last + 1 : follow]), after, use, _recovered(reading, use))


def users_side(messages: Sequence[Message], before: int | None = None) -> list[Message]:
    """What the user said, without thanks and goodbyes; only what stands before the message of index `before`, where given."""
    said = read(Trace("", messages=tuple(messages))).users
    told = [u.index for u in said if not closing(u.plain, u.before)] or [u.index for u in said]
    return [messages[i] for i in told if before is None or i < before] or [messages[i] for i in told[:1]]


def _recovered(reading: Reading, use: ToolUse | None) -> bool:
    if use is None or use.failure is None:
        return False
    later = reading.tools[reading.tools.index(use) + 1 :]
    return any(other.name == use.name and other.result is not None and other.failure is None for other in later)


def _last_request(reading: Reading, users: Sequence[int], place: int, signal: Signal | None) -> int:
    """The message of the user that the answer which failed at `place` was an answer to."""
    closings = {u.index for u in reading.users if closing(u.plain, u.before)}
    asking = [i for i in users if i not in closings] or list(users)
    if signal is not None and signal.detector == EFFORT:
        telling = {u.index for u in reading.users if len(words(u.plain)) > 1}
        return next((i for i in asking if i in telling), asking[0])
    own = signal is not None and signal.detector in USERS_WORD
    return max((i for i in asking if i < place or (i == place and not own)), default=asking[0])


def _recorded_request(payload: Mapping[str, Any]) -> str:
    """The input of a record; its request where the input only says thanks, and nothing where neither is text."""
    said = [spoken(text) for name in ("input", "request") if isinstance(text := payload.get(name), str)]
    asked = [text for text in said if text.strip() and not closing(plain(text))]
    return next(iter(asked or (text for text in said if text.strip())), "")
