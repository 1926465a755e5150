"""The kinds of value that a suite file may hold: each reads a node, and says the same in JSON Schema.

One table of fields thus makes the parser, the schema for editors and the reference page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from loopwright.collect.intake import shown
from loopwright.errors import SuiteError
from loopwright.evaluate.document import Node
from loopwright.registry import unknown


class Kind(Protocol):
    """A kind of value."""

    def read(self, node: Node, what: str) -> Any:
        """The plain value; raises `SuiteError` naming the place, `what`, the value and what is allowed."""

    def schema(self) -> dict[str, Any]:
        """The same in JSON Schema (2020-12)."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a case, or one option of a check."""

    name: str
    kind: Kind
    help: str
    required: bool = False


def wrong(node: Node, what: str, cure: str) -> SuiteError:
    """The error for a value that is not of its kind."""
    value = node.plain()
    return node.error(f"{what} is {'empty' if value is None else shown(value)}", cure)


@dataclass(frozen=True, slots=True)
class Text:
    """Text that is not blank. `pattern` (a full match) and `expected` narrow it."""

    pattern: str = r"(?s).*\S.*"
    expected: str = "text"
    max_length: int | None = None

    def read(self, node: Node, what: str) -> str:
        """The text as it stands."""
        value = node.value
        if not isinstance(value, str):
            quoted = "; put it in quotes if it is text" if isinstance(value, bool | int | float) else ""
            raise wrong(node, what, f"give {self.expected}{quoted}")
        if not re.fullmatch(self.pattern, value):
            raise wrong(node, what, f"give {self.expected}")
        if self.max_length is not None and len(value) > self.max_length:
            raise wrong(node, what, f"give at most {self.max_length} characters")
        return value

    def schema(self) -> dict[str, Any]:
        """A string."""
        made: dict[str, Any] = {"type": "string"}
        # `(?s)` is Python's; JSON Schema patterns search, and have no flags.
        made["pattern"] = r"\S" if self.pattern.startswith("(?s)") else f"^(?:{self.pattern})$"
        return made if self.max_length is None else {**made, "maxLength": self.max_length}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]

    def read(self, node: Node, what: str) -> str:
        """The word."""
        if node.value not in self.values or not isinstance(node.value, str):
            near = unknown(what, str(node.value), self.values).partition("; ")[2]
            raise wrong(node, what, near if near.startswith("did") else f"give one of {', '.join(self.values)}")
        return node.value

    def schema(self) -> dict[str, Any]:
        """An enum."""
        return {"enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `low` to `high`, both included."""

    low: int | None = None
    high: int | None = None

    def read(self, node: Node, what: str) -> int:
        """The number; 3.0 is 3."""
        value = node.value
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not _within(value, self.low, self.high):
            raise wrong(node, what, f"give a whole number{_range(self.low, self.high)}")
        return int(value)

    def schema(self) -> dict[str, Any]:
        """An integer."""
        return {"type": "integer", **_bounds(self.low, self.high)}


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number; `above` is an exclusive lower bound."""

    low: float | None = None
    above: float | None = None

    def read(self, node: Node, what: str) -> float:
        """The number."""
        value = node.value
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not numeric or not _within(value, self.low, None) or (self.above is not None and value <= self.above):
            bound = f" above {self.above:g}" if self.above is not None else _range(self.low, None)
            raise wrong(node, what, f"give a number{bound}")
        return float(value) if isinstance(value, float) else int(value)

    def schema(self) -> dict[str, Any]:
        """A number."""
        extra = {} if self.above is None else {"exclusiveMinimum": self.above}
        return {"type": "number", **_bounds(self.low, None), **extra}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def read(self, node: Node, what: str) -> bool:
        """The truth value."""
        if not isinstance(node.value, bool):
            raise wrong(node, what, "give true or false")
        return node.value

    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON value."""

    def read(self, node: Node, what: str) -> Any:
        """The value."""
        return node.plain()

    def schema(self) -> dict[str, Any]:
        """No constraint."""
        return {}


@dataclass(frozen=True, slots=True)
class AnyMapping:
    """A mapping of names to any JSON value."""

    def read(self, node: Node, what: str) -> dict[str, Any]:
        """The mapping."""
        if not isinstance(node.value, dict):
            raise wrong(node, what, "give a mapping, such as {order_id: 17}")
        made: dict[str, Any] = node.plain()
        return made

    def schema(self) -> dict[str, Any]:
        """An object."""
        return {"type": "object"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of one kind."""

    kind: Kind
    min_items: int = 0

    def read(self, node: Node, what: str) -> tuple[Any, ...]:
        """The items."""
        if not isinstance(node.value, list):
            hint = f"[{node.value}]" if isinstance(node.value, str) and len(node.value) < 40 else "[one, two]"
            raise wrong(node, what, f"give a list, such as {hint}")
        if len(node.value) < self.min_items:
            raise wrong(node, what, f"give at least {self.min_items}")
        return tuple(self.kind.read(item, f"{what}[{index}]") for index, item in enumerate(node.value))

    def schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "items": self.kind.schema(), **({"minItems": self.min_items} if self.min_items else {})}


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known fields; any other name is refused, naming the nearest known one.

    With `open` True other names are kept as they are.
    """

    fields: Sequence[Field]
    noun: str = "field"
    open: bool = False
    rules: Mapping[str, Any] = field(default_factory=dict)

    def read(self, node: Node, what: str) -> dict[str, Any]:
        """The fields that are there."""
        if not isinstance(node.value, dict):
            names = ", ".join(f.name for f in self.fields if f.required)
            raise wrong(node, what, f"give a mapping with {names}")
        known = {f.name: f for f in self.fields}
        for name, value in node.value.items():
            if name not in known and not self.open:
                raise value.error(unknown(self.noun, name, known))
        read = {
            name: known[name].kind.read(value, f"{what}: {name}") if name in known else value.plain()
            for name, value in node.value.items()
        }
        for f in self.fields:
            if f.required and f.name not in read:
                raise node.error(f"{what} has no {f.name}", f"add `{f.name}:` ({f.help})")
        return read

    def schema(self) -> dict[str, Any]:
        """An object."""
        made: dict[str, Any] = {
            "type": "object",
            "properties": {f.name: {**f.kind.schema(), "description": f.help} for f in self.fields},
            "required": [f.name for f in self.fields if f.required],
        }
        return {**made, **({} if self.open else {"additionalProperties": False}), **self.rules}


def _within(value: float, low: float | None, high: float | None) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    return f" of at least {low:g}" if low is not None else ""


def _bounds(low: float | None, high: float | None) -> dict[str, float]:
    return {**({} if low is None else {"minimum": low}), **({} if high is None else {"maximum": high})}
