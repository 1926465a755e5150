"""Inputs as they are compared: a text, a vector and attributes, each of which may be missing from all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loopwright.audit.digest import canonical

Level = str | float | None
"""A value of an attribute: a number, anything else as text, None where it is missing."""

CURE = "give every row of both files the same: text, embedding of one model, or attributes alone"


@dataclass(frozen=True, slots=True)
class Input:
    """One input that arrived. `embedding` is a vector of any length, the same for all inputs that are compared."""

    text: str | None = None
    embedding: Sequence[float] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """What it is compared by: `embedding`, `text`, or `attributes` alone."""
        return "embedding" if self.embedding is not None else "text" if self.text is not None else "attributes"


def input_of(row: Mapping[str, Any]) -> Input:
    """One row of the exchange format; raises `ValueError` naming the field that is wrong."""
    text, attributes = row.get("text"), row.get("attributes")
    if text is not None and not isinstance(text, str):
        raise ValueError(f"text is of type {type(text).__name__}")
    if attributes is not None and not isinstance(attributes, Mapping):
        raise ValueError(f"attributes is of type {type(attributes).__name__}, not an object")
    embedding = _vector(row.get("embedding"))
    if text is None and embedding is None and not attributes:
        raise ValueError("a row without text, embedding and attributes has nothing to compare")
    return Input(text, embedding, attributes or {})


def unlike(first: Input, other: Input) -> str:
    """Why the two cannot be compared; empty where they can."""
    if first.form != other.form:
        return f"compared by {other.form}, where the first row is compared by {first.form}"
    if first.embedding is not None and other.embedding is not None and len(first.embedding) != len(other.embedding):
        return f"an embedding of length {len(other.embedding)}, where the first has {len(first.embedding)}"
    return ""


def columns(inputs: Sequence[Input]) -> dict[str, list[Level]]:
    """The attributes by name, nested ones with a dot between, each with a value or None for every input, in order."""
    flat = [dict(_flat(one.attributes, "")) for one in inputs]
    names = dict.fromkeys(name for row in flat for name in row)
    return {name: [row.get(name) for row in flat] for name in names}


def _flat(attributes: Mapping[str, Any], prefix: str) -> list[tuple[str, Level]]:
    found: list[tuple[str, Level]] = []
    for name, value in attributes.items():
        if isinstance(value, Mapping) and value:
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((prefix + name, _level(value)))
    return found


def _level(value: Any) -> Level:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    return value if isinstance(value, str) else canonical(value)


def _vector(value: Any) -> Sequence[float] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value or not all(type(x) in (int, float) and abs(x) < 1e15 for x in value):
        raise ValueError("embedding is not a list of finite numbers")
    return tuple(value)
