"""Which embedder: by name, or chosen by how many texts there are and by what is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from loopwright.adapters.embed.cache import CachedEmbedder
from loopwright.adapters.embed.minilm import MiniLM, missing, weights_path
from loopwright.adapters.embed.static import StaticTable
from loopwright.ports import Embedder
from loopwright.registry import Registry
from loopwright.wording import counted

MINILM_TEXTS = 50_000

EMBEDDERS: Registry[Callable[[], Embedder]] = Registry("embedder")
EMBEDDERS.add("minilm", MiniLM)
EMBEDDERS.add("static", StaticTable)


def choose(name: str, cache: Path, note: Callable[[str], None]) -> Embedder:
    """The embedder of that name, its vectors cached in the folder `cache`; `auto` chooses when the texts come.

    `static` is not cached: its vectors are made in no time. Raises `UsageError` for an unknown name, and
    `LoopwrightError` where `minilm` is asked for and not installed.
    """
    if name == "auto":
        return AutoEmbedder(cache, note)
    made = EMBEDDERS.get(name)()
    if name == "minilm":
        weights_path()
    return made if name == "static" else CachedEmbedder(made, cache, note)


class AutoEmbedder:
    """`minilm` up to 50,000 distinct texts, `static` above that or where `minilm` is not installed; either is told to `note`.

    The choice is made at the first call and stays, so that all vectors are of one model.
    """

    def __init__(self, cache: Path, note: Callable[[str], None], limit: int = MINILM_TEXTS) -> None:
        self._cache = cache
        self._note = note
        self._limit = limit
        self._chosen: Embedder | None = None

    @property
    def name(self) -> str:
        """The chosen embedder's; `auto` before there was a text."""
        return self._chosen.name if self._chosen is not None else "auto"

    def embed(self, texts: Sequence[str]) -> Any:
        """What the chosen embedder answers."""
        if self._chosen is None:
            self._chosen = self._choose(len(set(texts)))
        return self._chosen.embed(texts)

    def _choose(self, distinct: int) -> Embedder:
        absent = missing()
        if absent is not None:
            self._note(f"{absent.replace('_', '-')} is not installed: using the static embedder, which finds fewer modes")
            return StaticTable()
        if distinct > self._limit:
            self._note(f"{counted(distinct, 'distinct text')}: using the static embedder, which is faster and finds fewer modes")
            return StaticTable()
        return CachedEmbedder(MiniLM(), self._cache, self._note)
