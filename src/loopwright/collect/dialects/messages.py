"""Messages as the dialects write them become `Message`s. Nothing is refused: what is not understood is kept as it came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.collect.conversation import ROLES, read_messages
from loopwright.collect.dialects.reading import decoded
from loopwright.collect.trace import Message, ToolCall
from loopwright.errors import RecordError

ROLE_NAMES = {**ROLES, "human": "user", "ai": "assistant", "model": "assistant", "bot": "assistant"}
_TEXT_KEYS = ("content", "text")
_RESULT_KEYS = ("result", "response", "content", "output")


def messages(value: Any, role: str) -> tuple[Message, ...]:
    """The messages in `value`: a list, an object or text, or JSON text of these; `role` is whose they are by default."""
    value = decoded(value)
    if value is None or value == "":
        return ()
    if isinstance(value, list | tuple):
        return tuple(message for item in value for message in _read(item, role))
    return tuple(_read(value, role))


def plain(value: Any, role: str) -> tuple[Message, ...]:
    """The messages in what a span says it was given or gave: those that it lists, or its text as one message.

    Objects with `messages` list them; one text under a usual key (`input`, `question`, `output`, ...) is the text.
    """
    value = decoded(value)
    if isinstance(value, Mapping):
        listed = value.get("messages")
        if isinstance(listed, list | tuple):
            nested = listed[0] if len(listed) == 1 and isinstance(listed[0], list) else listed
            return messages(nested, role)
        if "role" not in value and "parts" not in value:
            said = [value[key] for key in _SPOKEN_KEYS if isinstance(value.get(key), str)]
            return (Message(role, said[0]),) if said else ()
    if isinstance(value, list | tuple) and not all(
        isinstance(item, Mapping) and ("role" in item or "data" in item) for item in value
    ):
        return ()
    return messages(value, role)


_SPOKEN_KEYS = (
    "input", "question", "query", "prompt", "user_input", "message", "text", "output", "answer", "response", "final_output",
)  # fmt: skip


def instructions(value: Any) -> tuple[Message, ...]:
    """System instructions: text, or a list of parts, or messages."""
    value = decoded(value)
    if isinstance(value, list) and value and not any(isinstance(part, Mapping) and "role" in part for part in value):
        value = {"role": "system", "parts": value}
    return messages(value, "system")


def _read(item: Any, role: str) -> Iterator[Message]:
    item = decoded(item)
    if isinstance(item, str):
        yield Message(role, item)
    elif not isinstance(item, Mapping):
        yield Message(role, canonical(item))
    elif isinstance(item.get("message"), Mapping):
        yield from _read(item["message"], role)
    elif isinstance(item.get("data"), Mapping) and isinstance(item.get("type"), str):
        yield from _read({"role": item["type"], **item["data"]}, role)
    elif isinstance(item.get("kwargs"), Mapping) and isinstance(item.get("lc"), int):
        yield from _read({"role": item["kwargs"].get("type", role), **item["kwargs"]}, role)
    elif isinstance(item.get("parts"), list | tuple):
        yield from _of_parts(item, _role(item, role))
    else:
        yield _chat(item, _role(item, role))


def _role(item: Mapping[str, Any], role: str) -> str:
    given = item.get("role") or item.get("type")
    return ROLE_NAMES.get(given.lower(), role) if isinstance(given, str) else role


def _of_parts(item: Mapping[str, Any], role: str) -> Iterator[Message]:
    """A message of parts: its text and calls are one message, each tool response in it another, after it."""
    said: list[Any] = []
    calls: list[ToolCall] = []
    responses: list[Message] = []
    for part in item["parts"]:
        kind = part.get("type") if isinstance(part, Mapping) else "text"
        if kind == "tool_call":
            calls.append(
                ToolCall(_text(part, "id") or f"call-{len(calls)}", _text(part, "name") or "", decoded(part.get("arguments")))
            )
        elif kind == "tool_call_response":
            result = next((part[key] for key in _RESULT_KEYS if part.get(key) is not None), None)
            responses.append(Message("tool", as_content(result), tool_call_id=_text(part, "id"), name=_text(part, "name")))
        else:
            said.append(part)
    name = _text(item, "name")
    content = _content(said)
    if calls or content is not None or not responses:
        yield Message(role, content, tuple(calls), name=name)
    yield from responses


def _content(parts: list[Any]) -> Any:
    """The text of the parts where they are nothing but one text; else the parts, text under `text`."""
    made = [_content_part(part) for part in parts]
    if not made:
        return None
    if len(made) == 1 and made[0].get("type") == "text" and isinstance(made[0].get("text"), str):
        return made[0]["text"]
    return made


def _content_part(part: Any) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        return {"type": "text", "text": part if isinstance(part, str) else canonical(part)}
    if part.get("type", "text") == "text":
        value = next((part[key] for key in _TEXT_KEYS if part.get(key) is not None), "")
        return {"type": "text", "text": value if isinstance(value, str) else canonical(value)}
    return dict(part)


def _chat(item: Mapping[str, Any], role: str) -> Message:
    """A chat message, or, where it cannot be read as one, its content as text."""
    kept = {
        key: item[key]
        for key in ("content", "tool_calls", "function_call", "tool_call_id", "name", "refusal")
        if item.get(key) is not None
    }
    try:
        return read_messages([{**kept, "role": role}])[0]
    except RecordError:
        return Message(role, canonical(dict(item)))


def as_content(value: Any) -> Any:
    """A tool's result as a message's content: text as it is, None as none, all else as JSON."""
    return value if value is None or isinstance(value, str) else canonical(value)


def _text(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    return value if isinstance(value, str) and value else str(value) if isinstance(value, int) else None
