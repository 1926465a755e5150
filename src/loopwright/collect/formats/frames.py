"""Dataframes as pandas writes them to JSON: by column, by index, or split into columns and rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_SPLIT = frozenset(("columns", "index", "data"))


def rows(record: Mapping[str, Any], tells: Callable[[Mapping[str, Any]], bool]) -> list[dict[str, Any]] | None:
    """The rows of a dataframe, without what is null in them; None for what is none. `tells` says whether a row is a record."""
    if record.keys() <= _SPLIT and isinstance(record.get("columns"), list) and isinstance(record.get("data"), list):
        names = [str(name) for name in record["columns"]]
        listed = [
            dict(zip(names, row, strict=True)) for row in record["data"] if isinstance(row, list) and len(row) == len(names)
        ]
        return _known(listed, tells) if len(listed) == len(record["data"]) else None
    held = list(record.values())
    if not held or not all(isinstance(one, Mapping) and one.keys() == held[0].keys() for one in held):
        return None
    by_index = [dict(one) for one in held]
    by_column = [{name: column[index] for name, column in record.items()} for index in held[0]]
    return _known(by_index, tells) or _known(by_column, tells)


def _known(listed: list[dict[str, Any]], tells: Callable[[Mapping[str, Any]], bool]) -> list[dict[str, Any]] | None:
    found = [{name: value for name, value in row.items() if value is not None} for row in listed]
    return found if found and all(tells(row) for row in found) else None
