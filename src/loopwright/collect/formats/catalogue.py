"""Which format a record is in, and what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from loopwright.collect import record as records
from loopwright.collect.formats import atif, exchanges, inspect, langfuse, langsmith, managed, phoenix, table, tau2, tracers
from loopwright.collect.formats.found import Found
from loopwright.collect.intake import printable
from loopwright.collect.joining import read_given
from loopwright.errors import RecordError
from loopwright.registry import unknown


class Format(NamedTuple):
    """A format of records: whether a record is in it, and what a record holds."""

    name: str
    tells: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Mapping[str, Any]], Found]


_EXPORTS = tuple(
    Format(module.NAME, module.tells, module.read)
    for module in (atif, inspect, tau2, langfuse, langsmith, phoenix, tracers, exchanges, table)
)
_BY_NAME = {format.name: format for format in _EXPORTS}
NAMES = (*records.FORMAT_NAMES, *_BY_NAME, managed.NAME)
"""All formats of records."""

_PREFERENCES = ({"chosen", "rejected"}, {"preferred_output", "non_preferred_output"})

KNOWN = (
    'chat (has "messages"), otlp (has "resourceSpans"), phoenix, langfuse, langsmith, inspect, atif, tau-bench (has "traj"), '
    'tau2-bench, exchange (has "request" and "response"), table (has "input" and "output"), '
    "normalised (what import --format json writes), "
    'feedback (has "feedback" and "trace_id", "span_id", "response_id" or "session_id")'
)


def sniff(record: Mapping[str, Any]) -> str | None:
    """The format that a record is in, by its keys; None for one that is not known."""
    if _is_preference(record):
        return None
    for format in _EXPORTS[:3]:
        if format.tells(record):
            return format.name
    known = records.sniff(record)
    if known in ("otlp", "normalised", "tau-bench", "feedback"):
        return known
    if known == "chat" and not (exchanges.tells(record) and not isinstance(record.get("messages"), str)):
        return "table" if isinstance(record.get("messages"), str) else "chat"
    return next((format.name for format in _EXPORTS[3:] if format.tells(record)), known)


def read(record: Mapping[str, Any], format: str | None = None) -> tuple[Found, str]:
    """What a record holds, and its format: the one given, or the one that its keys tell.

    OpenTelemetry's requests are not read here: what is kept of them are their own bytes. Raises `RecordError`.
    """
    name = sniff(record) if format is None else format
    if name is None:
        raise not_known(record)
    if name == "feedback":
        return Found(feedback=(read_given(record),)), name
    if name in _BY_NAME:
        return _BY_NAME[name].read(record), name
    if name in records.FORMATS:
        trace, _ = records.read_trace(record, name)
        return Found((trace,)), name
    raise RecordError(unknown("trace format", name, NAMES), reason="unknown format")


def not_known(record: Mapping[str, Any]) -> RecordError:
    """The refusal of a record in no known format, by what it is where that can be told."""
    if is_expected_chat(record):
        return RecordError(
            "this is Langfuse's own test output (chat messages by observation), and no trace",
            cure="leave it out",
            reason="no traces: expected output",
        )
    if _is_preference(record):
        return RecordError(
            "this is preference data, two answers to one question, and no trace",
            cure='give the answer that was given, under "messages"',
            reason="no traces: preferences",
        )
    keys = ", ".join(printable(str(key)[:40]) for key in list(record)[:8]) or "none"
    more = f" and {len(record) - 8} more" if len(record) > 8 else ""
    cure = f"known formats: {KNOWN}"
    if "role" in record and "content" in record:
        cure = 'this is one message: put the conversation in one record, {"id": ..., "messages": [...]}'
    return RecordError(f"unknown format: the record's keys are {keys}{more}", cure=cure, reason="unknown format")


def _is_preference(record: Mapping[str, Any]) -> bool:
    """Whether it holds a better answer and a worse one, and no conversation that was had."""
    return "messages" not in record and any(record.keys() >= pair for pair in _PREFERENCES)


def is_expected_chat(record: Mapping[str, Any]) -> bool:
    """Whether it is Langfuse's own test output: every value has nothing but `input` and `output`, each with `success`."""
    return bool(record) and all(
        isinstance(value, Mapping)
        and value
        and value.keys() <= {"input", "output"}
        and all(isinstance(side, Mapping) and "success" in side for side in value.values())
        for value in record.values()
    )
