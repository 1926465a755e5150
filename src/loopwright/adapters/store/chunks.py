"""Queries on many ids, a part of them at a time: databases take only so many parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select

AT_ONCE = 500

T = TypeVar("T")


def chunks(values: Sequence[T], size: int = AT_ONCE) -> Iterator[Sequence[T]]:
    """The values, `size` at a time."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def rows_in(connection: Connection, query: Select[Any], column: ColumnElement[Any], values: Sequence[Any]) -> Iterator[Any]:
    """The rows of `query` whose `column` is among the values; what the query orders by holds within each chunk only."""
    for some in chunks(values):
        yield from connection.execute(query.where(column.in_(some)))
