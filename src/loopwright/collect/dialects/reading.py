"""What one span tells, in our words, and the small readings that every dialect is made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from loopwright.collect.conversation import deeper_than
from loopwright.collect.trace import Feedback, Message, Span, StepKind, Usage

Names = Sequence[str]
"""The attributes that mean one thing, the newest name first."""

MAX_DEPTH = 64
MAX_ITEMS = 10_000
"""A flattened list is read up to this index: a higher one would make a list of mostly nothing."""

_decoder = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class SpanReading:
    """One span as its dialect tells it.

    `input` and `output` are the messages that a model or an agent was given and gave; `arguments`, `result` and `call_id` belong
    to a tool. `tools` names what the model was offered. `feedback` are verdicts on this span, `wide_feedback` those on its trace
    or session, which several spans may repeat. `content` names the attributes that were read into the other fields.
    """

    kind: StepKind = "other"
    name: str = ""
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    arguments: Any = None
    result: Any = None
    call_id: str | None = None
    usage: Usage = field(default_factory=Usage)
    session_id: str | None = None
    agent: str | None = None
    version: str | None = None
    model: str | None = None
    tools: tuple[str, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    wide_feedback: tuple[Feedback, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def first(attributes: Mapping[str, Any], names: Names) -> Any:
    """The value of the first of these attributes that is there and not empty; None where none is."""
    return next((attributes[name] for name in names if attributes.get(name) not in (None, "", [], {})), None)


def text(attributes: Mapping[str, Any], names: Names) -> str | None:
    """The first of these attributes as text; numbers are written out, anything else is none."""
    value = first(attributes, names)
    if isinstance(value, bool):
        return None
    return str(value).strip() or None if isinstance(value, str | int | float) else None


def number(attributes: Mapping[str, Any], names: Names) -> float | None:
    """The first of these attributes as a finite number from 0; None where it is none."""
    value = first(attributes, names)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def count(attributes: Mapping[str, Any], names: Names) -> int | None:
    """The first of these attributes as a whole number from 0."""
    found = number(attributes, names)
    return None if found is None else int(found)


def decoded(value: Any) -> Any:
    """The value of JSON text; anything else, and text that is no JSON or nested beyond reason, as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return value
    try:
        found = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return value
    return value if isinstance(found, dict | list) and deeper_than(found, MAX_DEPTH) else found


def unflattened(attributes: Mapping[str, Any], prefix: str) -> Any:
    """What the attributes `prefix.0.role`, `prefix.0.content`, ... were before they were flattened; None where there are none.

    Numbers in the path are places in a list; a list has no gaps, so that what was lost is not made up for.
    """
    tree: dict[str, Any] = {}
    start = f"{prefix}."
    for name in sorted(name for name in attributes if name.startswith(start)):
        parts = name[len(start) :].split(".")
        if len(parts) > MAX_DEPTH:
            continue
        place = tree
        for part in parts[:-1]:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                inner = place[part] = {"": inner}
            place = inner
        place[parts[-1]] = attributes[name]
    return _listed(tree) if tree else None


def _listed(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isdecimal() and int(key) < MAX_ITEMS for key in tree):
        return [_listed(tree[key]) for key in sorted(tree, key=int)]
    return {key: _listed(value) for key, value in tree.items()}


def offered(value: Any) -> tuple[str, ...]:
    """The names of tools in a list of definitions, as names, as functions, or as JSON text of these."""
    listed = decoded(value)
    if not isinstance(listed, list | tuple):
        return ()
    return tuple(dict.fromkeys(name for name in map(_tool_name, listed) if name))


def _tool_name(entry: Any) -> str:
    entry = decoded(entry)
    for key in ("tool", "json_schema", "function", "name"):
        if isinstance(entry, Mapping) and key in entry:
            entry = decoded(entry[key])
    return entry if isinstance(entry, str) else ""


def events_named(span: Span, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """The span's events of these names, each as its attributes with the fields of its body."""
    found: list[Mapping[str, Any]] = []
    for event in span.events:
        if event.get("name") in names:
            attributes, body = event.get("attributes"), event.get("body")
            found.append(
                {
                    **(body if isinstance(body, Mapping) else {}),
                    **(attributes if isinstance(attributes, Mapping) else {}),
                    "event.name": event["name"],
                    "event.at": event.get("at"),
                }
            )
    return found
