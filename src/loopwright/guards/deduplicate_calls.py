"""The guard against the same call over and over: what was found already is given again, without calling the tool."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loopwright.guards.guard import ALLOW, STOPPED, GuardDecision, GuardEvent, GuardMode
from loopwright.guards.outcome import as_text, call_key, failure
from loopwright.guards.tool_names import changes_something

MEMORY = 500
"""Distinct calls remembered per session; the oldest are forgotten."""

_AFRESH = re.compile(r"\b(?:again|once more|re-?check|re-?try|refresh|double.?check|latest|still|by now)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """One call: how often it was made, its last result as text and as it came, and when that was."""

    count: int = 0
    result: Any = None
    answered: bool = False
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls since something changed, by `call_key`."""

    seen: Mapping[str, Seen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeduplicateCalls:
    """Answers an identical call with its earlier result once it has run `limit` times, and stops it after `block_after`.

    Two calls are identical by name and arguments. What forgets the earlier ones: a call of a tool in `writes`, or whose name says
    that it changes something (not for tools in `reads`); a failed call, which is the retry budget's matter; a result that differs
    from the last, which makes it polling; a user who asks to look again; and `fresh_seconds` (0: never). Tools in `exempt` may
    repeat as they like.
    """

    mode: GuardMode = "shadow"
    limit: int = 2
    block_after: int = 5
    fresh_seconds: float = 900.0
    exempt: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit is {self.limit}; give 1 or more")
        if self.block_after < self.limit:
            raise ValueError(f"block_after is {self.block_after}; give limit ({self.limit}) or more")

    @property
    def name(self) -> str:
        """`deduplicate_calls`."""
        return "deduplicate_calls"

    def initial(self) -> Calls:
        """Nothing called yet."""
        return Calls()

    def step(self, state: Calls, event: GuardEvent, now: float) -> tuple[Calls, GuardDecision]:
        """Take one event."""
        payload = event.payload
        if event.kind == "message":
            text = payload.get("content")
            afresh = payload.get("role") == "user" and isinstance(text, str) and _AFRESH.search(text[:2000])
            return (Calls() if afresh else state), ALLOW
        name = as_text(payload.get("name"))
        if event.kind not in ("tool_call", "tool_result") or name in self.exempt:
            return state, ALLOW
        key = call_key(name, payload.get("arguments"))
        if event.kind == "tool_call":
            return self._called(state, key, name, now)
        return self._answered(state, key, payload, now), ALLOW

    def changes(self, name: str) -> bool:
        """Whether a call of that tool may change what others return."""
        return name in self.writes or (name not in self.reads and changes_something(name))

    def _called(self, state: Calls, key: str, name: str, now: float) -> tuple[Calls, GuardDecision]:
        seen = state.seen.get(key, Seen())
        if seen.answered and self.fresh_seconds and now - seen.at > self.fresh_seconds:
            seen = Seen()
        seen = replace(seen, count=seen.count + 1)
        after = _with(state, key, seen)
        if seen.count <= self.limit:
            return after, ALLOW
        times = f"{STOPPED}{name} was called with these arguments {seen.count} times"
        if seen.answered and seen.count <= self.block_after:
            note = f"{times} and nothing changed in between: this is its earlier result. Go on with it, or do something else."
            return after, GuardDecision("replace", note, _noted(seen.result, note))
        known = "the result stands above" if seen.answered else "no result came"
        return after, GuardDecision(
            "block", f"{times}; {known}. Do not call it again: answer with what you know, or ask the user."
        )

    def _answered(self, state: Calls, key: str, payload: Mapping[str, Any], now: float) -> Calls:
        if failure(payload) is not None:
            return Calls({k: v for k, v in state.seen.items() if k != key})
        result = payload.get("result")
        seen = state.seen.get(key, Seen(1))
        same = not seen.answered or as_text(seen.result) == as_text(result)
        kept = Seen(seen.count if same else 1, result, answered=True, at=now)
        if self.changes(as_text(payload.get("name"))):
            return Calls({key: kept})
        return _with(state, key, kept)


def _with(state: Calls, key: str, seen: Seen) -> Calls:
    changed = {**state.seen, key: seen}
    if len(changed) > MEMORY:
        del changed[next(iter(changed))]
    return Calls(changed)


def _noted(result: Any, note: str) -> Any:
    """The result with the note, where it is text that nothing parses; else as it was."""
    if isinstance(result, str) and result.strip()[:1] not in ("", "{", "[", "<", '"'):
        return f"{result}\n\n[{note}]"
    return result
