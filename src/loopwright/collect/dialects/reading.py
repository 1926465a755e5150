"""What one span tells, in our words, and the small readings that every dialect is made of."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from loopwright.collect.conversation import deeper_than
from loopwright.collect.trace import Feedback, Message, StepKind, Usage

Names = Sequence[str]
"""The attributes that mean one thing, the newest name first."""

_OPENS = ("{", "[", '"')
MAX_DEPTH = 64
MAX_ITEMS = 10_000
"""A flattened list is read up to this index: a higher one would make a list of mostly nothing."""

_NUMBERED = re.compile(r"([^0-9]+?)\.[0-9]+(?:\.|$)")
_decoder = msgspec.json.Decoder()


NOTHING = Usage()
"""Usage of which nothing is known."""


@dataclass(slots=True)
class SpanReading:
    """One span as its dialect tells it: a kind that it does not tell is None, a name "".

    `input` and `output` are the messages that a model or an agent was given and gave. `arguments` and `result` are what a tool
    was given and gave, and of any other span what is no messages; `call_id` is the call that a tool answers. `tools` names what
    the model was offered. `error` is what went wrong where the span's status does not say. `feedback` are verdicts on this span,
    `wide_feedback` those on its trace or session, which several spans may repeat. `metadata` is what the user added, `rest` what
    else the span carries.
    """

    kind: StepKind | None = None
    name: str = ""
    input: tuple[Message, ...] = ()
    output: tuple[Message, ...] = ()
    arguments: Any = None
    result: Any = None
    call_id: str | None = None
    usage: Usage = NOTHING
    session_id: str | None = None
    agent: str | None = None
    version: str | None = None
    user_id: str | None = None
    model: str | None = None
    response_id: str | None = None
    error: str | None = None
    tools: tuple[str, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    wide_feedback: tuple[Feedback, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    rest: Mapping[str, Any] = field(default_factory=dict)


class Table:
    """The names of one dialect: for each field the attributes that mean it, the newest name first."""

    def __init__(self, fields: Mapping[str, Names]) -> None:
        self._places = {name: (field, rank) for field, names in fields.items() for rank, name in enumerate(names)}

    def told(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """What the attributes tell, by field: of several names the first that is there and not empty."""
        found: dict[str, Any] = {}
        ranks: dict[str, int] = {}
        for name in self._places.keys() & attributes.keys():
            value = attributes[name]
            if value or value is False or value == 0:
                field, rank = self._places[name]
                if rank < ranks.get(field, _LAST):
                    found[field], ranks[field] = value, rank
        return found


_LAST = 1_000


def text(value: Any) -> str | None:
    """A value as text; numbers are written out, anything else is none."""
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def number(value: Any) -> float | None:
    """A value, or the text of one, as a finite number from 0; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def count(value: Any) -> int | None:
    """A value as a whole number from 0."""
    if type(value) is int:
        return value if value >= 0 else None
    found = number(value)
    return None if found is None else int(found)


def shared(told: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a reading that every dialect has, out of what its table told."""
    found: dict[str, Any] = {field: value for field in _LABELS if field in told and (value := text(told[field])) is not None}
    usage = usage_of(told, told.get("cost"))
    if usage is not None:
        found["usage"] = usage
    return found


_LABELS = ("session_id", "user_id", "agent", "version", "model", "response_id", "call_id")
_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def usage_of(told: Mapping[str, Any], cost: Any = None) -> Usage | None:
    """The counts and the cost that were told; None where none were."""
    counts = {field: tokens for field in _COUNTS if field in told and (tokens := count(told[field])) is not None}
    dollars = None if cost is None else number(cost)
    return Usage(cost_usd=dollars, **counts) if counts or dollars is not None else None


def mapping(value: Any) -> Mapping[str, Any]:
    """The object that a value is, or that its JSON text tells; an empty one where it is none."""
    held = decoded(value)
    return held if isinstance(held, dict) else {}


def prefixed(attributes: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The attributes whose names begin so, by the rest of their names."""
    return {name[len(prefix) :]: value for name, value in attributes.items() if name.startswith(prefix)}


def decoded(value: Any) -> Any:
    """The value of JSON text; anything else, and text that is no JSON or nested beyond reason, as it is."""
    if not isinstance(value, str) or (value[:1] not in _OPENS and value.lstrip()[:1] not in _OPENS):
        return value
    try:
        found = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return value
    if not isinstance(found, dict | list) or value.count("[") + value.count("{") <= MAX_DEPTH:
        return found
    return value if deeper_than(found, MAX_DEPTH) else found


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


def groups_of(attributes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The flattened attributes by what stands before their first number, so that all lists of a span are found in one pass."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in attributes.items():
        match = _NUMBERED.match(name)
        if match is not None:
            found.setdefault(match[1], {})[name] = value
    return found


def _listed(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isdecimal() and int(key) < MAX_ITEMS for key in tree):
        return [_listed(tree[key]) for key in sorted(tree, key=int)]
    return {key: _listed(value) for key, value in tree.items()}


def offered(value: Any) -> tuple[str, ...]:
    """The names of tools in a list of definitions, as names, as functions, or as JSON text of these, or in an object of lists."""
    listed = decoded(value)
    if isinstance(listed, dict):
        listed = [item for held in listed.values() if isinstance(held, list) for item in held]
    if not isinstance(listed, list | tuple):
        return ()
    return tuple(dict.fromkeys(name for name in map(_tool_name, listed) if name))


def _tool_name(entry: Any) -> str:
    entry = decoded(entry)
    for key in ("tool", "json_schema", "function", "toolSpec", "name"):
        if isinstance(entry, dict) and key in entry:
            entry = decoded(entry[key])
    return entry if isinstance(entry, str) else ""
