"""Messages as the dialects write them become `Message`s. Nothing is refused: what is not understood is kept as it came.

What a span says that it was given or gave may be messages, or the request or response that holds them: of OpenAI, Anthropic,
Bedrock, Gemini, or as LangChain, LlamaIndex, Pydantic AI and the Vercel AI SDK write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from loopwright.audit.digest import canonical
from loopwright.collect.conversation import ROLES, read_messages
from loopwright.collect.dialects.parts import CALLS, RESULTS, as_content, call_of, content_part, is_part, kind_of, result_of
from loopwright.collect.dialects.reading import decoded
from loopwright.collect.trace import Message, ToolCall
from loopwright.errors import RecordError

__all__ = ["as_content", "instructions", "messages", "plain"]

ROLE_NAMES = {
    **ROLES, "human": "user", "ai": "assistant", "model": "assistant", "bot": "assistant", "chatbot": "assistant",
    "humanmessage": "user", "aimessage": "assistant", "aimessagechunk": "assistant", "systemmessage": "system",
    "toolmessage": "tool", "functionmessage": "tool", "humanmessagechunk": "user", "tool-response": "tool",
    "tool-call": "assistant",
}  # fmt: skip
_SYSTEM = ("system", "system_instruction", "systemInstruction", "instructions", "system_prompt")
_CHAT_KEYS = ("content", "tool_calls", "function_call", "tool_call_id", "name", "refusal")
_CAMEL = {"toolCalls": "tool_calls", "toolCallId": "tool_call_id"}
_SPOKEN_KEYS = (
    "input", "question", "query", "prompt", "user_input", "message", "text", "output", "answer", "response", "final_output",
    "raw", "result", "inputs", "outputs", "new_message",
)  # fmt: skip


def messages(value: Any, role: str) -> tuple[Message, ...]:
    """The messages in `value`: a list, an object or text, or JSON text of these; `role` is whose they are by default."""
    value = decoded(value)
    if value is None or value == "":
        return ()
    if isinstance(value, list | tuple):
        if value and all(is_part(item) for item in value) and not any(_is_item(item) for item in value):
            return tuple(_of_parts({}, value, role))
        return tuple([message for item in value for message in _read(item, role)])
    return tuple(_read(value, role))


def plain(value: Any, role: str) -> tuple[Message, ...]:
    """The messages in what a span says it was given or gave: those that it lists, or its text as one message.

    Of an object without messages, one text under a usual key (`input`, `question`, `output`, ...) is the text; any other object
    is none.
    """
    value = decoded(value)
    if isinstance(value, dict):
        if _container(value) is not None or _is_message(value) or _within(value, role) is not None:
            return messages(value, role)
        said = [value[key] for key in _SPOKEN_KEYS if isinstance(value.get(key), str)]
        if said:
            return (Message(role, said[0]),)
        inner = [value[key] for key in _SPOKEN_KEYS if isinstance(value.get(key), list | dict)]
        return plain(inner[0], role) if len(inner) == 1 else ()
    if isinstance(value, list | tuple) and not all(
        isinstance(item, dict) and (_is_message(item) or is_part(item)) for item in value
    ):
        return ()
    return messages(value, role)


def instructions(value: Any) -> tuple[Message, ...]:
    """System instructions: text, or a list of parts, or messages."""
    value = decoded(value)
    if isinstance(value, dict) and "parts" in value and "role" not in value:
        value = value["parts"]
    if isinstance(value, list) and value and not any(isinstance(part, dict) and "role" in part for part in value):
        value = {"role": "system", "parts": value}
    return messages(value, "system")


def _is_message(item: Mapping[str, Any]) -> bool:
    return "role" in item or "parts" in item or "data" in item or "kwargs" in item or _lc_type(item) is not None or _is_item(item)


def _is_item(item: Any) -> bool:
    """Whether it is an item of OpenAI's Responses API that stands by itself."""
    return isinstance(item, dict) and item.get("type") in ("message", "function_call", "function_call_output")


def _is_pair(item: Any) -> bool:
    """Whether it is a message as LangChain takes it: its role and its text."""
    return isinstance(item, list) and len(item) == 2 and all(isinstance(i, str) for i in item) and item[0].lower() in ROLE_NAMES


def _lc_type(item: Mapping[str, Any]) -> str | None:
    """The role of a message of LangChain, told by its type."""
    kind = item.get("type")
    return ROLE_NAMES.get(kind.lower()) if isinstance(kind, str) and "content" in item else None


def _container(item: Mapping[str, Any]) -> Callable[[Mapping[str, Any], str], Iterator[Message]] | None:
    """How an object that holds messages is read; None where it is none. An object with a role is a message itself."""
    if "role" in item:
        return None
    for key, read in _CONTAINERS.items():
        if isinstance(decoded(item.get(key)) if key in item else None, list):
            return read
    if not item.keys().isdisjoint((*_SYSTEM, "model")):
        for key in ("prompt", "input"):
            if isinstance(item.get(key), str):
                return _request(key)
    if isinstance(item.get("output"), dict) and isinstance(item["output"].get("message"), dict):
        return lambda item, role: _read(item["output"]["message"], role)
    return None


def _request(key: str) -> Callable[[Mapping[str, Any], str], Iterator[Message]]:
    """Reads a request that has its messages under a key, and its system instructions beside it."""

    def read(item: Mapping[str, Any], role: str) -> Iterator[Message]:
        listed = decoded(item[key])
        if isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], list) and not _is_pair(listed[0]):
            listed = listed[0]
        found = messages(listed, role)
        if not found or found[0].role != "system":
            yield from _system_of(item)
        yield from found

    return read


def _system_of(item: Mapping[str, Any]) -> Iterator[Message]:
    config = item.get("config")
    for held in (item, config if isinstance(config, dict) else {}):
        given = next((held[key] for key in _SYSTEM if held.get(key)), None)
        if given is not None:
            yield from instructions(given)
            return


def _choices(item: Mapping[str, Any], role: str) -> Iterator[Message]:
    for choice in decoded(item["choices"]):
        if isinstance(choice, dict) and not isinstance(choice.get("message"), dict) and isinstance(choice.get("text"), str):
            yield Message(role, choice["text"])
        else:
            yield from _read(choice, role)


def _generations(item: Mapping[str, Any], role: str) -> Iterator[Message]:
    for made in decoded(item["generations"]):
        for generation in made if isinstance(made, list) else [made]:
            yield from _read(generation, role)


def _candidates(item: Mapping[str, Any], role: str) -> Iterator[Message]:
    for candidate in decoded(item["candidates"]):
        inner = candidate.get("content") if isinstance(candidate, dict) else None
        yield from _read(inner if isinstance(inner, dict) else candidate, role)


_CONTAINERS: dict[str, Callable[[Mapping[str, Any], str], Iterator[Message]]] = {
    "messages": _request("messages"),
    "prompt": _request("prompt"),
    "contents": _request("contents"),
    "input": _request("input"),
    "choices": _choices,
    "candidates": _candidates,
    "generations": _generations,
    "output": lambda item, role: iter(messages(decoded(item["output"]), role)),
}


def _read(item: Any, role: str) -> Iterator[Message]:
    if isinstance(item, dict) and "role" in item and isinstance(item.get("parts"), list):
        yield from _of_parts(item, item["parts"], _role(item, role))
        return
    item = decoded(item)
    if isinstance(item, str):
        yield Message(role, item)
    elif _is_pair(item):
        yield from _read({"role": item[0], "content": item[1]}, role)
    elif not isinstance(item, dict):
        yield Message(role, canonical(item))
    elif all(value is None for value in item.values()):
        return
    elif (inner := _within(item, role)) is not None:
        yield from _read(inner, role)
    elif (read := _container(item)) is not None:
        yield from read(item, role)
    else:
        yield from _message(item, role)


def _within(item: Mapping[str, Any], role: str) -> Any:
    """The message that an object is wrapped around; None where it is no wrapping."""
    message = item.get("message")
    if isinstance(message, dict):
        return message
    data = item.get("data")
    if isinstance(data, dict) and isinstance(item.get("type"), str):
        return {"role": item["type"], **data}
    kwargs = item.get("kwargs")
    if isinstance(kwargs, dict) and isinstance(item.get("lc"), int):
        path = item.get("id")
        named = path[-1] if isinstance(path, list) and path and isinstance(path[-1], str) else role
        return {"role": kwargs.get("type", named), **kwargs}
    content = item.get("content")
    if isinstance(content, dict) and isinstance(content.get("parts"), list):
        return content
    return None


def _message(item: Mapping[str, Any], role: str) -> Iterator[Message]:
    role = _role(item, role)
    if _is_item(item) and item["type"] != "message":
        yield from _of_parts({}, [item], "assistant")
        return
    if is_part(item):
        yield from _of_parts({}, [item], "assistant" if kind_of(item) in CALLS else role)
        return
    parts = next((item[key] for key in ("parts", "blocks") if isinstance(item.get(key), list | tuple)), None)
    if parts is None and _has_blocks(item.get("content")):
        parts = decoded(item["content"])
    if parts is not None:
        yield from _of_parts(item, parts, role)
        return
    made = _chat(item, role)
    if made is not None:
        yield made


def _has_blocks(content: Any) -> bool:
    """Whether content is a list in which something else stands than text of the usual kind."""
    if isinstance(content, str):
        content = decoded(content) if content[:2] == "[{" else None
        return isinstance(content, list) and all(is_part(part) for part in content)
    if not isinstance(content, list) or not content or not all(isinstance(part, str | dict) for part in content):
        return False
    return any(
        isinstance(part, dict) and (part.get("type") != "text" or not isinstance(part.get("text"), str)) for part in content
    )


def _role(item: Mapping[str, Any], role: str) -> str:
    given = item.get("role") or item.get("type") or item.get("kind")
    if isinstance(given, dict):
        given = given.get("label")
    if given == "response":
        return "assistant"
    return ROLE_NAMES.get(given.lower(), role) if isinstance(given, str) else role


def _of_parts(item: Mapping[str, Any], parts: Sequence[Any], role: str) -> Iterator[Message]:
    """A message of parts: its text and calls are one message, each tool response in it another, after it."""
    said: list[Any] = []
    calls: list[ToolCall] = _calls(item) if "tool_calls" in item else []
    others: list[Message] = []
    for part in parts:
        kind = kind_of(part) if isinstance(part, dict) else "text"
        call = call_of(part, len(calls)) if kind in CALLS else None
        if call is not None:
            if all(call.id != known.id for known in calls):
                calls.append(call)
        elif kind in RESULTS or (kind == "retry-prompt" and part.get("tool_name")):
            others.append(result_of(part))
        elif kind == "system-prompt":
            yield Message("system", part.get("content"))
        else:
            said.append(part)
    name = item.get("name")
    id = item.get("tool_call_id")
    content = _content(said)
    if calls or content is not None or not others:
        yield Message(
            role,
            content,
            tuple(calls),
            id if isinstance(id, str) and id else None,
            name if isinstance(name, str) and name else None,
        )
    yield from others


def _calls(item: Mapping[str, Any]) -> list[ToolCall]:
    """The calls that a message lists beside its parts."""
    listed = decoded(item.get("tool_calls"))
    found = [call_of(call, n) for n, call in enumerate(listed) if isinstance(call, dict)] if isinstance(listed, list) else []
    return [call for call in found if call is not None]


def _content(parts: list[Any]) -> Any:
    """The text of the parts where they are nothing but one text; else the parts, text under `text`."""
    if not parts:
        return None
    made = [content_part(part) for part in parts]
    if len(made) == 1 and made[0].get("type") == "text" and isinstance(made[0].get("text"), str):
        return made[0]["text"]
    return made


def _chat(item: Mapping[str, Any], role: str) -> Message | None:
    """A chat message, or, where it cannot be read as one, all of it as text; None of an object in which nothing stands."""
    kept = {key: item[key] for key in _CHAT_KEYS if item.get(key) is not None}
    for camel, key in _CAMEL.items():
        if item.get(camel) is not None:
            kept.setdefault(key, item[camel])
    more = item.get("additional_kwargs")
    if isinstance(more, Mapping) and not kept.get("tool_calls"):
        kept |= {key: more[key] for key in ("tool_calls", "function_call") if more.get(key)}
    listed = decoded(kept.get("tool_calls"))
    if isinstance(listed, list):
        calls = [call_of(call, n) if isinstance(call, dict) else None for n, call in enumerate(listed)]
        if None in calls:
            return Message(role, canonical(dict(item)))
        kept["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments} for call in calls if call is not None
        ]
    if role == "tool" and "content" in kept and not isinstance(kept["content"], str):
        kept["content"] = as_content(kept["content"])
    if "content" not in kept and isinstance(item.get("text"), str):
        kept["content"] = item["text"]
    if not kept and "role" not in item:
        return Message(role, canonical(dict(item))) if item else None
    try:
        return read_messages([{**kept, "role": role}])[0]
    except RecordError:
        return Message(role, canonical(dict(item)))
