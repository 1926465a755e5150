"""OpenAI chat messages, in the variants that are about, become `Message`s; messages become the steps that they tell of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from loopwright.collect.intake import shown
from loopwright.collect.trace import Message, Step, ToolCall
from loopwright.errors import RecordError
from loopwright.registry import unknown

ROLES = {
    "system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool", "function": "tool",
}  # fmt: skip
_DEPTH = 64
_decoder = msgspec.json.Decoder()


def read_messages(value: Any, name: str = "messages") -> tuple[Message, ...]:
    """OpenAI chat messages as `Message`s; raises `RecordError` naming the message and the value that cannot be read.

    Roles: `developer` is `system`, `function` is `tool`. `function_call` is a tool call. A tool call's arguments are decoded
    where they are JSON text, and kept as text otherwise; a call without an id gets `call-{message index}-{position}`.
    """
    if not isinstance(value, list | tuple):
        raise RecordError(f"{name} is {shown(value)}", cure='give a list of chat messages: [{"role": ..., "content": ...}, ...]')
    messages: list[Message] = []
    for index, item in enumerate(value):
        try:
            messages.append(_message(item, index))
        except RecordError as error:
            raise RecordError(f"{name}[{index}]{error.problem}", cure=error.cure) from None
    return tuple(messages)


def message_object(message: Message) -> dict[str, Any]:
    """A message as plain JSON values; `tool_call_id` and `name` only where it has them."""
    made: dict[str, Any] = {
        "role": message.role,
        "content": message.content,
        "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls],
    }
    if message.tool_call_id is not None:
        made["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        made["name"] = message.name
    return made


def read_steps(messages: Sequence[Message]) -> tuple[Step, ...]:
    """The steps that a conversation tells of: a model step for each assistant message, a tool step for each tool call.

    A model step's input is the messages since the model step before it. A tool step's input is the call's arguments, its output
    the content of the result: the one with the call's id, or where ids are missing or repeated the first unanswered call of that
    name, or the first unanswered one. A result that answers no call is a tool step without input. Span ids tell the place:
    `message-3`, and `message-3-call-0` for its first call.
    """
    steps: list[_Draft] = []
    open_calls: list[_Draft] = []
    unread: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        span_id = f"message-{index}"
        if message.role == "assistant":
            made = message_object(message)
            steps.append(_Draft(Step(span_id, "model", "assistant", input=unread, output=[made])))
            calls = [
                _Draft(Step(f"{span_id}-call-{position}", "tool", call.name, span_id, call.arguments), call.id)
                for position, call in enumerate(message.tool_calls)
            ]
            steps += calls
            open_calls = calls + open_calls
            unread = []
            continue
        unread.append(message_object(message))
        if message.role == "tool":
            call = _answered(message, open_calls)
            if call is None:
                steps.append(_Draft(Step(span_id, "tool", message.name or "", output=message.content)))
            else:
                call.output = message.content
                open_calls.remove(call)
    return tuple(draft.step() for draft in steps)


@dataclass(slots=True, eq=False)
class _Draft:
    """A step whose output may still come."""

    start: Step
    call_id: str = ""
    output: Any = field(default=None)

    def step(self) -> Step:
        """The step as it ended."""
        if self.output is None:
            return self.start
        return Step(self.start.span_id, self.start.kind, self.start.name, self.start.parent_id, self.start.input, self.output)


def _answered(result: Message, open_calls: Sequence[_Draft]) -> _Draft | None:
    """The call that a result answers: newest message first, in order within it."""
    if result.tool_call_id:
        return next((call for call in open_calls if call.call_id == result.tool_call_id), None)
    by_name = (call for call in open_calls if call.start.name == result.name)
    return next(by_name, None if result.name else next(iter(open_calls), None))


def _message(item: Any, index: int) -> Message:
    """One message; the problem of a `RecordError` continues the place of the message."""
    if not isinstance(item, dict):
        raise RecordError(f" is {shown(item)}", cure='give an object such as {"role": "user", "content": "..."}')
    role = _role(item)
    has_calls = item.get("tool_calls") is not None or item.get("function_call") is not None
    return Message(
        role,
        _content(item, role),
        tuple(_calls(item, index)) if has_calls else (),
        _optional_text(item, "tool_call_id"),
        _optional_text(item, "name"),
    )


def _role(item: dict[str, Any]) -> str:
    role = item.get("role")
    if role is None:
        raise RecordError(" has no role", cure=f"give it one of {', '.join(ROLES)}")
    known = ROLES.get(role.lower()) if isinstance(role, str) else None
    if known is None:
        hint = unknown("role", role, ROLES) if isinstance(role, str) and len(role) < 40 else ""
        hint = hint.rpartition("; ")[2] if "did you mean" in hint else f"use one of {', '.join(ROLES)}"
        raise RecordError(f".role is {shown(role)}", cure=hint)
    return known


def _content(item: dict[str, Any], role: str) -> Any:
    content = item.get("content")
    if content is None:
        refusal = item.get("refusal")
        return refusal if isinstance(refusal, str) else None
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, str | dict) for part in content):
        return content
    if role == "tool":
        return msgspec.json.encode(content).decode()
    raise RecordError(f".content is {shown(content)}", cure="give text, a list of content parts, or null")


def _calls(item: dict[str, Any], index: int) -> Iterator[ToolCall]:
    calls = item.get("tool_calls") or []
    if not isinstance(calls, list):
        raise RecordError(f".tool_calls is {shown(calls)}", cure="give a list of tool calls, or leave it out")
    for position, call in enumerate(calls):
        yield _call(call, f".tool_calls[{position}]", f"call-{index}-{position}")
    if item.get("function_call") is not None:
        yield _call({"function": item["function_call"]}, ".function_call", f"call-{index}-{len(calls)}")


def _call(call: Any, place: str, default_id: str) -> ToolCall:
    """OpenAI's `{"id","function":{"name","arguments"}}`, its custom tools, or the flat `{"id","name","arguments"}`."""
    inner = call.get("function", call.get("custom", call)) if isinstance(call, dict) else None
    if not isinstance(inner, dict):
        raise RecordError(f"{place} is {shown(call)}", cure='give {"id": ..., "function": {"name": ..., "arguments": ...}}')
    name = inner.get("name")
    if not isinstance(name, str) or not name:
        raise RecordError(f"{place} names no function: its name is {shown(name)}", cure="give the name of the tool")
    given = next((inner[key] for key in ("arguments", "args", "input") if key in inner), None)
    return ToolCall(_optional_text(call, "id", place) or default_id, name, _arguments(given))


def _arguments(given: Any) -> Any:
    """The decoded value of JSON text; text that is not JSON, or is nested beyond reason, as it is."""
    if not isinstance(given, str):
        return given
    try:
        value = _decoder.decode(given)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return given
    return value if not isinstance(value, dict | list) or not deeper_than(value, _DEPTH) else given


def deeper_than(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested more than `levels` deep."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True


def _optional_text(item: dict[str, Any], key: str, place: str = "") -> str | None:
    value = item.get(key)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise RecordError(f"{place}.{key} is {shown(value)}", cure="give text, or leave it out")
