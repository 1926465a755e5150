"""Inspect's logs: a sample in an epoch is one trace, its scores are evaluations of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from loopwright.collect.conversation import read_messages, read_steps
from loopwright.collect.formats.found import Found, field, label, mapping, objects, optional_id, present, text, time
from loopwright.collect.intake import shown
from loopwright.collect.trace import Feedback, Message, Step, Trace, Usage
from loopwright.errors import RecordError

NAME = "inspect"
_LETTERS = {"C": False, "I": True, "P": None, "N": None}
_COUNTS = ("input_tokens", "output_tokens", "total_tokens")
_CACHED = ("input_tokens_cache_read", "input_tokens_cache_write")
_REFERENCES = ("attachment://", "tc://")
_MAX_DEPTH = 60
_READ = frozenset(
    ("id", "epoch", "messages", "input", "scores", "error", "model_usage", "events", "attachments", "metadata", "uuid", "output",
     "message_pool", "events_data", "total_time", "timelines")
)  # fmt: skip


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record is a log, whole or with some of its samples."""
    told = record.get("eval")
    return isinstance(told, Mapping) and "task" in told and "status" in record


def read(record: Mapping[str, Any]) -> Found:
    """The samples of a log; raises `RecordError` naming what is wrong."""
    told = mapping(record.get("eval"))
    return Found(tuple(_trace(sample, told) for sample in objects(record.get("samples"), "samples")))


def _trace(sample: Mapping[str, Any], told: Mapping[str, Any]) -> Trace:
    known, epoch = sample.get("id"), sample.get("epoch", 1)
    if type(known) not in (str, int):
        raise RecordError(f"a sample's id is {shown(known)}", cure="write the log again: inspect log convert", reason="bad id")
    attachments = mapping(sample.get("attachments"))
    messages = read_messages([_chat(item) for item in objects(_whole(sample.get("messages"), attachments), "messages")])
    if not messages:
        messages = _asked(_whole(sample.get("input"), attachments))
    started, ended = _times(sample, told)
    seconds = sample.get("total_time")
    taken = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    run = label(told, "run_id", "eval_id", "task_id") or "inspect"
    revision = mapping(told.get("revision"))
    return Trace(
        optional_id(sample, "uuid") or f"{run}-{known}-{epoch}",
        messages,
        tuple(_told(read_steps(messages), sample, told)),
        agent=label(told, "task_display_name", "task"),
        version=label(revision, "commit"),
        started_at=started,
        ended_at=ended,
        usage=replace(_usage(sample), latency_ms=1000.0 * float(seconds) if taken else None),  # type: ignore[arg-type]
        error=_error(sample),
        feedback=tuple(_scores(sample, ended)),
        attributes=present(
            {
                **{f"sample.{name}": value for name, value in sample.items() if name not in _READ and value is not None},
                **_whole_mapping(mapping(sample.get("metadata")), attachments),
                "inspect.sample_id": known,
                "inspect.epoch": epoch,
                "inspect.run_id": label(told, "run_id"),
                "inspect.task": label(told, "task"),
                "inspect.created": label(told, "created"),
                "inspect.dataset": label(mapping(told.get("dataset")), "name"),
                "models": [model] if (model := label(told, "model")) else None,
            }
        ),
    )


def _whole(value: Any, attachments: Mapping[str, Any], depth: int = 0) -> Any:
    """A value with the attachments that it refers to in it."""
    if isinstance(value, str):
        for prefix in _REFERENCES:
            if value.startswith(prefix):
                return attachments.get(value[len(prefix) :], value)
        return value
    if depth > _MAX_DEPTH:
        return value
    if isinstance(value, Mapping):
        return {key: _whole(inner, attachments, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner, attachments, depth + 1) for inner in value]
    return value


def _whole_mapping(value: Mapping[str, Any], attachments: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_whole(value, attachments))


def _chat(item: Mapping[str, Any]) -> dict[str, Any]:
    """One message in the chat shape: a call names its function by `function`, a result likewise."""
    made: dict[str, Any] = {"role": item.get("role"), "content": item.get("content")}
    calls = [
        {"id": field(call, "id"), "name": field(call, "function", "name"), "arguments": call.get("arguments")}
        for call in objects(item.get("tool_calls"), "tool_calls")
    ]
    if calls:
        made["tool_calls"] = calls
    if item.get("role") == "tool":
        made["tool_call_id"], made["name"] = item.get("tool_call_id"), item.get("function")
        error = mapping(item.get("error"))
        if error and not made["content"]:
            made["content"] = f"Error: {error.get('message') or error.get('type')}"
    return made


def _asked(given: Any) -> tuple[Message, ...]:
    if isinstance(given, str) and given:
        return (Message("user", given),)
    return read_messages([_chat(item) for item in objects(given, "input")]) if isinstance(given, list) else ()


def _told(steps: tuple[Step, ...], sample: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[Step]:
    """The steps, a model's with its name, a tool's with what went wrong where its result says that it failed."""
    errors: dict[str, str] = {}
    calls: dict[str, str] = {}
    models: dict[str, str | None] = {}
    for place, item in enumerate(objects(sample.get("messages"), "messages")):
        span_id = f"message-{place}"
        for number, call in enumerate(objects(item.get("tool_calls"), "tool_calls")):
            calls[f"{span_id}-call-{number}"] = str(call.get("id"))
        if item.get("role") == "tool":
            calls[span_id] = str(item.get("tool_call_id"))
        error = mapping(item.get("error"))
        if error and isinstance(item.get("tool_call_id"), str):
            errors[item["tool_call_id"]] = ": ".join(str(error[key]) for key in ("type", "message") if error.get(key))
        models[span_id] = label(item, "model") or (label(told, "model") if item.get("source") == "generate" else None)
    for step in steps:
        if step.kind == "model":
            yield replace(step, model=models.get(step.span_id))
        else:
            yield replace(step, error=errors.get(calls.get(step.span_id, "")))


def _times(sample: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """When a sample began and ended, by its own word, else by its events, else when its log was begun."""
    started, ended = time(sample, "started_at"), time(sample, "completed_at")
    if started is None or ended is None:
        stamps = [
            at
            for event in _ends(sample.get("events"))
            for name in ("timestamp", "completed")
            if (at := time(event, name)) is not None
        ]
        started = started or min(stamps, default=None) or time(told, "created")
        ended = ended or max(stamps, default=None)
    return started, ended


def _ends(events: Any) -> list[Mapping[str, Any]]:
    listed = [event for event in events if isinstance(event, Mapping)] if isinstance(events, list) else []
    return [*listed[:1], *listed[-1:]]


def _usage(sample: Mapping[str, Any]) -> Usage:
    used = [mapping(usage) for usage in mapping(sample.get("model_usage")).values()]

    def total(*names: str) -> int | None:
        known = [value for usage in used if type(value := field(usage, *names)) is int]
        return sum(known) if known else None

    costs = [value for usage in used if isinstance(value := usage.get("total_cost"), int | float)]
    cached, written = total("input_tokens_cache_read"), total("input_tokens_cache_write")
    asked = [_asked_tokens(usage) for usage in used]
    return Usage(
        sum(count for count in asked if count is not None) if any(count is not None for count in asked) else None,
        total("output_tokens"),
        float(sum(costs)) if costs else None,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        reasoning_tokens=total("reasoning_tokens"),
    )


def _asked_tokens(usage: Mapping[str, Any]) -> int | None:
    """Input tokens with those of the cache: whether a provider counts them in is told by the total."""
    given, out, all_of_it = (value if type(value := usage.get(name)) is int else None for name in _COUNTS)
    if given is None:
        return None
    cached = sum(value for name in _CACHED if type(value := usage.get(name)) is int)
    return given + cached if all_of_it is not None and all_of_it == given + (out or 0) + cached else given


def _error(sample: Mapping[str, Any]) -> str | None:
    error = sample.get("error")
    if isinstance(error, Mapping):
        return label(error, "message") or "error"
    return str(error) if error else None


def _scores(sample: Mapping[str, Any], at: datetime | None) -> Iterator[Feedback]:
    """A score is an evaluation: letters and truth values tell whether it is bad, numbers do not, for their scale is not known."""
    for name, score in mapping(sample.get("scores")).items():
        told = score if isinstance(score, Mapping) else {"value": score}
        value = told.get("value")
        if value is None:
            continue
        if isinstance(value, bool):
            negative: bool | None = not value
        else:
            negative = _LETTERS.get(value) if isinstance(value, str) else None
        explained = label(told, "explanation") or ""
        plain = value if isinstance(value, bool | int | float | str) else text(value)
        yield Feedback("evaluation", plain, negative, f"{name}: {explained}" if explained else str(name), "system", None, at)
