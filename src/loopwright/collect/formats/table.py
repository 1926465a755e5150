"""Rows of a table: an input, an output and what was said of it, under the names that people give such columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loopwright.audit.digest import content_id
from loopwright.collect.conversation import read_messages, read_steps
from loopwright.collect.dialects.messages import messages, plain
from loopwright.collect.dialects.reading import decoded
from loopwright.collect.feedback import read_feedback
from loopwright.collect.formats.found import Found, label, mapping, optional_id, text, time
from loopwright.collect.intake import shown
from loopwright.collect.record import LABELS
from loopwright.collect.trace import Feedback, Message, Trace
from loopwright.errors import RecordError

NAME = "table"
COLUMNS: dict[str, tuple[str, ...]] = {
    "instruction": ("instruction",),
    "input": ("input", "inputs", "question", "prompt", "query", "user_input", "user_message", "request", "user"),
    "output": ("output", "outputs", "answer", "response", "completion", "agent_output", "assistant", "reply", "generation"),
    "messages": ("messages", "conversation", "conversations"),
    "history": ("history", "chat_history", "conversation_history"),
    "feedback": ("feedback", "user_feedback", "rating", "thumb", "thumbs", "stars", "score", "label", "verdict", "sentiment"),
    "comment": ("comment", "feedback_comment", "feedback_text", "reason", "explanation"),
    "id": ("id", "trace_id", "run_id", "example_id"),
    "session_id": ("session_id", "conversation_id", "thread_id", "session"),
    "user_id": ("user_id", "customer_id"),
    "agent": ("agent", "agent_name", "service"),
    "version": ("version", "agent_version", "release"),
    "at": ("timestamp", "created_at", "time", "date", "started_at"),
    "system": ("system", "system_prompt", "instructions"),
    "error": ("error",),
}
_PAIR = ("user", "assistant")
_TURNS = {
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "bard": "assistant",
    "bing": "assistant", "model": "assistant", "system": "system", "observation": "tool", "tool": "tool",
    "function_call": "assistant", "function_response": "tool",
}  # fmt: skip
_RATINGS = {"rating": "rating", "stars": "rating", "score": "score", "thumb": "thumb", "thumbs": "thumb", "label": "label"}
_OBJECTS = frozenset(("input", "inputs", "output", "outputs", "metadata"))
_MOST_NAMES = 100


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record has a column of inputs, and one of outputs or verdicts, or whole conversations."""
    named = _named(_gathered(record))
    return (
        ("messages" in named and isinstance(decoded(record[named["messages"]]), list))
        or (("input" in named or "instruction" in named) and ("output" in named or "feedback" in named))
        or ("output" in named and "feedback" in named)
    )


def read(record: Mapping[str, Any]) -> Found:
    """The row as a trace; one without an id gets one derived from its content, feedback left out."""
    record = _gathered(record)
    named = _named(record)
    cells = {meaning: record[name] for meaning, name in named.items()}
    said = _said(cells)
    if not said and cells.get("feedback") in (None, "") and cells.get("error") in (None, ""):
        raise RecordError("the row has neither an input nor an output", cure="fill one, or remove the row", reason="no messages")
    content: dict[str, Any] = {
        "messages": said,
        "session_id": label(cells, "session_id"),
        "agent": label(cells, "agent"),
        "version": label(cells, "version"),
        "user_id": label(cells, "user_id"),
        "started_at": time(cells, "at"),
        "error": label(cells, "error"),
        "attributes": _rest(record, set(named.values())),
    }
    id = optional_id(cells, "id")
    steps = read_steps(said)
    return Found(
        (Trace(id or content_id("trace", content), steps=steps, feedback=_feedback(cells, named.get("feedback", "")), **content),)
    )


def makes_id(record: Mapping[str, Any]) -> bool:
    """Whether a row has no id, so that one is derived from its content: two rows that say the same have the same."""
    named = _named(record)
    return "id" not in named or record[named["id"]] in (None, "")


def _gathered(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row whose columns are those of objects, `input.question` and the like, with these objects."""
    dotted = [key for key in list(record)[:_MOST_NAMES] if key.partition(".")[0] in _OBJECTS and "." in key]
    if not dotted or not record.keys().isdisjoint(key.partition(".")[0] for key in dotted):
        return record
    made: dict[str, Any] = {key: value for key, value in record.items() if key not in dotted}
    for key in dotted:
        name, _, inner = key.partition(".")
        made.setdefault(name, {})[inner] = record[key]
    return made


def _named(record: Mapping[str, Any]) -> dict[str, str]:
    """Which key means what; the first name of a meaning that is there counts."""
    known: dict[str, str] = {}
    for key in list(record)[:_MOST_NAMES]:
        known.setdefault(str(key).strip().lower().replace(" ", "_").replace("-", "_"), key)
    return {
        meaning: next(known[name] for name in names if name in known)
        for meaning, names in COLUMNS.items()
        if known.keys() & set(names)
    }


def _said(cells: Mapping[str, Any]) -> tuple[Message, ...]:
    listed = decoded(cells.get("messages"))
    if isinstance(listed, list) and listed:
        said = _listed(listed)
        return said if said and said[0].role == "system" else (*_spoken(cells.get("system"), "system"), *said)
    history = decoded(cells.get("history"))
    before = _listed(history) if isinstance(history, list) else ()
    asked, given = cells.get("instruction"), cells.get("input")
    if isinstance(asked, str) and asked:  # what is to be done, and what with
        given = f"{asked}\n\n{given}" if isinstance(given, str) and given else asked
    return (
        *(() if before and before[0].role == "system" else _spoken(cells.get("system"), "system")),
        *before,
        *_spoken(given, "user"),
        *_spoken(cells.get("output"), "assistant"),
    )


def _spoken(value: Any, role: str) -> tuple[Message, ...]:
    if value in (None, "", [], {}):
        return ()
    return (plain(value, role) if role != "system" else messages(value, role)) or (Message(role, text(value)),)


def _listed(items: list[Any]) -> tuple[Message, ...]:
    """A conversation: chat messages, or turns of `from` and `value`, or pairs of question and answer."""
    if all(isinstance(item, list) and len(item) == 2 for item in items):
        return tuple(message for pair in items for side, role in zip(pair, _PAIR, strict=True) for message in _spoken(side, role))
    if any(not isinstance(item, Mapping) or "role" in item or "from" not in item for item in items):
        return read_messages(items)
    return tuple(message for item in items for message in _turn(item))


def _turn(item: Mapping[str, Any]) -> tuple[Message, ...]:
    """A turn as ShareGPT has it; a call of a tool is an object, or a list of them, with a name and arguments."""
    said, value = str(item["from"]).lower(), item.get("value")
    if said not in _TURNS:
        cure = f"give one of {', '.join(_TURNS)}"
        raise RecordError(f"conversations: from is {shown(item['from'])}", cure=cure)
    if said != "function_call":
        return (Message(_TURNS[said], value if value is None or isinstance(value, str | list) else text(value)),)
    calls = decoded(value)
    return read_messages([{"role": "assistant", "tool_calls": calls if isinstance(calls, list) else [calls]}])


def _feedback(cells: Mapping[str, Any], column: str) -> tuple[Feedback, ...]:
    value, comment = decoded(cells.get("feedback")), label(cells, "comment")
    if value in (None, "", [], {}):
        return read_feedback({"kind": "comment", "value": comment}) if comment else ()
    if isinstance(value, Mapping | list):
        return read_feedback(value)
    kind = _RATINGS.get(column.strip().lower())
    number = _number(value)
    said: dict[str, Any] = (
        {kind: value if number is None or kind == "thumb" else number} if kind else {"value": value if number is None else number}
    )
    found = read_feedback({**said, **({"comment": comment} if comment else {})})
    if len(found) == 1 and found[0].kind == "comment":
        return read_feedback([value, *([comment] if comment else [])])
    return found


def _number(value: Any) -> float | None:
    try:
        return float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        return None


def _rest(record: Mapping[str, Any], read: set[str]) -> dict[str, Any]:
    told = {str(key): value for key, value in record.items() if key not in read and value not in (None, "")}
    metadata = mapping(told.pop("metadata", None)) if isinstance(decoded(told.get("metadata")), Mapping) else {}
    return {key: value for key, value in {**told, **metadata}.items() if key not in LABELS}
