"""Logs of calls to a model: OpenAI's chat and responses, Anthropic's messages, and batches of either, one exchange a record.

A record holds what was asked and what was answered, side by side (`request` and `response`) or in one object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from loopwright.audit.digest import content_id
from loopwright.collect.conversation import message_object, read_steps
from loopwright.collect.dialects.messages import instructions, messages
from loopwright.collect.dialects.reading import number
from loopwright.collect.feedback import read_feedback
from loopwright.collect.formats.found import Found, field, label, mapping, optional_id, present, time, together
from loopwright.collect.trace import Message, Step, Trace, Usage

NAME = "exchange"
_REQUEST = ("request", "request_body", "input", "kwargs", "params", "body")
_RESPONSE = ("response", "response_body", "output", "completion", "result")
_COST = ("cost_usd", "cost", "total_cost", "response_cost")
_BATCH = ("response", "result")
"""Where a batch has what came of a request, under the `custom_id` that tells which."""
_READ = frozenset(
    ("messages", "request", "response", "input", "output", "choices", "system", "instructions", "usage", "feedback", "session_id",
     "user_id", "version", "agent", "timestamp", "created", "created_at", "id", "trace_id", "metadata", "error", "prompt",
     "completion", "request_created_at", "response_created_at", "request_user_id", "cost_usd", "cost", "total_cost",
     "response_cost")
)  # fmt: skip
_IN, _OUT = ("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record holds a request to a model, and what came of it; or one of these, as batches and stored answers do."""
    if _is_page(record) or ("custom_id" in record and not record.keys().isdisjoint(_BATCH)):
        return True
    asked, answer = _sides(record)
    return bool(asked and (_asks(asked) or _answers(answer))) or (_answers(record) and record.get("object") is not None)


def _is_page(record: Mapping[str, Any]) -> bool:
    """Whether it is a page of stored answers."""
    listed = record.get("data")
    return (
        record.get("object") == "list"
        and isinstance(listed, list)
        and bool(listed)
        and all(isinstance(one, Mapping) and _answers(one) for one in listed)
    )


def _asks(asked: Mapping[str, Any]) -> bool:
    conversation = asked.get("messages", asked.get("input"))
    return isinstance(conversation, list) or (isinstance(conversation, str) and "model" in asked)


def _answers(answer: Mapping[str, Any]) -> bool:
    choices = answer.get("choices")
    if isinstance(choices, list):
        return True
    if answer.get("role") == "assistant" and "content" in answer:
        return True
    output = answer.get("output")
    return answer.get("object") == "response" and isinstance(output, list)


def _sides(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What was asked and what was answered; a body within either is what counts."""
    answer = next((held for name in _RESPONSE if (held := mapping(record.get(name)))), {})
    answer = mapping(answer.get("body")) or (mapping(answer.get("message")) if "type" in answer else {}) or answer
    asked = next((held for name in _REQUEST if (held := mapping(record.get(name)))), {})
    asked = mapping(asked.get("body")) or asked
    if not asked and isinstance(record.get("messages"), list) and answer:
        asked = record
    return asked, answer


def read(record: Mapping[str, Any]) -> Found:
    """The exchange as a trace, or each of a page of them."""
    if _is_page(record):
        return together(read(one) for one in record["data"])
    return Found((_trace(record),))


def _trace(record: Mapping[str, Any]) -> Trace:
    """Whatever stands in it, it is taken: what cannot be read as messages is kept as text."""
    asked, answer = _sides(record)
    if not answer and _answers(record):
        answer = record
    given = (*_system(asked or answer), *messages(field(asked, "messages", "input", "prompt"), "user"))
    gave = tuple(_answer(answer))
    said = (*given, *gave)
    shared = {**mapping(asked.get("metadata")), **mapping(record.get("metadata"))}
    content: dict[str, Any] = {
        "messages": said,
        "session_id": label(record, "session_id", "conversation_id", "thread_id") or label(shared, "session_id", "thread_id"),
        "agent": label(record, "agent"),
        "version": label(record, "version"),
        "user_id": label(record, "user_id", "request_user_id") or label(asked, "user") or label(answer, "user"),
        "started_at": time({**answer, **record}, "timestamp", "request_created_at", "created_at", "created"),
        "ended_at": time(record, "response_created_at"),
        "error": _error(record, answer),
        "attributes": present(
            {
                **shared,
                **{name: value for name, value in asked.items() if name not in _READ},
                **{name: value for name, value in record.items() if name not in _READ and name not in (*_REQUEST, *_RESPONSE)},
                "response_id": label(answer, "id"),
                "models": [model] if (model := label(answer, "model") or label(asked, "model")) else None,
            }
        ),
    }
    return Trace(
        _id(record, asked, answer) or content_id("trace", content),
        steps=_steps(said, given, gave, answer, asked),
        usage=replace(_usage(mapping(answer.get("usage"))), cost_usd=number(field(record, *_COST))),
        feedback=read_feedback(record.get("feedback")),
        **content,
    )


def _id(record: Mapping[str, Any], asked: Mapping[str, Any], answer: Mapping[str, Any]) -> str | None:
    """What names an exchange. An answer of a batch without its request is not what names the request, which may come too."""
    if asked:
        return optional_id(record, "trace_id", "custom_id", "id", "request_id") or optional_id(answer, "id")
    return optional_id(record, "trace_id", "id") or optional_id(answer, "id") or optional_id(record, "custom_id", "request_id")


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Tokens; Anthropic's that were read from a cache or written to one come on top of its input tokens."""
    details = mapping(field(usage, "prompt_tokens_details", "input_tokens_details"))
    out = mapping(field(usage, "completion_tokens_details", "output_tokens_details"))
    read, written = _count(usage, ("cache_read_input_tokens",)), _count(usage, ("cache_creation_input_tokens",))
    given = _count(usage, _IN)
    return Usage(
        None if given is None else given + (read or 0) + (written or 0),
        _count(usage, _OUT),
        cache_read_tokens=_count(details, ("cached_tokens",)) if read is None else read,
        cache_write_tokens=written,
        reasoning_tokens=_count(out, ("reasoning_tokens",)),
    )


def _system(asked: Mapping[str, Any]) -> tuple[Message, ...]:
    return instructions(field(asked, "system", "instructions"))


def _answer(answer: Mapping[str, Any]) -> Iterator[Message]:
    """The messages of an answer: the first choice of a completion, the items of a response, or the message itself."""
    choices = answer.get("choices")
    if isinstance(choices, list):
        for choice in choices[:1]:
            held = mapping(choice)
            yield from messages(field(held, "message", "text", "delta"), "assistant")
    elif isinstance(answer.get("output"), list):
        yield from messages(answer["output"], "assistant")
    elif "content" in answer:
        yield from messages({"role": answer.get("role", "assistant"), "content": answer["content"]}, "assistant")


def _steps(
    said: tuple[Message, ...],
    given: tuple[Message, ...],
    gave: tuple[Message, ...],
    answer: Mapping[str, Any],
    asked: Mapping[str, Any],
) -> tuple[Step, ...]:
    """The steps that the history tells of; the last call of a model is this exchange, with all that it was given."""
    steps = list(read_steps(said))
    last = max((place for place, step in enumerate(steps) if step.kind == "model"), default=None)
    if last is not None and gave:
        step, model = steps[last], label(answer, "model") or label(asked, "model")
        steps[last] = Step(
            step.span_id,
            "model",
            model or step.name,
            step.parent_id,
            [message_object(message) for message in given],
            [message_object(message) for message in gave],
            model=model,
            response_id=label(answer, "id"),
        )
    return tuple(steps)


def _error(record: Mapping[str, Any], answer: Mapping[str, Any]) -> str | None:
    for held in (record.get("error"), answer.get("error")):
        if isinstance(held, Mapping):
            inner = mapping(held.get("error")) or held
            return label(inner, "message", "type", "code") or "error"
        if isinstance(held, str) and held:
            return held
    ended = answer.get("type")
    return f"the request was {ended}" if ended in ("errored", "expired", "canceled") else None


def _count(usage: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    value = field(usage, *names)
    return value if type(value) is int and value >= 0 else None
