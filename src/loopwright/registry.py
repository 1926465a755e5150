"""Names for plug-ins: detectors, checks, embedders, importers.

A registry only holds names; `wiring` decides what is loaded into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Generic, TypeVar

from loopwright.errors import DuplicateNameError, UsageError

T = TypeVar("T")


class Registry(Generic[T]):
    """A named set of implementations of one kind.

    `kind` is the word used in messages, such as `"detector"`.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._items: dict[str, T] = {}

    def add(self, name: str, item: T) -> T:
        """Register `item`; raises `DuplicateNameError` if another item has the name."""
        if name in self._items and self._items[name] is not item:
            raise DuplicateNameError(f"two {self.kind}s are named {name!r}; rename or uninstall one of them")
        self._items[name] = item
        return item

    def get(self, name: str) -> T:
        """The item of that name; raises `UsageError` naming the nearest known one."""
        try:
            return self._items[name]
        except KeyError:
            raise UsageError(unknown(self.kind, name, self._items)) from None

    def names(self) -> list[str]:
        """All names, in order of registration."""
        return list(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line for a name that is not known: the name, the nearest known ones, and all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    return f"unknown {kind} {name!r}; {hint}"


def known_id(kind: str, given: str, known: Iterable[str], prefix: str = "") -> str:
    """The one of the `known` ids that is `given`, or begins so, with or without their common `prefix`.

    Raises `UsageError` where several begin so, and where none does, naming the nearest.
    """
    ids = list(known)
    if given in ids:
        return given
    found = [id for id in ids if given and id.startswith((given, prefix + given))]
    if len(found) > 1:
        few = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise UsageError(f"{kind} {given!r} is ambiguous: {len(found)} ids begin so ({few}); give more of it")
    if not found:
        raise UsageError(unknown(kind, given, ids) if ids else f"unknown {kind} {given!r}; there are none")
    return found[0]
