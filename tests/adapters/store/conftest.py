"""The contract suite runs on every dialect: one joins by adding its name and a way to open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import inspect

from loopwright.adapters.store.migrate import migrations
from loopwright.adapters.store.postgres import WORDS
from loopwright.adapters.store.store import SqlStore, open_store
from postgres_server import programs, server


@contextmanager
def open_sqlite(folder: Path, request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    with open_store("sqlite:///.loopwright/loopwright.db", folder) as opened:
        yield opened


@contextmanager
def open_postgres(folder: Path, request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    with open_store(request.getfixturevalue("postgres"), folder) as opened:
        with opened.database.write() as connection:
            names = [name for name in inspect(connection).get_table_names() if name != "migrations"]
            connection.exec_driver_sql(f"TRUNCATE {', '.join(names)} RESTART IDENTITY")
            for step in migrations():
                for statement in step.statements(WORDS):
                    if statement.startswith("INSERT INTO") and "VALUES" in statement:
                        connection.exec_driver_sql(statement)
        yield opened


DIALECTS: dict[str, Callable[..., contextmanager[SqlStore]]] = {"sqlite": open_sqlite, "postgres": open_postgres}


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server."""
    folder = programs()
    if folder is None:
        pytest.fail("PostgreSQL is not installed: install it, or leave its tests out with -m 'not postgres'")
    with server(folder) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store, in every dialect."""
    with DIALECTS[request.param](tmp_path, request) as opened:
        yield opened


@pytest.fixture
def sqlite_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """An empty store in a SQLite file, for what only a file can show."""
    with open_sqlite(tmp_path, request) as opened:
        yield opened
