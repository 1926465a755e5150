"""YAML text as values that know their line.

A deliberately small YAML: one document, plain data. Scalars are read by the core schema of YAML 1.2, so `no` and `2024-01-01`
are text; anchors, aliases, tags and duplicate keys are refused, so that a file says what it seems to say and cannot grow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from loopwright.errors import SuiteError

MAX_DEPTH = 64
"""Deeper nesting is refused."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place: a scalar, a list of nodes, or a dict of text to node; `line` counts from 1.

    The line of a mapping's value is that of its key.
    """

    value: Any
    source: str
    line: int

    def error(self, problem: str, cure: str = "") -> SuiteError:
        """An error that names this place."""
        return SuiteError(problem, source=self.source, line=self.line, cure=cure)

    def plain(self) -> Any:
        """The value without places: what JSON would hold."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def document(text: str, source: str) -> Node | None:
    """The one document in `text`, or None if there is none; raises `SuiteError` naming `source` and the line."""
    try:
        events = yaml.parse(text, Loader=_LOADER)
        return _Composer(source, events).document()
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, source) from None


def is_plain_text(value: str) -> bool:
    """Whether an unquoted scalar of this spelling is read back as text."""
    return not any(form.fullmatch(value) for form in (_NULL, _TRUE, _FALSE, _INTEGER, _FLOAT))


class _Composer:
    """Builds nodes from the parser's events; it never builds Python objects from tags."""

    def __init__(self, source: str, events: Iterator[Any]) -> None:
        self._source = source
        self._events = events

    def document(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._node(None, event).error("a second YAML document begins here", "keep one document in a file")
                root = self._value(next(self._events), 0)
        return root

    def _node(self, value: Any, event: Any) -> Node:
        return Node(value, self._source, event.start_mark.line + 1)

    def _value(self, event: Any, depth: int) -> Node:
        place = self._node(None, event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise place.error(f"anchor or alias {event.anchor!r}", "write the value out: a suite has no anchors and aliases")
        if event.tag is not None:
            raise place.error(f"YAML tag {event.tag!r}", "remove it: a suite holds plain data")
        if depth > MAX_DEPTH:
            raise place.error(f"nested more than {MAX_DEPTH} levels deep", "flatten it")
        if isinstance(event, yaml.ScalarEvent):
            return self._node(self._scalar(event, place), event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._node(list(self._items(depth)), event)
        return self._node(self._pairs(depth), event)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._value(event, depth + 1)

    def _pairs(self, depth: int) -> dict[str, Node]:
        pairs: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = self._node(None, event)
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise place.error("a key that is not plain text", "use a name, such as `input:`")
            if event.value in pairs:
                raise place.error(f"{event.value!r} stands twice in one mapping", f"first on line {pairs[event.value].line}")
            value = self._value(next(self._events), depth + 1)
            pairs[event.value] = Node(value.value, self._source, place.line)
        return pairs

    def _scalar(self, event: Any, place: Node) -> Any:
        text: str = event.value
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise place.error("half of a surrogate pair in text", "write the whole character")
        if not event.implicit[0]:
            return text
        for form, value in ((_NULL, None), (_TRUE, True), (_FALSE, False)):
            if form.fullmatch(text):
                return value
        if _INTEGER.fullmatch(text):
            return _whole(text, place)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                raise place.error(f"the number {text} is too large", "put it in quotes if it is text")
            return number
        return text


def _whole(text: str, place: Node) -> int:
    try:
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text[2:], base) if base != 10 else int(text)
    except ValueError:
        raise place.error(f"a number of {len(text)} digits", "put it in quotes if it is text") from None


def _syntax_error(error: yaml.YAMLError, text: str, source: str) -> SuiteError:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        if mark is not None and _indented_by_tab(text, mark.line):
            cure = "indent with spaces: YAML takes no tabs there"
            return SuiteError("is not valid YAML: a tab stands in the indentation", source=source, line=mark.line + 1, cure=cure)
        problem = " ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else 0
        if "nesting depth" in problem:  # the parser's own limit, where it reads ahead past ours
            return SuiteError(f"nested more than {MAX_DEPTH} levels deep", source=source, line=line, cure="flatten it")
        return SuiteError(f"is not valid YAML: {problem}", source=source, line=line, cure="mend the line")
    position = getattr(error, "position", 0)
    reason = getattr(error, "reason", str(error))
    shown = f"{reason} ({getattr(error, 'character', '')!r})"
    line = text.count("\n", 0, position) + 1
    return SuiteError(f"is not valid YAML: {shown}", source=source, line=line, cure="remove the character")


def _indented_by_tab(text: str, index: int) -> bool:
    """Whether the line of that index, from 0, begins with white space that has a tab in it, maybe after a list's dashes."""
    lines = text.split("\n")
    return index < len(lines) and re.match(r"[ -]*\t", lines[index]) is not None
