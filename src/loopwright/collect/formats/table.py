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
from loopwright.collect.record import LABELS
from loopwright.collect.trace import Feedback, Message, Trace
from loopwright.errors import RecordError

NAME = "table"
COLUMNS: dict[str, tuple[str, ...]] = {
    "input": ("input", "inputs", "question", "prompt", "query", "user_input", "user_message", "request", "user"),
    "output": ("output", "outputs", "answer", "response", "completion", "agent_output", "assistant", "reply", "generation"),
    "messages": ("messages", "conversation"),
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
_RATINGS = {"rating": "rating", "stars": "rating", "score": "score", "thumb": "thumb", "thumbs": "thumb", "label": "label"}
_MOST_NAMES = 100


def tells(record: Mapping[str, Any]) -> bool:
    """Whether a record has a column of inputs, and one of outputs or verdicts, or whole conversations."""
    named = _named(record)
    return (
        "messages" in named
        or ("input" in named and ("output" in named or "feedback" in named))
        or ("output" in named and "feedback" in named)
    )


def read(record: Mapping[str, Any]) -> Found:
    """The row as a trace; one without an id gets one derived from its content, feedback left out."""
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
        return read_messages(listed)
    said: list[Message] = []
    if cells.get("system") not in (None, ""):
        said += messages(cells["system"], "system")
    for meaning, role in (("input", "user"), ("output", "assistant")):
        value = cells.get(meaning)
        if value in (None, "", [], {}):
            continue
        found = plain(value, role)
        said += found or (Message(role, text(value)),)
    return tuple(said)


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
