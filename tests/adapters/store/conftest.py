"""The contract suite runs on every dialect: a second one joins by adding its name and a way to open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loopwright.adapters.store.store import SqlStore, open_store


def open_sqlite(folder: Path) -> SqlStore:
    return open_store("sqlite:///.loopwright/loopwright.db", folder)


DIALECTS: dict[str, Callable[[Path], SqlStore]] = {"sqlite": open_sqlite}


@pytest.fixture(params=DIALECTS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store, in every dialect."""
    with DIALECTS[request.param](tmp_path) as opened:
        yield opened
