from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from builders import trace
from loopwright.adapters.store import store as whole  # noqa: F401 (every table is on the metadata)
from loopwright.adapters.store.columns import metadata
from loopwright.adapters.store.database import Database
from loopwright.adapters.store.migrate import Migration, migrations
from loopwright.adapters.store.store import open_store
from loopwright.cluster.mode import Recipe
from loopwright.errors import StoreError

ROOT = Path(__file__).parents[3]


def columns(file: Path) -> dict[str, list[tuple[str, str, int, int]]]:
    """Of every table: its columns' names, types, and whether they may be null and are part of the key."""
    with closing(sqlite3.connect(file)) as raw:
        listed = "SELECT name FROM sqlite_master WHERE type = 'table'"
        query = f"{listed} AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'trace_words%'"
        described = {name: raw.execute(f"PRAGMA table_info({name})").fetchall() for (name,) in raw.execute(query)}
    return {
        table: [(name, type.replace("BIGINT", "INTEGER"), required, min(key, 1)) for _, name, type, required, _, key in rows]
        for table, rows in described.items()
    }


def make(file: Path, steps: list[Migration] | None = None) -> None:
    with closing(Database(file, create=True, steps=steps)) as database, database.write():
        pass


def test_migrations_are_numbered_without_gaps() -> None:
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_the_tables_in_the_code_are_those_that_the_migrations_make(tmp_path: Path) -> None:
    make(tmp_path / "migrated.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'coded.db'}")
    metadata.create_all(engine)
    engine.dispose()
    migrated = columns(tmp_path / "migrated.db")
    del migrated["migrations"]
    assert migrated == columns(tmp_path / "coded.db")


def test_the_schema_in_the_docs_is_the_one_that_the_migrations_make() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/write_schema.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_older_store_is_brought_up_to_date_and_keeps_what_it_holds(tmp_path: Path) -> None:
    with open_store("sqlite:///s.db", tmp_path) as store:
        store.put_traces([trace(id="t1")])
    sql = "CREATE TABLE notes (number {serial}, text TEXT);\nCREATE INDEX n ON notes (text);\n"
    later = Migration(len(migrations()) + 1, "notes", sql)
    file = tmp_path / "s.db"
    make(file, [*migrations(), later])
    assert "notes" in columns(file)
    with closing(sqlite3.connect(file)) as raw:
        rows = raw.execute("SELECT number, name, checksum FROM migrations ORDER BY number").fetchall()
        assert rows[-1] == (later.number, "notes", later.checksum)
        assert raw.execute("SELECT trace_id FROM traces").fetchall() == [("t1",)]


def test_a_store_of_the_first_schema_is_taken_over(tmp_path: Path) -> None:
    make(tmp_path / "s.db", migrations()[:1])
    with open_store("sqlite:///s.db", tmp_path) as store:
        assert store.recipe() is None
        store.put_modes([], [], Recipe("average", "minilm", 20))
        assert store.recipe() == Recipe("average", "minilm", 20)


def test_a_store_newer_than_the_code_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "s.db", [*migrations(), Migration(97, "future", "CREATE TABLE future (id TEXT);\n")])
    with pytest.raises(StoreError, match=r"s\.db was written by a newer Loopwright \(schema 97, .*pip install --upgrade"):
        open_store("sqlite:///s.db", tmp_path)


def test_a_migration_that_was_changed_afterwards_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "s.db")
    first, *others = migrations()
    with pytest.raises(StoreError, match=r"migration 0001 of store .* differs from this version's"):
        make(tmp_path / "s.db", [first._replace(sql=first.sql + "\n"), *others])


def test_a_migration_that_fails_halfway_leaves_nothing_of_itself(tmp_path: Path) -> None:
    file = tmp_path / "s.db"
    make(file)
    before = columns(file)
    number = len(migrations()) + 1
    broken = Migration(number, "broken", "CREATE TABLE half (id TEXT);\nINSERT INTO absent VALUES (1);\n")
    with pytest.raises(StoreError, match="no such table: absent"):
        make(file, [*migrations(), broken])
    assert columns(file) == before
    open_store("sqlite:///s.db", tmp_path).close()
