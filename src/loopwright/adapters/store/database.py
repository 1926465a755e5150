"""The database behind the store: opened when first used, created when first written, in transactions that hold or vanish."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, local
from typing import Protocol
from urllib.parse import unquote

from sqlalchemy import ColumnElement, Connection, Engine
from sqlalchemy.exc import DBAPIError

from loopwright.adapters.store import sqlite
from loopwright.adapters.store.columns import moment_text
from loopwright.adapters.store.folder import make_folder
from loopwright.adapters.store.migrate import Migration, migrate, migrations, pending
from loopwright.errors import StoreError, UsageError


def locate(url: str, folder: Path) -> Path:
    """The file that `url` names, relative to `folder`; raises `UsageError` where it is not `sqlite:///PATH`."""
    scheme, found, rest = url.partition("://")
    if not found:
        raise UsageError(f"store.url is {url!r}; give sqlite:///PATH")
    if scheme != "sqlite":
        raise UsageError(f"store.url begins with {scheme}://; give sqlite:///PATH, or postgresql://USER@HOST/DATABASE")
    path = unquote(rest[1:])
    if not rest.startswith("/") or path in ("", ":memory:") or "?" in rest or "\x00" in path:
        raise UsageError(f"store.url is {url!r}, which names no file; give sqlite:///PATH")
    return folder / path


class Dialect(Protocol):
    """What differs between databases, beside how they are opened."""

    def sql(self, statement: str) -> str:
        """A statement with `?` for its parameters, as the driver takes it."""

    def add_words(self, connection: Connection, rows: Sequence[tuple[int, Iterable[str]]]) -> None:
        """Have traces found, each by its number, by these words."""

    def remove_words(self, connection: Connection, rows: Sequence[tuple[int, Iterable[str]]]) -> None:
        """Undo `add_words`; the words must be the same."""

    def holding_words(self, number: ColumnElement[int], words: Iterable[str]) -> ColumnElement[bool]:
        """That the trace of this number has all of these words."""

    def numbers_holding(self, connection: Connection, words: Iterable[str], between: tuple[int, int]) -> list[int]:
        """The numbers, from one to another, of traces that have all of these words."""

    def more_hold(self, connection: Connection, words: Iterable[str], count: int) -> bool:
        """Whether more traces than that have all of these words."""


class Database:
    """One SQLite file.

    With `create`, a file that is not there yet reads as empty and is made, with its folder, by the first write. Without, it
    must be there. Raises `StoreError`.
    """

    def __init__(self, file: Path, *, create: bool, wait_s: float = sqlite.WAIT_S, steps: list[Migration] | None = None) -> None:
        self.file = file
        self.url = f"sqlite:///{file}"
        self.dialect: Dialect = sqlite
        self._place = f"store {file}"
        self._create = create
        self._wait_s = wait_s
        self._steps = migrations() if steps is None else steps
        self._engine: Engine | None = None
        self._blank: Engine | None = None
        self._closed = False
        self._opening = Lock()
        self._begun = local()
        if self._open_if_there() is None and not create:
            self._missing()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout; within one that writes, what that one has written."""
        self._check_open()
        begun = self._writing()
        if begun is not None:
            yield begun
            return
        with self._explained(), (self._open_if_there() or self._empty()).connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that no other writer disturbs; it is committed at the end, or undone by an exception.

        One within another, of the same thread, is part of it: it is undone alone, and committed with the outer one.
        """
        self._check_open()
        begun = self._writing()
        if begun is not None:
            with self._explained(), begun.begin_nested():
                yield begun
            return
        with self._explained(), self._open().connect().execution_options(writes=True) as connection, connection.begin():
            self._begun.connection = connection
            try:
                yield connection
            finally:
                self._begun.connection = None

    @property
    def writing(self) -> bool:
        """Whether this thread is within a transaction that writes, which may still be undone."""
        return self._writing() is not None

    def close(self) -> None:
        """Release the connections; the last process to do so folds the write-ahead log into the file."""
        for opened in (self._engine, self._blank):
            if opened is not None:
                opened.dispose()
        self._engine = self._blank = None
        self._closed = True

    def _writing(self) -> Connection | None:
        """The transaction that this thread is writing in."""
        found: Connection | None = getattr(self._begun, "connection", None)
        return found

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self._place} was closed; open it again")

    def _open_if_there(self) -> Engine | None:
        with self._reachable():
            return self._open() if self._engine is not None or self.file.is_file() else None

    def _open(self) -> Engine:
        with self._opening, self._reachable(), self._explained():
            if self._engine is not None:
                return self._engine
            opened = self._connect()
            try:
                self._bring_up_to_date(opened)
            except BaseException:
                opened.dispose()
                raise
            self._engine = opened
            return opened

    def _connect(self) -> Engine:
        """An engine on the database, which may be out of date."""
        if self._create and not self.file.parent.is_dir():
            make_folder(self.file.parent)
        return sqlite.engine(self.file, self._wait_s)

    def _bring_up_to_date(self, opened: Engine) -> None:
        with opened.connect() as connection:
            lacking = pending(connection, self._steps, self._place)
            if not lacking:
                return
            if lacking == self._steps and not self._create:
                self._missing()
        with opened.connect() as connection:
            sqlite.use_write_ahead_log(connection, self._wait_s)
        with opened.connect().execution_options(writes=True) as connection, connection.begin():
            lacking = pending(connection, self._steps, self._place)
            migrate(connection, sqlite.WORDS, lacking, moment_text(datetime.now(UTC)))

    def _empty(self) -> Engine:
        with self._reachable():
            self._refuse_what_is_in_the_way()
        if self._blank is None:
            self._blank = sqlite.blank([statement for step in self._steps for statement in step.statements(sqlite.WORDS)])
        return self._blank

    def _refuse_what_is_in_the_way(self) -> None:
        """A folder where the file should be, or a file where a folder should be, is no empty store."""
        if self.file.exists() and not self.file.is_file():
            raise StoreError(f"{self._place}: it is not a file; set store.url to a file")
        there = next((folder for folder in self.file.parents if folder.exists()), None)
        if there is not None and not there.is_dir():
            raise StoreError(f"{self._place}: {there} is a file, not a folder; move it, or set store.url to a file elsewhere")

    def _missing(self) -> None:
        self._refuse_what_is_in_the_way()
        raise StoreError(f"no store at {self.file}; import traces first: loopwright import FILE, or loopwright serve")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the database says into one line that names the store and the cure."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            problem, cure = sqlite.explain(error.orig if isinstance(error, DBAPIError) and error.orig else error)
            raise StoreError(f"{self._place}: {problem}; {cure}") from error
        except OverflowError as error:
            raise StoreError(f"{self._place}: a number is out of range ({error}); give smaller numbers") from None

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        """Turn what the file system says of the store's place into one line; of other files it may say what it will."""
        try:
            yield
        except OSError as error:
            raise StoreError(f"{self._place}: {error.strerror}; set store.url to a file that can be written") from None


class Group:
    """A group of tables: it shares the database with the others."""

    def __init__(self, database: Database) -> None:
        self.database = database
