"""What of a failure is compared: its input, its reason, and a few structured fields.

The source embeds `input + failure_reason + context type` as one text. Here the parts stay apart until they are vectors, since a
reason that many failures share word for word is a label, and would drown what the input says. Where a person wrote what went
wrong, their words are the reason: an agent that believes something wrong leaves no other sign of what that is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loopwright.cluster.masking import mask_message, mask_prose
from loopwright.cluster.naming import words_of
from loopwright.mine.signal import FailureSignal, FailureTrace

LONGEST = 2_000  # characters of one part
TELLING = 3  # words that carry meaning; with fewer, people say that something is wrong, and hardly what
_FIRST = ("request", "query", "question", "prompt", "message", "text", "input", "content", "task", "instruction")
_ERROR_CLASS = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Timeout|Fault|Warning)\b")
_STATUS = re.compile(r"\b(?:status|http|code|error)\D{0,12}([45]\d\d)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What is compared of one failure: two failures with equal keys are exact duplicates.

    `input` and `reason` are masked; `fields` are (name, value) pairs; `telling` says that the reason is an error's signature, or
    what somebody wrote about the failure, which tells the failure modes apart better than the input does.
    """

    input: str
    reason: str
    fields: tuple[tuple[str, str], ...]
    telling: bool


def key_of(failure: FailureTrace) -> Key:
    """The failure without its particulars."""
    words = told(failure)
    return Key(
        input=mask_prose(" ".join(_texts(failure.input_payload))[:LONGEST]),
        reason=words or mask_message(failure.failure_reason[:LONGEST]),
        fields=tuple(_fields(failure)),
        telling=bool(words) or (failure.signal_type is FailureSignal.HARD_ERROR and bool(failure.failure_reason.strip())),
    )


def told(failure: FailureTrace) -> str:
    """What somebody wrote about the failure, masked; empty where they wrote nothing, or not what went wrong."""
    words = mask_prose(failure.words[:LONGEST])
    return words if len(set(words_of(words))) >= TELLING else ""


def source_text(failure: FailureTrace) -> str:
    """The source's own recipe, word for word."""
    return f"{failure.input_payload} | {failure.failure_reason} | {list(failure.context_snapshot)}"


def tool_of(failure: FailureTrace) -> str | None:
    """The tool that failed last, or the one that the context names."""
    for step in reversed(failure.reasoning_steps):
        if step.get("kind", "tool") == "tool" and step.get("error") and step.get("name"):
            return str(step["name"])
    named = failure.context_snapshot.get("tool") or failure.context_snapshot.get("tool_name")
    return named if isinstance(named, str) else None


def error_class(reason: str) -> str | None:
    """The exception's class or the HTTP status that a reason names."""
    found = _ERROR_CLASS.search(reason)
    if found:
        return found.group()
    status = _STATUS.search(reason)
    return status.group(1) if status else None


def _fields(failure: FailureTrace) -> Iterator[tuple[str, str]]:
    yield "signal", failure.signal_type.value
    tool, error = tool_of(failure), error_class(failure.failure_reason)
    if tool:
        yield "tool", tool
    if error:
        yield "error", error
    if failure.context_snapshot:
        yield "context", ",".join(sorted(map(str, failure.context_snapshot)))


def _texts(value: Any, depth: int = 0) -> list[str]:
    """The texts in a payload, each once: those under the usual names first, of a list of messages the user's only."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    if depth > 6:
        return []
    found: list[str] = []
    if isinstance(value, Mapping):
        names = [name for name in _FIRST if name in value]
        names += [name for name in value if name not in _FIRST and name not in ("role", "type", "id")]
        for name in names:
            found += _texts(value[name], depth + 1)
    elif isinstance(value, Sequence):
        said = [item for item in value if isinstance(item, Mapping) and item.get("role") == "user"]
        for item in said or value:
            found += _texts(item, depth + 1)
    return list(dict.fromkeys(found))
