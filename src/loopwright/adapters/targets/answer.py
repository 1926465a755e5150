"""What an agent hands back, in whatever form, becomes a `TargetReply`."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from loopwright.adapters.targets.agent_process import MAX_LINE
from loopwright.effects import TargetReply

MAX_ANSWER_BYTES = MAX_LINE
"""A longer answer is an error: what comes back is kept, and must not fill the machine's memory."""

TOO_LONG = f"the answer is longer than {MAX_ANSWER_BYTES // 1024 // 1024} MB"
_KNOWN = ("output", "messages", "error", "cost_usd", "tokens")


_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(line: bytes | str) -> Any:
    """JSON as a value; half surrogate pairs, which no file can hold, become U+FFFD. Raises `ValueError`."""
    escaped = b"\\ud" if isinstance(line, bytes) else "\\ud"
    if escaped not in line.lower():  # type: ignore[operator]
        return msgspec.json.decode(line)
    return _mended(json.loads(line))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(v) for v in value]
    if isinstance(value, dict):
        return {_mended(k): _mended(v) for k, v in value.items()}
    return value


def reply_from_text(text: str, latency_ms: float | None = None) -> TargetReply:
    """An answer as text: a JSON object with `output` or `error` is the long form, all else is the output as it stands."""
    if text.lstrip()[:1] == "{":
        try:
            value = decode(text)
        except (ValueError, RecursionError):
            value = None
        if _is_long_form(value):
            return reply_from(value, latency_ms)
    return TargetReply(output=text.removesuffix("\n").removesuffix("\r"), latency_ms=latency_ms)


def reply_from(value: Any, latency_ms: float | None = None) -> TargetReply:
    """An answer as a JSON value: text, the long form `{"output","messages"?,"cost_usd"?,"tokens"?,"error"?}`, or data.

    Data, such as a number, a list or another object, becomes its JSON text. An answer that breaks the long form's types is an
    error.
    """
    if not _is_long_form(value):
        return TargetReply(output=_text(value), latency_ms=latency_ms) if value is not None else _fault("None", latency_ms)
    problem = _problem(value)
    if problem:
        return TargetReply(error=f"the answer cannot be read: {problem}", latency_ms=latency_ms)
    error = value.get("error")
    return TargetReply(
        output=_text(value.get("output", "")),
        messages=tuple(value.get("messages") or ()),
        error=None if error is None else _text(error) or "the agent reported an error",
        cost_usd=value.get("cost_usd"),
        tokens=value.get("tokens"),
        latency_ms=latency_ms,
        extra={k: v for k, v in value.items() if k not in _KNOWN},
    )


def _fault(what: str, latency_ms: float | None) -> TargetReply:
    return TargetReply(error=f'the agent answered {what}; answer with text or {{"output": ...}}', latency_ms=latency_ms)


def _is_long_form(value: Any) -> bool:
    return isinstance(value, dict) and ("output" in value or "error" in value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _problem(value: dict[str, Any]) -> str | None:
    messages = value.get("messages")
    if messages is not None and not (isinstance(messages, list) and all(isinstance(m, dict) for m in messages)):
        return "messages is not a list of objects"
    cost = value.get("cost_usd")
    if cost is not None and not (_is_number(cost) and cost >= 0 and math.isfinite(cost)):
        return f"cost_usd is {cost!r}, not a number"
    tokens = value.get("tokens")
    if tokens is not None and not (isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0):
        return f"tokens is {tokens!r}, not a whole number"
    if value.get("output") is None and value.get("error") is None:
        return "output is null"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
