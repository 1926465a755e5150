"""Pages of a service's lists, by cursor or by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from loopwright.errors import ServiceError

Row = Mapping[str, Any]
MOST_PAGES = 100_000


def by_cursor(
    name: str, ask: Callable[[str | None], Any], items: str, cursor: Callable[[Mapping[str, Any]], Any]
) -> Iterator[list[Row]]:
    """Pages that name the next one. A service that names the same twice would go on for ever: `ServiceError`."""
    current: str | None = None
    seen: set[str] = set()
    while True:
        page = ask(current)
        yield rows_of(name, page, items)
        current = cursor(page) or None
        if current is None:
            return
        if current in seen or len(seen) > MOST_PAGES:
            raise ServiceError(f"{name} gives the same page again and again; what was read is kept: run the same again later")
        seen.add(current)


def by_number(name: str, ask: Callable[[int], Any], items: str = "data") -> Iterator[list[Row]]:
    """Pages counted from 1, with `meta.totalPages`."""
    number = 1
    while number <= MOST_PAGES:
        page = ask(number)
        yield rows_of(name, page, items)
        meta = page.get("meta") or {}
        total = meta.get("totalPages")
        if not isinstance(total, int) or number >= total:
            return
        number += 1


def rows_of(name: str, page: Any, items: str) -> list[Row]:
    """The objects of a page; raises `ServiceError` where it is no page."""
    rows = page.get(items) if isinstance(page, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ServiceError(f"{name} answered with no list of {items!r}; is there another service at this address?")
    return rows
