"""What is SQLite's own: its engine, its pragmas, its words in the schema, and what its errors mean.

Write-ahead logging lets readers go on while one process writes. A commit is synced to the disk before it is acknowledged
(`synchronous=FULL`): what was acknowledged is there after a kill, a crash of the machine or a loss of power.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Engine, SingletonThreadPool, create_engine, event, text

WORDS = {
    "serial": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT",
    "key": "INTEGER NOT NULL PRIMARY KEY",
    "bytes": "BLOB",
    "without_rowid": "WITHOUT ROWID",
    "microseconds": "strftime('%s', started_at) * 1000000 + CAST(substr(started_at, 21, 6) AS INTEGER)",
    "fulltext": "CREATE VIRTUAL TABLE trace_words USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii')",
}
WAIT_S = 60.0

_SIZES = {"cache_size": -16_000, "wal_autocheckpoint": 4_000, "journal_size_limit": 64_000_000}
"""kB of pages held by a connection; pages after which the write-ahead log is folded into the file, where the same page that was
written often is written once; bytes to which the log is cut when it was longer, as it may be while somebody reads for long."""

_CURES = {
    "SQLITE_BUSY": ("it is locked by another process", "wait for that process to end, or end it"),
    "SQLITE_LOCKED": ("it is locked by another connection", "wait for the other command to end"),
    "SQLITE_READONLY": ("it is not writable", "give yourself write permission on the file and its folder, or set store.url"),
    "SQLITE_PERM": ("access is denied", "give yourself permission on the file and its folder, or set store.url"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "check the file's and its folder's permissions, or set store.url"),
    "SQLITE_NOTADB": ("the file is not a Loopwright store", "set store.url to another file"),
    "SQLITE_CORRUPT": ("the file is damaged", "restore it from a copy"),
    "SQLITE_FULL": ("the disk is full", "free some space; what was stored before is kept"),
    "SQLITE_IOERR": ("the disk does not answer as it should", "check the disk and its free space"),
    "SQLITE_TOOBIG": ("a record is larger than SQLite takes (1 GB)", "leave it out"),
}


def engine(file: Path, wait_s: float = WAIT_S) -> Engine:
    """An engine on `file`, which is not opened yet; a writer waits for another one up to `wait_s` seconds."""
    arguments = {"timeout": wait_s, "check_same_thread": False}
    return _prepared(create_engine(URL.create("sqlite", database=str(file)), connect_args=arguments))


def blank(schema: Sequence[str]) -> Engine:
    """An engine on a database in memory that holds nothing but what the statements of `schema` make, in each thread its own."""
    arguments = {"check_same_thread": False}
    made = _prepared(create_engine("sqlite://", poolclass=SingletonThreadPool, connect_args=arguments))

    @event.listens_for(made, "connect")
    def connect(raw: Any, record: Any) -> None:
        for statement in schema:
            raw.execute(statement)

    return made


def use_write_ahead_log(connection: Connection, wait_s: float = WAIT_S) -> None:
    """Switch the file to write-ahead logging, for good; the switch ignores SQLite's own waiting, so wait here."""
    until = time.monotonic() + wait_s
    raw = connection.connection.cursor()
    while True:
        try:
            if raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                raw.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def sql(statement: str) -> str:
    """A statement with `?` for its parameters, as the driver takes it."""
    return statement


def add_words(connection: Connection, rows: Sequence[tuple[int, Iterable[str]]]) -> None:
    """Have traces found, each by its number, by these words."""
    if rows:
        joined = [(number, " ".join(words)) for number, words in rows]
        connection.exec_driver_sql("INSERT INTO trace_words (rowid, words) VALUES (?, ?)", joined)


def remove_words(connection: Connection, rows: Sequence[tuple[int, Iterable[str]]]) -> None:
    """Undo `add_words`; the words must be the same."""
    if rows:
        joined = [(number, " ".join(words)) for number, words in rows]
        connection.exec_driver_sql("INSERT INTO trace_words (trace_words, rowid, words) VALUES ('delete', ?, ?)", joined)


def holding_words(number: ColumnElement[int], words: Iterable[str]) -> ColumnElement[bool]:
    """That the trace of this number has all of these words."""
    found = text("SELECT rowid FROM trace_words WHERE trace_words MATCH :wanted")
    return number.in_(found.bindparams(wanted=_all_of(words)))


def numbers_holding(connection: Connection, words: Iterable[str], between: tuple[int, int]) -> list[int]:
    """The numbers, from one to another, of traces that have all of these words."""
    query = "SELECT rowid FROM trace_words WHERE trace_words MATCH ? AND rowid BETWEEN ? AND ?"
    return [number for (number,) in connection.exec_driver_sql(query, (_all_of(words), *between))]


def more_hold(connection: Connection, words: Iterable[str], count: int) -> bool:
    """Whether more traces than that have all of these words."""
    query = "SELECT 1 FROM trace_words WHERE trace_words MATCH ? LIMIT 1 OFFSET ?"
    return connection.exec_driver_sql(query, (_all_of(words), count)).first() is not None


def explain(error: BaseException) -> tuple[str, str]:
    """What went wrong, and the cure."""
    return _CURES.get(_code(error), (str(error), "check the file with: sqlite3 FILE 'PRAGMA integrity_check'"))


def _all_of(words: Iterable[str]) -> str:
    return " ".join(f'"{word}"' for word in sorted(words))


def _code(error: BaseException) -> str:
    """SQLite's primary error code: SQLITE_IOERR of SQLITE_IOERR_WRITE."""
    name: str = getattr(error, "sqlite_errorname", "") or ""
    return "_".join(name.split("_")[:2])


def _prepared(made: Engine) -> Engine:
    """Transactions begin when we say so, and writers take their lock at the beginning, so that none has to give up halfway."""

    @event.listens_for(made, "connect")
    def connect(raw: Any, record: Any) -> None:
        raw.isolation_level = None
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA synchronous=FULL")
        for name, value in _SIZES.items():
            raw.execute(f"PRAGMA {name}={value}")

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return made
