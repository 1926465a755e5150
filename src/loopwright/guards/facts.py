"""What a tool's result says: the fields of its JSON objects, by the identifiers in each object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loopwright.guards.claims import STATUS, Statement, amount, values_in
from loopwright.guards.tool_names import words_of

MOST = 400
"""Facts read from one result."""

_ID = re.compile(r"(?=[\w-]*\d)[\w-]{4,40}$|[\w.+-]+@[\w-]+\.[\w.]+$|[A-Z]{5,8}$")
_DATED = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}:\d\d")
_MONEY = frozenset({"price", "cost", "amount", "fee", "balance", "total", "fare", "refund", "charge", "subtotal", "deposit"})
_OPPOSED = (
    ({"active"}, {"cancelled", "expired"}), ({"on time"}, {"delayed", "cancelled"}),
    ({"delivered"}, {"pending", "shipped", "cancelled"}),
    ({"paid"}, {"unpaid"}), ({"open"}, {"closed"}), ({"approved"}, {"rejected", "pending"}),
    ({"shipped"}, {"pending", "cancelled"}),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """One field: the identifiers of the object that it stands in, the words of its name, and its value as (kind, value)."""

    ids: frozenset[str]
    words: frozenset[str]
    value: tuple[str, str]
    source: str


def facts_in(result: Any, source: str) -> list[Fact]:
    """The facts of a result that is JSON, or JSON as text; none of any other. `source` names the tool."""
    if isinstance(result, str):
        try:
            result = json.loads(result) if result.lstrip()[:1] in ("{", "[") else None
        except (ValueError, RecursionError):
            return []
    found: list[Fact] = []
    for fact in _walk(result, source, 0):
        found.append(fact)
        if len(found) >= MOST:
            break
    return found


def against(statement: Statement, facts: Mapping[tuple[str, frozenset[str]], Fact]) -> Fact | None:
    """The fact that a statement about one identified thing contradicts.

    The statement holds every word of the field's name and one value of its kind, and no field of that thing has this value.
    """
    if len(statement.named) != 1 or not statement.affirmed or len(statement.values) != 1:
        return None
    (subject,) = statement.named
    kind, value = statement.values[0]
    own = [fact for (id, _), fact in facts.items() if id == subject]
    if any(fact.value == (kind, value) for fact in own):
        return None
    named = [f for f in own if f.value[0] == kind and (kind == "status" or statement.qualifiers <= f.words <= statement.words)]
    if len(named) != 1:
        return None
    return named[0] if kind != "status" or _opposed(named[0].value[1], value) else None


def _opposed(one: str, other: str) -> bool:
    return any((one in a and other in b) or (one in b and other in a) for a, b in _OPPOSED)


def _walk(value: Any, source: str, depth: int) -> Iterator[Fact]:
    if depth > 8:
        return
    if isinstance(value, list | tuple):
        for item in value[:100]:
            yield from _walk(item, source, depth + 1)
    if not isinstance(value, Mapping):
        return
    ids = frozenset(v.lower() for v in value.values() if isinstance(v, str) and _ID.match(v) and not _DATED.match(v))
    for key, inner in value.items():
        found = _value(str(key), inner) if ids else None
        if found is not None:
            yield Fact(ids, frozenset(words_of(str(key))), found, source)
        yield from _walk(inner, source, depth + 1)


def _value(key: str, value: Any) -> tuple[str, str] | None:
    words = set(words_of(key))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return ("money", amount(float(value))) if words & _MONEY else None
    if not isinstance(value, str) or len(value) > 60:
        return None
    if words & {"status", "state"}:
        status = STATUS.get(value.lower().replace("_", " "))
        return ("status", status) if status else None
    found = [v for v in values_in(value) if v[0] in ("money", "date", "time", "percent")]
    return found[0] if len(found) == 1 else None
