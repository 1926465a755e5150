"""Records of the formats that a conversation can come in become `Trace`s, and a trace becomes the record that `import` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import msgspec

from loopwright.audit.digest import content_id
from loopwright.collect.conversation import message_object, read_messages, read_steps
from loopwright.collect.feedback import read_feedback
from loopwright.collect.intake import printable, shown
from loopwright.collect.times import moment, utc
from loopwright.collect.trace import Feedback, Step, Trace, Usage
from loopwright.errors import RecordError
from loopwright.registry import unknown

LABELS = frozenset({"reward", "info"})
"""Fields that say how a record turned out. They change nothing, ids included, and are not kept."""

PLACES = ("trace_id", "session_id", "span_id", "response_id")
"""What feedback may name as that which it is given on."""

MAX_ID = 500
_CHAT_FIELDS = frozenset(
    {"id", "trace_id", "messages", "session_id", "agent", "version", "timestamp", "feedback", "metadata"}
)  # fmt: skip
_OTLP_FIELDS = frozenset(
    {"resourceSpans", "resourceLogs", "resourceMetrics", "resource_spans", "resource_logs", "resource_metrics"}
)  # fmt: skip
_TRACE_FIELDS = frozenset(f.name for f in fields(Trace))


def sniff(record: Mapping[str, Any]) -> str | None:
    """The format that a record is in, by its keys; None for one that is not known."""
    if not record.keys().isdisjoint(_OTLP_FIELDS):
        return "otlp"
    if "trace_id" in record and "steps" in record:
        return "normalised"
    if "traj" in record:
        return "tau-bench"
    if "messages" in record:
        return "chat"
    return "feedback" if "feedback" in record and not record.keys().isdisjoint(PLACES) else None


def read_trace(record: Mapping[str, Any], format: str | None = None) -> tuple[Trace, str]:
    """The record as a trace, and its format: the one given, or the one that its keys tell.

    Raises `RecordError` naming what is wrong, and `UsageError` for a format that is not known.
    """
    found = sniff(record) if format is None else format
    if found is None:
        raise _not_known(record)
    if found not in FORMATS:
        raise RecordError(unknown("trace format", found, FORMATS), reason="unknown format")
    return FORMATS[found](record), found


def read_chat(record: Mapping[str, Any]) -> Trace:
    """`{"id","messages","session_id"?,"agent"?,"version"?,"timestamp"?,"feedback"?,"metadata"?}`; `trace_id` may stand for `id`.

    A record without an id gets one derived from its content, its feedback left out since that may come later. What else the
    record holds becomes attributes, together with `metadata`.
    """
    if "messages" not in record:
        raise RecordError("the record has no messages", cure='give a list: "messages": [{"role": ..., "content": ...}, ...]')
    return _conversation(record, record["messages"], "messages", record.get("id", record.get("trace_id")))


def read_tau_bench(record: Mapping[str, Any]) -> Trace:
    """`{"task_id","trial","traj"}`: one conversation of tau-bench; its id is `{task_id}-{trial}`."""
    if "traj" not in record:
        raise RecordError("the record has no traj", cure='give a list: "traj": [{"role": ..., "content": ...}, ...]')
    id = record.get("id")
    if id is None and record.get("task_id") is not None and record.get("trial") is not None:
        id = f"{_id(record['task_id'], 'task_id')}-{_id(record['trial'], 'trial')}"
    return _conversation({k: v for k, v in record.items() if k != "traj"}, record["traj"], "traj", id)


def read_normalised(record: Mapping[str, Any]) -> Trace:
    """What `import --format json` wrote, without loss; a field that is null or absent has its default."""
    try:
        trace = msgspec.convert({k: v for k, v in record.items() if k in _TRACE_FIELDS and v is not None}, Trace)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at ")
        place = path.strip("`").removeprefix("$.") or "the record"
        value = _at(record, place)
        raise RecordError(
            f"{place}: {problem[:1].lower()}{problem[1:]}{f', found {value}' if value else ''}".replace("`", ""),
            cure="give the record as import wrote it",
        ) from None
    _id(trace.trace_id, "trace_id")
    return replace(
        trace,
        steps=tuple(replace(step, started_at=_utc(step.started_at), ended_at=_utc(step.ended_at)) for step in trace.steps),
        started_at=_utc(trace.started_at),
        ended_at=_utc(trace.ended_at),
        feedback=tuple(replace(verdict, at=_utc(verdict.at)) for verdict in trace.feedback),
        attributes=_attributes({k: v for k, v in record.items() if k not in _TRACE_FIELDS}, trace.attributes),
    )


def trace_object(trace: Trace) -> dict[str, Any]:
    """A trace as plain JSON values: the record that `import --format json` writes, and `read_normalised` reads."""
    return {
        "trace_id": trace.trace_id,
        "session_id": trace.session_id,
        "agent": trace.agent,
        "version": trace.version,
        "started_at": _iso(trace.started_at),
        "ended_at": _iso(trace.ended_at),
        "messages": [message_object(message) for message in trace.messages],
        "steps": [_step_object(step) for step in trace.steps],
        "usage": _usage_object(trace.usage),
        "error": trace.error,
        "feedback": [_feedback_object(verdict) for verdict in trace.feedback],
        "attributes": trace.attributes,
        **({} if trace.user_id is None else {"user_id": trace.user_id}),
    }


FORMATS: dict[str, Callable[[Mapping[str, Any]], Trace]] = {
    "chat": read_chat,
    "tau-bench": read_tau_bench,
    "normalised": read_normalised,
}
GATHERED = ("otlp", "feedback")
"""Formats of which a record is a part of a trace: a reader gathers them, and `read_trace` does not know them."""
FORMAT_NAMES = (*FORMATS, *GATHERED)
KNOWN_FORMATS = (
    'chat (has "messages"), tau-bench (has "traj"), normalised (what import --format json writes), otlp (has "resourceSpans"), '
    'feedback (has "feedback" and "trace_id", "span_id", "response_id" or "session_id")'
)


def _conversation(record: Mapping[str, Any], value: Any, name: str, id: Any) -> Trace:
    messages = read_messages(value, name)
    metadata = record.get("metadata")
    extra = {k: v for k, v in record.items() if k not in _CHAT_FIELDS}
    if metadata is not None and not isinstance(metadata, Mapping):
        extra["metadata"] = metadata
    content: dict[str, Any] = {
        "messages": messages,
        "session_id": _label(record.get("session_id"), "session_id"),
        "agent": _label(record.get("agent"), "agent"),
        "version": _label(record.get("version"), "version"),
        "started_at": moment(record.get("timestamp"), "timestamp"),
        "attributes": _attributes(extra, metadata if isinstance(metadata, Mapping) else {}),
    }
    trace_id = content_id("trace", content) if id is None else _id(id, "id")
    return Trace(trace_id, steps=read_steps(messages), feedback=read_feedback(record.get("feedback")), **content)


def _attributes(extra: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in {**extra, **inner}.items() if k not in LABELS}


def _label(value: Any, name: str) -> str | None:
    """A name that nothing is looked up by: any text, kept as it is, or a number; None where there is none."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if text is not None and not isinstance(text, str):
        raise RecordError(f"{name} is {shown(value)}", cure="give text or a number, or leave it out", reason=f"bad {name}")
    return text or None


def _id(value: Any, name: str) -> str:
    """An identifying value as text; raises `RecordError` for one that cannot name anything."""
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip() or len(text) > MAX_ID or not text.isprintable():
        raise RecordError(
            f"{name} is {shown(value)}", cure=f"give text of 1 to {MAX_ID} printable characters, or a number", reason="bad id"
        )
    return text


def _not_known(record: Mapping[str, Any]) -> RecordError:
    keys = ", ".join(printable(str(key)[:40]) for key in list(record)[:8]) or "none"
    more = f" and {len(record) - 8} more" if len(record) > 8 else ""
    if "role" in record and "content" in record:
        cure = 'this is one message: put the conversation in one record, {"id": ..., "messages": [...]}'
    else:
        cure = f"known formats: {KNOWN_FORMATS}"
    return RecordError(f"unknown format: the record's keys are {keys}{more}", cure=cure, reason="unknown format")


def _at(record: Any, path: str) -> str:
    """The value at a path such as `messages[0].role`, for a message; "" where there is none."""
    try:
        for part in path.replace("[", ".[").split("."):
            record = record[int(part[1:-1])] if part.startswith("[") else record[part]
    except (KeyError, IndexError, ValueError, TypeError):
        return ""
    return shown(record)


def _step_object(step: Step) -> dict[str, Any]:
    return {
        "span_id": step.span_id,
        "parent_id": step.parent_id,
        "kind": step.kind,
        "name": step.name,
        "input": step.input,
        "output": step.output,
        "error": step.error,
        **{name: value for name, value in _told_by(step).items() if value},
    }


def _told_by(step: Step) -> dict[str, Any]:
    """What not every step tells."""
    return {
        "started_at": _iso(step.started_at),
        "ended_at": _iso(step.ended_at),
        "model": step.model,
        "response_id": step.response_id,
        "usage": None if step.usage is None else {k: v for k, v in _usage_object(step.usage).items() if v is not None},
        "attributes": step.attributes,
    }


def _usage_object(usage: Usage) -> dict[str, Any]:
    """Usage as plain values; the finer counts only where they are known."""
    made: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": usage.cost_usd,
        "latency_ms": usage.latency_ms,
    }
    for name in ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"):
        if getattr(usage, name) is not None:
            made[name] = getattr(usage, name)
    return made


def _feedback_object(verdict: Feedback) -> dict[str, Any]:
    return {
        "kind": verdict.kind,
        "value": verdict.value,
        "negative": verdict.negative,
        "comment": verdict.comment,
        "source": verdict.source,
        "message_index": verdict.message_index,
        "at": _iso(verdict.at),
    }


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else utc(time)
