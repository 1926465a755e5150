"""Which span lies within which, whatever is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class SpanTree(Generic[ItemT]):
    """Spans by id, each with its parent's id; parents may be missing, and circles of parents are cut.

    `by_depth` has the items from the outside in, those of one depth in the order given.
    """

    def __init__(self, items: Sequence[tuple[str, str | None, ItemT]]) -> None:
        self._parents = {id: parent for id, parent, _ in items}
        depths = depths_of(self._parents)
        self.ids = [id for id, _, _ in sorted(items, key=lambda item: depths[item[0]])]
        held = {id: item for id, _, item in items}
        self.by_depth: list[ItemT] = [held[id] for id in self.ids]
        self.top: list[ItemT] = [item for _, parent, item in items if parent not in self._parents]

    def below(self, marked: Iterable[str]) -> dict[str, str]:
        """For each span with marked ones above it: the outermost of these."""
        marks = set(marked)
        found: dict[str, str] = {}
        for id in self.ids:
            parent = self._parents[id]
            if parent in found:
                found[id] = found[parent]
            elif parent in marks:
                found[id] = parent
        return found


def depths_of(parents: Mapping[str, str | None]) -> dict[str, int]:
    """How far from the outside each span lies, by the ids of spans and their parents; circles are cut at one place."""
    depths: dict[str, int] = {}
    for start in sorted(parents):
        path: dict[str, None] = {}
        id: str | None = start
        while id is not None and id in parents and id not in depths and id not in path:
            path[id] = None
            id = parents[id]
        above = depths.get(id, -1) if id is not None else -1
        for steps, inner in enumerate(reversed(path), start=1):
            depths[inner] = above + steps
    return depths
