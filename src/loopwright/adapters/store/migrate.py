"""Bringing a database to the schema of this version: numbered steps, forward only, each recorded with its checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, inspect, select

from loopwright.errors import StoreError

applied = Table(
    "migrations",
    MetaData(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("checksum", Text, nullable=False),
    Column("applied_at", Text, nullable=False),
)


class Migration(NamedTuple):
    """One step: its number, its name, and its SQL before a dialect's words are put in."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, as 64 hex digits."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self, words: Mapping[str, str]) -> list[str]:
        """The SQL statements, in a dialect's own words."""
        lines = (line for line in self.sql.splitlines() if not line.startswith("--"))
        return [s.strip() for s in "\n".join(lines).format(**words).split(";\n") if s.strip(" \n;")]


def migrations() -> list[Migration]:
    """All steps that this version knows, in order; the files are read once."""
    return list(_shipped())


@cache
def _shipped() -> tuple[Migration, ...]:
    found = []
    for file in files("loopwright.adapters.store.migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, file.read_text(encoding="utf-8").replace("\r\n", "\n")))
    return tuple(sorted(found))


def pending(connection: Connection, known: list[Migration], place: str) -> list[Migration]:
    """The steps that the database lacks; raises `StoreError`, naming `place`, where it is not a store that this version takes."""
    tables = inspect(connection).get_table_names()
    if applied.name not in tables:
        if tables:
            raise StoreError(f"{place} holds other tables ({', '.join(sorted(tables)[:3])}); set store.url to a file of its own")
        return known
    done = {row.number: row for row in connection.execute(select(applied))}
    newest = known[-1].number
    if done and max(done) > newest:
        raise StoreError(
            f"{place} was written by a newer Loopwright (schema {max(done)}, this one knows {newest}); "
            "upgrade with: pip install --upgrade loopwright"
        )
    for step in known:
        if step.number in done and done[step.number].checksum != step.checksum:
            raise StoreError(
                f"migration {step.number:04} of {place} differs from this version's; "
                "open it with the version that made it, or set store.url to a new file"
            )
    return [step for step in known if step.number not in done]


def migrate(connection: Connection, words: Mapping[str, str], steps: list[Migration], at_text: str) -> None:
    """Apply `steps` inside the caller's transaction: all of them or none."""
    applied.create(connection, checkfirst=True)
    for step in steps:
        for statement in step.statements(words):
            connection.exec_driver_sql(statement)
        connection.execute(
            applied.insert().values(number=step.number, name=step.name, checksum=step.checksum, applied_at=at_text)
        )
