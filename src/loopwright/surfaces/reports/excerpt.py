"""The part of a conversation that shows the failure: the evidence pinned, a little before and after, the rest counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from loopwright.collect.trace import Message, ToolCall
from loopwright.mine.policy import by_strength
from loopwright.mine.signal import FailureTrace, Signal
from loopwright.surfaces.reports.text import Clipped, clip, line, signal_name

BEFORE, AFTER = 2, 1
MAX_PINS = 2
MAX_FLAGS = 4
MAX_SIGNALS = 12
MESSAGE_HEAD, MESSAGE_FOLD = 420, 1800
CALL_HEAD, CALLS_SHOWN = 180, 6


@dataclass(frozen=True, slots=True)
class Evidence:
    """One signal, in words; `severity` and `confidence` are None for evidence that is not a signal.

    `place` is the number of the message, None where it points at none.
    """

    name: str
    detector: str
    severity: float | None
    confidence: float | None
    reason: str
    place: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call on one line."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message: its number (from 0, as in the trace), who speaks, what; `pinned` holds the signals that point at it."""

    index: int
    role: str
    speaker: str
    name: str
    text: Clipped
    calls: tuple[Call, ...]
    more_calls: int
    pinned: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Turns with the number of messages skipped before each, and after the last. `total` is the conversation's length."""

    turns: tuple[tuple[int, Turn], ...]
    skipped_after: int
    total: int

    @property
    def pinned(self) -> int:
        """How many signals are shown, at the messages that they point at."""
        return sum(len(turn.pinned) for _, turn in self.turns)


def evidence(failure: FailureTrace) -> tuple[Evidence, ...]:
    """The failure's strongest signals, strongest first, at most 12."""
    return tuple(_evidence(s) for s in by_strength(failure.signals)[:MAX_SIGNALS])


def pinned_text(failure: FailureTrace, messages: Sequence[Message]) -> tuple[str, str] | None:
    """Who says what in the message that the strongest signal points at; None where no signal points at a message."""
    pins = _pins(failure, len(messages))
    if not pins:
        return None
    message = messages[pins[0]]
    calls = ", ".join(f"{c.name}({c.arguments})" for c in map(_call, message.tool_calls[:2]))
    return _speaker(message), line(message.text or calls, 300) or "(an empty message)"


def excerpt(failure: FailureTrace, messages: Sequence[Message]) -> Excerpt:
    """The opening, the messages around the evidence, or the end where nothing is pinned."""
    return _around(messages, _pins(failure, len(messages)), lambda index: _flags(failure.signals, index))


def excerpt_at(messages: Sequence[Message], pinned: Evidence) -> Excerpt:
    """The opening and the messages around the place of one piece of evidence, or the end where it has none."""
    pins = [] if pinned.place is None else [pinned.place]
    return _around(messages, pins, lambda index: (pinned,) if index == pinned.place else ())


def _around(messages: Sequence[Message], pins: Sequence[int], flags: Callable[[int], tuple[Evidence, ...]]) -> Excerpt:
    opening = next((i for i, m in enumerate(messages) if m.role == "user"), 0)
    around = pins or [len(messages) - 1]
    chosen = {i for pin in around for i in range(pin - BEFORE, pin + AFTER + 1) if 0 <= i < len(messages)}
    chosen = {i for i in chosen if messages[i].role != "system" or i in pins} | ({opening} if messages else set())
    turns: list[tuple[int, Turn]] = []
    previous = -1
    for index in sorted(chosen):
        turns.append((index - previous - 1, _turn(index, messages[index], flags(index))))
        previous = index
    return Excerpt(tuple(turns), len(messages) - previous - 1, len(messages))


def _flags(signals: Sequence[Signal], index: int) -> tuple[Evidence, ...]:
    return tuple(_evidence(s) for s in by_strength(signals) if s.where.message_index == index)[:MAX_FLAGS]


def _pins(failure: FailureTrace, length: int) -> list[int]:
    """The messages that the strongest signals point at, strongest first; of signals that say the same, the first."""
    said: set[tuple[str, str]] = set()
    places: list[int] = []
    for signal in by_strength(failure.signals):
        place, saying = signal.where.message_index, (signal.detector, signal.summary or signal.reason)
        if place is None or not 0 <= place < length or saying in said:
            continue
        said.add(saying)
        places.append(place)
    return list(dict.fromkeys(places))[:MAX_PINS]


def _evidence(signal: Signal) -> Evidence:
    return Evidence(
        name=signal_name(signal.type.value),
        detector=line(signal.detector, 80),
        severity=signal.severity,
        confidence=signal.confidence,
        reason=line(signal.reason, 260),
        place=signal.where.message_index,
    )


def _turn(index: int, message: Message, pinned: tuple[Evidence, ...]) -> Turn:
    return Turn(
        index=index,
        role=message.role if message.role in ("user", "assistant", "tool", "system") else "other",
        speaker=_speaker(message),
        name=line(message.name or "", 60),
        text=clip(message.text, MESSAGE_HEAD, MESSAGE_FOLD),
        calls=tuple(_call(c) for c in message.tool_calls[:CALLS_SHOWN]),
        more_calls=max(0, len(message.tool_calls) - CALLS_SHOWN),
        pinned=pinned,
    )


def _speaker(message: Message) -> str:
    return line({"user": "user", "assistant": "agent"}.get(message.role, message.role), 40)


def _call(call: ToolCall) -> Call:
    return Call(line(call.name, 80), line(_arguments(call.arguments), CALL_HEAD))


def _arguments(arguments: Any) -> str:
    if isinstance(arguments, dict):
        return ", ".join(f"{key}={_json(value)}" for key, value in arguments.items())
    return arguments if isinstance(arguments, str) else "" if arguments is None else _json(arguments)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)
